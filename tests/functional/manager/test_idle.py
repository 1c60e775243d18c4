"""What a manager asks the service of the nodes for while there is nothing to do."""

from datetime import timedelta

from tests.functional.manager.conftest import NOON

NODES = 10


def test_nodes_on_which_nothing_is_due_are_not_looked_at(world):
    for number in range(NODES):
        world.machine(f'n{number}')
        world.lease('tenant', 60, 120, uuid=f'n{number}')
    while world.now < NOON + timedelta(minutes=50):
        world.tick()
        world.wait(minutes=5)
    assert world.nodes.calls == 0


def test_a_node_in_use_is_looked_at_once_each_interval(world):
    world.machine()
    lease = world.lease('tenant', 0, 24 * 60)
    world.tick()
    assert world.see(lease).status == 'active'
    before = world.nodes.calls
    for _ in range(12 * 10):  # ten minutes in steps of five seconds
        world.wait(seconds=5)
        world.tick()
    assert 1 <= world.nodes.calls - before <= 10  # it is a minute
