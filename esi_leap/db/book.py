"""One node's calendar, open for change: the only way in which bookings are written."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.booking import Change
from esi_leap.core.calendar import Booking, Calendar
from esi_leap.core.errors import LeaseNotFoundError, OfferNotFoundError
from esi_leap.core.handover import Node
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.db import rows
from esi_leap.db.tables import bookings, contracts, events, nodes


class Book:
    """Reads and writes under the row lock that `Store.booking` took. See `core.ports.Book`."""

    def __init__(self, connection: sa.Connection, node: Node, now: datetime) -> None:
        self.node = node
        self._connection = connection
        self._now = now
        self._stored: dict[str, Interval] = {}

    def occupancy(self, window: Interval | None = None) -> Calendar:
        """Read the bookings that hold a part of `window`, or all that hold one."""
        query = (
            sa.select(*rows.BOOKING).where(bookings.c.node_id == self.node.id).where(rows.holding())
        )
        if window is not None:
            query = query.where(rows.overlapping(window))
        return Calendar(self._read(query))

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

    def held(self, project_id: str) -> int:
        """Count the leases of a project that have not ended, on all nodes."""
        query = (
            sa.select(sa.func.count())
            .where(bookings.c.kind == 'lease', bookings.c.lessee_id == project_id)
            .where(rows.holding())
        )
        return int(self._connection.execute(query).scalar_one())

    def put(self, change: Change) -> None:
        """Write a change and its events."""
        if change.contract is not None:
            values = rows.contract_values(change.contract)
            self._connection.execute(contracts.insert().values(created_at=self._now, **values))
        for booking in change.bookings:
            self._write(booking)
        if change.node is not None:
            self._connection.execute(
                nodes.update()
                .where(nodes.c.id == self.node.id)
                .values(rows.node_progress(change.node))
            )
            self.node = change.node
        if change.events:
            self._connection.execute(
                events.insert(),
                [rows.event_values(event, self.node, self._now) for event in change.events],
            )

    def _write(self, booking: Booking) -> None:
        values = rows.booking_values(booking)
        if booking.uuid in self._stored:
            change = bookings.update().where(bookings.c.uuid == booking.uuid).values(values)
        else:
            change = bookings.insert().values(created_at=self._now, **values)
        self._connection.execute(change)
        before = self._stored.get(booking.uuid, booking.window)
        self._stored[booking.uuid] = booking.window
        if isinstance(booking, Lease) and before != booking.window:
            self._frame(booking.contract)

    def _frame(self, contract: str) -> None:
        """Let the window of a contract be that of its leases again."""
        lines = sa.select(bookings.c.contract_uuid).where(bookings.c.contract_uuid == contract)
        self._connection.execute(
            contracts.update()
            .where(contracts.c.uuid == contract)
            .values(
                start_time=lines.with_only_columns(
                    sa.func.min(bookings.c.start_time)
                ).scalar_subquery(),
                end_time=lines.with_only_columns(
                    sa.func.max(bookings.c.end_time)
                ).scalar_subquery(),
            )
        )

    def _one(self, uuid: str) -> sa.Select[tuple[object, ...]]:
        return (
            sa.select(*rows.BOOKING)
            .where(bookings.c.uuid == uuid)
            .where(bookings.c.node_id == self.node.id)
        )

    def _read(self, query: sa.Select[tuple[object, ...]]) -> list[Booking]:
        found = [rows.booking(row) for row in self._connection.execute(query)]
        self._stored.update((each.uuid, each.window) for each in found)
        return found
