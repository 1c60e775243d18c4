"""Recalls, carried out by a manager: leases end at their deadlines, and nodes are returned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from esi_leap.core.errors import NodeBusyError, UnavailableError
from esi_leap.core.node import State
from esi_leap.core.ports.store import Store
from esi_leap.core.recall import Recall
from esi_leap.core.views import ItemView
from esi_leap.manager.recalls import Finisher

from .conftest import World


def item(world: World, recall: str) -> ItemView:
    [found] = world.store.recall_items(recall)
    return found


class Once:
    """An event that is set after the first wait."""

    def __init__(self) -> None:
        self._waits = 0

    def wait(self, seconds: float) -> bool:
        assert seconds > 0
        self._waits += 1
        return self._waits > 1


def test_lessee_has_the_node_until_the_deadline(world: World) -> None:
    lease = world.lease('borrower', 0, 60)
    world.wait()
    recall = world.recall(minutes=10)
    assert world.events(lease)[-2:] == ['update.end', 'recall.start']
    world.wait(minutes=10, seconds=-1)
    assert world.see(lease).status == 'active'
    assert world.file()['project_id'] == 'borrower'
    world.wait(seconds=1)
    assert world.see(lease).status == 'expired'
    found = item(world, recall).item
    assert (found.status, found.returned_at) == ('returned', world.now)


def test_sub_lease_ends_before_the_recalled_lease(world: World) -> None:
    outer = world.lease('borrower', 0, 60)
    world.wait()
    inner = world.lease('guest', 1, 50, inside=outer)
    world.wait(minutes=1)
    recall = world.recall(minutes=10)
    world.wait(minutes=10)
    assert world.order() == [inner, outer]
    assert item(world, recall).item.status == 'returned'
    assert world.row().state is State.AVAILABLE


def test_recall_by_a_lessee_completes_when_the_lessee_has_the_node(world: World) -> None:
    outer = world.lease('borrower', 0, 60)
    world.wait()
    inner = world.lease('guest', 1, 50, inside=outer)
    world.wait(minutes=1)
    recall = world.recall(minutes=10, owner='borrower')
    world.wait(minutes=10)
    assert (world.order(), world.see(outer).status) == ([inner], 'active')
    assert item(world, recall).item.status == 'returned'
    assert world.file()['project_id'] == 'borrower'


def test_node_that_does_not_come_back_has_a_reason(world: World) -> None:
    def locked(call: int) -> None:
        raise NodeBusyError('It is locked.')

    lease = world.lease('borrower', 0, 60)
    world.wait()
    recall = world.recall(minutes=10)
    world.nodes.before = locked
    world.wait(minutes=10)
    found = item(world, recall)
    assert (found.item.status, found.item.returned_at) == ('pending', None)
    assert found.lease is not None
    assert (found.lease.status, found.lease.reason) == ('wait expire', 'It is locked.')
    world.nodes.before = lambda call: None
    world.wait(minutes=1)
    assert item(world, recall).item.status == 'returned'
    assert world.see(lease).status == 'expired'


def test_recall_left_open_by_a_request_is_finished(world: World) -> None:
    lease = world.lease('borrower', 0, 60)
    node = world.row()
    world.store.keep_recall(
        Recall(
            uuid='r',
            owner_id='lender',
            reason=None,
            deadline=world.now + timedelta(minutes=5),
            created_at=world.now,
        ),
        [node.id],
    )
    Finisher(world.store, world.meter, lambda: world.now)(Once())  # type: ignore[arg-type]
    assert item(world, 'r').item.status == 'requested'
    world.now += timedelta(minutes=1)
    Finisher(world.store, world.meter, lambda: world.now)(Once())  # type: ignore[arg-type]
    assert item(world, 'r').item.status == 'pending'
    assert world.see(lease).recall is not None


def test_database_outage_is_counted_and_does_not_stop_the_finisher(world: World) -> None:
    class Away:
        def unfinished_recalls(self, before: datetime) -> Sequence[tuple[str, int]]:
            raise UnavailableError(f'The database does not answer, {before}.')

    Finisher(cast('Store', Away()), world.meter, lambda: world.now)(Once())  # type: ignore[arg-type]
    failed = {'code': 'service.unavailable'}
    assert world.meter.registry.get_sample_value('esi_leap_work_errors_total', failed) == 1
