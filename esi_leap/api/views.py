"""From values to the JSON that clients know."""

from __future__ import annotations

from datetime import datetime

from esi_leap.actions.console_auth_tokens import Access
from esi_leap.actions.recalls import Shown
from esi_leap.api.expose import Call
from esi_leap.core.cause import Reason
from esi_leap.core.gate import Trial
from esi_leap.core.instant import render
from esi_leap.core.node import Node, State
from esi_leap.core.recall import ItemStatus, percentile
from esi_leap.core.terms import Notice, Terms
from esi_leap.core.views import (
    ContractView,
    EventView,
    ItemView,
    LeaseView,
    NodeView,
    OfferView,
    RecallView,
)

#: Age of a manager's last tick, in seconds, from which it is late.
_LATE = 30


def offer(seen: OfferView, call: Call) -> dict[str, object]:
    """Return an offer as it is on the wire."""
    value, node = seen.offer, seen.node
    return {
        'uuid': value.uuid,
        'name': value.name,
        'project_id': value.owner_id,
        'project': seen.names.get(value.owner_id, ''),
        'lessee_id': value.lessee_id,
        'lessee': seen.names.get(value.lessee_id or '', ''),
        **_resource(node),
        'start_time': _time(value.window.start, call),
        'end_time': _time(value.window.end, call),
        'status': value.status,
        'status_reason': _said(node.reason if node.state is State.REJECTED else value.reason),
        'properties': value.properties,
        'availabilities': [[_time(gap.start, call), _time(gap.end, call)] for gap in seen.free],
        'parent_lease_uuid': value.parent_lease,
        **_terms(value.terms),
    }


def lease(seen: LeaseView, call: Call) -> dict[str, object]:
    """Return a lease as it is on the wire."""
    value, node = seen.lease, seen.node
    return {
        'uuid': value.uuid,
        'name': value.name,
        'project_id': value.lessee_id,
        'project': seen.names.get(value.lessee_id, ''),
        'owner_id': value.owner_id,
        'owner': seen.names.get(value.owner_id, ''),
        **_resource(node),
        'start_time': _time(value.window.start, call),
        'end_time': _time(value.window.end, call),
        'fulfill_time': _time(value.fulfill_time, call),
        'expire_time': _time(value.expire_time, call),
        'status': value.status,
        'status_reason': _said(value.reason),
        'properties': value.properties,
        'purpose': value.purpose,
        'offer_uuid': value.offer,
        'contract_uuid': value.contract,
        'parent_lease_uuid': value.parent_lease,
        **_terms(value.terms),
        'recall': value.recall and _notice(value.recall, seen, call),
    }


def contract(seen: ContractView, call: Call) -> dict[str, object]:
    """Return a contract as it is on the wire."""
    value = seen.contract
    return {
        'uuid': value.uuid,
        'name': value.name,
        'project_id': value.lessee_id,
        'project': seen.names.get(value.lessee_id, ''),
        'owner_id': value.owner_id,
        'owner': seen.names.get(value.owner_id, ''),
        'offer_uuid': value.offer,
        'start_time': _time(value.window.start, call),
        'end_time': _time(value.window.end, call),
        'status': seen.status,
        'leases': list(seen.leases),
        **_terms(value.terms),
    }


def recall(seen: RecallView, call: Call) -> dict[str, object]:
    """Return a recall as it is in a list."""
    value = seen.recall
    return {
        'uuid': value.uuid,
        'project_id': value.owner_id,
        'project': seen.owner,
        'reason': value.reason,
        'status': seen.status,
        'created_at': _time(value.created_at, call),
        'deadline': _time(value.deadline, call),
        'counts': {str(each): seen.counts.get(each, 0) for each in ItemStatus},
    }


def recall_of_nodes(shown: Shown, call: Call) -> dict[str, object]:
    """Return a recall with its nodes, and how long it took until their owner could use them."""
    begun = shown.view.recall.created_at
    seconds = [
        (each.item.returned_at - begun).total_seconds()
        for each in shown.items
        if each.item.returned_at is not None
    ]
    return {
        **recall(shown.view, call),
        'latency': {'p50': percentile(seconds, 0.5), 'p99': percentile(seconds, 0.99)},
        'nodes': [_item(each, begun, call) for each in shown.items],
    }


def health(last_tick: datetime | None, now: datetime, call: Call) -> dict[str, object]:
    """Return how the service is, given when a manager last looked what is due."""
    age = None if last_tick is None else (now - last_tick).total_seconds()
    manager = {
        'status': 'never' if age is None else 'ok' if age < _LATE else 'late',
        'last_tick': _time(last_tick, call),
        'age': age,
    }
    return {'status': 'ok', 'manager': manager}


def node(seen: NodeView, call: Call) -> dict[str, object]:
    """Return a node as it is on the wire; what is not set of offer and lease is left out."""
    of, service = seen.node, seen.seen
    booked = {'offer_uuid': seen.offer, 'lease_uuid': seen.lease}
    return {
        'uuid': of.resource_uuid,
        'name': of.name,
        'owner': seen.owner,
        'lessee': seen.lessee,
        'resource_type': of.resource_type,
        'resource_class': of.resource_class,
        'properties': of.properties,
        'provision_state': service and service.provision_state,
        'target_provision_state': service and service.target_provision_state,
        'power_state': service and service.power_state,
        'target_power_state': service and service.target_power_state,
        'maintenance': service and str(service.maintenance),
        **{key: uuid for key, uuid in booked.items() if uuid is not None},
        'future_offers': list(seen.future_offers),
        'future_leases': list(seen.future_leases),
        'state': service and of.state,
        'reason': seen.reason,
        'gate': _gate(of.trial, call) if service and of.trial else None,
        'refreshed_at': _time(seen.refreshed_at, call),
    }


def _gate(trial: Trial, call: Call) -> dict[str, object]:
    return {
        'direction': trial.direction,
        'answer': trial.answer,
        'reason': trial.reason,
        'phase': trial.phase,
        'evidence': trial.evidence,
        'begun_at': _time(trial.begun_at, call),
        'answered_at': _time(trial.answered_at, call),
    }


def event(seen: EventView, call: Call) -> dict[str, object]:
    """Return an event as it is on the wire."""
    return {
        'id': seen.id,
        'event_type': seen.type,
        'event_time': _time(seen.time, call),
        'object_type': seen.object_type,
        'object_uuid': seen.object_uuid,
        'resource_type': seen.resource_type,
        'resource_uuid': seen.resource_uuid,
        'lessee_id': seen.lessee_id,
        'owner_id': seen.owner_id,
    }


def console_auth_token(made: Access, call: Call) -> dict[str, object]:
    """Return a token as its maker alone sees it."""
    return {
        'node_uuid': made.kept.node.resource_uuid,
        'token': made.token,
        'access_url': made.url,
        'read_only': made.kept.read_only,
        'expires_at': _time(made.kept.expires_at, call),
    }


def _item(seen: ItemView, begun: datetime, call: Call) -> dict[str, object]:
    value, lease, node = seen.item, seen.lease, seen.node
    back = value.returned_at
    # What a node waits for tells why it is not back yet.
    still = value.status is ItemStatus.PENDING
    waits = (lease.reason if lease and lease.blocks else None) or node.reason
    said = _said(waits) if still else None
    return {
        'resource_type': node.resource_type,
        'resource_uuid': node.resource_uuid,
        'resource': node.name,
        'lease_uuid': value.lease,
        'project_id': lease and lease.lessee_id,
        'project': seen.lessee,
        'due': _time(value.due, call),
        'status': value.status,
        'reason': said or value.reason,
        'state': node.state,
        'expire_time': lease and _time(lease.expire_time, call),
        'returned_at': _time(back, call),
        'latency': None if back is None else (back - begun).total_seconds(),
    }


def _terms(value: Terms) -> dict[str, object]:
    notice = value.recall_notice
    return {
        'recall_notice': None if notice is None else int(notice.total_seconds()),
        'firm': value.firm,
    }


def _notice(value: Notice, seen: LeaseView, call: Call) -> dict[str, object]:
    return {
        'uuid': value.recall,
        'deadline': _time(value.deadline, call),
        'reason': seen.recalled_for,
        'offers': list(seen.elsewhere),
    }


def _resource(node: Node) -> dict[str, object]:
    return {
        'resource_type': node.resource_type,
        'resource_uuid': node.resource_uuid,
        'resource': node.name,
        'resource_class': node.resource_class,
        'resource_properties': node.properties,
    }


def _said(reason: Reason | None) -> str | None:
    return None if reason is None else str(reason)


def _time(moment: datetime | None, call: Call) -> str | None:
    return None if moment is None else render(moment, call.suffix)
