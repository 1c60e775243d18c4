"""What notifications say, in the words of existing listeners."""

from dataclasses import replace

import pytest

from esi_leap.core.contract import Contract
from esi_leap.core.event import Event
from esi_leap.core.instant import FOREVER
from esi_leap.core.interval import Interval
from esi_leap.core.notification import Metal, payload

from .given import DAY, OWNER, TENANT, a_lease, a_node, an_offer, at, window

NODE = a_node(properties={'cpus': '8', 'lease_uuid': 'a'})
METAL = Metal('available', 'power off')
OF_NODE = {
    'resource_type': 'ironic_node',
    'resource_uuid': 'n1',
    'node_name': 'metal-1',
    'node_uuid': 'n1',
    'node_provision_state': 'available',
    'node_power_state': 'power off',
    'node_properties': {'cpus': '8'},
}


def test_a_lease_has_all_that_listeners_know_and_what_it_is_now() -> None:
    late = at(11).replace(microsecond=5)
    lease = a_lease(name='mine', purpose='p', properties={'a': [1]}, offer='o').activated(late)
    said = payload(Event('esi_leap.lease.fulfill.end', lease), 17, NODE, METAL)
    assert said == {
        'esi_leap_object.name': 'LeaseCRUDPayload',
        'esi_leap_object.namespace': 'esi_leap',
        'esi_leap_object.version': '1.0',
        'esi_leap_object.data': {
            'id': 17,
            'name': 'mine',
            'uuid': 'a',
            'project_id': TENANT,
            'owner_id': OWNER,
            'purpose': 'p',
            'start_time': '2032-01-31T10:00:00Z',
            'end_time': '2032-01-31T20:00:00Z',
            'fulfill_time': '2032-01-31T11:00:00Z',
            'expire_time': None,
            'status': 'active',
            'properties': {'a': [1]},
            'offer_uuid': 'o',
            'parent_lease_uuid': None,
            'contract_uuid': 'contract-a',
            'recall_uuid': None,
            **OF_NODE,
        },
    }


@pytest.mark.parametrize(
    ('event', 'name', 'data'),
    [
        (
            Event('esi_leap.offer.create.end', an_offer(lessee_id=TENANT)),
            'OfferCRUDPayload',
            {'project_id': OWNER, 'lessee_id': TENANT, 'status': 'available', 'properties': {}},
        ),
        (
            Event(
                'esi_leap.contract.create.end',
                Contract(
                    uuid='c', name=None, owner_id=OWNER, lessee_id=TENANT, window=window(0, 9)
                ),
                'created',
            ),
            'ContractCRUDPayload',
            {'project_id': TENANT, 'owner_id': OWNER, 'status': 'created', 'offer_uuid': None},
        ),
    ],
)
def test_offers_and_contracts_come_in_the_same_envelope(
    event: Event, name: str, data: dict[str, object]
) -> None:
    said = payload(event, 1, NODE, METAL)
    assert said['esi_leap_object.name'] == name
    found = said['esi_leap_object.data']
    assert isinstance(found, dict)
    assert found | data | OF_NODE == found


def test_unknown_node_fields_are_null_and_no_end_is_a_time() -> None:
    lease = replace(a_lease(), window=Interval(DAY, FOREVER))
    said = payload(Event('esi_leap.lease.create.end', lease), 1, NODE, Metal(None, None))
    data = said['esi_leap_object.data']
    assert isinstance(data, dict)
    assert (data['node_power_state'], data['node_provision_state']) == (None, None)
    assert data['end_time'] == '9999-12-31T23:59:59Z'
