"""An offer: a provider makes a node available over a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from esi_leap.core.interval import Interval, gaps
from esi_leap.core.terms import Notice, Terms


class Status(StrEnum):
    """What an offer can be."""

    AVAILABLE = 'available'
    ERROR = 'error'
    EXPIRED = 'expired'
    DELETED = 'deleted'


FINAL = frozenset({Status.EXPIRED, Status.DELETED})
BLOCKING = frozenset(Status) - FINAL

#: Why an offer is suspended, in error, until its provider owns the node again.
NOT_HIS = 'The node belongs to another owner now.'

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.AVAILABLE: frozenset({Status.ERROR, Status.EXPIRED, Status.DELETED}),
    Status.ERROR: FINAL | {Status.AVAILABLE},
    Status.EXPIRED: frozenset(),
    Status.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One offer.

    Attributes:
        node_id: the key of the node's row.
        owner_id: the provider's project; `project_id` on the wire.
        lessee_id: the project whose subtree may claim it; None is everybody.
        parent: uuid of the booking it lies in, None at the top of the node's booking tree.
        parent_lease: uuid of the lease whose lessee sub-lets the node with it.
        terms: those of the leases that are claimed from it.
        recall: the recall that ends it before its time, None if there is none.
    """

    uuid: str
    name: str | None
    node_id: int
    owner_id: str
    lessee_id: str | None
    window: Interval
    status: Status = Status.AVAILABLE
    reason: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    parent: str | None = None
    parent_lease: str | None = None
    terms: Terms = Terms()  # noqa: RUF009 - it never changes
    recall: Notice | None = None

    @property
    def blocks(self) -> bool:
        """Whether its window is taken on the node's booking tree."""
        return self.status in BLOCKING

    @property
    def next_action_at(self) -> datetime | None:
        """When the manager owes it something: its expiry."""
        return self.window.end if self.blocks else None

    def stands(self, owner: str) -> Offer:
        """Return the offer as it stands while this project owns the node; empty if nobody does.

        What a lessee sub-lets stands as long as his lease.
        """
        his = self.parent_lease is not None or owner in {'', self.owner_id}
        if self.status is Status.AVAILABLE and not his:
            return replace(self, status=Status.ERROR, reason=NOT_HIS)
        if self.status is Status.ERROR and self.reason == NOT_HIS and his:
            return replace(self, status=Status.AVAILABLE, reason=None)
        return self

    def free(self, taken: Iterable[Interval], now: datetime) -> Sequence[Interval]:
        """Return the windows in it that can be claimed, beside those that are taken."""
        if self.status is not Status.AVAILABLE or self.window.end <= now:
            return ()
        return list(gaps(Interval(max(self.window.start, now), self.window.end), taken))
