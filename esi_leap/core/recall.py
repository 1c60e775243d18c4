"""A recall: an owner has nodes back before the time for which they are lent is over."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The states of a recall. They are not stored: they follow from its items."""

    PENDING = 'pending'
    COMPLETE = 'complete'
    CANCELLED = 'cancelled'


class ItemStatus(StrEnum):
    """The states of the recall of one node."""

    #: Nobody has looked at the node yet.
    REQUESTED = 'requested'
    PENDING = 'pending'
    RETURNED = 'returned'
    REFUSED = 'refused'
    CANCELLED = 'cancelled'


#: Those that something is still to come of.
OPEN = frozenset({ItemStatus.REQUESTED, ItemStatus.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """One recall.

    Attributes:
        owner_id: the project that has its nodes back.
        reason: why, as the lessees are told.
        deadline: by when the nodes are asked for.
    """

    uuid: str
    owner_id: str
    reason: str | None
    deadline: datetime
    created_at: datetime
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """The recall of one node.

    Attributes:
        recall: uuid of the recall.
        node_id: the key of the node's row.
        lease: uuid of the lease that has, or will first have, the node; None if none does.
        due: when whoever has the node loses it; None while nobody has looked.
        reason: why it is refused, or until when it comes back, in a sentence.
        returned_at: when its owner could use the node.
    """

    recall: str
    node_id: int
    status: ItemStatus = ItemStatus.REQUESTED
    lease: str | None = None
    due: datetime | None = None
    reason: str | None = None
    returned_at: datetime | None = None


def status_of(recall: Recall, statuses: Collection[ItemStatus]) -> Status:
    """Return the status of a recall from those of its items."""
    if recall.cancelled_at is not None:
        return Status.CANCELLED
    return Status.PENDING if OPEN.intersection(statuses) else Status.COMPLETE


def percentile(seconds: Iterable[float], share: float) -> float | None:
    """Return the percentile of some times, in seconds; None if there are none."""
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
