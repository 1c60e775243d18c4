"""A manager that dies at any call: the next one does the rest, once."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from esi_leap.core.errors import StaleClaimError
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from esi_leap.db.agenda import Agenda
from esi_leap.manager.loop import Loop
from tests.patience import until

from .conftest import NOON, Killed

#: What is told of a lease that had its node.
WHOLE = ['create.end', 'fulfill.start', 'fulfill.end', 'delete.start', 'delete.end']
#: More calls than a hand-over and a return make, so that every one of them is tried.
_CALLS = 40


class _Unreleasing(Agenda):
    """The agenda of a manager that dies: its claims are not released."""

    def release(self, node_id: int, claim: str) -> None:
        pass


def _minute(world) -> int:
    """Return the minutes since noon, rounded up."""
    return -((NOON - world.now) // timedelta(minutes=1))


def _kill(world, call: int, when: str) -> bool:
    """Let the manager die at the given call, before or after its effect; return whether it did."""
    world.nodes.calls = 0

    def end(number: int) -> None:
        if number == call:
            raise Killed

    setattr(world.nodes, when, end)
    try:
        world.tick(replace(world.manager(), agenda=_Unreleasing(world.database)))
    except Killed:
        killed = True
    else:
        killed = False
    setattr(world.nodes, when, lambda number: None)
    return killed


def _dead(world) -> None:
    """Move the clock past the claim of a manager that died."""
    world.wait(seconds=61)


@pytest.mark.parametrize('when', ['before', 'after'])
def test_hand_over_interrupted_at_any_call_is_done_once(world, when):
    reached = 0
    for call in range(1, _CALLS):
        start = _minute(world)
        uuid = world.lease('tenant', start + 1, start + 15)
        world.now = world.see(uuid).window.start
        killed = _kill(world, call, when)
        _dead(world)
        assert world.see(uuid).status is Status.ACTIVE
        assert world.file()['project_id'] == 'tenant'
        assert world.events(uuid).count('fulfill.end') == 1
        world.now = world.see(uuid).window.end
        world.wait()
        assert world.row().state is State.AVAILABLE
        if not killed:
            break
        reached = call
    assert reached >= 5


@pytest.mark.parametrize('when', ['before', 'after'])
def test_return_interrupted_at_any_call_is_done_once(world, when):
    reached = 0
    for call in range(1, _CALLS):
        start = _minute(world)
        uuid = world.lease('tenant', start + 1, start + 15)
        world.now = world.see(uuid).window.start
        world.tick()
        assert world.see(uuid).status is Status.ACTIVE
        world.change(
            provision_state='active', protected=True, console=True, vifs=['v'], extra={'t': 1}
        )
        world.now = world.see(uuid).window.end
        killed = _kill(world, call, when)
        _dead(world)
        after = world.file()
        assert world.see(uuid).status is Status.EXPIRED
        assert world.events(uuid).count('delete.end') == 1
        assert world.row().state is State.AVAILABLE
        assert (after.get('project_id'), after.get('lease_uuid')) == (None, None)
        assert after['extra'] == {}
        assert after['provision_state'] == 'available'
        assert not after.get('protected')
        if not killed:
            break
        reached = call
    assert reached >= 10


def _sublet(world):
    """Lease the node to a lessee who has changed its fields, and sub-let it."""
    start = _minute(world)
    outer = world.lease('tenant', start + 1, start + 40)
    inner = world.lease('guest', start + 10, start + 20, inside=outer)
    world.now = world.see(outer).window.start
    world.tick()
    world.change(extra={'of': 'tenant'})
    return outer, inner


def _let_the_guest_use_it(world):
    world.change(
        provision_state='active', protected=True, console=True, vifs=['v'], extra={'of': 'guest'}
    )


def _end_all(world, outer):
    """End the lease, and check that the node is as its owner left it."""
    world.now = world.see(outer).window.end
    world.wait()
    assert world.events(outer) == WHOLE
    assert world.row().state is State.AVAILABLE
    assert world.row().remembered == ()
    after = world.file()
    assert (after.get('project_id'), after.get('lease_uuid')) == (None, None)
    assert after['extra'] == {}


@pytest.mark.parametrize('when', ['before', 'after'])
def test_hand_over_to_a_sub_lessee_interrupted_at_any_call_is_done_once(world, when):
    reached = 0
    for call in range(1, _CALLS):
        outer, inner = _sublet(world)
        world.now = world.see(inner).window.start
        killed = _kill(world, call, when)
        _dead(world)
        assert world.see(inner).status is Status.ACTIVE
        assert (world.file()['project_id'], world.file()['lease_uuid']) == ('guest', inner)
        assert world.events(inner).count('fulfill.end') == 1
        assert world.see(outer).reason == f'The node is with lease {inner}.'
        world.now = world.see(inner).window.end
        world.tick()
        _end_all(world, outer)
        if not killed:
            break
        reached = call
    assert reached >= 5


@pytest.mark.parametrize('when', ['before', 'after'])
def test_return_to_the_lessee_interrupted_at_any_call_is_done_once(world, when):
    reached = 0
    for call in range(1, _CALLS):
        outer, inner = _sublet(world)
        world.now = world.see(inner).window.start
        world.tick()
        _let_the_guest_use_it(world)
        world.now = world.see(inner).window.end
        killed = _kill(world, call, when)
        _dead(world)
        after = world.file()
        assert world.see(inner).status is Status.EXPIRED
        assert world.events(inner).count('delete.end') == 1
        assert (after['project_id'], after['lease_uuid']) == ('tenant', outer)
        assert (after['extra'], after['vifs']) == ({'of': 'tenant'}, [])
        assert after['provision_state'] == 'available'
        assert not after.get('protected')
        assert not after['console']
        assert world.row().state is State.HANDED_OVER
        assert (world.see(outer).status, world.see(outer).reason) == (Status.ACTIVE, None)
        _end_all(world, outer)
        if not killed:
            break
        reached = call
    assert reached >= 14


@pytest.mark.parametrize('when', ['before', 'after'])
def test_cancelled_lease_with_a_sub_lease_interrupted_at_any_call_ends_once(world, when):
    reached = 0
    for call in range(1, _CALLS):
        outer, inner = _sublet(world)
        world.now = world.see(inner).window.start
        world.tick()
        _let_the_guest_use_it(world)
        world.cancel(outer)
        assert {world.see(each).status for each in (outer, inner)} == {Status.WAIT_CANCEL}
        killed = _kill(world, call, when)
        _dead(world)
        assert {world.see(each).status for each in (outer, inner)} == {Status.DELETED}
        assert world.see(inner).expire_time <= world.see(outer).expire_time
        assert [world.events(each).count('delete.end') for each in (outer, inner)] == [1, 1]
        after = world.file()
        assert (after.get('project_id'), after.get('lease_uuid')) == (None, None)
        assert (after['extra'], after['provision_state']) == ({}, 'available')
        assert world.row().state is State.AVAILABLE
        if not killed:
            break
        reached = call
    assert reached >= 10


def test_manager_that_slept_past_its_claim_writes_nothing(world):
    uuid = world.lease('tenant', 0, 10)

    def sleep(call: int) -> None:
        if call == 1:
            world.wait(seconds=61)  # the other manager does it all

    world.nodes.before = sleep
    with pytest.raises(StaleClaimError):
        world.tick()
    assert world.see(uuid).status is Status.ACTIVE
    assert world.events(uuid).count('fulfill.end') == 1


def test_several_managers_do_each_task_once(world):
    names = [f'many-{number}' for number in range(12)]
    for name in names:
        world.machine(name)
    uuids = [world.lease('tenant', 0, 10, name) for name in names]
    loops = [Loop(world.manager()) for _ in range(3)]
    threads = [threading.Thread(target=loop.run) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(world.see(uuid).status is Status.ACTIVE for uuid in uuids))
    finally:
        for loop in loops:
            loop.stop()
        for thread in threads:
            thread.join()
    for uuid in uuids:
        assert world.events(uuid) == ['create.end', 'fulfill.start', 'fulfill.end']
