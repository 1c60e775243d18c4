"""One node's booking tree, open for change: the only way in which bookings are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from esi_leap.core import event
from esi_leap.core.booking.recall import USABLE, is_back, plan_return
from esi_leap.core.change import Change
from esi_leap.core.contract import Contract, status_of
from esi_leap.core.errors import LeaseNotFoundError, OfferNotFoundError
from esi_leap.core.event import Event, Priority
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Offer
from esi_leap.core.recall import Item, ItemStatus, Recall
from esi_leap.core.tree import Booking, BookingTree
from esi_leap.db import agreements, outbox, recalls, rows
from esi_leap.db.tables import bookings, contracts, events, nodes
from esi_leap.db.types import AnySelect


class Book:
    """Reads and writes under the row lock that `Store.booking` took; `core.ports.store.Book`."""

    def __init__(
        self,
        connection: sa.Connection,
        node: Node,
        now: datetime,
        level: Priority | None = None,
    ) -> None:
        self.node = node
        self.regained: list[timedelta] = []
        self._connection = connection
        self._now = now
        self._level = level
        self._stored: dict[str, Booking] = {}

    def tree(self, window: Interval | None = None) -> BookingTree:
        """Read the bookings that hold a part of `window`, or all that hold one."""
        query = (
            sa.select(*rows.BOOKING)
            .where(bookings.c.node_id == self.node.id)
            .where(rows.blocking())
        )
        if window is not None:
            query = query.where(rows.overlapping(window))
        return BookingTree(self._read(query))

    def offer(self, uuid: str) -> Offer:
        """Read an offer of the node as it is now."""
        for found in self._read(self._one(uuid)):
            if isinstance(found, Offer):
                return found
        raise OfferNotFoundError.of(uuid)

    def lease(self, uuid: str) -> Lease:
        """Read a lease of the node as it is now."""
        for found in self._read(self._one(uuid)):
            if isinstance(found, Lease):
                return found
        raise LeaseNotFoundError.of(uuid)

    def recalls(self) -> Sequence[tuple[Recall, Item]]:
        """Read the recalls of the node that something is still to come of."""
        return recalls.of_node(self._connection, self.node.id)

    def note(self, item: Item) -> None:
        """Write how far a recall of the node is; it ends if the node is back already."""
        recalls.write(self._connection, item)
        self._regain()

    def held(self, project_id: str) -> int:
        """Count the leases of a project that have not ended, on all nodes."""
        query = (
            sa.select(sa.func.count())
            .where(bookings.c.kind == 'lease', bookings.c.lessee_id == project_id)
            .where(rows.blocking())
        )
        return int(self._connection.execute(query).scalar_one())

    def put(self, change: Change) -> None:
        """Write a change, and the events that follow from it."""
        leases = [each for each in change.bookings if isinstance(each, Lease)]
        turning = agreements.read(self._connection, [each for each in leases if self._turns(each)])
        told = [*self._told(change)]
        for agreement in turning:
            told += agreement.told(leases)
        if change.contract is not None:
            values = rows.contract_values(change.contract)
            self._connection.execute(contracts.insert().values(created_at=self._now, **values))
            status = status_of([each.status for each in leases])
            told += event.of_contract(None, status, change.contract)
        for booking in change.bookings:
            self._write(booking)
        for agreement in turning:
            self._frame(agreement.contract, agreement.after(leases)[0])
        if change.node is not None:
            self._connection.execute(
                nodes.update()
                .where(nodes.c.id == self.node.id)
                .values(rows.node_progress(change.node))
            )
            self.node = change.node
        told += change.events
        if told:
            self._connection.execute(
                events.insert(), [rows.event_values(each, self.node, self._now) for each in told]
            )
            outbox.write(self._connection, told, self.node, self._now, self._level)
        if change.node is not None or any(not each.blocks for each in leases):
            self._regain()

    def _regain(self) -> None:
        """End the recalls of a node that its owner can use: they have come true at this instant."""
        if self.node.state not in USABLE:
            return
        waiting = [each for each in self.recalls() if each[1].status is ItemStatus.PENDING]
        if not waiting:
            return
        tree = self.tree()
        for recall, item in waiting:
            if is_back(item, recall.owner_id, self.node, tree):
                done = replace(item, status=ItemStatus.RETURNED, returned_at=self._now)
                recalls.write(self._connection, done)
                self.regained.append(self._now - recall.created_at)
                self.put(plan_return(item, recall.owner_id, self.node, tree, self._now))

    def _turns(self, lease: Lease) -> bool:
        """Whether a lease changes what its contract is."""
        before = self._stored.get(lease.uuid)
        return isinstance(before, Lease) and (before.status, before.window, before.owner_id) != (
            lease.status,
            lease.window,
            lease.owner_id,
        )

    def _told(self, change: Change) -> Iterator[Event]:
        """Tell what happens to the node and its bookings with a change."""
        node = change.node
        if node is not None:
            yield from event.of_node(self.node, node)
        if node is not None and node.state is State.PREPARING and node.lease != self.node.lease:
            yield from event.of_hand_over(self.lease(str(node.lease)))
        for booking in change.bookings:
            yield from event.of_booking(self._stored.get(booking.uuid), booking)

    def _write(self, booking: Booking) -> None:
        values = rows.booking_values(booking)
        change: sa.Update | sa.Insert
        if booking.uuid in self._stored:
            change = bookings.update().where(bookings.c.uuid == booking.uuid).values(values)
        else:
            change = bookings.insert().values(created_at=self._now, **values)
        self._connection.execute(change)
        self._stored[booking.uuid] = booking

    def _frame(self, before: Contract, after: Contract) -> None:
        """Let the provider and the window of a contract be those of its leases again."""
        if after != before:
            self._connection.execute(
                contracts.update()
                .where(contracts.c.uuid == after.uuid)
                .values(rows.contract_values(after))
            )

    def _one(self, uuid: str) -> AnySelect:
        return (
            sa.select(*rows.BOOKING)
            .where(bookings.c.uuid == uuid)
            .where(bookings.c.node_id == self.node.id)
        )

    def _read(self, query: AnySelect) -> list[Booking]:
        found = [rows.booking(row) for row in self._connection.execute(query)]
        self._stored.update((each.uuid, each) for each in found)
        return found
