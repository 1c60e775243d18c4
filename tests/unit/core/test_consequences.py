"""What follows from a change: contracts that turn, recalls that are over, and events."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from esi_leap.core import contract as contracts
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import (
    Agree,
    Change,
    Note,
    Put,
    Tell,
    Turn,
    bookings_of,
    contracts_of,
    node_of,
    put,
)
from esi_leap.core.consequences import Agreement, complete
from esi_leap.core.contract import Contract
from esi_leap.core.event import Event
from esi_leap.core.gate import Answer, Direction, Trial
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import USABLE, Node, State
from esi_leap.core.offer import Status as OfferStatus
from esi_leap.core.recall import Item, ItemStatus, Recall
from esi_leap.core.tree import Booking, BookingTree

from .given import OWNER, STRANGER, TENANT, a_lease, a_node, an_offer, at, window

NOW = at(12)
BUSY = Reason(Cause.NODE_BUSY, 'it is locked')
LEASE = a_lease()
ACTIVE = a_lease(status=Status.ACTIVE)
RECALL = Recall(uuid='r', owner_id=OWNER, reason='a drill', deadline=at(15), created_at=at(11))
PENDING = Item(recall='r', node_id=1, status=ItemStatus.PENDING, lease='a', due=at(15))
RETURNED = replace(PENDING, status=ItemStatus.RETURNED, returned_at=NOW)
CLEANING = a_node(state=State.CLEANING, lease='a')


@dataclass
class Stored:
    """What a book has read, without a database."""

    node: Node = field(default_factory=a_node)
    bookings: Sequence[Booking] = ()
    contracts: Sequence[Agreement] = ()
    pending: Sequence[tuple[Recall, Item]] = ()
    now: datetime = NOW
    asked: list[str] = field(default_factory=list)

    def known(self, uuid: str) -> Booking | None:
        return next((each for each in self.bookings if each.uuid == uuid), None)

    def agreements(self, changed: Sequence[Lease]) -> Sequence[Agreement]:
        self.asked.append('agreements')
        wanted = {each.contract for each in changed}
        return [each for each in self.contracts if each.contract.uuid in wanted]

    def recalls(self) -> Sequence[tuple[Recall, Item]]:
        self.asked.append('recalls')
        return self.pending

    def tree(self) -> BookingTree:
        return BookingTree(self.bookings)


def a_contract(of: Lease, span: Interval | None = None, owner: str = OWNER) -> Contract:
    return Contract(
        uuid=of.contract, name=None, owner_id=owner, lessee_id=TENANT, window=span or of.window
    )


def under(*leases: Lease) -> Agreement:
    """One contract with these leases, of which it has the window."""
    windows = [each.window for each in leases]
    span = Interval(min(each.start for each in windows), max(each.end for each in windows))
    lines = {each.uuid: (each.status, each.window) for each in leases}
    return Agreement(a_contract(leases[0], span), lines)


def events(change: Change) -> list[str]:
    told = [each.event.type for each in change if isinstance(each, Tell)]
    return [each.removeprefix('esi_leap.') for each in told]


def notes(change: Change) -> list[Item]:
    return [each.item for each in change if isinstance(each, Note)]


class TestEvents:
    def test_a_new_lease_and_its_contract(self) -> None:
        made = (Agree(a_contract(LEASE)), *put(LEASE))
        change = complete(made, Stored())
        assert change[:2] == made
        assert events(change) == ['lease.create.end', 'contract.create.end']
        assert [each.event.status for each in change if isinstance(each, Tell)] == [
            None,
            contracts.Status.CREATED,
        ]

    def test_events_come_after_all_that_is_written(self) -> None:
        told = Tell(Event('esi_leap.lease.override', ACTIVE))
        over = ACTIVE.cancelling(NOW)
        change = complete((told, *put(over)), Stored(bookings=[ACTIVE], contracts=[under(ACTIVE)]))
        assert [type(each) for each in change] == [Put, Tell, Tell, Tell]
        assert events(change) == ['lease.delete.start', 'contract.delete.start', 'lease.override']

    def test_those_of_the_node_come_first_and_those_of_nobodys_row_last(self) -> None:
        trial = Trial(direction=Direction.HAND_OVER, begun_at=at(11), answer=Answer.REJECT)
        gating = a_node(state=State.GATING, lease='a', trial=trial)
        rejected = gating.rejected(Reason(Cause.GATE_REJECTED, 'PCR 0 differs.'), trial, NOW)
        failed = LEASE.failed(Reason(Cause.GATE_REJECTED, 'PCR 0 differs.'))
        scene = Stored(gating, [LEASE], [under(LEASE)])
        told = Tell(Event('esi_leap.lease.drift', failed))
        change = complete((told, Put(failed), Turn(rejected)), scene)
        assert events(change) == [
            'node.gate.error',
            'lease.fulfill.error',
            'contract.fulfill.error',
            'lease.drift',
        ]
        assert change[:2] == (Put(failed), Turn(rejected))

    def test_a_hand_over_that_begins(self) -> None:
        scene = Stored(bookings=[LEASE])
        prepared = a_node().prepared(LEASE, [], {})
        assert events(complete((Turn(prepared),), scene)) == ['lease.fulfill.start']
        going_on = Turn(replace(prepared, attempts=1))
        assert events(complete((going_on,), Stored(prepared, [LEASE]))) == []

    def test_a_lease_that_gets_its_node_back_is_no_hand_over(self) -> None:
        back = CLEANING.freed([ACTIVE], NOW)
        scene = Stored(replace(CLEANING, lease='in'), [ACTIVE])
        assert events(complete((Turn(back),), scene)) == []

    def test_each_step_of_a_booking_that_is_written_twice(self) -> None:
        waits = LEASE.postponed(BUSY, at(13))
        scene = Stored(bookings=[LEASE], contracts=[under(LEASE)])
        change = complete(put(waits, waits.activated(NOW)), scene)
        assert events(change)[:2] == ['lease.fulfill.error', 'lease.fulfill.end']

    def test_nothing_follows_from_nothing(self) -> None:
        scene = Stored()
        assert complete((), scene) == ()
        assert scene.asked == []


class TestContracts:
    def test_a_contract_turns_with_its_only_lease(self) -> None:
        started = LEASE.activated(NOW)
        scene = Stored(bookings=[LEASE], contracts=[under(LEASE)])
        change = complete(put(started), scene)
        assert events(change) == ['lease.fulfill.end', 'contract.fulfill.end']
        assert contracts_of(change) == ()  # its row does not hold its status

    def test_one_of_two_leases_turns_it_only_if_it_weighs_more(self) -> None:
        other = replace(a_lease('b', 10, 30), contract=LEASE.contract, node_id=2)
        both = under(replace(LEASE, status=Status.ACTIVE), other)
        scene = Stored(bookings=[ACTIVE], contracts=[both])
        ended = replace(ACTIVE, status=Status.EXPIRED, expire_time=NOW)
        assert events(complete(put(ended), scene))[0] == 'lease.delete.end'
        alone = complete(put(ended), Stored(bookings=[ACTIVE], contracts=[under(ACTIVE)]))
        assert events(alone) == ['lease.delete.end', 'contract.delete.end']
        still = complete(put(ended), scene)
        assert 'contract.delete.end' not in events(still)

    @pytest.mark.parametrize(('end', 'span'), [(15, (10, 20)), (25, (10, 25))])
    def test_its_window_is_that_of_all_its_leases(
        self, end: float, span: tuple[float, float]
    ) -> None:
        other = replace(a_lease('b', 10, 20), contract=ACTIVE.contract, status=Status.ACTIVE)
        changed = replace(ACTIVE, window=window(10, end))
        scene = Stored(bookings=[ACTIVE], contracts=[under(ACTIVE, other)])
        change = complete(put(changed), scene)
        wider = span != (10, 20)
        assert [each.window for each in contracts_of(change)] == [window(*span)] * wider
        assert events(change) == ['lease.update.end', *['contract.update.end'] * wider]

    def test_it_belongs_to_the_owner_of_its_leases(self) -> None:
        """As the first look at an inherited node may find."""
        changed = replace(ACTIVE, owner_id='heir')
        scene = Stored(bookings=[ACTIVE], contracts=[under(ACTIVE)])
        change = complete(put(changed), scene)
        assert [each.owner_id for each in contracts_of(change)] == ['heir']
        assert 'contract.update.end' in events(change)

    def test_a_status_says_all_of_a_window_too(self) -> None:
        over = replace(ACTIVE.cancelling(NOW), window=window(10, 13))
        change = complete(put(over), Stored(bookings=[ACTIVE], contracts=[under(ACTIVE)]))
        assert [each.window for each in contracts_of(change)] == [window(10, 13)]
        assert events(change) == ['lease.update.end', 'lease.delete.start', 'contract.delete.start']

    @pytest.mark.parametrize(
        'after',
        [
            replace(ACTIVE, reason=BUSY),
            replace(ACTIVE, name='mine'),
            replace(ACTIVE, retry_at=NOW),
            replace(ACTIVE, parent='o'),
        ],
    )
    def test_nothing_else_of_a_lease_asks_for_it(self, after: Lease) -> None:
        """To read it means to lock it: that is done only where it may change."""
        scene = Stored(bookings=[ACTIVE], contracts=[under(ACTIVE)])
        complete(put(after), scene)
        assert 'agreements' not in scene.asked

    def test_several_leases_of_one_contract_turn_it_once(self) -> None:
        other = replace(a_lease('b', 10, 20), contract=ACTIVE.contract, status=Status.ACTIVE)
        scene = Stored(bookings=[ACTIVE, other], contracts=[under(ACTIVE, other)])
        change = complete(put(ACTIVE.cancelling(NOW), other.cancelling(NOW)), scene)
        assert events(change).count('contract.delete.start') == 1


class TestRecalls:
    def test_one_is_over_when_the_node_is_back(self) -> None:
        scene = Stored(CLEANING, pending=[(RECALL, PENDING)])
        change = complete((Turn(CLEANING.freed((), NOW)),), scene)
        assert notes(change) == [RETURNED]

    @pytest.mark.parametrize('state', sorted(set(State) - USABLE))
    def test_it_is_not_asked_for_while_the_owner_cannot_use_the_node(self, state: State) -> None:
        scene = Stored(CLEANING, pending=[(RECALL, PENDING)])
        complete((Turn(replace(CLEANING, state=state)),), scene)
        assert 'recalls' not in scene.asked

    def test_one_is_over_when_the_last_lease_before_it_is_cancelled(self) -> None:
        waits = a_lease(start=13, end=14)
        scene = Stored(a_node(), [waits], [under(waits)], [(RECALL, PENDING)])
        assert notes(complete(put(replace(waits, name='mine')), scene)) == []
        change = complete(put(waits.to(Status.DELETED, expire_time=NOW)), scene)
        assert notes(change) == [RETURNED]

    def test_one_of_a_free_node_is_over_as_soon_as_it_is_made(self) -> None:
        """Its note alone is enough, and it is not stored yet."""
        change = complete((Note(RECALL, PENDING),), Stored())
        assert notes(change) == [PENDING, RETURNED]

    def test_a_note_is_newer_than_what_is_stored(self) -> None:
        refused = replace(PENDING, status=ItemStatus.REFUSED)
        scene = Stored(pending=[(RECALL, PENDING)])
        assert notes(complete((Note(RECALL, refused),), scene)) == [refused]

    def test_one_is_not_over_while_another_project_has_the_node(self) -> None:
        given = replace(CLEANING, state=State.HANDED_OVER)
        for lessee, back in ((OWNER, True), (TENANT, False), (STRANGER, False)):
            has = replace(ACTIVE, lessee_id=lessee)
            scene = Stored(CLEANING, [has], pending=[(RECALL, PENDING)])
            assert bool(notes(complete((Turn(given),), scene))) is back

    def test_until_it_is_due_the_owner_does_not_offer_the_node(self) -> None:
        offers = [an_offer('o', 10, 15), an_offer('later', 15, 20)]
        mine = a_lease('m', 12, 13, lessee_id=OWNER, parent='o')
        scene = Stored(CLEANING, [*offers, mine], pending=[(RECALL, PENDING)])
        change = complete((Turn(CLEANING.freed((), NOW)),), scene)
        changed = {each.uuid: each for each in bookings_of(change)}
        assert changed.keys() == {'o', 'm'}
        assert changed['o'].status is OfferStatus.DELETED
        assert changed['m'] == replace(mine, parent=None)
        assert events(change) == ['offer.delete.end']

    def test_what_is_withdrawn_once_is_not_withdrawn_by_the_next(self) -> None:
        second = replace(RECALL, uuid='s', deadline=at(16))
        both = [(RECALL, PENDING), (second, replace(PENDING, recall='s', due=at(16)))]
        scene = Stored(CLEANING, [an_offer('o', 10, 15), an_offer('p', 15, 16)], pending=both)
        change = complete((Turn(CLEANING.freed((), NOW)),), scene)
        assert [each.uuid for each in bookings_of(change)] == ['o', 'p']
        assert [each.recall for each in notes(change)] == ['r', 's']

    def test_the_node_is_looked_at_as_it_is_after_the_change(self) -> None:
        scene = Stored(a_node(), pending=[(RECALL, PENDING)])
        change = complete((Turn(a_node().prepared(LEASE, [], {})),), scene)
        assert notes(change) == []
        assert node_of(change) is not None
