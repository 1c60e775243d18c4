"""Consequences of a change: contracts that turn, recalls that are over, events.

The book calls `complete` once for each change, before it writes anything. Deeds and tasks therefore
need not remember any of it, and no adapter decides it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from esi_leap.core import event
from esi_leap.core import lease as leases
from esi_leap.core.booking.recall import is_back, plan_return
from esi_leap.core.change import (
    Agree,
    Change,
    Note,
    Tell,
    Turn,
    bookings_of,
    contracts_of,
    node_of,
)
from esi_leap.core.contract import Contract, Status, status_of
from esi_leap.core.event import Event
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import USABLE, Node, State
from esi_leap.core.recall import Item, ItemStatus, Recall
from esi_leap.core.tree import Booking, BookingTree


@dataclass(frozen=True, slots=True)
class Agreement:
    """A contract with its leases before a change.

    Attributes:
        contract: the contract.
        lines: status and window of each of its leases, by uuid.
    """

    contract: Contract
    lines: Mapping[str, tuple[leases.Status, Interval]]

    @property
    def status(self) -> Status:
        """The status of the contract."""
        return status_of([status for status, _ in self.lines.values()])

    def after(self, changed: Collection[Lease]) -> Agreement:
        """Return the contract after a change of some leases, of which others are left out."""
        mine = [each for each in changed if each.contract == self.contract.uuid]
        lines = {**self.lines, **{each.uuid: (each.status, each.window) for each in mine}}
        windows = [window for _, window in lines.values()]
        window = Interval(min(each.start for each in windows), max(each.end for each in windows))
        owner = mine[0].owner_id if mine else self.contract.owner_id
        return Agreement(replace(self.contract, owner_id=owner, window=window), lines)


class Scene(Protocol):
    """A node and its bookings before a change, as the book reads them under the node's lock."""

    @property
    def node(self) -> Node:
        """The row of the node."""

    @property
    def now(self) -> datetime:
        """The present instant."""

    def known(self, uuid: str) -> Booking | None:
        """Return a booking that was read, as it is stored; None of a new one."""

    def agreements(self, changed: Sequence[Lease]) -> Sequence[Agreement]:
        """Read the contracts of leases, locked against changes by others."""

    def recalls(self) -> Sequence[tuple[Recall, Item]]:
        """Read the recalls of the node that are not over."""

    def tree(self) -> BookingTree:
        """Read all bookings of the node that block."""


def complete(change: Change, scene: Scene) -> Change:
    """Return a change with everything that follows from it, in the order of writing."""
    whole = (*change, *_end_recalls(change, scene))
    told = [each.event for each in whole if isinstance(each, Tell)]
    effects = [each for each in whole if not isinstance(each, Tell)]
    events = [*_node_events(whole, scene), *_booking_events(whole, scene)]
    changed = [each for each in bookings_of(whole) if isinstance(each, Lease)]
    turning = [each for each in changed if _turns(scene.known(each.uuid), each)]
    for before in scene.agreements(turning) if turning else ():
        after = before.after(changed)
        events += event.of_contract((before.status, before.contract), after.status, after.contract)
        if after.contract != before.contract:
            effects.append(Agree(after.contract))
    for made in contracts_of(change):
        status = status_of([each.status for each in changed if each.contract == made.uuid])
        events += event.of_contract(None, status, made)
    return (*effects, *map(Tell, [*events, *told]))


def _turns(before: Booking | None, after: Lease) -> bool:
    """Tell whether a lease changes its contract."""
    return isinstance(before, Lease) and (before.status, before.window, before.owner_id) != (
        after.status,
        after.window,
        after.owner_id,
    )


def _node_events(change: Change, scene: Scene) -> Iterator[Event]:
    node = node_of(change)
    if node is None:
        return
    yield from event.of_node(scene.node, node)
    if node.state is State.PREPARING and node.lease != scene.node.lease:
        after = {each.uuid: each for each in bookings_of(change)}
        lease = after.get(str(node.lease)) or scene.known(str(node.lease))
        if isinstance(lease, Lease):
            yield from event.of_hand_over(lease)


def _booking_events(change: Change, scene: Scene) -> Iterator[Event]:
    written: dict[str, Booking] = {}
    for each in bookings_of(change):
        yield from event.of_booking(written.get(each.uuid) or scene.known(each.uuid), each)
        written[each.uuid] = each


def _end_recalls(change: Change, scene: Scene) -> Change:
    """End the recalls of a node that its owner can use from now on.

    From then until its recall is due, the owner does not offer it.
    """
    node = node_of(change) or scene.node
    if node.state not in USABLE or not _may_end_recalls(change):
        return ()
    notes = [each for each in change if isinstance(each, Note)]
    items = {recall.uuid: (recall, item) for recall, item in scene.recalls()}
    items |= {each.recall.uuid: (each.recall, each.item) for each in notes}
    pending = [each for each in items.values() if each[1].status is ItemStatus.PENDING]
    if not pending:
        return ()
    ended: list[Note] = []
    further: Change = ()
    tree = scene.tree().after(bookings_of(change))
    for recall, item in pending:
        if is_back(item, recall.owner_id, node, tree):
            back = replace(item, status=ItemStatus.RETURNED, returned_at=scene.now)
            ended.append(Note(recall, back))
            withdrawn = plan_return(item, recall.owner_id, node, tree, scene.now)
            tree = tree.after(bookings_of(withdrawn))
            further += withdrawn
    return (*ended, *further)


def _may_end_recalls(change: Change) -> bool:
    turned = any(isinstance(each, Turn | Note) for each in change)
    return turned or any(
        isinstance(each, Lease) and not each.blocks for each in bookings_of(change)
    )
