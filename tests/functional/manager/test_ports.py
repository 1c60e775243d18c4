"""Network attachments: reported on a leased node, and removed before the next lease."""

import pytest

from esi_leap.core.lease import Status
from esi_leap.core.node import State

AWAY = 'Neutron does not answer; try again.'


@pytest.fixture
def plugged(world):
    """Configure a network service for the node."""
    world.machine(ports={})
    return world


@pytest.fixture
def leased(plugged):
    uuid = plugged.lease('tenant', 0, 10)
    plugged.tick()
    assert plugged.see(uuid).status is Status.ACTIVE
    return uuid


def test_no_port_is_bound_when_the_next_lessee_gets_the_node(plugged, leased):
    plugged.change(ports={'own': 'tenant', 'strange': 'stranger'})
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
    assert ports['tenant'] == {('own', 'strange')}
    assert ('own', 'strange') in ports['holding']
    assert () in ports['holding']
    assert ports[None] == ports['next'] == {()}


def test_return_waits_for_neutron_with_a_reason(plugged, leased):
    after = plugged.lease('next', 10, 60)
    plugged.change(provision_state='active', power_state='power on', ports=AWAY)
    plugged.wait(minutes=11)
    assert plugged.see(leased).status is Status.EXPIRED  # the lessee has lost it all the same
    node = plugged.row()
    assert node.is_going
    assert node.reason == AWAY
    assert plugged.see(after).status is not Status.ACTIVE
    file = plugged.file()
    assert (file['project_id'], file['provision_state']) == ('holding', 'available')
    plugged.change(ports={'own': 'tenant'})
    plugged.wait(minutes=1)
    assert plugged.see(after).status is Status.ACTIVE
    assert plugged.file()['ports'] == {}


def test_hand_over_waits_for_neutron_with_a_reason(plugged):
    plugged.change(ports=AWAY)
    uuid = plugged.lease('tenant', 0, 60)
    plugged.tick()
    assert plugged.see(uuid).status is Status.WAIT_FULFILL
    assert plugged.see(uuid).reason == AWAY
    assert plugged.file().get('project_id') is None
    plugged.change(ports={})
    plugged.wait(minutes=1)
    assert plugged.see(uuid).status is Status.ACTIVE


def test_hand_over_waits_until_the_owner_has_unbound_the_ports(plugged):
    plugged.change(ports={'forgotten': 'lender'})
    uuid = plugged.lease('tenant', 0, 60)
    plugged.tick()
    assert plugged.see(uuid).status is Status.WAIT_FULFILL
    assert 'forgotten' in plugged.see(uuid).reason
    assert plugged.file().get('project_id') is None
    assert plugged.file()['ports'] == {'forgotten': 'lender'}
    plugged.change(ports={})
    plugged.wait(minutes=1)
    assert plugged.see(uuid).status is Status.ACTIVE


@pytest.mark.parametrize('repair', [False, True])
def test_foreign_port_on_a_leased_node_is_reported_once_and_left_alone(plugged, leased, repair):
    plugged.deps = plugged.manager(repair=repair)
    plugged.change(ports={'own': 'tenant', 'strange': 'stranger'})
    for _ in range(3):
        plugged.wait(minutes=1.1)
    reason = 'Network ports of others are on the node: strange.'
    assert (plugged.see(leased).reason, plugged.row().reason) == (reason, reason)
    assert plugged.events(leased).count('drift') == 1
    assert plugged.file()['ports'] == {'own': 'tenant', 'strange': 'stranger'}
    assert plugged.row().state is State.HANDED_OVER
    plugged.change(ports={'own': 'tenant'})
    plugged.wait(minutes=1.1)
    assert (plugged.see(leased).reason, plugged.row().reason) == (None, None)
    plugged.change(ports={'strange': 'stranger'})
    plugged.wait(minutes=8)
    assert plugged.see(leased).status is Status.EXPIRED
    assert plugged.file()['ports'] == {}
