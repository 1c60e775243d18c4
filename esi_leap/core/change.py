"""What one deed writes, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from esi_leap.core.contract import Contract
from esi_leap.core.event import Event
from esi_leap.core.node import Node
from esi_leap.core.tree import Booking


@dataclass(frozen=True, slots=True)
class Change:
    """What one deed writes, in one transaction: bookings new and changed, contract, node.

    That they have changed is an event by itself (`core.event`); `events` are those that the rows
    do not show.
    """

    bookings: tuple[Booking, ...]
    events: tuple[Event, ...] = ()
    contract: Contract | None = None
    node: Node | None = None
