"""Changes: the sequence of small effects that one deed writes in one transaction.

A new kind of effect needs a class here, an arm in the book that writes it, and nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from esi_leap.core.contract import Contract
from esi_leap.core.event import Event
from esi_leap.core.node import Node
from esi_leap.core.recall import Item, Recall
from esi_leap.core.tree import Booking


@dataclass(frozen=True, slots=True)
class Put:
    """Write an offer or a lease, new or changed."""

    booking: Booking


@dataclass(frozen=True, slots=True)
class Agree:
    """Write a contract, new or changed."""

    contract: Contract


@dataclass(frozen=True, slots=True)
class Turn:
    """Write how far the hand-over or the return of the node is."""

    node: Node


@dataclass(frozen=True, slots=True)
class Note:
    """Write how far the recall of the node is."""

    recall: Recall
    item: Item


@dataclass(frozen=True, slots=True)
class Tell:
    """Write an event that no row shows."""

    event: Event


Effect: TypeAlias = Put | Agree | Turn | Note | Tell
Change: TypeAlias = tuple[Effect, ...]


def put(*bookings: Booking) -> Change:
    """Return the change that writes these bookings."""
    return tuple(map(Put, bookings))


def bookings_of(change: Iterable[Effect]) -> tuple[Booking, ...]:
    """Return the bookings that a change writes, in its order."""
    return tuple(each.booking for each in change if isinstance(each, Put))


def contracts_of(change: Iterable[Effect]) -> tuple[Contract, ...]:
    """Return the contracts that a change writes, in its order."""
    return tuple(each.contract for each in change if isinstance(each, Agree))


def node_of(change: Iterable[Effect]) -> Node | None:
    """Return the node as a change writes it last; None if it does not."""
    return next((each.node for each in reversed(tuple(change)) if isinstance(each, Turn)), None)
