"""A lease: one node, one lessee, one window, under one contract; and its state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from esi_leap.core.interval import Interval
from esi_leap.core.terms import Notice, Terms


class Status(StrEnum):
    """What a lease can be. Clients match these texts, spaces included."""

    CREATED = 'created'
    ACTIVE = 'active'
    WAIT_FULFILL = 'wait fulfill'
    WAIT_EXPIRE = 'wait expire'
    WAIT_CANCEL = 'wait cancel'
    ERROR = 'error'
    EXPIRED = 'expired'
    DELETED = 'deleted'


FINAL = frozenset({Status.EXPIRED, Status.DELETED})

#: A lease that waits or failed still holds its window: nobody else may be promised the node.
BLOCKING = frozenset(Status) - FINAL

#: Those that wait for their start.
PENDING = frozenset({Status.CREATED, Status.WAIT_FULFILL})

#: Those whose lessee may sub-let the node: he has it or will get it, and is to keep it.
LENDABLE = PENDING | {Status.ACTIVE}

#: Why a lease is ending, as long as nothing is in the way.
TAKEN = 'The node is being taken from the lessee.'

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
    """What has a step that did not work."""

    @property
    def reason(self) -> str | None:
        """Why not."""

    @property
    def attempts(self) -> int:
        """How often in a row it did not work for this reason."""


def in_a_row(tried: Tried, reason: str) -> int:
    """Count one attempt more that did not work.

    Another reason begins anew: who waited long for a service that was away does not wait as long
    for something that takes a moment.
    """
    return tried.attempts + 1 if reason == tried.reason else 1


class TransitionError(RuntimeError):
    """A change of status that the machine does not have: a defect of ours, never a user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One lease.

    Attributes:
        node_id: the key of the node's row.
        contract: uuid of the contract it is a line of.
        offer: uuid of the offer it was claimed from, None for a direct lease.
        parent: uuid of the booking it lies in, None at the top of the node's booking tree.
        parent_lease: uuid of the lease whose lessee sub-lets the node with it.
        overlaps: uuid of a lease that a database of the existing service had beside it.
        owner_id: the provider's project.
        lessee_id: the consumer's project; `project_id` on the wire.
        reason: why it waits or failed, in a sentence.
        fulfill_time: when the lessee got the node.
        expire_time: when the lessee lost it, or the lease ended otherwise.
        retry_at: when a waiting lease is tried again.
        attempts: how often in a row the current step did not work for this reason.
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
    reason: str | None = None
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
        """Whether its window is taken on the node's booking tree."""
        return self.status in BLOCKING

    @property
    def ending(self) -> bool:
        """Whether the node is being taken from the lessee."""
        return self.status in {Status.WAIT_CANCEL, Status.WAIT_EXPIRE}

    @property
    def next_action_at(self) -> datetime | None:
        """When the manager owes it something: its start, its end, or the next try."""
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

    def to(self, status: Status, reason: str | None = None, **changes: object) -> Lease:
        """Return the lease in another status.

        Raises:
            TransitionError: the machine has no such transition.
        """
        if status not in TRANSITIONS[self.status]:
            raise TransitionError(f'lease {self.uuid}: {self.status} -> {status}')
        fresh: dict[str, object] = {'retry_at': None, 'attempts': 0, **changes}
        return replace(self, status=status, reason=reason, **fresh)  # type: ignore[arg-type]

    def activated(self, now: datetime) -> Lease:
        """The lessee has the node."""
        return self.to(Status.ACTIVE, fulfill_time=now)

    def ended(self, now: datetime, reason: str | None = None) -> Lease:
        """The lessee has lost the node, or never had it: deleted if cancelled, else expired."""
        final = Status.DELETED if self.status is Status.WAIT_CANCEL else Status.EXPIRED
        return self.to(final, reason, expire_time=now)

    def postponed(self, reason: str, retry_at: datetime) -> Lease:
        """The node cannot be handed over yet; the window is kept and the start tried again."""
        attempts = in_a_row(self, reason)
        return self.to(Status.WAIT_FULFILL, reason, retry_at=retry_at, attempts=attempts)

    def detained(self, reason: str, retry_at: datetime) -> Lease:
        """The node cannot be taken from the lessee yet; the end is tried again."""
        cancelled = self.status is Status.WAIT_CANCEL
        return self.to(
            Status.WAIT_CANCEL if cancelled else Status.WAIT_EXPIRE,
            reason,
            retry_at=retry_at,
            attempts=in_a_row(self, reason),
        )

    def cancelling(self, reason: str, now: datetime) -> Lease:
        """The end was asked for, and the lessee has the node still: to be taken from him now."""
        return self.to(Status.WAIT_CANCEL, reason, retry_at=now)

    def expiring(self, reason: str, now: datetime) -> Lease:
        """The window has passed, and the lessee has the node still: to be taken from him now."""
        return self.to(Status.WAIT_EXPIRE, reason, retry_at=now)

    def failed(self, reason: str) -> Lease:
        """The service itself cannot go on with it; people have to look."""
        return self.to(Status.ERROR, reason)
