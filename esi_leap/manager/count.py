"""Counting of a manager's changes by its meters."""

from __future__ import annotations

from datetime import datetime

from esi_leap.core.change import Change, Note, Tell, Turn
from esi_leap.core.event import Event
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.ports.store import Book
from esi_leap.core.recall import ItemStatus
from esi_leap.manager.deps import Meter


def count(meter: Meter, book: Book, before: Node, change: Change, now: datetime) -> None:
    """Count the hand-overs, returns and recalls that a change completes.

    Args:
        meter: the meters.
        book: the book in which the change was written.
        before: the node before the change.
        change: the change with everything that follows from it.
        now: the present instant.
    """
    for effect in change:
        match effect:
            case Tell(Event('esi_leap.lease.fulfill.end', Lease() as lease)) if before.is_coming:
                meter.handed_over((now - lease.window.start).total_seconds())
            case Note(recall, item) if item.status is ItemStatus.RETURNED:
                meter.regained((now - recall.created_at).total_seconds())
            case Turn(node) if _is_back(before, node) and before.lease is not None:
                lost_at = book.lease(before.lease).expire_time
                if lost_at is not None:
                    meter.returned((now - lost_at).total_seconds())


def _is_back(before: Node, after: Node) -> bool:
    """Tell whether the node is clean, for its owner or on its way to an heir."""
    returned = before.is_going or before.state is State.LOST
    return returned and after.state in {State.AVAILABLE, State.PREPARING}
