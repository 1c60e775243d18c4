"""The algebra of half-open intervals."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.errors import InvalidWindowError
from esi_leap.core.interval import Interval, gaps

from .given import at, window, windows

MOMENTS = st.integers(-1, 25).map(at)
busy_windows = st.lists(windows(-4, 28), max_size=6)


def instants(interval: Interval) -> set[datetime]:
    """Every full hour in an interval between full hours stands for the hour that follows."""
    return {at(hour) for hour in range(-8, 32) if interval.start <= at(hour) < interval.end}


@given(windows(), windows())
def test_overlap_is_sharing_an_instant(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) == bool(instants(one) & instants(other))


@given(windows(), windows())
def test_overlap_is_symmetric(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) == other.overlaps(one)


@given(windows())
def test_an_interval_overlaps_and_contains_itself(one: Interval) -> None:
    assert one.overlaps(one)
    assert one.contains(one)


@given(windows(), st.integers(1, 9))
def test_neighbours_that_touch_do_not_overlap(one: Interval, hours: int) -> None:
    after = Interval(one.end, one.end + timedelta(hours=hours))
    assert not one.overlaps(after)
    assert not after.overlaps(one)


def test_neighbours_that_share_a_microsecond_overlap() -> None:
    one = window(1, 2)
    after = Interval(one.end - datetime.resolution, at(3))
    assert one.overlaps(after)
    assert after.overlaps(one)


@given(windows(), windows())
def test_containing_is_having_every_instant(one: Interval, other: Interval) -> None:
    assert one.contains(other) == (instants(other) <= instants(one))


@given(windows(), windows())
def test_containing_each_other_is_equality(one: Interval, other: Interval) -> None:
    assert (one.contains(other) and other.contains(one)) == (one == other)


@given(windows(), MOMENTS)
def test_holding_a_moment_is_half_open(one: Interval, moment: datetime) -> None:
    assert one.holds(moment) == (moment in instants(one))
    assert one.holds(one.start)
    assert not one.holds(one.end)


@given(windows(), windows())
def test_clipping_is_the_intersection(one: Interval, frame: Interval) -> None:
    part = one.clipped(frame)
    assert (instants(part) if part else set()) == instants(one) & instants(frame)
    assert part == frame.clipped(one)


@given(windows(), windows())
def test_clipping_twice_is_clipping_once(one: Interval, frame: Interval) -> None:
    part = one.clipped(frame)
    assert part is None or part.clipped(frame) == part


@given(windows(), busy_windows)
def test_gaps_and_what_is_busy_are_the_whole_frame(frame: Interval, busy: list[Interval]) -> None:
    free = set().union(*map(instants, gaps(frame, busy)))
    taken = set().union(*map(instants, busy)) & instants(frame)
    assert free | taken == instants(frame)
    assert not free & taken


@given(windows(), busy_windows)
def test_gaps_are_ordered_and_maximal(frame: Interval, busy: list[Interval]) -> None:
    found = list(gaps(frame, busy))
    assert all(one.end < following.start for one, following in pairwise(found))
    edges = {frame.start, frame.end} | {edge for each in busy for edge in (each.start, each.end)}
    assert {edge for each in found for edge in (each.start, each.end)} <= edges


@given(windows(), busy_windows, st.randoms(use_true_random=False))
def test_gaps_do_not_depend_on_the_order(frame: Interval, busy: list[Interval], chance) -> None:
    mixed = busy.copy()
    chance.shuffle(mixed)
    assert list(gaps(frame, mixed)) == list(gaps(frame, busy))


@given(windows(), busy_windows)
def test_gaps_of_gaps_are_what_was_busy(frame: Interval, busy: list[Interval]) -> None:
    free = list(gaps(frame, busy))
    assert list(gaps(frame, gaps(frame, free))) == free


@given(MOMENTS, MOMENTS)
def test_an_interval_that_exists_is_not_empty(start: datetime, end: datetime) -> None:
    if start < end:
        assert Interval(start, end).end > Interval(start, end).start
    else:
        with pytest.raises(InvalidWindowError, match='The start must be before the end') as caught:
            Interval(start, end)
        assert set(caught.value.details) == {'start_time', 'end_time'}


@pytest.mark.parametrize(
    ('start', 'end'),
    [
        (at(1).replace(tzinfo=None), at(2)),
        (at(1), at(2).replace(tzinfo=None)),
        (at(1).replace(tzinfo=None), at(2).replace(tzinfo=None)),
        (at(2).replace(tzinfo=None), at(1)),
    ],
)
def test_naive_times_make_no_interval(start: datetime, end: datetime) -> None:
    with pytest.raises(TypeError, match='is made of aware datetimes'):
        Interval(start, end)


@given(st.lists(windows(), max_size=8))
def test_intervals_sort_by_start_then_end(some: list[Interval]) -> None:
    assert sorted(some) == sorted(some, key=lambda each: (each.start, each.end))
