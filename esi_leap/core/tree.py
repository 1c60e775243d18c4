"""Who blocks what: the bookings of one node form a tree.

Siblings never overlap and a child lies inside its parent. A node's children are its offers and
direct leases; an offer's children are the leases claimed from it and the owner's own leases made
inside it; a lease's children are what its lessee sub-lets. The tree may be of any depth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeAlias

from esi_leap.core.interval import Interval, gaps
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer

Booking: TypeAlias = Offer | Lease


class BookingTree:
    """The bookings of one node that hold their windows. Those that hold none are left out."""

    def __init__(self, bookings: Iterable[Booking]) -> None:
        self._bookings = {each.uuid: each for each in bookings if each.blocks}

    def __iter__(self) -> Iterator[Booking]:
        return iter(self._bookings.values())

    def get(self, uuid: str | None) -> Booking | None:
        """Return the booking, or None if there is none that holds."""
        return None if uuid is None else self._bookings.get(uuid)

    def children(self, parent: str | None) -> list[Booking]:
        """Return the bookings directly under `parent` (None: the node itself), by start."""
        return sorted(
            (each for each in self if each.parent == parent), key=lambda each: each.window
        )

    def lenders(self, booking: Booking) -> tuple[Lease, ...]:
        """Return the leases that a booking is sub-let from, the nearest first."""
        found: list[Lease] = []
        while isinstance(lender := self.get(booking.parent_lease), Lease):
            found.append(lender)
            booking = lender
        return tuple(found)

    def blockers(
        self, parent: str | None, window: Interval, but: frozenset[str] = frozenset()
    ) -> list[Booking]:
        """Return what stands under `parent` in the way of `window`, except the uuids in `but`."""
        return [
            each
            for each in self.children(parent)
            if each.uuid not in but and each.window.overlaps(window)
        ]

    def free(self, parent: str, frame: Interval) -> list[Interval]:
        """Return the parts of `frame` under `parent` that nothing has booked."""
        return list(gaps(frame, (each.window for each in self.children(parent))))

    def next_start(self, parent: str, moment: datetime) -> datetime | None:
        """Return when the first child of `parent` starts at or after `moment`."""
        starts = (each.window.start for each in self.children(parent))
        return min((start for start in starts if start >= moment), default=None)
