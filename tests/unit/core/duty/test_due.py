"""The next task of the manager for one node."""

import itertools
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core import lease, offer
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.duty.due import (
    Blocked,
    Check,
    Confine,
    End,
    Expire,
    FailLease,
    GiveBack,
    HandOver,
    LookAfter,
    Prepare,
    ResumeOffer,
    Search,
    SuspendOffer,
    Take,
    Task,
    heirs,
    plan,
)
from esi_leap.core.gate import Direction, Trial
from esi_leap.core.node import Node, State
from esi_leap.core.tree import Booking, BookingTree
from tests.unit.core.given import TENANT, a_lease, a_node, an_offer, at

ACTIVE = a_lease(status=lease.Status.ACTIVE)
STARTS = Prepare | HandOver | Blocked | FailLease
ENDS = Take | End

BUSY = Reason(Cause.NODE_BUSY, 'it is locked')
FAN = Reason(Cause.NODE_MAINTENANCE, 'a fan')
REJECTED = Reason(Cause.GATE_REJECTED, 'PCR 0 differs.')


def planned(node: Node, now: datetime, *bookings: Booking) -> Task | None:
    return plan(node, BookingTree(bookings), now)


def blocked(waits: lease.Lease, said: str) -> Blocked:
    return Blocked(waits, Reason(Cause.NODE_OCCUPIED, said))


@st.composite
def booking_lists(draw: st.DrawFn) -> list[Booking]:
    """Leases one after the other, and in each other, of any status, and offers of any end."""
    edges = sorted(draw(st.sets(st.integers(0, 24), min_size=2, max_size=6)))
    leases: list[Booking] = []
    for number, (first, last) in enumerate(itertools.pairwise(edges)):
        uuid, above, start, end = f'l{number}', None, first, last
        for _ in range(draw(st.integers(1, 3))):
            leases.append(_any_lease(draw, uuid, start, end, above))
            uuid, above = f'{uuid}{number}', uuid
            start = draw(st.integers(start, end - 1))
            end = draw(st.integers(start + 1, end))
    end = draw(st.integers(1, 24))
    sublet = draw(st.sampled_from(leases))
    inside = an_offer('s', parent=sublet.uuid, parent_lease=sublet.uuid)
    inside = replace(inside, window=sublet.window)
    return [*leases, an_offer('o', 0, end, parent='elsewhere'), inside]


def _any_lease(draw: st.DrawFn, uuid: str, start: int, end: int, above: str | None) -> lease.Lease:
    status = draw(st.sampled_from(sorted(lease.BLOCKING)))
    retry = draw(st.none() | st.integers(start, 26))
    if status is lease.Status.WAIT_EXPIRE and retry is not None:
        retry = max(retry, end)  # it waits only after its end
    moment = None if retry is None else at(retry)
    return a_lease(
        uuid, start, end, status=status, retry_at=moment, parent=above, parent_lease=above
    )


nodes = st.builds(
    lambda state, lease_, retry, direction: a_node(
        state=state,
        trial=Trial(direction=direction, begun_at=at(0)),
        lease=None if state is State.AVAILABLE else lease_,
        retry_at=None if retry is None else at(retry),
    ),
    st.sampled_from(State),
    st.sampled_from(['l0', 'l00', 'l1', 'l11', 'l2', 'gone']),
    st.none() | st.integers(0, 24),
    st.sampled_from(Direction),
)
hours = st.integers(0, 26).map(at)


@given(nodes, booking_lists(), hours)
def test_a_task_is_about_something_that_is_due(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    match planned(node, now, *bookings):
        case HandOver(each) if each.status is lease.Status.ACTIVE:  # back from a sub-lease
            assert node.retry_at is not None
            assert node.retry_at <= now
        case (
            Take(each)
            | End(each)
            | Prepare(each)
            | HandOver(each)
            | Blocked(each)
            | FailLease(each)
        ):
            assert each in bookings
            assert each.due_at is not None
            assert each.due_at <= now
        case Expire(each):
            assert each in bookings
            lender = BookingTree(bookings).get(each.parent_lease)
            assert each.window.end <= now or (isinstance(lender, lease.Lease) and lender.ends(now))
        case GiveBack() | Check() | Search() | Confine() | LookAfter():
            assert node.retry_at is not None
            assert node.retry_at <= now
        case nothing:
            assert nothing is None


@given(nodes, booking_lists(), hours)
def test_whatever_is_due_is_done_or_waited_for(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    """Else the manager would be called again and again for nothing."""
    due = [each for each in bookings if each.due_at and each.due_at <= now]
    if due:
        assert planned(node, now, *bookings) is not None


@given(nodes, booking_lists(), hours)
def test_nothing_is_planned_before_something_is_due(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    calm = replace(node, retry_at=None)
    if all(each.due_at and each.due_at > now for each in bookings):
        assert planned(calm, now, *bookings) is None


@given(nodes, booking_lists(), hours)
def test_ends_come_before_starts(node: Node, bookings: list[Booking], now: datetime) -> None:
    task = planned(node, now, *bookings)
    over = [
        each
        for each in bookings
        if isinstance(each, lease.Lease)
        and each.ends(now)
        and each.due_at is not None
        and each.due_at <= now
    ]
    depth = {each.uuid: len(BookingTree(bookings).lenders(each)) for each in bookings}
    if not over:
        assert not isinstance(task, ENDS)
        return
    first = min(over, key=lambda each: (-depth[each.uuid], each.window))
    if any(isinstance(each, offer.Offer) and each.parent_lease == first.uuid for each in bookings):
        assert isinstance(task, Expire)
    elif any(each.parent_lease == first.uuid for each in bookings):
        assert isinstance(task, Blocked)
        assert task.lease == first
    else:
        assert isinstance(task, ENDS)
        assert task.lease == first


@given(nodes, booking_lists(), hours)
def test_only_a_lease_that_has_the_node_is_torn_down(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = planned(node, now, *bookings)
    if isinstance(task, ENDS):
        given = node.trial is not None and node.trial.direction is Direction.HAND_OVER
        with_it = {'preparing', 'handed over', *(['gating'] if given else [])}
        has = node.lease == task.lease.uuid and node.state in with_it
        assert isinstance(task, Take) is has


@given(nodes, booking_lists(), hours)
def test_only_an_available_node_is_prepared(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = planned(node, now, *bookings)
    if isinstance(task, Prepare):
        assert node.state == ('handed over' if task.lease.parent_lease else 'available')
        assert node.lease == task.lease.parent_lease
    if isinstance(task, HandOver):
        assert node.is_coming
        assert node.lease == task.lease.uuid
    if isinstance(task, Blocked):
        assert task.lease.parent_lease or task.lease.ends(now) or node.state != 'available'
        assert str(task.reason).endswith('.')
    if isinstance(task, HandOver) and task.lease.status == 'active':
        assert not task.lease.ends(now)  # it gets the node back
    elif isinstance(task, STARTS) and not task.lease.ends(now):
        assert task.lease.window.holds(now)
        assert task.lease.status in {'created', 'wait fulfill'}


@given(nodes, booking_lists(), hours)
def test_a_node_on_its_way_back_goes_on_before_anybody_starts(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = planned(replace(node, state=State.CLEANING, retry_at=now), now, *bookings)
    assert isinstance(task, GiveBack | Take | End | Expire | Blocked)
    assert not isinstance(task, Blocked) or task.lease.ends(now)
    if isinstance(task, GiveBack):
        assert task.heirs == heirs(BookingTree(bookings), now)


@given(nodes, booking_lists(), hours, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    node: Node,
    bookings: list[Booking],
    now: datetime,
    chance,
) -> None:
    mixed = bookings.copy()
    chance.shuffle(mixed)
    one, other = planned(node, now, *bookings), planned(node, now, *mixed)
    if isinstance(one, Expire) and isinstance(other, Expire):  # of several alike, any comes first
        past = {each.offer.window.end <= now for each in (one, other)}
        assert past == {True} or one.offer.parent_lease == other.offer.parent_lease
    else:
        assert one == other


@pytest.mark.parametrize(
    ('state', 'holder', 'task'),
    [
        ('available', None, Prepare(a_lease())),
        ('preparing', 'a', HandOver(a_lease())),
        ('preparing', 'b', blocked(a_lease(), 'The node is being prepared for another lease.')),
        ('handed over', 'b', blocked(a_lease(), 'The node is still with another lease.')),
        (
            'returning',
            'b',
            blocked(a_lease(), 'The node is being returned by its last lessee.'),
        ),
        ('returning', 'a', blocked(a_lease(), 'The node is being returned by its last lessee.')),
        ('cleaning', 'b', blocked(a_lease(), 'The node is being cleaned.')),
        (
            'lost',
            'b',
            blocked(a_lease(), 'The node was taken out of the hands of this service.'),
        ),
    ],
)
def test_a_lease_that_should_start(state: str, holder: str | None, task: object) -> None:
    node = a_node(state=State(state), lease=holder)
    assert planned(node, at(9), a_lease()) is None
    assert planned(node, at(10), a_lease()) == task


def test_what_blocks_says_what_the_node_waits_for() -> None:
    node = a_node(state=State.CLEANING, lease='b', reason=FAN)
    task = planned(node, at(10), a_lease())
    assert task == blocked(
        a_lease(), 'The node is being cleaned: The node is in maintenance: a fan.'
    )


@pytest.mark.parametrize(
    ('state', 'task'),
    [
        ('available', LookAfter()),
        ('preparing', HandOver(ACTIVE)),
        ('handed over', Check(ACTIVE)),
        ('returning', GiveBack((ACTIVE,))),
        ('cleaning', GiveBack((ACTIVE,))),
        ('lost', Search()),
    ],
)
def test_a_node_that_is_looked_at_again(state: str, task: object) -> None:
    node = a_node(state=State(state), lease='a', retry_at=at(12))
    active = [ACTIVE]
    assert planned(node, at(11), *active) is None
    assert planned(node, at(12), *active) == task
    assert planned(replace(node, retry_at=None), at(12), *active) is None


def test_a_node_that_is_being_taken_back_is_not_looked_at() -> None:
    node = a_node(state=State.HANDED_OVER, lease='a', retry_at=at(12))
    late = a_lease(status=lease.Status.ACTIVE).detained(BUSY, at(22))
    assert planned(node, at(21), late) is None
    assert planned(node, at(22), late) == Take(late)


def test_an_offer_ends_with_its_window() -> None:
    for status in offer.BLOCKING:
        past = an_offer(status=status, end=10)
        assert planned(a_node(), at(9), past) is None
        assert planned(a_node(), at(10), past) == Expire(past)


def test_a_cancelled_lease_is_taken_before_its_end() -> None:
    node = a_node(state=State.HANDED_OVER, lease='a')
    cancelled = a_lease(status=lease.Status.ACTIVE).cancelling(at(12))
    assert planned(node, at(12), cancelled) == Take(cancelled)
    waits = cancelled.detained(BUSY, at(13))
    assert planned(node, at(12), waits) is None
    assert planned(node, at(13), waits) == Take(waits)


def test_a_failed_lease_keeps_the_node_until_its_end() -> None:
    node = a_node(state=State.HANDED_OVER, lease='a')
    failed = a_lease(status=lease.Status.ERROR)
    assert planned(node, at(19), failed) is None
    assert planned(node, at(20), failed) == Take(failed)


def test_back_to_back() -> None:
    first = a_lease('a', 10, 20, status=lease.Status.ACTIVE)
    second = a_lease('b', 20, 30)
    both = [second, first]
    node = a_node(state=State.HANDED_OVER, lease='a')
    assert planned(node, at(19), *both) is None
    assert planned(node, at(20), *both) == Take(first)

    waits = first.detained(BUSY, at(20.5))
    held = planned(node, at(20), waits, second)
    assert held == blocked(second, 'The node is still with another lease.')
    late = second.postponed(held.reason, at(20.5))
    assert planned(node, at(20.5), waits, late) == Take(waits)

    node = node.to(State.RETURNING, retry_at=at(20.5))
    assert planned(node, at(20.5), late) == GiveBack()
    node = node.to(State.CLEANING, retry_at=at(21))
    assert isinstance(planned(node, at(20.5), late), Blocked)
    assert planned(node, at(21), late) == GiveBack()
    assert planned(node.freed((), at(21)), at(21), late) == Prepare(late)


# Sub-leases: 'in' lies in 'out'

OUT = a_lease('out', 10, 30, status=lease.Status.ACTIVE, lessee_id=TENANT)
IN = a_lease('in', 15, 20, parent='out', parent_lease='out', owner_id=TENANT)
WITH_OUT = a_node(state=State.HANDED_OVER, lease='out')
WITH_IN = a_node(state=State.HANDED_OVER, lease='in')
RUNNING = replace(IN, status=lease.Status.ACTIVE)


def test_a_sub_lease_starts_when_its_lender_has_the_node() -> None:
    assert planned(WITH_OUT, at(14), IN, OUT) is None
    assert planned(WITH_OUT, at(15), IN, OUT) == Prepare(IN)
    assert planned(WITH_OUT.prepared(IN, [OUT], {}), at(15), IN, OUT) == HandOver(IN)
    for elsewhere in (a_node(), replace(WITH_OUT, lease='other')):
        assert isinstance(planned(elsewhere, at(15), IN, OUT), Blocked)


def test_of_two_that_start_together_the_outer_one_comes_first() -> None:
    both = [a_lease('in', 10, 12, parent='out', parent_lease='out'), a_lease('out', 10, 12)]
    assert planned(a_node(), at(10), *both) == Prepare(both[1])


def test_of_two_that_end_together_the_inner_one_comes_first() -> None:
    end = replace(RUNNING, window=OUT.window)
    for both in ([end, OUT], [OUT, end]):
        assert planned(WITH_IN, at(30), *both) == Take(end)
    late = end.detained(BUSY, at(31))
    blocked = planned(WITH_IN, at(30), OUT, late)
    assert blocked == Blocked(OUT, Reason(Cause.SUBLEASE_OPEN, 'in'))
    waits = OUT.detained(blocked.reason, at(31))
    assert planned(WITH_IN, at(31), waits, late) == Take(late)
    back = WITH_IN.to(State.RETURNING, retry_at=at(31))
    assert planned(back, at(31), waits) == End(waits)
    assert planned(back, at(31)) == GiveBack()


def test_what_is_offered_in_a_lease_ends_before_it() -> None:
    inside = an_offer('o', 15, 30, parent='out', parent_lease='out')
    assert planned(WITH_OUT, at(30), OUT, inside) == Expire(inside)
    assert planned(WITH_OUT, at(30), OUT) == Take(OUT)


def test_a_node_comes_back_to_the_innermost_lease_that_runs() -> None:
    back = a_node(state=State.CLEANING, lease='in', retry_at=at(20))
    assert planned(back, at(20), OUT) == GiveBack((OUT,))
    deeper = replace(RUNNING, window=OUT.window)
    assert planned(back, at(20), deeper, OUT) == GiveBack((deeper, OUT))
    for ending in (OUT.cancelling(at(20.5)), OUT.detained(BUSY, at(20.5))):
        assert planned(back, at(20), ending) == GiveBack()
    for other in ('created', 'wait fulfill', 'error'):
        assert planned(back, at(20), a_lease('x', 21, 30, status=lease.Status(other))) == GiveBack()


def test_a_lease_that_gets_its_node_back_is_handed_over_once_more() -> None:
    again = a_node(state=State.PREPARING, lease='out', retry_at=at(20))
    assert planned(again, at(19), OUT) is None
    assert planned(again, at(20), OUT) == HandOver(OUT)
    assert planned(again, at(30), OUT) == Take(OUT)


def test_drift_is_not_looked_for_on_a_lease_whose_node_is_sub_let() -> None:
    node = replace(WITH_IN, retry_at=at(16))
    assert planned(node, at(16), OUT, RUNNING) == Check(RUNNING)


def test_a_rejected_node_is_confined_and_no_lease_of_it_begins() -> None:
    node = a_node(state=State.REJECTED, lease='z', reason=REJECTED)
    assert planned(replace(node, retry_at=at(12)), at(12)) == Confine()
    assert planned(node, at(12)) is None
    waits = a_lease()
    assert planned(node, at(12), waits) == FailLease(waits, REJECTED)
    assert planned(node, at(9), waits) is None
    assert planned(node, at(20), ACTIVE) == End(ACTIVE)


@pytest.mark.parametrize('direction', Direction)
def test_a_node_at_the_gate_goes_on_where_it_was_going(direction: Direction) -> None:
    trial = Trial(direction=direction, begun_at=at(9))
    node = a_node(state=State.GATING, lease='a', trial=trial, retry_at=at(12))
    waits = a_lease('a', 12, 20)
    to_lessee = direction is Direction.HAND_OVER
    assert planned(node, at(12), waits) == (HandOver(waits) if to_lessee else GiveBack())
    again = a_lease('a', status=lease.Status.ACTIVE)
    assert planned(node, at(12), again) == (HandOver(again) if to_lessee else GiveBack((again,)))
    over = a_lease('a', 10, 12, status=lease.Status.ACTIVE)
    assert planned(node, at(12), over) == (Take(over) if to_lessee else End(over))


def test_a_node_that_nobody_should_have_is_looked_at_when_it_was_seen_with_somebody() -> None:
    assert planned(a_node(retry_at=at(12)), at(12)) == LookAfter()
    assert planned(a_node(retry_at=at(13)), at(12)) is None
    assert planned(a_node(), at(12)) is None


def test_offers_change_with_the_owner_of_the_node_when_it_is_looked_at() -> None:
    node, mine = a_node(owner_id='heir', retry_at=at(12)), an_offer()
    assert planned(node, at(12), mine) == SuspendOffer(mine.for_owner('heir'))
    assert planned(node, at(12), mine.for_owner('heir')) == LookAfter()
    assert planned(replace(node, retry_at=None), at(12), mine) is None
    ours = mine.for_owner('heir')
    back = replace(node, owner_id=mine.owner_id)
    assert planned(back, at(12), ours) == ResumeOffer(mine)
    assert planned(back, at(12), mine) == LookAfter()


def test_a_lease_that_ends_now_is_no_heir() -> None:
    lender = a_lease('a', 10, 20, status=lease.Status.ACTIVE)
    assert heirs(BookingTree([lender]), at(15)) == (lender,)
    assert heirs(BookingTree([lender]), at(20)) == ()


def test_a_postponed_start_waits_for_its_next_try() -> None:
    waiting = a_lease('a', 10, 20, status=lease.Status.WAIT_FULFILL, retry_at=at(13))
    assert plan(a_node(), BookingTree([waiting]), at(12)) is None
    assert plan(a_node(), BookingTree([waiting]), at(13)) == Prepare(waiting)
