"""One node's booking tree, open for change: the only way in which bookings are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core import consequences
from esi_leap.core.change import Agree, Change, Note, Put, Tell, Turn
from esi_leap.core.consequences import Agreement
from esi_leap.core.contract import Contract
from esi_leap.core.errors import LeaseNotFoundError, OfferNotFoundError
from esi_leap.core.event import Event, Priority
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.core.ports import store
from esi_leap.core.recall import Item, Recall
from esi_leap.core.tree import Booking, BookingTree
from esi_leap.db import agreements, outbox, recalls, rows
from esi_leap.db.tables import bookings, contracts, events, nodes
from esi_leap.db.types import AnySelect


class Book(store.Book):
    """The book of one node, under the row lock that `Store.booking` took.

    Args:
        connection: the transaction that has the lock.
        node: the node, read with the lock.
        now: the present instant.
        level: least priority of the notifications that are written; None writes none.
    """

    def __init__(
        self,
        connection: sa.Connection,
        node: Node,
        now: datetime,
        level: Priority | None = None,
    ) -> None:
        self._node = node
        self._connection = connection
        self._now = now
        self._level = level
        self._stored: dict[str, Booking] = {}
        self._agreed: set[str] = set()

    @property
    def node(self) -> Node:
        return self._node

    @property
    def now(self) -> datetime:
        return self._now

    def tree(self, window: Interval | None = None) -> BookingTree:
        query = (
            sa.select(*rows.BOOKING)
            .where(bookings.c.node_id == self.node.id)
            .where(rows.blocking())
        )
        if window is not None:
            query = query.where(rows.overlapping(window))
        return BookingTree(self._read(query))

    def offer(self, uuid: str) -> Offer:
        for found in self._read(self._one(uuid)):
            if isinstance(found, Offer):
                return found
        raise OfferNotFoundError.of(uuid)

    def lease(self, uuid: str) -> Lease:
        for found in self._read(self._one(uuid)):
            if isinstance(found, Lease):
                return found
        raise LeaseNotFoundError.of(uuid)

    def known(self, uuid: str) -> Booking | None:
        return self._stored.get(uuid)

    def agreements(self, changed: Sequence[Lease]) -> Sequence[Agreement]:
        found = agreements.read(self._connection, changed)
        self._agreed |= {each.contract.uuid for each in found}
        return found

    def recalls(self) -> Sequence[tuple[Recall, Item]]:
        return recalls.of_node(self._connection, self.node.id)

    def count_leases(self, project_id: str) -> int:
        query = (
            sa.select(sa.func.count())
            .where(bookings.c.kind == 'lease', bookings.c.lessee_id == project_id)
            .where(rows.blocking())
        )
        return int(self._connection.execute(query).scalar_one())

    def put(self, change: Change) -> Change:
        complete = consequences.complete(change, self)
        told = [each.event for each in complete if isinstance(each, Tell)]
        for effect in complete:
            match effect:
                case Put(booking):
                    self._write(booking)
                case Agree(contract):
                    self._agree(contract)
                case Turn(node):
                    self._turn(node)
                case Note(_, item):
                    recalls.write(self._connection, item)
        if told:
            self._tell(told)
        return complete

    def _write(self, booking: Booking) -> None:
        values = rows.booking_values(booking)
        change: sa.Update | sa.Insert
        if booking.uuid in self._stored:
            change = bookings.update().where(bookings.c.uuid == booking.uuid).values(values)
        else:
            change = bookings.insert().values(created_at=self._now, **values)
        self._connection.execute(change)
        self._stored[booking.uuid] = booking

    def _agree(self, contract: Contract) -> None:
        values = rows.contract_values(contract)
        change: sa.Update | sa.Insert
        if contract.uuid in self._agreed:
            change = contracts.update().where(contracts.c.uuid == contract.uuid).values(values)
        else:
            change = contracts.insert().values(created_at=self._now, **values)
        self._connection.execute(change)
        self._agreed.add(contract.uuid)

    def _turn(self, node: Node) -> None:
        mine = nodes.c.id == self.node.id
        self._connection.execute(nodes.update().where(mine).values(rows.node_progress(node)))
        self._node = node

    def _tell(self, told: Sequence[Event]) -> None:
        values = [rows.event_values(each, self.node, self._now) for each in told]
        self._connection.execute(events.insert(), values)
        outbox.write(self._connection, told, self.node, self._now, self._level)

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
