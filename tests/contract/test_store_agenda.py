"""What the manager asks of a store: what is due, when the next thing is, and claims on nodes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from esi_leap.core.change import Turn
from esi_leap.core.errors import StaleClaimError
from esi_leap.core.event import Priority
from esi_leap.core.instant import FOREVER
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Status
from esi_leap.core.node import Node, State
from esi_leap.core.ports.manager import Backlog
from esi_leap.core.query import Query
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.db.outbox import Outbox
from esi_leap.db.store import Store
from tests.patience import PATIENCE

from .given import ALL, NOW, a_lease, a_node, an_offer, at, change, created, write

INSTANT = timedelta(microseconds=1)


def look_at(store: Store, node: Node, moment: datetime) -> None:
    """Bring a node into a state in which the manager looks at it at a moment."""
    with store.booking(node.id, NOW) as book:
        taken = book.node.to(State.PREPARING).to(State.HANDED_OVER, retry_at=moment)
        book.put((Turn(taken),))


class TestDue:
    def test_nothing_is_due_in_an_empty_calendar(self, store: Store, agenda: Agenda) -> None:
        a_node(store)
        assert (agenda.due(NOW, 9), agenda.next_due(NOW)) == ([], None)

    @pytest.mark.parametrize(
        ('values', 'moment'),
        [
            ({}, 2),
            ({'status': Status.ACTIVE}, 5),
            ({'status': Status.ERROR}, 5),
            ({'status': Status.WAIT_FULFILL}, 2),
            ({'status': Status.WAIT_FULFILL, 'retry_at': at(3)}, 3),
            ({'status': Status.WAIT_FULFILL, 'retry_at': at(9)}, 5),
            ({'status': Status.WAIT_EXPIRE}, 5),
            ({'status': Status.WAIT_EXPIRE, 'retry_at': at(7)}, 7),
            ({'status': Status.WAIT_CANCEL, 'retry_at': at(1)}, 1),
        ],
    )
    def test_a_lease_is_due_at_the_instant_of_its_next_action(
        self, store: Store, agenda: Agenda, values: dict[str, object], moment: float
    ) -> None:
        node, other = a_node(store), a_node(store, 'n2')
        write(store, a_lease(other, 'later', 50, 60))
        write(store, a_lease(node, start=2, end=5, **values))

        assert agenda.due(at(moment) - INSTANT, 9) == []
        assert agenda.next_due(at(moment) - INSTANT) == at(moment)
        assert agenda.due(at(moment), 9) == [node.id]
        assert agenda.next_due(at(moment)) == at(50)

    def test_a_change_moves_it(self, store: Store, agenda: Agenda) -> None:
        node = a_node(store)
        lease = a_lease(node, start=2, end=5)
        write(store, lease)
        change(store, lease.activated(at(2)))
        assert (agenda.due(at(2), 9), agenda.next_due(NOW)) == ([], at(5))
        change(store, lease.activated(at(2)).ended(at(5)))
        assert (agenda.due(FOREVER, 9), agenda.next_due(NOW)) == ([], None)

    def test_an_offer_is_due_at_its_end(self, store: Store, agenda: Agenda) -> None:
        node, other = a_node(store), a_node(store, 'n2')
        write(store, an_offer(node, end=3), an_offer(other, 'f', window=Interval(NOW, FOREVER)))
        assert agenda.due(at(3) - INSTANT, 9) == []
        assert agenda.due(at(3), 9) == [node.id]
        assert agenda.next_due(at(3)) == FOREVER

    def test_a_node_is_due_when_it_is_to_be_looked_at(self, store: Store, agenda: Agenda) -> None:
        node = a_node(store)
        look_at(store, node, at(3))
        assert (agenda.due(at(3) - INSTANT, 9), agenda.next_due(NOW)) == ([], at(3))
        assert (agenda.due(at(3), 9), agenda.next_due(at(3))) == ([node.id], None)

    def test_a_node_is_named_once_and_who_waits_longest_comes_first(
        self, store: Store, agenda: Agenda
    ) -> None:
        nodes = [a_node(store, f'n{n}') for n in range(4)]
        for node, hours in zip(nodes, ([6, 4], [2, 8], [5], [99]), strict=True):
            write(store, *(a_lease(node, f'{node.id}-{n}', n, n + 1) for n in hours))
        look_at(store, nodes[2], at(1))

        assert agenda.due(at(9), 9) == [nodes[2].id, nodes[1].id, nodes[0].id]
        assert agenda.due(at(9), 2) == [nodes[2].id, nodes[1].id]
        assert agenda.next_due(at(9)) == at(99)


class TestClaims:
    def test_one_manager_claims_a_node_and_the_others_see_it_not_due(
        self, store: Store, agenda: Agenda
    ) -> None:
        node, other = a_node(store), a_node(store, 'n2')
        write(store, a_lease(node), a_lease(other, 'm'))

        assert agenda.claim(node.id, 'mine', NOW, at(1))
        assert not agenda.claim(node.id, 'yours', NOW, at(1))
        assert not agenda.claim(node.id, 'mine', NOW, at(2))
        assert agenda.due(NOW, 9) == [other.id]

        seen = a_node(store)
        assert (seen.claim, seen.claimed_until) == ('mine', at(1))
        assert a_node(store, 'n2') == other

    def test_a_claim_runs_out_at_its_instant(self, store: Store, agenda: Agenda) -> None:
        node = a_node(store)
        write(store, a_lease(node))
        agenda.claim(node.id, 'mine', NOW, at(1))

        assert agenda.due(at(1) - INSTANT, 9) == []
        assert not agenda.claim(node.id, 'yours', at(1) - INSTANT, at(2))
        assert agenda.due(at(1), 9) == [node.id]
        assert agenda.claim(node.id, 'yours', at(1), at(2))
        assert a_node(store).claim == 'yours'

    def test_a_claim_is_given_back_by_who_has_it(self, store: Store, agenda: Agenda) -> None:
        node, other = a_node(store), a_node(store, 'n2')
        write(store, a_lease(node))
        agenda.claim(node.id, 'mine', NOW, at(1))
        agenda.claim(other.id, 'mine', NOW, at(1))

        agenda.release(node.id, 'yours')
        assert agenda.due(NOW, 9) == []
        agenda.release(node.id, 'mine')
        assert agenda.due(NOW, 9) == [node.id]
        assert a_node(store) == node
        assert a_node(store, 'n2').claim == 'mine'
        agenda.release(node.id, 'mine')  # once more does no harm

    def test_a_node_that_is_not_there_cannot_be_claimed(self, agenda: Agenda) -> None:
        assert not agenda.claim(2**31 - 1, 'mine', NOW, at(1))

    def test_what_was_found_out_under_a_claim_is_written_under_it(
        self, store: Store, agenda: Agenda
    ) -> None:
        node = a_node(store)
        agenda.claim(node.id, 'mine', NOW, at(1))
        with agenda.booking(node.id, NOW, 'mine') as book:
            assert book.node.claim == 'mine'
            book.put(created(a_lease(node)))
        assert len(store.leases(ALL, Query())) == 1
        assert a_node(store).claim == 'mine'

    @pytest.mark.parametrize('lost', ['never had', 'given back', 'taken over'])
    def test_nothing_is_written_under_a_claim_that_is_not_ours(
        self, store: Store, agenda: Agenda, lost: str
    ) -> None:
        node = a_node(store)
        if lost != 'never had':
            agenda.claim(node.id, 'mine', NOW, at(1))
        if lost == 'given back':
            agenda.release(node.id, 'mine')
        if lost == 'taken over':
            assert agenda.claim(node.id, 'yours', at(1), at(2))

        with pytest.raises(StaleClaimError), agenda.booking(node.id, at(1), 'mine') as book:
            book.put(created(a_lease(node)))

        assert store.leases(ALL, Query()) == []

    def test_who_books_needs_no_claim_and_does_not_take_one_away(
        self, store: Store, agenda: Agenda
    ) -> None:
        node = a_node(store)
        agenda.claim(node.id, 'mine', NOW, at(1))
        write(store, a_lease(node))
        with store.booking(node.id, NOW) as book:
            book.put((Turn(replace(book.node, reason='told', claim=None)),))
        seen = a_node(store)
        assert (seen.claim, seen.claimed_until, seen.reason) == ('mine', at(1), 'told')

    def test_of_many_who_claim_at_once_one_wins(self, store: Store, agenda: Agenda) -> None:
        nodes = [a_node(store, f'n{n}').id for n in range(10)]
        start = threading.Barrier(8, timeout=PATIENCE)

        def claims(manager: int) -> list[int]:
            start.wait()
            return [each for each in nodes if agenda.claim(each, f'm{manager}', NOW, at(1))]

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(claims, range(8)))
        assert sorted(each for mine in won for each in mine) == nodes


class TestBacklog:
    def test_of_nothing(self, agenda: Agenda) -> None:
        assert agenda.backlog(NOW) == Backlog(0, 0, None)

    @pytest.mark.parametrize(
        ('values', 'now', 'expected'),
        [
            ({}, 1, (0, 0, None)),
            ({}, 2, (1, 1, 2)),
            ({}, 4, (1, 1, 2)),
            ({'status': Status.WAIT_FULFILL, 'retry_at': at(4)}, 3, (0, 1, 2)),
            ({'status': Status.WAIT_FULFILL, 'retry_at': at(4)}, 4, (1, 1, 2)),
            ({'status': Status.ACTIVE}, 4, (0, 0, None)),
            ({'status': Status.ACTIVE}, 6, (1, 1, 5)),
            ({'status': Status.WAIT_EXPIRE, 'retry_at': at(9)}, 7, (0, 1, 5)),
            ({'status': Status.ERROR}, 4, (0, 0, None)),
            ({'status': Status.ERROR}, 5, (1, 1, 5)),
            ({'status': Status.WAIT_CANCEL, 'retry_at': at(3)}, 2.5, (0, 1, None)),
            ({'status': Status.EXPIRED}, 7, (0, 0, None)),
        ],
    )
    def test_of_a_lease_from_hour_2_to_5(
        self,
        store: Store,
        agenda: Agenda,
        values: dict[str, object],
        now: float,
        expected: tuple[int, int, float | None],
    ) -> None:
        write(store, a_lease(a_node(store), start=2, end=5, **values))
        write(store, an_offer(a_node(store, 'n2'), start=0, end=1))  # no lease is late in it
        due, late, since = expected
        found = agenda.backlog(at(now))
        assert found == Backlog(due, late, None if since is None else at(since))

    def test_of_several_the_earliest_counts(self, store: Store, agenda: Agenda) -> None:
        for number, start in enumerate((4, 2, 3, 50)):
            write(store, a_lease(a_node(store, f'n{number}'), f'l{number}', start, 60))
        assert agenda.backlog(at(9)) == Backlog(3, 3, at(2))

    def test_what_the_bus_has_not_taken_is_counted(self, database: Database) -> None:
        store, agenda = Store(database, Priority.INFO), Agenda(database)
        outbox = Outbox(database)
        write(store, an_offer(a_node(store)), a_lease(a_node(store, 'n2')))
        waiting = outbox.outgoing(100)
        assert agenda.backlog(NOW).outgoing == len(waiting) == 3  # the lease has a contract
        for each in waiting[:2]:
            outbox.sent(each.id)
        assert agenda.backlog(NOW).outgoing == 1
