"""The store as the manager sees it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import sqlalchemy as sa
from oslo_db import api as db_api
from oslo_db import exception as db_errors

from esi_leap.core import retry
from esi_leap.core.event import Priority
from esi_leap.core.inventory import Sighting
from esi_leap.core.node import Node
from esi_leap.core.ports import manager as port
from esi_leap.core.ports.store import Book
from esi_leap.db import heartbeats, leases
from esi_leap.db.engine import Database
from esi_leap.db.inventory import refresh_node
from esi_leap.db.lock import open_book
from esi_leap.db.session import Session
from esi_leap.db.tables import bookings, nodes


class Agenda(port.Agenda):
    """Implements `core.ports.manager.Agenda`, which documents the methods.

    Args:
        database: the database.
        level: least priority of the notifications that a change writes; None writes none.
    """

    def __init__(self, database: Database, level: Priority | None = None) -> None:
        self._session = Session(database)
        self._level = level

    def node(
        self, machine: Sighting, resource_type: str, now: datetime, asked: datetime | None = None
    ) -> Node:
        return refresh_node(self._session, machine, resource_type, asked=asked or now, now=now)

    def due(self, now: datetime, limit: int) -> Sequence[int]:
        booked, looked = bookings.c.due_at, nodes.c.retry_at
        moments = sa.union_all(
            sa.select(bookings.c.node_id, booked.label('moment')).where(booked <= now),
            sa.select(nodes.c.id, looked).where(looked <= now),
        ).subquery()
        select = (
            sa.select(nodes.c.id)
            .join(moments, moments.c.node_id == nodes.c.id)
            .where(_unclaimed(now))
            .group_by(nodes.c.id)
            .order_by(sa.func.min(moments.c.moment))
            .limit(limit)
        )
        with self._session.reader() as connection:
            return list(connection.execute(select).scalars())

    def next_due(self, now: datetime) -> datetime | None:
        # The first entry of each index; a minimum of both together would be looked for in all.
        moments = sa.union_all(
            *(
                sa.select(sa.func.min(moment).label('moment')).where(moment > now)
                for moment in (bookings.c.due_at, nodes.c.retry_at)
            )
        ).subquery()
        with self._session.reader() as connection:
            return connection.execute(sa.select(sa.func.min(moments.c.moment))).scalar()

    def claim(self, node_id: int, claim: str, now: datetime, until: datetime) -> bool:
        with self._session.writer() as connection:
            claimed = connection.execute(
                nodes.update()
                .where(nodes.c.id == node_id, _unclaimed(now))
                .values(claim=claim, claimed_until=until)
            )
            return claimed.rowcount == 1

    def release(self, node_id: int, claim: str) -> None:
        with self._session.writer() as connection:
            connection.execute(
                nodes.update()
                .where(nodes.c.id == node_id, nodes.c.claim == claim)
                .values(claim=None, claimed_until=None)
            )

    def backlog(self, now: datetime) -> port.Backlog:
        with self._session.reader() as connection:
            return leases.backlog(connection, now)

    def beat(self, kind: str, host: str, now: datetime) -> None:
        with self._session.translated():
            self._beat(kind, host, now)

    # First signs at the same time get in each other's way: of two of one host the second finds the
    # first, and those of several are a deadlock to MariaDB, which locks the gap they are to fill.
    @db_api.wrap_db_retry(  # type: ignore[untyped-decorator] # oslo.db ships no types
        max_retries=retry.WRITE_TRIES - 1,
        retry_interval=retry.WRITE.first,
        inc_retry_interval=True,
        max_retry_interval=retry.WRITE.longest,
        retry_on_deadlock=True,
        exception_checker=lambda error: isinstance(error, db_errors.DBDuplicateEntry),
    )
    def _beat(self, kind: str, host: str, now: datetime) -> None:
        with self._session.database.writer() as connection:
            heartbeats.write(connection, kind, host, now)

    def booking(
        self, node_id: int, now: datetime, claim: str | None = None
    ) -> AbstractContextManager[Book]:
        return open_book(self._session, node_id, now, self._level, claim=claim)


def _unclaimed(now: datetime) -> sa.ColumnElement[bool]:
    """Match nodes without a claim, or with one that has expired."""
    return sa.or_(nodes.c.claimed_until.is_(None), nodes.c.claimed_until <= now)
