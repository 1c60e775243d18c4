"""How long a lease may be, and how much of other projects' nodes one project may claim.

A quota limits claims only. What an owner leases out is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from esi_leap.core.errors import (
    QuotaError,
    TooLongError,
)
from esi_leap.core.instant import FOREVER, render
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.tree import BookingTree


@dataclass(frozen=True, slots=True)
class Limits:
    """The default and the maximum length of a lease; `longest` None is no limit."""

    default: timedelta
    longest: timedelta | None

    def end(self, start: datetime) -> datetime:
        """Return the end of a lease that names none."""
        length = self.default if self.longest is None else min(self.default, self.longest)
        try:
            return start + length
        except OverflowError:
            return FOREVER

    def check(self, window: Interval) -> None:
        """Refuse a window that is too long.

        Raises:
            TooLongError: it is.
        """
        if self.longest is not None and window.end - window.start > self.longest:
            raise TooLongError.of(self.longest.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The limits on the claims of one project; None is no limit.

    Attributes:
        leases: most leases that have not ended.
        ahead: how far from now a lease may start, at most.
        chain: longest time in a row that it may have one node, through leases that touch.
    """

    leases: int | None = None
    ahead: timedelta | None = None
    chain: timedelta | None = None

    def check(self, lease: Lease, tree: BookingTree, held: int, now: datetime) -> None:
        """Refuse a claim that is beyond the quota.

        Args:
            lease: the lease that would be made.
            tree: what is booked around it on the node.
            held: leases of the same project that have not ended, without this one.
            now: the present instant.

        Raises:
            QuotaError: it is; the message names the limit.
        """
        if self.leases is not None and held >= self.leases:
            raise QuotaError(
                f'The project has {held} leases that have not ended, and may have {self.leases}. '
                'Delete one, or wait until one ends.',
                limit='leases',
                allowed=self.leases,
            )
        start = lease.window.start
        if self.ahead is not None and start - now > self.ahead:
            latest = render(now + self.ahead)
            raise QuotaError(
                f'start_time {render(start)} is more than {self.ahead.days} days ahead; '
                f'{latest} (UTC) is the latest now.',
                limit='days_ahead',
                allowed=self.ahead.days,
            )
        row = _row(lease, tree)
        if self.chain is not None and row.end - row.start > self.chain:
            raise QuotaError(
                f'With it the project would have the node from {render(row.start)} to '
                f'{render(row.end)} (UTC) without a break; {self.chain.days} days is the longest.',
                limit='days_in_a_row',
                allowed=self.chain.days,
            )


def _row(lease: Lease, tree: BookingTree) -> Interval:
    """Return the window of the lease with those of the same project that touch it, in a row."""
    start, end = lease.window.start, lease.window.end
    others = [
        each.window
        for each in tree
        if isinstance(each, Lease) and each.lessee_id == lease.lessee_id
    ]
    for window in sorted(others, reverse=True):
        if window.start < start <= window.end:
            start = window.start
    for window in sorted(others):
        if window.start <= end < window.end:
            end = window.end
    return Interval(start, end)
