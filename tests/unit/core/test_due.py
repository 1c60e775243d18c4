"""What the manager owes a node now."""

import itertools
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core import lease, offer
from esi_leap.core.calendar import Booking
from esi_leap.core.due import (
    Blocked,
    Check,
    End,
    Expire,
    GiveBack,
    HandOver,
    Prepare,
    Search,
    Take,
    plan,
)
from esi_leap.core.handover import Node, State

from .given import a_lease, a_node, an_offer, at

STARTS = Prepare | HandOver | Blocked
ENDS = Take | End


@st.composite
def calendars(draw: st.DrawFn) -> list[Booking]:
    """Leases one after the other, of any status, and an offer that has passed or not."""
    edges = sorted(draw(st.sets(st.integers(0, 24), min_size=2, max_size=6)))
    leases: list[Booking] = []
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        status = draw(st.sampled_from(sorted(lease.HOLDING)))
        retry = draw(st.none() | st.integers(start, 26))
        if status is lease.Status.WAIT_EXPIRE and retry is not None:
            retry = max(retry, end)  # it waits only after its end
        leases.append(
            a_lease(
                f'l{number}',
                start,
                end,
                status=status,
                retry_at=None if retry is None else at(retry),
            )
        )
    end = draw(st.integers(1, 24))
    return [*leases, an_offer('o', 0, end, parent='elsewhere')]


nodes = st.builds(
    lambda state, lease_, retry: a_node(
        state=state,
        lease=None if state is State.AVAILABLE else lease_,
        retry_at=None if retry is None else at(retry),
    ),
    st.sampled_from(State),
    st.sampled_from(['l0', 'l1', 'l2', 'gone']),
    st.none() | st.integers(0, 24),
)
hours = st.integers(0, 26).map(at)


@given(nodes, calendars(), hours)
def test_a_task_is_about_something_that_is_due(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    match plan(node, bookings, now):
        case Take(each) | End(each) | Prepare(each) | HandOver(each) | Blocked(each):
            assert each in bookings
            assert each.next_action_at is not None
            assert each.next_action_at <= now
        case Expire(each):
            assert each in bookings
            assert each.window.end <= now
        case GiveBack() | Check() | Search():
            assert node.retry_at is not None
            assert node.retry_at <= now
        case nothing:
            assert nothing is None


@given(nodes, calendars(), hours)
def test_whatever_is_due_is_done_or_waited_for(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    """Else the manager would be called again and again for nothing."""
    due = [each for each in bookings if each.next_action_at and each.next_action_at <= now]
    if due:
        assert plan(node, bookings, now) is not None


@given(nodes, calendars(), hours)
def test_nothing_is_planned_before_something_is_due(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    calm = replace(node, retry_at=None)
    if all(each.next_action_at and each.next_action_at > now for each in bookings):
        assert plan(calm, bookings, now) is None


@given(nodes, calendars(), hours)
def test_ends_come_before_starts(node: Node, bookings: list[Booking], now: datetime) -> None:
    task = plan(node, bookings, now)
    over = [
        each
        for each in bookings
        if isinstance(each, lease.Lease)
        and each.ends(now)
        and each.next_action_at is not None
        and each.next_action_at <= now
    ]
    if over:
        assert isinstance(task, ENDS)
        assert task.lease == min(over, key=lambda each: each.window)
    else:
        assert not isinstance(task, ENDS)


@given(nodes, calendars(), hours)
def test_only_a_lease_that_has_the_node_is_torn_down(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = plan(node, bookings, now)
    if isinstance(task, ENDS):
        has = node.lease == task.lease.uuid and node.state in {'preparing', 'handed over'}
        assert isinstance(task, Take) is has


@given(nodes, calendars(), hours)
def test_only_an_available_node_is_prepared(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = plan(node, bookings, now)
    if isinstance(task, Prepare):
        assert node.state == 'available'
    if isinstance(task, HandOver):
        assert node.state == 'preparing'
        assert node.lease == task.lease.uuid
    if isinstance(task, Blocked):
        assert node.state != 'available'
        assert task.reason.endswith('.')
    if isinstance(task, STARTS):
        assert task.lease.window.holds(now)
        assert task.lease.status in {'created', 'wait fulfill'}


@given(nodes, calendars(), hours)
def test_a_node_on_its_way_back_goes_on_before_anybody_starts(
    node: Node, bookings: list[Booking], now: datetime
) -> None:
    task = plan(replace(node, state=State.CLEANING, retry_at=now), bookings, now)
    assert isinstance(task, GiveBack | Take | End | Expire)


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
        ('available', None),
        ('preparing', None),
        ('handed over', Check(a_lease(status=lease.Status.ACTIVE))),
        ('returning', GiveBack()),
        ('cleaning', GiveBack()),
        ('lost', Search()),
    ],
)
def test_a_node_that_is_looked_at_again(state: str, task: object) -> None:
    node = a_node(state=State(state), lease='a', retry_at=at(12))
    active = [a_lease(status=lease.Status.ACTIVE)]
    assert plan(node, active, at(11)) is None
    assert plan(node, active, at(12)) == task
    assert plan(replace(node, retry_at=None), active, at(12)) is None


def test_a_node_that_is_being_taken_back_is_not_looked_at() -> None:
    node = a_node(state=State.HANDED_OVER, lease='a', retry_at=at(12))
    late = a_lease(status=lease.Status.ACTIVE).detained('busy', at(22))
    assert plan(node, [late], at(21)) is None
    assert plan(node, [late], at(22)) == Take(late)


def test_an_offer_ends_with_its_window() -> None:
    for status in offer.HOLDING:
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
    assert plan(node.freed(), [blocked], at(21)) == Prepare(blocked)
