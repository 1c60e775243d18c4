"""Defects of the lease service that came before, by their numbers, as far as they need a cloud.

`tests/defects/conftest.py` tells where the others are.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from .conftest import now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]


def test_a09_an_unknown_project_is_refused_and_nothing_is_booked(cloud, nodes):
    end = (now() + timedelta(days=1)).isoformat()
    body = {'resource_uuid': nodes[0], 'project_id': uuid.uuid4().hex, 'end_time': end}
    code, answer = cloud.lease('owner-member', 'POST', '/v1/leases', body)
    assert (code, answer['error']['code']) == (400, 'project.unknown')
    assert cloud.must('admin', 'GET', '/v1/leases?view=all')['leases'] == []
    cloud.give(nodes[0], 'lessee', now() + timedelta(hours=1), 3600)


def test_b01_the_next_lessee_finds_nothing_of_the_one_before(cloud, nodes):
    node = nodes[0]
    first = cloud.give(node, 'lessee', now(), 600)
    until('the first tenant has the node', lambda: cloud.has(node) == 'lessee')
    change = [{'op': 'add', 'path': '/extra/mine', 'value': 'secret'}]
    assert cloud.ironic('lessee-member', 'PATCH', node, change)[0] == 200
    target = {'target': 'active'}
    assert cloud.ironic('lessee-member', 'PUT', f'{node}/states/provision', target)[0] == 202
    until('it is deployed', lambda: cloud.node(node)['provision_state'] == 'active')
    second = cloud.give(node, 'stranger', cloud.end_soon(first), 120)
    until('the second tenant has the node', lambda: cloud.has(node) == 'stranger', 90, every=0.05)
    found = cloud.node(node)
    assert found['provision_state'] == 'available'
    assert found['power_state'] != 'power on'
    assert found['extra'] == {}
    assert found['instance_info'] == {}
    assert not found['console_enabled']
    assert cloud.status(first) == 'expired'
    cloud.must('owner-member', 'DELETE', f'/v1/leases/{second}')


def test_b13_the_service_has_no_more_rights_than_it_needs(cloud):
    admin = cloud.session('system-admin')
    keystone = cloud.state.url('keystone')
    _, users = admin.send('GET', f'{keystone}/v3/users?name=esi-leap')
    _, roles = admin.send('GET', f'{keystone}/v3/roles')
    names = {each['id']: each['name'] for each in roles['roles']}
    user = users['users'][0]['id']
    _, assigned = admin.send('GET', f'{keystone}/v3/role_assignments?user.id={user}')
    found = {
        (names[each['role']['id']], 'system' if 'system' in each['scope'] else 'project')
        for each in assigned['role_assignments']
    }
    assert found == {('service', 'project'), ('esi_leap', 'project'), ('reader', 'system')}
