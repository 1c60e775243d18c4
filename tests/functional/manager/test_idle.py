"""The calls of an idle manager to the service of the nodes."""

from datetime import timedelta

from tests.functional.manager.conftest import NOON

NODES = 10


def test_node_without_due_work_is_not_read_from_its_service(world):
    for number in range(NODES):
        world.machine(f'n{number}')
        world.lease('tenant', 60, 120, uuid=f'n{number}')
    while world.now < NOON + timedelta(minutes=50):
        world.tick()
        world.wait(minutes=5)
    assert world.nodes.calls == 0


def test_leased_node_is_read_once_in_each_interval(world):
    world.machine()
    lease = world.lease('tenant', 0, 24 * 60)
    world.tick()
    assert world.see(lease).status == 'active'
    before = world.nodes.calls
    for _ in range(12 * 10):  # ten minutes in steps of five seconds
        world.wait(seconds=5)
        world.tick()
    assert 1 <= world.nodes.calls - before <= 10  # it is a minute
