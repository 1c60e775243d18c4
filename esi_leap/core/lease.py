"""A lease: one node, one lessee, one window, under one contract; and its state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.interval import Interval
from esi_leap.core.terms import Notice, Terms


class Status(StrEnum):
    """The states of a lease. Clients match these texts, spaces included."""

    CREATED = 'created'
    ACTIVE = 'active'
    WAIT_FULFILL = 'wait fulfill'
    WAIT_EXPIRE = 'wait expire'
    WAIT_CANCEL = 'wait cancel'
    ERROR = 'error'
    EXPIRED = 'expired'
    DELETED = 'deleted'


FINAL = frozenset({Status.EXPIRED, Status.DELETED})

#: A lease that waits or failed still blocks its window: the node is promised to no other.
BLOCKING = frozenset(Status) - FINAL

#: States of a lease before its start.
PENDING = frozenset({Status.CREATED, Status.WAIT_FULFILL})

#: States in which the lessee has the node or will get it, and may sub-let it.
LENDABLE = PENDING | {Status.ACTIVE}

#: Reason of a lease that ends, as long as nothing is in the way.
TAKEN = Reason(Cause.NODE_TAKEN)

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.CREATED: BLOCKING - {Status.CREATED} | FINAL,
    Status.WAIT_FULFILL: BLOCKING - {Status.CREATED} | FINAL,
    Status.ACTIVE: frozenset(
        {Status.WAIT_EXPIRE, Status.WAIT_CANCEL, Status.ERROR, Status.EXPIRED, Status.DELETED}
    ),
    Status.WAIT_EXPIRE: frozenset({Status.WAIT_EXPIRE, Status.WAIT_CANCEL, *FINAL}),
    Status.WAIT_CANCEL: frozenset({Status.WAIT_CANCEL, Status.DELETED}),
    Status.ERROR: frozenset({Status.WAIT_EXPIRE, Status.WAIT_CANCEL, *FINAL}),
    Status.EXPIRED: frozenset(),
    Status.DELETED: frozenset(),
}


class Tried(Protocol):
    """A lease or a node with a step that is tried again."""

    @property
    def reason(self) -> Reason | None:
        """Why the step did not work last time."""

    @property
    def attempts(self) -> int:
        """Failed attempts in a row with this cause."""


def count_attempts(tried: Tried, reason: Reason) -> int:
    """Return the number of failed attempts in a row, one more with this reason included.

    Another cause begins anew: after a long outage of a service, a lock that lasts for a moment is
    not waited for as long. The detail does not matter, since it may say something new each time.
    """
    before = None if tried.reason is None else tried.reason.cause
    return tried.attempts + 1 if before is reason.cause else 1


class TransitionError(RuntimeError):
    """A change of status that `TRANSITIONS` does not have: a defect of this service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One lease.

    Attributes:
        node_id: the key of the node's row.
        contract: uuid of the contract it is a line of.
        offer: uuid of the offer it was claimed from, None for a direct lease.
        parent: uuid of the booking it lies in, None at the top of the node's booking tree.
        parent_lease: uuid of the lease whose lessee sub-lets the node with it.
        overlaps: uuid of a lease beside it in a database of the existing service.
        owner_id: the provider's project.
        lessee_id: the consumer's project; `project_id` on the wire.
        reason: why it waits or failed.
        fulfill_time: when the lessee got the node.
        expire_time: when the lessee lost it, or the lease ended otherwise.
        retry_at: when a waiting lease is tried again.
        attempts: failed attempts of the current step in a row, with one cause.
        terms: on which the provider can have the node back.
        recall: the recall that ends it before its time, None if there is none.
    """

    uuid: str
    name: str | None
    node_id: int
    contract: str
    owner_id: str
    lessee_id: str
    window: Interval
    status: Status = Status.CREATED
    reason: Reason | None = None
    purpose: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    offer: str | None = None
    parent: str | None = None
    parent_lease: str | None = None
    overlaps: str | None = None
    fulfill_time: datetime | None = None
    expire_time: datetime | None = None
    retry_at: datetime | None = None
    attempts: int = 0
    terms: Terms = Terms()  # noqa: RUF009 - it never changes
    recall: Notice | None = None

    @property
    def blocks(self) -> bool:
        """Whether no other booking may have its window."""
        return self.status in BLOCKING

    @property
    def ending(self) -> bool:
        """Whether the node is being taken from the lessee."""
        return self.status in {Status.WAIT_CANCEL, Status.WAIT_EXPIRE}

    @property
    def due_at(self) -> datetime | None:
        """When the manager has to act: at its start, its end, or the next try; None once final."""
        match self.status:
            case Status.CREATED:
                return self.window.start
            case Status.ACTIVE | Status.ERROR:
                return self.window.end
            case Status.WAIT_FULFILL:
                return min(self.retry_at or self.window.start, self.window.end)
            case Status.WAIT_EXPIRE:
                return self.retry_at or self.window.end
            case Status.WAIT_CANCEL:
                return self.retry_at or self.window.start
            case _:
                return None

    def ends(self, now: datetime) -> bool:
        """Tell whether the lease is over: its window has passed, or it is being cancelled."""
        return self.blocks and (self.status is Status.WAIT_CANCEL or self.window.end <= now)

    def starts(self, now: datetime) -> bool:
        """Tell whether the lessee should get the node now."""
        return self.status in PENDING and self.window.holds(now)

    def to(self, status: Status, reason: Reason | None = None, **changes: object) -> Lease:
        """Return the lease in another status.

        Raises:
            TransitionError: `TRANSITIONS` has no such change.
        """
        if status not in TRANSITIONS[self.status]:
            raise TransitionError(f'lease {self.uuid}: {self.status} -> {status}')
        fresh: dict[str, object] = {'retry_at': None, 'attempts': 0, **changes}
        return replace(self, status=status, reason=reason, **fresh)  # type: ignore[arg-type]

    def activated(self, now: datetime) -> Lease:
        """Return the lease at its start: the lessee has the node."""
        return self.to(Status.ACTIVE, fulfill_time=now)

    def ended(self, now: datetime, reason: Reason | None = None) -> Lease:
        """Return the lease at its end: deleted if it was cancelled, else expired."""
        final = Status.DELETED if self.status is Status.WAIT_CANCEL else Status.EXPIRED
        return self.to(final, reason, expire_time=now)

    def postponed(self, reason: Reason, retry_at: datetime) -> Lease:
        """Return the lease with its start put off until `retry_at`; it keeps its window."""
        attempts = count_attempts(self, reason)
        return self.to(Status.WAIT_FULFILL, reason, retry_at=retry_at, attempts=attempts)

    def detained(self, reason: Reason, retry_at: datetime) -> Lease:
        """Return the lease with its end put off until `retry_at`; the lessee has the node."""
        cancelled = self.status is Status.WAIT_CANCEL
        return self.to(
            Status.WAIT_CANCEL if cancelled else Status.WAIT_EXPIRE,
            reason,
            retry_at=retry_at,
            attempts=count_attempts(self, reason),
        )

    def cancelling(self, now: datetime) -> Lease:
        """Return the lease on request of its end; the lessee loses the node next."""
        return self.to(Status.WAIT_CANCEL, TAKEN, retry_at=now)

    def expiring(self, now: datetime) -> Lease:
        """Return the lease after its window; the lessee loses the node next."""
        return self.to(Status.WAIT_EXPIRE, TAKEN, retry_at=now)

    def failed(self, reason: Reason) -> Lease:
        """Return the lease in error: a person has to look."""
        return self.to(Status.ERROR, reason)
