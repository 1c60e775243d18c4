"""A sub-let node: handed over to the sub-lessee, and back to the lessee."""

import pytest

from esi_leap.core.errors import NodeBusyError, UnavailableError
from esi_leap.core.handover.steps import Patch
from esi_leap.core.lease import Status
from esi_leap.core.node import State

from .conftest import NOON

#: What is told of a lease that has its node.
BEGUN = ['create.end', 'fulfill.start', 'fulfill.end']


@pytest.fixture
def sublet(world):
    """Lease the node for 40 minutes, and sub-let it from minute 10 to 20."""
    outer = world.lease('tenant', 0, 40)
    inner = world.lease('guest', 10, 20, inside=outer)
    world.tick()
    world.change(extra={'of': 'tenant'})
    return outer, inner


def _lessees(world):
    """Return the lessees that were written to the node, in order."""
    patches = [each.values for each in world.nodes.verbs if isinstance(each, Patch)]
    return [values['lessee'] for values in patches if 'lessee' in values]


def test_sub_lessee_has_the_node_for_the_sub_lease_and_then_the_lessee_again(world, sublet):
    outer, inner = sublet
    assert world.file()['project_id'] == 'tenant'
    world.wait(minutes=10)
    assert (world.file()['project_id'], world.file()['lease_uuid']) == ('guest', inner)
    assert (world.see(inner).status, world.see(outer).status) == (Status.ACTIVE, Status.ACTIVE)
    assert world.see(outer).reason == f'The node is with lease {inner}.'
    world.wait(minutes=10)
    assert world.see(inner).status is Status.EXPIRED
    assert (world.file()['project_id'], world.file()['lease_uuid']) == ('tenant', outer)
    assert world.see(outer).reason is None
    assert world.file()['extra'] == {'of': 'tenant'}
    world.wait(minutes=20)
    assert world.see(outer).status is Status.EXPIRED
    assert (world.row().state, world.row().remembered) == (State.AVAILABLE, ())
    assert world.file()['extra'] == {}
    again = ['holding', 'tenant', 'holding', None]
    assert _lessees(world) == ['holding', 'tenant', 'holding', 'guest', *again]


@pytest.mark.parametrize(
    ('use', 'reason'),
    [
        ({'provision_state': 'active'}, 'The node is active, not available.'),
        ({'vifs': ['v']}, 'The node has virtual interfaces attached: v.'),
    ],
)
def test_sub_lease_waits_until_the_lessee_has_left_the_node(world, sublet, use, reason):
    outer, inner = sublet
    world.change(**use)
    before = world.file()
    world.wait(minutes=10)
    assert (world.see(inner).status, world.see(inner).reason) == (Status.WAIT_FULFILL, reason)
    assert world.see(outer).reason is None
    assert world.file() == before
    world.change(provision_state='available', vifs=[])
    world.wait(seconds=31)
    assert world.see(inner).status is Status.ACTIVE


def test_sub_lease_that_never_got_the_node_leaves_it_with_the_lessee(world, sublet):
    outer, inner = sublet
    world.change(provision_state='active')
    before = world.file()
    world.wait(minutes=10)
    world.wait(minutes=10)
    assert world.see(inner).status is Status.EXPIRED
    assert world.file() == before
    assert world.row().state is State.HANDED_OVER
    assert world.row().lease == outer


def test_sub_lease_cancelled_before_its_hand_over_leaves_the_node_with_the_lessee(world, sublet):
    outer, inner = sublet

    def meanwhile(call: int) -> None:
        if world.row().state is State.PREPARING and world.see(inner).status is Status.CREATED:
            world.cancel(inner)
            world.change(provision_state='active')
            raise UnavailableError('no answer')

    world.nodes.before = meanwhile
    world.wait(minutes=10)
    world.nodes.before = lambda call: None
    world.wait(seconds=5)
    assert world.see(inner).status is Status.DELETED
    assert (world.file()['project_id'], world.file()['provision_state']) == ('tenant', 'active')
    assert (world.row().state, world.row().lease) == (State.HANDED_OVER, outer)
    assert _lessees(world) == ['holding', 'tenant']


def test_lessee_who_uses_the_node_during_the_hand_over_keeps_it(world, sublet):
    outer, inner = sublet

    def meanwhile(call: int) -> None:
        if world.file()['project_id'] == 'holding' and world.see(inner).status is Status.CREATED:
            world.change(vifs=['v'])

    world.nodes.before = meanwhile
    world.wait(minutes=10)
    assert world.file()['project_id'] == 'tenant'
    assert world.see(inner).status is Status.WAIT_FULFILL
    assert (world.row().state, world.row().lease) == (State.HANDED_OVER, outer)
    world.nodes.before = lambda call: None
    world.change(vifs=[])
    world.wait(seconds=31)
    assert world.file()['project_id'] == 'guest'


@pytest.mark.parametrize('at', ['take', 'return', 'restore', 'back'])
@pytest.mark.parametrize('error', [UnavailableError('no answer'), NodeBusyError('It is locked.')])
def test_node_locked_at_the_early_end_of_a_sub_lease_is_returned_when_unlocked(
    world, sublet, at, error
):
    outer, inner = sublet
    world.wait(minutes=10)
    world.change(provision_state='active', instance_info={'image': 'x'})
    world.cancel(inner)
    begun = len(world.nodes.verbs)

    def locked(call: int) -> None:
        state, lessee = world.row().state, world.file()['project_id']
        hit = {
            'take': lessee == 'guest',
            'return': state is State.RETURNING,
            'restore': state is State.CLEANING,
            'back': state is State.PREPARING,
        }
        if hit[at]:
            raise error

    world.nodes.before = locked
    world.tick()
    world.wait(seconds=40)
    taken = at != 'take'
    assert world.see(inner).status is (Status.DELETED if taken else Status.WAIT_CANCEL)
    assert world.file()['project_id'] == ('holding' if taken else 'guest')
    assert world.see(outer).status is Status.ACTIVE
    if taken:
        assert world.see(outer).reason.endswith(f'not back from a sub-lease yet: {error.message}')
    world.nodes.before = lambda call: None
    world.wait(seconds=31)
    assert world.see(inner).status is Status.DELETED
    assert (world.file()['project_id'], world.file()['lease_uuid']) == ('tenant', outer)
    assert (world.file()['provision_state'], world.file()['extra']) == (
        'available',
        {'of': 'tenant'},
    )
    assert world.see(outer).reason is None
    assert len(world.nodes.verbs) > begun
    assert world.events(outer) == BEGUN


def test_return_from_a_sub_lessee_is_retried_with_a_reason(world, sublet):
    outer, inner = sublet
    world.wait(minutes=10)

    def broken(call: int) -> None:
        if world.row().state is State.PREPARING:
            world.change(maintenance=True, maintenance_reason='a fan')

    world.nodes.before = broken
    world.cancel(inner)
    world.tick()
    world.wait(seconds=31)
    assert world.file()['project_id'] == 'holding'
    assert world.see(outer).reason == (
        'The node is not back from a sub-lease yet: The node is in maintenance: a fan.'
    )
    world.nodes.before = lambda call: None
    world.change(maintenance=False)
    world.wait(seconds=31)
    assert world.file()['project_id'] == 'tenant'
    assert world.see(outer).reason is None


def test_sub_lease_that_ends_with_its_lease_ends_first_and_the_node_is_free(world):
    outer = world.lease('tenant', 0, 20)
    inner = world.lease('guest', 10, 20, inside=outer)
    world.tick()
    world.wait(minutes=10)
    world.wait(minutes=10)
    assert [world.see(each).status for each in (inner, outer)] == [Status.EXPIRED] * 2
    assert _lessees(world) == ['holding', 'tenant', 'holding', 'guest', 'holding', None]
    assert world.row().state is State.AVAILABLE
    assert world.order()[-2:] == [inner, outer]


def test_lease_waits_for_the_end_of_its_sub_lease(world):
    outer = world.lease('tenant', 0, 20)
    inner = world.lease('guest', 10, 20, inside=outer)
    world.tick()
    world.wait(minutes=10)

    def fail(call: int) -> None:
        raise NodeBusyError('It is locked.')

    world.nodes.before = fail
    world.wait(minutes=10)
    assert [world.see(each).status for each in (inner, outer)] == [Status.WAIT_EXPIRE] * 2
    assert world.see(outer).reason == f'Lease {inner}, which lies in it, has not ended.'
    world.nodes.before = lambda call: None
    world.wait(seconds=6)
    assert [world.see(each).status for each in (inner, outer)] == [Status.EXPIRED] * 2
    assert world.see(outer).expire_time == world.see(inner).expire_time
    assert world.events(outer) == [*BEGUN, 'delete.start', 'delete.error', 'delete.end']


def test_lease_that_ends_while_its_node_comes_back_does_not_get_it(world, sublet):
    outer, inner = sublet
    world.wait(minutes=10)

    def stuck(call: int) -> None:
        if world.row().state is State.RETURNING:
            raise NodeBusyError('It is locked.')

    world.nodes.before = stuck
    world.wait(minutes=10)
    assert world.see(inner).status is Status.EXPIRED
    world.cancel(outer)
    assert world.see(outer).status is Status.DELETED
    world.nodes.before = lambda call: None
    world.wait(seconds=31)
    assert _lessees(world) == ['holding', 'tenant', 'holding', 'guest', 'holding', None]
    assert (world.row().state, world.file()['extra']) == (State.AVAILABLE, {})


def test_lease_cancelled_between_two_steps_of_the_return_does_not_get_the_node(world, sublet):
    outer, _ = sublet
    world.wait(minutes=10)

    def meanwhile(call: int) -> None:
        if world.row().state is State.CLEANING and world.see(outer).status is Status.ACTIVE:
            world.cancel(outer)

    world.nodes.after = meanwhile
    world.wait(minutes=10)
    world.nodes.after = lambda call: None
    world.tick()
    assert world.see(outer).status is Status.DELETED
    assert 'project_id' not in world.file()
    assert (world.row().state, world.file()['extra']) == (State.AVAILABLE, {})


def test_sub_leases_may_follow_each_other(world, sublet):
    outer, _ = sublet
    second = world.lease('other', 20, 30, inside=outer)
    world.wait(minutes=10)
    world.wait(minutes=10)
    assert world.see(second).status is Status.ACTIVE
    assert world.file()['project_id'] == 'other'
    assert world.events(second) == BEGUN
    world.wait(minutes=10)
    assert (world.file()['project_id'], world.file()['lease_uuid']) == ('tenant', outer)


def test_lease_starts_before_a_sub_lease_of_the_same_start(world):
    outer = world.lease('tenant', 0, 20)
    inner = world.lease('guest', 0, 10, inside=outer)
    world.tick()
    assert _lessees(world) == ['holding', 'tenant', 'holding', 'guest']
    assert world.events(inner) == BEGUN


def test_no_drift_is_reported_while_the_sub_lessee_has_the_node(world, sublet):
    outer, inner = sublet
    world.wait(minutes=10)
    for _ in range(3):
        world.wait(seconds=61)
    assert world.events(outer) == BEGUN
    assert world.see(inner).reason is None
    assert world.now > NOON


def test_node_lost_during_a_sub_lease_goes_back_to_the_lessee_when_repaired(world, sublet):
    outer, inner = sublet
    world.wait(minutes=10)
    world.change(project_id='somebody')
    world.wait(minutes=10)
    assert world.see(inner).status is Status.EXPIRED
    assert world.row().state is State.LOST
    assert world.see(outer).status is Status.ACTIVE
    assert world.see(outer).reason == (
        "The node is not back from a sub-lease yet: The node's lessee was changed outside this "
        'service; it was left as found.'
    )
    assert world.file()['project_id'] == 'somebody'
    world.change(project_id=None, lease_uuid=None)
    world.wait(seconds=61)
    assert (world.file()['project_id'], world.file()['lease_uuid']) == ('tenant', outer)


def test_unexpected_error_in_a_return_from_a_sub_lessee_is_kept_and_retried(world, sublet):
    outer, inner = sublet
    world.wait(minutes=10)

    def broken(call: int) -> None:
        if world.row().state is State.PREPARING:
            raise RuntimeError('a defect')

    world.nodes.before = broken
    world.wait(minutes=10)
    world.wait(seconds=31)
    assert (world.see(outer).status, world.see(inner).status) == (Status.ACTIVE, Status.EXPIRED)
    assert 'RuntimeError' in world.see(outer).reason
    world.nodes.before = lambda call: None
    world.wait(seconds=31)
    assert world.file()['project_id'] == 'tenant'
    assert world.see(outer).reason is None


def test_node_taken_over_from_the_existing_service_can_be_sub_let(world, sublet):
    """The database of the existing service has no remembered fields of the node."""
    node = world.row()
    with world.database.writer() as connection:
        connection.exec_driver_sql("UPDATE nodes SET remembered = '{}'")
    world.wait(minutes=10)
    world.change(extra={'of': 'guest'})
    world.wait(minutes=10)
    assert (world.file()['project_id'], world.file()['extra']) == ('tenant', {'of': 'tenant'})
    world.wait(minutes=20)
    assert world.row().state is State.AVAILABLE
    assert world.row().id == node.id
