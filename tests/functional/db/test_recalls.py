"""Recalls on every database: begun and not ended, and at the same time as everything else."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from esi_leap.actions.recalls import carry_out, finish
from esi_leap.core import lease as leases
from esi_leap.core.booking import plan, quota
from esi_leap.core.change import Turn, put
from esi_leap.core.errors import OfferWindowError
from esi_leap.core.node import State
from esi_leap.core.query import Query
from esi_leap.core.recall import ItemStatus, Recall, Status
from esi_leap.core.terms import Terms
from esi_leap.db import purge
from esi_leap.db.engine import Database
from esi_leap.db.store import Store

from .given import ALL, NOW, OWNER, a_lease, a_node, an_offer, at

NODES = 12
LIMITS = quota.Limits(timedelta(days=1), None)
PATIENCE = timedelta(seconds=10)
HOUR = Terms(timedelta(hours=1))


def a_recall(uuid: str = 'r', deadline: float = 2) -> Recall:
    return Recall(
        uuid=uuid, owner_id=OWNER, reason='a drill', deadline=at(deadline), created_at=NOW
    )


def lend(store: Store, uuid: str, terms: Terms = HOUR) -> int:
    """Offer a node for ten hours, of which five are claimed and run; return its key."""
    node = a_node(store, uuid)
    offer = replace(an_offer(node.id, f'o-{uuid}', 0, 10), terms=terms)
    with store.booking(node.id, NOW) as book:
        book.put(put(offer))
        claim = a_lease(node.id, f'l-{uuid}', 0, 5)
        planned = plan.plan_claim(claim, offer, book.tree(), LIMITS, NOW)
        book.put(planned)
        running = book.lease(claim.uuid).activated(NOW)
        with_it = book.node.prepared(running, (), {}).to(State.HANDED_OVER)
        book.put((*put(running), Turn(with_it)))
    return node.id


def take_back(store: Store, node_id: int, uuid: str, hour: float) -> None:
    """What a manager does at the end of a lease, in one go."""
    with store.booking(node_id, at(hour)) as book:
        lease = book.lease(uuid)
        book.put((*put(lease.ended(at(hour))), Turn(book.node.to(State.RETURNING))))
    with store.booking(node_id, at(hour)) as book:
        book.put((Turn(book.node.freed((), at(hour))),))


def statuses(store: Store, uuid: str = 'r') -> list[str]:
    return [str(each.item.status) for each in store.recall_items(uuid)]


def ends(store: Store, uuid: str) -> float:
    [found] = store.leases(ALL, Query(equal={'uuid': uuid}))
    return (found.lease.window.end - NOW) / timedelta(hours=1)


def test_what_it_says_is_read_back(store: Store) -> None:
    node = lend(store, 'n1')
    store.keep_recall(a_recall(), [node])
    assert store.recalls(ALL, Query())[0].status is Status.PENDING
    assert statuses(store) == ['requested']
    carry_out(store, 'r', node, NOW)
    [view] = store.recall_items('r')
    assert (view.item.status, view.item.due, view.item.lease) == ('pending', at(2), 'l-n1')
    assert view.lease is not None
    [lease] = store.leases(ALL, Query(equal={'uuid': 'l-n1'}))
    assert lease.lease.recall is not None
    assert (lease.lease.recall.deadline, lease.lease.recall.end) == (at(2), at(5))
    assert (lease.lease.terms, lease.recalled_for) == (HOUR, 'a drill')
    [offer] = store.offers(ALL, Query(), NOW)
    assert offer.offer.window.end == at(2)
    carry_out(store, 'r', node, at(1))
    assert store.recall_items('r') == [view]
    take_back(store, node, 'l-n1', 2)
    [view] = store.recall_items('r')
    assert (view.item.status, view.item.returned_at) == ('returned', at(2))
    [recall] = store.recalls(ALL, Query())
    assert (recall.status, recall.counts) == (Status.COMPLETE, {ItemStatus.RETURNED: 1})


def test_a_recall_that_crashed_half_way_is_finished(store: Store) -> None:
    keys = [lend(store, f'n{number}') for number in range(4)]
    store.keep_recall(a_recall(), keys)
    for key in keys[:2]:
        carry_out(store, 'r', key, NOW)
    assert statuses(store) == ['pending', 'pending', 'requested', 'requested']
    finish(store, NOW + PATIENCE / 2, PATIENCE)  # the request may still be at it
    assert statuses(store)[2:] == ['requested', 'requested']
    finish(store, NOW + PATIENCE, PATIENCE)
    assert statuses(store) == 4 * ['pending']
    assert [ends(store, f'l-n{number}') for number in range(4)] == 4 * [2]

    assert store.cancel_recall('r', at(1)) == keys
    carry_out(store, 'r', keys[0], at(1))
    finish(store, at(1) + PATIENCE, PATIENCE)
    assert statuses(store) == 4 * ['cancelled']
    assert [ends(store, f'l-n{number}') for number in range(4)] == 4 * [5]
    assert store.unfinished_recalls(at(9)) == []
    assert store.recalls(ALL, Query())[0].status is Status.CANCELLED


def test_two_recalls_of_one_node_one_has_it(database: Database, store: Store) -> None:
    keys = [lend(store, f'n{number}') for number in range(NODES)]
    names = [f'r{number}' for number in range(4)]
    for name in names:
        store.keep_recall(a_recall(name), keys)
    deeds = [
        lambda name=name, key=key: carry_out(store, name, key, NOW)
        for key, name in itertools.product(keys, names)
    ]
    together(deeds)
    for key_statuses in zip(*(statuses(store, name) for name in names), strict=True):
        assert sorted(key_statuses) == ['pending', *3 * ['refused']]
    assert [ends(store, f'l-n{number}') for number in range(NODES)] == NODES * [2]


def test_a_recall_against_claims_cancels_and_hand_overs(database: Database, store: Store) -> None:
    """Whoever is first: every lease ends by the deadline, and no two hold one window."""
    keys = [lend(store, f'n{number}') for number in range(NODES)]
    store.keep_recall(a_recall(), keys)

    def claim(number: int) -> None:
        with store.booking(keys[number], NOW) as book:
            offer = book.offer(f'o-n{number}')
            wanted = a_lease(keys[number], f'c-n{number}', 6, 8)
            try:
                planned = plan.plan_claim(wanted, offer, book.tree(), LIMITS, NOW)
            except OfferWindowError:
                return
            book.put(planned)

    def hand_back(number: int) -> None:
        with store.booking(keys[number], NOW) as book:
            lease = book.lease(f'l-n{number}')
            book.put(plan.plan_cancel(lease, book.node, book.tree(), NOW))

    deeds: list[Callable[[], None]] = []
    for number, key in enumerate(keys):
        deeds.append(lambda key=key: carry_out(store, 'r', key, NOW))
        deeds.append(lambda number=number: claim(number))
        if number % 2:
            deeds.append(lambda number=number: hand_back(number))
    together(deeds)
    assert statuses(store) == NODES * ['pending']
    for number, key in enumerate(keys):
        with store.booking(key, NOW) as book:
            held = [each for each in book.tree() if isinstance(each, leases.Lease)]
        assert all(each.window.end <= at(2) for each in held)
        given_back = bool(number % 2)
        assert [each.status for each in held] == [
            leases.Status.WAIT_CANCEL if given_back else leases.Status.ACTIVE
        ]
        if given_back:
            take_back(store, key, f'l-n{number}', 0.5)
    assert statuses(store) == [('returned' if n % 2 else 'pending') for n in range(NODES)]


def test_a_recall_and_its_cancellation_at_once_leave_nothing_behind(store: Store) -> None:
    keys = [lend(store, f'n{number}') for number in range(NODES)]
    store.keep_recall(a_recall(), keys)

    def cancel() -> None:
        for key in store.cancel_recall('r', NOW):
            carry_out(store, 'r', key, NOW)

    together([cancel, *(lambda key=key: carry_out(store, 'r', key, NOW) for key in keys)])
    assert statuses(store) == NODES * ['cancelled']
    assert [ends(store, f'l-n{number}') for number in range(NODES)] == NODES * [5]


def test_recalls_begin_while_their_nodes_are_worked_on(store: Store) -> None:
    keys = [lend(store, f'n{number}') for number in range(NODES)]
    names = [f'r{number}' for number in range(16)]

    def work(key: int) -> None:
        with store.booking(key, NOW) as book:
            book.put((Turn(replace(book.node, reason='It waits.')),))

    deeds: list[Callable[[], None]] = []
    for number, name in enumerate(names):
        order = keys if number % 2 else [*reversed(keys)]
        deeds.append(lambda name=name, order=order: store.keep_recall(a_recall(name), order))
        deeds += [lambda key=key: work(key) for key in order]
    together(deeds)
    assert [statuses(store, name) for name in names] == 16 * [NODES * ['requested']]


def test_it_is_forgotten_with_what_is_over(database: Database, store: Store) -> None:
    done, pending = lend(store, 'n1'), lend(store, 'n2')
    for uuid, key in (('done', done), ('pending', pending)):
        store.keep_recall(a_recall(uuid), [key])
        carry_out(store, uuid, key, NOW)
    take_back(store, done, 'l-n1', 2)
    counts = purge.purge(database, at(48))
    assert (counts['recall_items'], counts['recalls']) == (1, 1)
    assert [each.recall.uuid for each in store.recalls(ALL, Query())] == ['pending']


@pytest.mark.parametrize('database_kind', ['sqlite'], indirect=True)
def test_pages_and_filters(store: Store) -> None:
    for number in range(5):
        store.keep_recall(a_recall(f'r{number}'), [lend(store, f'n{number}')])
    first = store.recalls(ALL, Query(limit=2))
    assert [each.recall.uuid for each in first] == ['r0', 'r1', 'r2']
    rest = store.recalls(ALL, Query(marker='r1', limit=9))
    assert [each.recall.uuid for each in rest] == ['r2', 'r3', 'r4']
    pending = Query(equal={'status': frozenset({'pending'}), 'owner_id': OWNER})
    assert len(store.recalls(ALL, pending)) == 5
    assert len(store.given(OWNER)) == 5
    assert all(each.recalled for each in store.given(OWNER))


def together(deeds: list[Callable[[], None]]) -> None:
    """Do everything from eight threads that begin together."""
    start = Barrier(8, timeout=60)

    def work(first: int) -> None:
        start.wait()
        for deed in deeds[first::8]:
            deed()

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(work, number) for number in range(8)]:
            each.result(120)
