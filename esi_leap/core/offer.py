"""An offer: a provider makes a node available over a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.interval import Interval, gaps
from esi_leap.core.terms import Notice, Terms


class Status(StrEnum):
    """The states of an offer."""

    AVAILABLE = 'available'
    ERROR = 'error'
    EXPIRED = 'expired'
    DELETED = 'deleted'


FINAL = frozenset({Status.EXPIRED, Status.DELETED})
BLOCKING = frozenset(Status) - FINAL

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
        reason: why it is suspended.
        terms: terms of the leases that are claimed from it.
        recall: the recall that ends it before its time, None if there is none.
    """

    uuid: str
    name: str | None
    node_id: int
    owner_id: str
    lessee_id: str | None
    window: Interval
    status: Status = Status.AVAILABLE
    reason: Reason | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    parent: str | None = None
    parent_lease: str | None = None
    terms: Terms = Terms()  # noqa: RUF009 - it never changes
    recall: Notice | None = None

    @property
    def blocks(self) -> bool:
        """Whether no other booking may have its window."""
        return self.status in BLOCKING

    @property
    def is_suspended(self) -> bool:
        """Whether it is in error until its provider owns the node again."""
        changed = self.reason is not None and self.reason.cause is Cause.OWNER_CHANGED
        return self.status is Status.ERROR and changed

    @property
    def due_at(self) -> datetime | None:
        """When it expires; None once it is final."""
        return self.window.end if self.blocks else None

    def for_owner(self, owner: str) -> Offer:
        """Return the offer while the project `owner` owns the node, empty if no project does.

        It is suspended while another project owns the node. An offer that a lessee sub-lets stands
        as long as the lease.
        """
        valid = self.parent_lease is not None or owner in {'', self.owner_id}
        if self.status is Status.AVAILABLE and not valid:
            return replace(self, status=Status.ERROR, reason=Reason(Cause.OWNER_CHANGED))
        if self.is_suspended and valid:
            return replace(self, status=Status.AVAILABLE, reason=None)
        return self

    def free(self, taken: Iterable[Interval], now: datetime) -> Sequence[Interval]:
        """Return the windows in it that can be claimed; `taken` are those of its children."""
        if self.status is not Status.AVAILABLE or self.window.end <= now:
            return ()
        return list(gaps(Interval(max(self.window.start, now), self.window.end), taken))
