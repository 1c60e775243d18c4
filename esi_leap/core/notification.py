"""Payloads of notifications: events in the form that listeners on the message bus know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from esi_leap.core.contract import Contract
from esi_leap.core.event import Event
from esi_leap.core.instant import render
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer

#: The name of an object in the envelope, for each kind of subject.
_NAMES = {
    Offer: 'OfferCRUDPayload',
    Lease: 'LeaseCRUDPayload',
    Contract: 'ContractCRUDPayload',
    Node: 'NodeCRUDPayload',
}


@dataclass(frozen=True, slots=True)
class Metal:
    """The state of a node in Ironic, as a notification has it."""

    provision_state: str | None
    power_state: str | None


def payload(event: Event, key: int, node: Node, metal: Metal) -> dict[str, object]:
    """Return the payload of the notification of an event.

    Args:
        event: what happened.
        key: the key of its subject's row.
        node: the node that it is about.
        metal: how the node was when last seen.
    """
    subject = event.subject
    data: dict[str, object] = {
        'id': key,
        'name': subject.name,
        'uuid': subject.uuid,
        'owner_id': subject.owner_id,
    }
    if not isinstance(subject, Node):
        data |= {
            'start_time': _time(subject.window.start),
            'end_time': _time(subject.window.end),
        }
    match subject:
        case Lease():
            data |= {
                'project_id': subject.lessee_id,
                'purpose': subject.purpose,
                'fulfill_time': _time(subject.fulfill_time),
                'expire_time': _time(subject.expire_time),
                'status': str(subject.status),
                'properties': dict(subject.properties),
                'offer_uuid': subject.offer,
                'parent_lease_uuid': subject.parent_lease,
                'contract_uuid': subject.contract,
                'recall_uuid': subject.recall and subject.recall.recall,
            }
        case Offer():
            data |= {
                'project_id': subject.owner_id,
                'lessee_id': subject.lessee_id,
                'status': str(subject.status),
                'properties': dict(subject.properties),
                'parent_lease_uuid': subject.parent_lease,
            }
        case Contract():
            data |= {
                'project_id': subject.lessee_id,
                'status': event.status,
                'offer_uuid': subject.offer,
            }
        case Node():
            data |= {
                'state': str(subject.state),
                'reason': None if subject.reason is None else str(subject.reason),
                'evidence': dict(subject.trial.evidence) if subject.trial else {},
            }
    return {
        'esi_leap_object.name': _NAMES[type(subject)],
        'esi_leap_object.namespace': 'esi_leap',
        'esi_leap_object.version': '1.0',
        'esi_leap_object.data': data | _node(node, metal),
    }


def _node(node: Node, metal: Metal) -> dict[str, object]:
    properties = {name: value for name, value in node.properties.items() if name != 'lease_uuid'}
    return {
        'resource_type': node.resource_type,
        'resource_uuid': node.resource_uuid,
        'node_name': node.name,
        'node_uuid': node.resource_uuid,
        'node_provision_state': metal.provision_state,
        'node_power_state': metal.power_state,
        'node_properties': properties,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else render(moment.replace(microsecond=0), 'Z')
