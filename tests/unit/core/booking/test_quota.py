"""What one project may claim."""

from datetime import UTC, datetime, timedelta

import pytest

from esi_leap.core.booking.quota import Quota
from esi_leap.core.errors import QuotaError
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.tree import BookingTree

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)


def a_lease(start: float, end: float, lessee: str = 'tenant') -> Lease:
    """A lease from day `start` to day `end`."""
    return Lease(
        uuid=f'{lessee}-{start}-{end}',
        name=None,
        node_id=1,
        contract='c',
        owner_id='lender',
        lessee_id=lessee,
        window=Interval(NOON + timedelta(days=start), NOON + timedelta(days=end)),
    )


def refused(quota: Quota, lease: Lease, *booked: Lease, held: int = 0) -> str | None:
    try:
        quota.check(lease, BookingTree(booked), held, NOON)
    except QuotaError as error:
        return str(error.details['limit'])
    return None


def test_no_quota_is_no_limit() -> None:
    assert refused(Quota(), a_lease(10_000, 20_000), a_lease(0, 10_000), held=10**6) is None


@pytest.mark.parametrize(('held', 'limit'), [(0, None), (1, None), (2, 'leases'), (3, 'leases')])
def test_leases_are_counted(held: int, limit: str | None) -> None:
    assert refused(Quota(leases=2), a_lease(0, 1), held=held) == limit


def test_none_may_be_allowed_at_all() -> None:
    assert refused(Quota(leases=0), a_lease(0, 1)) == 'leases'


def test_a_start_may_be_so_far_ahead_and_no_farther() -> None:
    quota = Quota(ahead=timedelta(days=30))
    assert refused(quota, a_lease(30, 31)) is None
    assert refused(quota, a_lease(30.00001, 31)) == 'days_ahead'


@pytest.mark.parametrize(
    ('mine', 'booked', 'limit'),
    [
        ((0, 7), [], None),
        ((0, 7.1), [], 'days_in_a_row'),
        ((4, 8), [(0, 4)], 'days_in_a_row'),
        ((4, 7), [(0, 4)], None),
        ((0, 4), [(4, 8)], 'days_in_a_row'),
        ((2, 4), [(0, 2), (4, 8)], 'days_in_a_row'),
        ((4, 6), [(2, 4), (0, 2), (6, 8)], 'days_in_a_row'),
        ((4, 8), [(0, 3.9)], None),
        ((0, 3), [(3.1, 9)], None),
    ],
)
def test_leases_that_touch_are_one(
    mine: tuple[float, float], booked: list[tuple[float, float]], limit: str | None
) -> None:
    quota = Quota(chain=timedelta(days=7))
    assert refused(quota, a_lease(*mine), *(a_lease(*each) for each in booked)) == limit


def test_what_others_have_is_theirs() -> None:
    quota = Quota(chain=timedelta(days=7))
    assert refused(quota, a_lease(4, 8), a_lease(0, 4, 'another')) is None
