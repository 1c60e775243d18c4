"""The booking tree of a node: siblings never overlap, and a child lies inside its parent.

::

    node
    ├── offer                       09:00 ──────────────────── 18:00
    │   ├── lease, claimed          10:00 ── 12:00
    │   │   └── lease, sub-let      10:00 ─ 11:00
    │   └── lease, the owner's own              12:00 ── 13:00
    └── lease, direct                                             18:00 ── 20:00

The children of a node are its offers and direct leases; those of an offer are the leases claimed
from it and the owner's own leases inside it; those of a lease are the offers and leases that its
lessee sub-lets. The tree may be of any depth. Final bookings are not in it.
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
    """The bookings of one node that block their windows; others are left out."""

    def __init__(self, bookings: Iterable[Booking]) -> None:
        self._bookings = {each.uuid: each for each in bookings if each.blocks}

    def __iter__(self) -> Iterator[Booking]:
        return iter(self._bookings.values())

    def after(self, changed: Iterable[Booking]) -> BookingTree:
        """Return the tree after a change of some bookings."""
        return BookingTree({**self._bookings, **{each.uuid: each for each in changed}}.values())

    def get(self, uuid: str | None) -> Booking | None:
        """Return the booking; None if there is none that blocks."""
        return None if uuid is None else self._bookings.get(uuid)

    def lease(self, uuid: str | None) -> Lease | None:
        """Return the lease; None if there is none that blocks."""
        found = self.get(uuid)
        return found if isinstance(found, Lease) else None

    @property
    def leases(self) -> list[Lease]:
        """The leases among the bookings."""
        return [each for each in self if isinstance(each, Lease)]

    @property
    def offers(self) -> list[Offer]:
        """The offers among the bookings."""
        return [each for each in self if isinstance(each, Offer)]

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
        """Return the children of `parent` that overlap `window`, except the uuids in `but`."""
        return [
            each
            for each in self.children(parent)
            if each.uuid not in but and each.window.overlaps(window)
        ]

    def free(self, parent: str, frame: Interval) -> list[Interval]:
        """Return the parts of `frame` that no child of `parent` blocks."""
        return list(gaps(frame, (each.window for each in self.children(parent))))

    def next_start(self, parent: str, moment: datetime) -> datetime | None:
        """Return when the first child of `parent` starts at or after `moment`."""
        starts = (each.window.start for each in self.children(parent))
        return min((start for start in starts if start >= moment), default=None)
