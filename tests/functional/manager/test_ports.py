"""Ports of the network on nodes: found on a lessee's, and gone before another has the node."""

import pytest

from esi_leap.core.lease import Status
from esi_leap.core.node import State

AWAY = 'Neutron does not answer; try again.'


@pytest.fixture
def plugged(world):
    """A node whose network service is asked."""
    world.machine(ports={})
    return world


@pytest.fixture
def leased(plugged):
    uuid = plugged.lease('tenant', 0, 10)
    plugged.tick()
    assert plugged.see(uuid).status is Status.ACTIVE
    return uuid


def test_nothing_is_bound_when_the_next_tenant_gets_the_node(plugged, leased):
    plugged.change(ports={'his': 'tenant', 'strange': 'stranger'})
    after = plugged.lease('next', 10, 20)
    seen = []
    plugged.nodes.after = lambda call: seen.append(
        (plugged.file().get('project_id'), tuple(plugged.file()['ports']))
    )
    plugged.wait(minutes=10)
    assert plugged.see(leased).status is Status.EXPIRED
    assert plugged.see(after).status is Status.ACTIVE
    assert plugged.file()['ports'] == {}
    ports = {lessee: {bound for who, bound in seen if who == lessee} for lessee, _ in seen}
    assert ports['tenant'] == {('his', 'strange')}
    assert ('his', 'strange') in ports['holding']
    assert () in ports['holding']
    assert ports[None] == ports['next'] == {()}


def test_a_return_waits_for_neutron_and_says_so(plugged, leased):
    after = plugged.lease('next', 10, 60)
    plugged.change(provision_state='active', power_state='power on', ports=AWAY)
    plugged.wait(minutes=11)
    assert plugged.see(leased).status is Status.EXPIRED  # he has lost it all the same
    node = plugged.row()
    assert node.is_going
    assert str(node.reason) == AWAY
    assert plugged.see(after).status is not Status.ACTIVE
    file = plugged.file()
    assert (file['project_id'], file['provision_state']) == ('holding', 'available')
    plugged.change(ports={'his': 'tenant'})
    plugged.wait(minutes=1)
    assert plugged.see(after).status is Status.ACTIVE
    assert plugged.file()['ports'] == {}


def test_a_hand_over_waits_for_neutron_and_says_so(plugged):
    plugged.change(ports=AWAY)
    uuid = plugged.lease('tenant', 0, 60)
    plugged.tick()
    assert plugged.see(uuid).status is Status.WAIT_FULFILL
    assert str(plugged.see(uuid).reason) == AWAY
    assert plugged.file().get('project_id') is None
    plugged.change(ports={})
    plugged.wait(minutes=1)
    assert plugged.see(uuid).status is Status.ACTIVE


def test_what_is_bound_to_a_node_keeps_it_from_a_lessee_until_its_owner_has_put_it_right(plugged):
    plugged.change(ports={'forgotten': 'lender'})
    uuid = plugged.lease('tenant', 0, 60)
    plugged.tick()
    assert plugged.see(uuid).status is Status.WAIT_FULFILL
    assert 'forgotten' in str(plugged.see(uuid).reason)
    assert plugged.file().get('project_id') is None
    assert plugged.file()['ports'] == {'forgotten': 'lender'}
    plugged.change(ports={})
    plugged.wait(minutes=1)
    assert plugged.see(uuid).status is Status.ACTIVE


@pytest.mark.parametrize('repair', [False, True])
def test_a_foreign_port_on_a_leased_node_is_told_once_and_left_alone(plugged, leased, repair):
    plugged.deps = plugged.manager(repair=repair)
    plugged.change(ports={'his': 'tenant', 'strange': 'stranger'})
    for _ in range(3):
        plugged.wait(minutes=1.1)
    reason = 'Network ports of others are on the node: strange.'
    assert (str(plugged.see(leased).reason), str(plugged.row().reason)) == (reason, reason)
    assert plugged.events(leased).count('drift') == 1
    assert plugged.file()['ports'] == {'his': 'tenant', 'strange': 'stranger'}
    assert plugged.row().state is State.HANDED_OVER
    plugged.change(ports={'his': 'tenant'})
    plugged.wait(minutes=1.1)
    assert (plugged.see(leased).reason, plugged.row().reason) == (None, None)
    plugged.change(ports={'strange': 'stranger'})
    plugged.wait(minutes=8)
    assert plugged.see(leased).status is Status.EXPIRED
    assert plugged.file()['ports'] == {}
