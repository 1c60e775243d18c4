"""What existing clients send, byte for byte, with curl: on a real Keystone and Ironic.

The bodies are those that esisdk and `openstack esi …` of the existing service put on the wire.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from .conftest import now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

OFFER = {
    'availabilities', 'end_time', 'lessee', 'lessee_id', 'name', 'parent_lease_uuid', 'project',
    'project_id', 'properties', 'resource', 'resource_class', 'resource_properties',
    'resource_type', 'resource_uuid', 'start_time', 'status', 'uuid',
}  # fmt: skip
LEASE = {
    'end_time', 'expire_time', 'fulfill_time', 'name', 'offer_uuid', 'owner', 'owner_id',
    'parent_lease_uuid', 'project', 'project_id', 'properties', 'purpose', 'resource',
    'resource_class', 'resource_properties', 'resource_type', 'resource_uuid', 'start_time',
    'status', 'uuid',
}  # fmt: skip

NODE = {
    'future_leases', 'future_offers', 'lessee', 'maintenance', 'name', 'owner', 'power_state',
    'properties', 'provision_state', 'resource_class', 'target_power_state',
    'target_provision_state', 'uuid',
}  # fmt: skip
EVENT = {
    'event_time', 'event_type', 'id', 'lessee_id', 'object_type', 'object_uuid', 'owner_id',
    'resource_type', 'resource_uuid',
}  # fmt: skip


@pytest.fixture
def curl(cloud) -> Callable[..., tuple[int, Any]]:
    """Call the lease service as a user, with curl and his token."""

    def call(user: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        command = ['curl', '--silent', '--show-error', '--request', method]
        command += ['--header', f'X-Auth-Token: {cloud.session(user).token()}']
        command += ['--header', 'Content-Type: application/json']
        command += ['--write-out', '\n%{http_code}']
        if body is not None:
            command += ['--data', json.dumps(body)]
        done = subprocess.run(
            [*command, cloud.state.url('api') + path], check=True, capture_output=True, text=True
        )
        text, _, code = done.stdout.rpartition('\n')
        return int(code), json.loads(text) if text else None

    return call


def _text(hours: float) -> str:
    return (now() + timedelta(hours=hours)).strftime('%Y-%m-%dT%H:%M:%S')


def test_the_life_of_an_offer_and_a_claim(cloud, nodes, curl):
    code, offer = curl(
        'owner-member',
        'POST',
        '/v1/offers',
        {
            'resource_uuid': nodes[0],
            'start_time': _text(-0.01),
            'end_time': _text(2),
            'name': 'wire',
            'properties': {},
            'lessee_id': 'lessee',
        },
    )
    assert code == 201, offer
    assert set(offer) >= OFFER
    assert (offer['status'], offer['resource'], offer['lessee']) == (
        'available',
        nodes[0],
        'lessee',
    )
    assert curl('lessee-member', 'GET', '/v1/offers')[1]['offers'][0]['uuid'] == offer['uuid']
    assert curl('stranger-member', 'GET', f'/v1/offers/{offer["uuid"]}')[0] == 404

    code, lease = curl(
        'lessee-member',
        'POST',
        f'/v1/offers/{offer["uuid"]}/claim',
        {'end_time': _text(1), 'start_time': _text(0), 'properties': {}},
    )
    assert code == 201, lease
    assert set(lease) >= LEASE
    assert lease['offer_uuid'] == offer['uuid']
    until(
        'the lease runs',
        lambda: (
            curl('lessee-member', 'GET', f'/v1/leases/{lease["uuid"]}')[1]['status'] == 'active'
        ),
    )
    assert cloud.has(nodes[0]) == 'lessee'

    code, changed = curl('admin', 'PATCH', f'/v1/leases/{lease["uuid"]}', {'end_time': _text(1.5)})
    assert (code, changed['uuid']) == (200, lease['uuid'])
    assert curl('lessee-member', 'DELETE', f'/v1/leases/{lease["uuid"]}') == (200, None)
    until('the node is back', lambda: cloud.is_back(nodes[0]))
    assert curl('owner-member', 'DELETE', f'/v1/offers/{offer["uuid"]}') == (200, None)


def test_nodes_and_events(cloud, nodes, curl):
    last = 0
    while True:  # as a poller reads what was before him, a page at a time
        code, page = curl('owner-member', 'GET', f'/v1/events?last_event_id={last}')
        assert code == 200
        if not page['events']:
            break
        last = max(each['id'] for each in page['events'])
    body = {'resource_uuid': nodes[2], 'start_time': _text(1), 'end_time': _text(2)}
    code, offer = curl('owner-member', 'POST', '/v1/offers', body)
    assert code == 201, offer

    code, listed = curl('owner-member', 'GET', '/v1/nodes?resource_class=baremetal')
    assert code == 200
    shown = {each['name']: each for each in listed['nodes']}
    assert set(nodes) <= set(shown)
    node = shown[nodes[2]]
    assert set(node) >= NODE
    assert node['future_offers'] == [offer['uuid']]
    assert (node['owner'], node['lessee'], node['maintenance']) == ('owner', '', 'False')
    assert not {'offer_uuid', 'lease_uuid'} & set(node)

    code, told = curl('owner-member', 'GET', f'/v1/events?last_event_id={last}')
    assert code == 200
    assert [(each['event_type'], each['object_uuid']) for each in told['events']] == [
        ('esi_leap.offer.create.end', offer['uuid'])
    ]
    assert set(told['events'][0]) >= EVENT
    assert told['events'][0]['id'] > last
    assert curl('owner-member', 'DELETE', f'/v1/offers/{offer["uuid"]}') == (200, None)


def test_a_console_auth_token_of_a_node_that_somebody_else_has(cloud, nodes, curl):
    body = {'token_ttl': '60', 'node_uuid_or_name': nodes[3]}
    code, token = curl('owner-member', 'POST', '/v1/console_auth_tokens', body)
    assert code == 201, token
    assert set(token) >= {'node_uuid', 'token', 'access_url'}
    assert token['token'] in token['access_url']
    path = f'/v1/console_auth_tokens/{nodes[3]}'
    assert curl('owner-member', 'DELETE', path) == (200, None)
    lease = cloud.give(nodes[3], 'lessee', now(), 3600)
    until('the lessee has the node', lambda: cloud.status(lease) == 'active')
    assert curl('owner-member', 'POST', '/v1/console_auth_tokens', body)[0] in {403, 404}
    assert curl('lessee-member', 'POST', '/v1/console_auth_tokens', body)[0] == 201
    # 403 where he had it once, and so knows of it: by a test before this one, it may be.
    assert curl('stranger-member', 'POST', '/v1/console_auth_tokens', body)[0] in {403, 404}
    cloud.must('owner-member', 'DELETE', f'/v1/leases/{lease}')


def test_a_sub_lease(cloud, nodes, curl):
    outer = cloud.give(nodes[0], 'lessee', now(), 7200)
    until('the lessee has the node', lambda: cloud.status(outer) == 'active')
    body = {
        'resource_uuid': nodes[0],
        'project_id': 'stranger',
        'start_time': _text(0.5),
        'end_time': _text(1),
    }
    code, inner = curl('lessee-member', 'POST', '/v1/leases', body)
    assert (code, inner['parent_lease_uuid'], inner['owner']) == (201, outer, 'lessee')
    long = {**body, 'start_time': _text(1.1), 'end_time': _text(9)}
    code, refused = curl('lessee-member', 'POST', '/v1/leases', long)
    assert code == 403
    assert refused['faultstring'].startswith('You do not have permissions on ironic_node ')
    assert curl('owner-member', 'DELETE', f'/v1/leases/{outer}') == (200, None)
    ended = curl('lessee-member', 'GET', f'/v1/leases/{inner["uuid"]}')
    assert ended[1]['status'] == 'deleted'


def test_a_direct_lease(cloud, nodes, curl):
    body = {
        'resource_uuid': nodes[1],
        'purpose': 'compatibility',
        'end_time': _text(3),
        'project_id': 'lessee',
        'start_time': _text(2),
        'name': 'direct',
    }
    code, lease = curl('owner-member', 'POST', '/v1/leases', body)
    assert code == 201, lease
    assert (lease['project'], lease['owner'], lease['purpose']) == (
        'lessee',
        'owner',
        'compatibility',
    )
    listed = curl('lessee-member', 'GET', '/v1/leases?status=created')[1]['leases']
    assert [each['uuid'] for each in listed] == [lease['uuid']]
    code, lost = curl('stranger-member', 'POST', '/v1/leases', body)
    assert code in {403, 404}
    assert lost['faultstring'] == lost['error']['message']
    code, taken = curl('owner-member', 'POST', '/v1/leases', body)
    assert code == 409
    assert taken['faultstring'].startswith('Time conflict for ironic_node ')
    assert curl('owner-member', 'DELETE', f'/v1/leases/{lease["uuid"]}') == (200, None)
