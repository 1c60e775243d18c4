"""What the manager owes a node now."""

import itertools
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core import lease, offer
from esi_leap.core.duty.due import (
    Blocked,
    Check,
    Confine,
    End,
    Expire,
    Fail,
    GiveBack,
    HandOver,
    Judge,
    Look,
    Prepare,
    Search,
    Take,
    heirs,
    plan,
)
from esi_leap.core.gate import Direction, Trial
from esi_leap.core.node import Node, State
from esi_leap.core.tree import Booking, BookingTree

from .given import TENANT, a_lease, a_node, an_offer, at

ACTIVE = a_lease(status=lease.Status.ACTIVE)
STARTS = Prepare | HandOver | Blocked | Fail
ENDS = Take | End


@st.composite
def calendars(draw: st.DrawFn) -> list[Booking]:
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


@given(nodes, calendars(), hours)
def test_a_task_is_about_something_that_is_due(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    match plan(node, bookings, now):
        case HandOver(each) if each.status is lease.Status.ACTIVE:  # back from a sub-lease
            assert node.retry_at is not None
            assert node.retry_at <= now
        case Take(each) | End(each) | Prepare(each) | HandOver(each) | Blocked(each) | Fail(each):
            assert each in bookings
            assert each.due_at is not None
            assert each.due_at <= now
        case Expire(each):
            assert each in bookings
            lender = BookingTree(bookings).get(each.parent_lease)
            assert each.window.end <= now or (isinstance(lender, lease.Lease) and lender.ends(now))
        case GiveBack() | Check() | Search() | Confine() | Look():
            assert node.retry_at is not None
            assert node.retry_at <= now
        case nothing:
            assert nothing is None


@given(nodes, calendars(), hours)
def test_whatever_is_due_is_done_or_waited_for(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    """Else the manager would be called again and again for nothing."""
    due = [each for each in bookings if each.due_at and each.due_at <= now]
    if due:
        assert plan(node, bookings, now) is not None


@given(nodes, calendars(), hours)
def test_nothing_is_planned_before_something_is_due(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    calm = replace(node, retry_at=None)
    if all(each.due_at and each.due_at > now for each in bookings):
        assert plan(calm, bookings, now) is None


@given(nodes, calendars(), hours)
def test_ends_come_before_starts(node: Node, bookings: list[Booking], now: datetime) -> None:
    task = plan(node, bookings, now)
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


@given(nodes, calendars(), hours)
def test_only_a_lease_that_has_the_node_is_torn_down(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = plan(node, bookings, now)
    if isinstance(task, ENDS):
        given = node.trial is not None and node.trial.direction is Direction.HAND_OVER
        with_it = {'preparing', 'handed over', *(['gating'] if given else [])}
        has = node.lease == task.lease.uuid and node.state in with_it
        assert isinstance(task, Take) is has


@given(nodes, calendars(), hours)
def test_only_an_available_node_is_prepared(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = plan(node, bookings, now)
    if isinstance(task, Prepare):
        assert node.state == ('handed over' if task.lease.parent_lease else 'available')
        assert node.lease == task.lease.parent_lease
    if isinstance(task, HandOver):
        assert node.is_coming
        assert node.lease == task.lease.uuid
    if isinstance(task, Blocked):
        assert task.lease.parent_lease or task.lease.ends(now) or node.state != 'available'
        assert task.reason.endswith('.')
    if isinstance(task, HandOver) and task.lease.status == 'active':
        assert not task.lease.ends(now)  # it gets the node back
    elif isinstance(task, STARTS) and not task.lease.ends(now):
        assert task.lease.window.holds(now)
        assert task.lease.status in {'created', 'wait fulfill'}


@given(nodes, calendars(), hours)
def test_a_node_on_its_way_back_goes_on_before_anybody_starts(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = plan(replace(node, state=State.CLEANING, retry_at=now), bookings, now)
    assert isinstance(task, GiveBack | Take | End | Expire | Blocked)
    assert not isinstance(task, Blocked) or task.lease.ends(now)
    if isinstance(task, GiveBack):
        assert task.heirs == heirs(BookingTree(bookings), now)


@given(nodes, calendars(), hours, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    node: Node,
    bookings: list[Booking],
    now: datetime,
    chance,
) -> None:
    mixed = bookings.copy()
    chance.shuffle(mixed)
    assert plan(node, mixed, now) == plan(node, bookings, now)


@pytest.mark.parametrize(
    ('state', 'holder', 'task'),
    [
        ('available', None, Prepare(a_lease())),
        ('preparing', 'a', HandOver(a_lease())),
        ('preparing', 'b', Blocked(a_lease(), 'The node is being prepared for another lease.')),
        ('handed over', 'b', Blocked(a_lease(), 'The node is still with another lease.')),
        (
            'returning',
            'b',
            Blocked(a_lease(), 'The node is being returned by its last lessee.'),
        ),
        ('returning', 'a', Blocked(a_lease(), 'The node is being returned by its last lessee.')),
        ('cleaning', 'b', Blocked(a_lease(), 'The node is being cleaned.')),
        (
            'lost',
            'b',
            Blocked(a_lease(), 'The node was taken out of the hands of this service.'),
        ),
    ],
)
def test_a_lease_that_should_start(state: str, holder: str | None, task: object) -> None:
    node = a_node(state=State(state), lease=holder)
    assert plan(node, [a_lease()], at(9)) is None
    assert plan(node, [a_lease()], at(10)) == task


def test_what_blocks_says_what_the_node_waits_for() -> None:
    node = a_node(state=State.CLEANING, lease='b', reason='In maintenance: a fan.')
    blocked = plan(node, [a_lease()], at(10))
    assert blocked == Blocked(a_lease(), 'The node is being cleaned: In maintenance: a fan.')


@pytest.mark.parametrize(
    ('state', 'task'),
    [
        ('available', Look()),
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
    assert plan(node, active, at(11)) is None
    assert plan(node, active, at(12)) == task
    assert plan(replace(node, retry_at=None), active, at(12)) is None


def test_a_node_that_is_being_taken_back_is_not_looked_at() -> None:
    node = a_node(state=State.HANDED_OVER, lease='a', retry_at=at(12))
    late = a_lease(status=lease.Status.ACTIVE).detained('busy', at(22))
    assert plan(node, [late], at(21)) is None
    assert plan(node, [late], at(22)) == Take(late)


def test_an_offer_ends_with_its_window() -> None:
    for status in offer.BLOCKING:
        past = an_offer(status=status, end=10)
        assert plan(a_node(), [past], at(9)) is None
        assert plan(a_node(), [past], at(10)) == Expire(past)


def test_a_cancelled_lease_is_taken_before_its_end() -> None:
    node = a_node(state=State.HANDED_OVER, lease='a')
    cancelled = a_lease(status=lease.Status.ACTIVE).cancelling('asked for', at(12))
    assert plan(node, [cancelled], at(12)) == Take(cancelled)
    waits = cancelled.detained('busy', at(13))
    assert plan(node, [waits], at(12)) is None
    assert plan(node, [waits], at(13)) == Take(waits)


def test_a_failed_lease_keeps_the_node_until_its_end() -> None:
    node = a_node(state=State.HANDED_OVER, lease='a')
    failed = a_lease(status=lease.Status.ERROR)
    assert plan(node, [failed], at(19)) is None
    assert plan(node, [failed], at(20)) == Take(failed)


def test_back_to_back() -> None:
    first = a_lease('a', 10, 20, status=lease.Status.ACTIVE)
    second = a_lease('b', 20, 30)
    both = [second, first]
    node = a_node(state=State.HANDED_OVER, lease='a')
    assert plan(node, both, at(19)) is None
    assert plan(node, both, at(20)) == Take(first)

    waits = first.detained('The node is busy.', at(20.5))
    held = plan(node, [waits, second], at(20))
    assert held == Blocked(second, 'The node is still with another lease.')
    blocked = second.postponed(held.reason, at(20.5))
    assert plan(node, [waits, blocked], at(20.5)) == Take(waits)

    node = node.to(State.RETURNING, retry_at=at(20.5))
    assert plan(node, [blocked], at(20.5)) == GiveBack()
    node = node.to(State.CLEANING, retry_at=at(21))
    assert isinstance(plan(node, [blocked], at(20.5)), Blocked)
    assert plan(node, [blocked], at(21)) == GiveBack()
    assert plan(node.freed((), at(21)), [blocked], at(21)) == Prepare(blocked)


# Sub-leases: 'in' lies in 'out'

OUT = a_lease('out', 10, 30, status=lease.Status.ACTIVE, lessee_id=TENANT)
IN = a_lease('in', 15, 20, parent='out', parent_lease='out', owner_id=TENANT)
WITH_OUT = a_node(state=State.HANDED_OVER, lease='out')
WITH_IN = a_node(state=State.HANDED_OVER, lease='in')
RUNNING = replace(IN, status=lease.Status.ACTIVE)


def test_a_sub_lease_starts_when_its_lender_has_the_node() -> None:
    assert plan(WITH_OUT, [IN, OUT], at(14)) is None
    assert plan(WITH_OUT, [IN, OUT], at(15)) == Prepare(IN)
    assert plan(WITH_OUT.prepared(IN, [OUT], {}), [IN, OUT], at(15)) == HandOver(IN)
    for elsewhere in (a_node(), replace(WITH_OUT, lease='other')):
        assert isinstance(plan(elsewhere, [IN, OUT], at(15)), Blocked)


def test_of_two_that_start_together_the_outer_one_comes_first() -> None:
    both = [a_lease('in', 10, 12, parent='out', parent_lease='out'), a_lease('out', 10, 12)]
    assert plan(a_node(), both, at(10)) == Prepare(both[1])


def test_of_two_that_end_together_the_inner_one_comes_first() -> None:
    end = replace(RUNNING, window=OUT.window)
    for both in ([end, OUT], [OUT, end]):
        assert plan(WITH_IN, both, at(30)) == Take(end)
    late = end.detained('busy', at(31))
    blocked = plan(WITH_IN, [OUT, late], at(30))
    assert blocked == Blocked(OUT, 'Lease in, which lies in it, has not ended.')
    waits = OUT.detained(blocked.reason, at(31))
    assert plan(WITH_IN, [waits, late], at(31)) == Take(late)
    back = WITH_IN.to(State.RETURNING, retry_at=at(31))
    assert plan(back, [waits], at(31)) == End(waits)
    assert plan(back, [], at(31)) == GiveBack()


def test_what_is_offered_in_a_lease_ends_before_it() -> None:
    inside = an_offer('o', 15, 30, parent='out', parent_lease='out')
    assert plan(WITH_OUT, [OUT, inside], at(30)) == Expire(inside)
    assert plan(WITH_OUT, [OUT], at(30)) == Take(OUT)


def test_a_node_comes_back_to_the_innermost_lease_that_runs() -> None:
    back = a_node(state=State.CLEANING, lease='in', retry_at=at(20))
    assert plan(back, [OUT], at(20)) == GiveBack((OUT,))
    deeper = replace(RUNNING, window=OUT.window)
    assert plan(back, [deeper, OUT], at(20)) == GiveBack((deeper, OUT))
    for ending in (OUT.cancelling('asked for', at(20.5)), OUT.detained('busy', at(20.5))):
        assert plan(back, [ending], at(20)) == GiveBack()
    for other in ('created', 'wait fulfill', 'error'):
        assert plan(back, [a_lease('x', 21, 30, status=lease.Status(other))], at(20)) == GiveBack()


def test_a_lease_that_gets_its_node_back_is_handed_over_once_more() -> None:
    again = a_node(state=State.PREPARING, lease='out', retry_at=at(20))
    assert plan(again, [OUT], at(19)) is None
    assert plan(again, [OUT], at(20)) == HandOver(OUT)
    assert plan(again, [OUT], at(30)) == Take(OUT)


def test_nobody_looks_for_drift_on_a_lease_whose_node_is_sub_let() -> None:
    node = replace(WITH_IN, retry_at=at(16))
    assert plan(node, [OUT, RUNNING], at(16)) == Check(RUNNING)


def test_a_rejected_node_is_confined_and_no_lease_of_it_begins() -> None:
    node = a_node(state=State.REJECTED, lease='z', reason='PCR 0 differs.')
    assert plan(replace(node, retry_at=at(12)), [], at(12)) == Confine()
    assert plan(node, [], at(12)) is None
    waits = a_lease()
    assert plan(node, [waits], at(12)) == Fail(waits, 'PCR 0 differs.')
    assert plan(node, [waits], at(9)) is None
    assert plan(node, [ACTIVE], at(20)) == End(ACTIVE)


@pytest.mark.parametrize('direction', Direction)
def test_a_node_at_the_gate_goes_on_where_it_was_going(direction: Direction) -> None:
    trial = Trial(direction=direction, begun_at=at(9))
    node = a_node(state=State.GATING, lease='a', trial=trial, retry_at=at(12))
    waits = a_lease('a', 12, 20)
    to_him = direction is Direction.HAND_OVER
    assert plan(node, [waits], at(12)) == (HandOver(waits) if to_him else GiveBack())
    again = a_lease('a', status=lease.Status.ACTIVE)
    assert plan(node, [again], at(12)) == (HandOver(again) if to_him else GiveBack((again,)))
    over = a_lease('a', 10, 12, status=lease.Status.ACTIVE)
    assert plan(node, [over], at(12)) == (Take(over) if to_him else End(over))


def test_a_node_that_nobody_should_have_is_looked_at_when_it_was_seen_with_somebody() -> None:
    assert plan(a_node(retry_at=at(12)), [], at(12)) == Look()
    assert plan(a_node(retry_at=at(13)), [], at(12)) is None
    assert plan(a_node(), [], at(12)) is None


def test_offers_are_judged_by_who_owns_the_node_when_it_is_looked_at() -> None:
    node, mine = a_node(owner_id='heir', retry_at=at(12)), an_offer()
    assert plan(node, [mine], at(12)) == Judge(mine.for_owner('heir'))
    assert plan(node, [mine.for_owner('heir')], at(12)) == Look()
    assert plan(replace(node, retry_at=None), [mine], at(12)) is None
