"""How much of other people's nodes one project may claim: fairness, where the operator asks for it.

A quota is about claims only. What an owner leases out is his own decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from esi_leap.core.calendar import Calendar
from esi_leap.core.errors import QuotaError
from esi_leap.core.instant import render
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease


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

    def check(self, lease: Lease, calendar: Calendar, held: int, now: datetime) -> None:
        """Refuse a claim that is beyond the quota.

        Args:
            lease: the lease that would be made.
            calendar: what is booked around it on the node.
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
        row = _row(lease, calendar)
        if self.chain is not None and row.end - row.start > self.chain:
            raise QuotaError(
                f'With it the project would have the node from {render(row.start)} to '
                f'{render(row.end)} (UTC) without a break; {self.chain.days} days is the longest.',
                limit='days_in_a_row',
                allowed=self.chain.days,
            )


def _row(lease: Lease, calendar: Calendar) -> Interval:
    """Return the window of the lease with those of the same project that touch it, in a row."""
    start, end = lease.window.start, lease.window.end
    others = [
        each.window
        for each in calendar
        if isinstance(each, Lease) and each.lessee_id == lease.lessee_id
    ]
    for window in sorted(others, reverse=True):
        if window.start < start <= window.end:
            start = window.start
    for window in sorted(others):
        if window.start <= end < window.end:
            end = window.end
    return Interval(start, end)
