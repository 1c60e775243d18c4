"""Sub-leases on a real Ironic: from the lessee to his guest, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from .conftest import now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]


def _sublet(cloud, node, seconds):
    """Let the lessee sub-lease the node that he has to a guest, from now on."""
    body = {
        'resource_uuid': node,
        'project_id': 'stranger',
        'end_time': (now() + timedelta(seconds=seconds)).isoformat(),
    }
    return cloud.must('lessee-member', 'POST', '/v1/leases', body)['uuid']


def _begin(cloud, node, seconds=900):
    """Lease the node to the lessee, who writes on it, and sub-leases it to a guest."""
    outer = cloud.give(node, 'lessee', now(), 1800)
    until('the lessee has the node', lambda: cloud.has(node) == 'lessee')
    change = [{'op': 'add', 'path': '/extra/of', 'value': 'lessee'}]
    assert cloud.ironic('lessee-member', 'PATCH', node, change)[0] == 200
    inner = _sublet(cloud, node, seconds)
    until('the guest has the node', lambda: cloud.has(node) == 'stranger')
    until('his lease runs', lambda: _see(cloud, inner)['status'] == 'active')
    assert _see(cloud, inner)['parent_lease_uuid'] == outer
    return outer, inner


def _see(cloud, lease):
    return cloud.must('lessee-member', 'GET', f'/v1/leases/{lease}')


def _deploy(cloud, user, node):
    target = {'target': 'active'}
    code, answer = cloud.ironic(user, 'PUT', f'{node}/states/provision', target)
    assert code == 202, answer
    until('the node is deployed', lambda: cloud.node(node)['provision_state'] == 'active')


@contextmanager
def _locked(cloud, node) -> Iterator[None]:
    """Let another conductor have the node, as long as this lasts."""

    def reserve(value: str | None, *, free: str) -> bool:
        change = f'UPDATE nodes SET reservation = ? WHERE name = ? AND reservation {free}'  # noqa: S608
        return cloud.write(change, value, node) == 1

    until('nobody has the node locked', lambda: reserve('elsewhere', free='IS NULL'))
    try:
        yield
    finally:
        assert reserve(None, free="= 'elsewhere'")


def test_the_guest_has_the_node_and_then_the_lessee_has_it_again_clean(cloud, nodes):
    node = nodes[0]
    outer, inner = _begin(cloud, node, seconds=30)
    assert cloud.ironic('lessee-member', 'GET', node)[0] == 404
    assert _see(cloud, outer)['status_reason'] == f'The node is with lease {inner}.'
    _deploy(cloud, 'stranger-member', node)
    change = [{'op': 'add', 'path': '/extra/of', 'value': 'guest'}]
    assert cloud.ironic('stranger-member', 'PATCH', node, change)[0] == 200
    until('the sub-lease has ended', lambda: _see(cloud, inner)['status'] == 'expired')
    assert cloud.has(node) != 'stranger'
    until('the lessee has the node', lambda: cloud.has(node) == 'lessee', 120)
    after = cloud.node(node)
    assert after['properties']['lease_uuid'] == outer
    assert after['provision_state'] == 'available'
    assert after['power_state'] != 'power on'
    assert after['extra'] == {'of': 'lessee'}
    assert after['instance_info'] == {}
    assert cloud.ironic('stranger-member', 'GET', node)[0] == 404
    until('the lender is told nothing more', lambda: _see(cloud, outer)['status_reason'] is None)
    cloud.must('owner-member', 'DELETE', f'/v1/leases/{outer}')
    until('the node is back', lambda: cloud.is_back(node), 120)
    assert cloud.node(node)['extra'] == {}


def test_a_guest_waits_for_the_node_of_a_lessee_who_uses_it(cloud, nodes):
    node = nodes[1]
    outer = cloud.give(node, 'lessee', now(), 1800)
    until('the lessee has the node', lambda: cloud.has(node) == 'lessee')
    _deploy(cloud, 'lessee-member', node)
    inner = _sublet(cloud, node, 900)
    until('the guest waits', lambda: _see(cloud, inner)['status'] == 'wait fulfill')
    assert _see(cloud, inner)['status_reason'] == 'The node is active, not available.'
    assert cloud.has(node) == 'lessee'
    target = {'target': 'deleted'}
    assert cloud.ironic('lessee-member', 'PUT', f'{node}/states/provision', target)[0] == 202
    until('the guest has the node', lambda: cloud.has(node) == 'stranger', 120)
    until('his lease runs', lambda: _see(cloud, inner)['status'] == 'active')
    assert _see(cloud, outer)['status'] == 'active'


def test_a_node_locked_when_a_sub_lease_ends_early_comes_back_to_the_lessee(cloud, nodes):
    node = nodes[2]
    outer, inner = _begin(cloud, node)
    _deploy(cloud, 'stranger-member', node)
    with _locked(cloud, node):
        cloud.must('lessee-member', 'DELETE', f'/v1/leases/{inner}')
        until('it waits', lambda: 'locked by' in (_see(cloud, inner)['status_reason'] or ''))
        assert _see(cloud, inner)['status'] == 'wait cancel'
        assert cloud.has(node) == 'stranger'
    until('the sub-lease has ended', lambda: _see(cloud, inner)['status'] == 'deleted', 120)
    until('the lessee has the node', lambda: cloud.has(node) == 'lessee', 120)
    assert cloud.node(node)['provision_state'] == 'available'
    assert cloud.node(node)['properties']['lease_uuid'] == outer
    assert _see(cloud, outer)['status'] == 'active'


def test_a_lease_that_is_cancelled_takes_its_sub_lease_along(cloud, nodes):
    node = nodes[3]
    outer, inner = _begin(cloud, node)
    _deploy(cloud, 'stranger-member', node)
    seen = []

    def ended():
        seen.append(cloud.has(node))
        return _see(cloud, outer)['status'] == 'deleted'

    cloud.must('owner-member', 'DELETE', f'/v1/leases/{outer}')
    until('both have ended', ended, 120)
    first, last = _see(cloud, inner), _see(cloud, outer)
    assert first['status'] == 'deleted'
    assert first['expire_time'] <= last['expire_time']

    def back():
        seen.append(cloud.has(node))
        return cloud.is_back(node)

    until('the node is back', back, 120)
    assert 'lessee' not in seen  # who has nothing to come back to
    assert cloud.node(node)['extra'] == {}
