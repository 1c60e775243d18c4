"""The store as a refresh of the inventory sees it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core import offer as offers
from esi_leap.core.cause import Cause
from esi_leap.core.inventory import Sighting
from esi_leap.core.node import Node, State
from esi_leap.core.ports import manager as port
from esi_leap.core.ports.cloud import Project
from esi_leap.db import chores, rows, sightings
from esi_leap.db.engine import Database
from esi_leap.db.projects import Projects, find_unnamed
from esi_leap.db.session import Session
from esi_leap.db.tables import bookings, nodes

#: Rows that are fetched at a time where all rows are read.
_PAGE = 1000
#: Rows of nodes that one transaction locks: bookings of the same nodes wait for these locks.
_LOCKED = 50
_HAS_REASON = sa.or_(nodes.c.cause.is_not(None), nodes.c.cause_detail.is_not(None))


class Inventory(port.Inventory):
    """Implements `core.ports.manager.Inventory`, which documents the methods.

    Args:
        database: the database.
    """

    def __init__(self, database: Database) -> None:
        self._session = Session(database)
        self._projects = Projects(self._session)

    def see(
        self, resource_type: str, seen: Sequence[Sighting], asked: datetime, now: datetime
    ) -> None:
        with self._session.reader() as connection:
            known = sightings.read_rows(connection, resource_type, seen)
        news = [
            each
            for each in seen
            if each.uuid not in known or sightings.is_news(each, known[each.uuid])
        ]
        for start in range(0, len(news), _LOCKED):
            some = news[start : start + _LOCKED]
            ids = {each.uuid: known[each.uuid].id for each in some if each.uuid in known}
            sightings.write(self._session, resource_type, some, ids, asked=asked, now=now)

    def miss(
        self, resource_type: str, seen: Collection[str], asked: datetime, now: datetime
    ) -> None:
        with self._session.reader() as connection:
            missing = _find_missing(connection, resource_type, seen, asked)
        for start in range(0, len(missing), _LOCKED):
            with self._session.writer() as connection:
                _mark_gone(connection, missing[start : start + _LOCKED], asked, now)

    def wake(self, now: datetime) -> None:
        with self._session.reader() as connection:
            drifted = _find_drifted(connection)
        for start in range(0, len(drifted), _LOCKED):
            with self._session.writer() as connection:
                _wake(connection, drifted[start : start + _LOCKED], now)

    def nameless(self, limit: int) -> Sequence[str]:
        with self._session.reader() as connection:
            return find_unnamed(connection, limit)

    def remember(self, projects: Collection[Project]) -> None:
        self._projects.remember(projects)

    def claim_chore(self, name: str, claim: str, now: datetime, until: datetime) -> bool:
        return chores.claim(self._session, name, claim, now, until)

    def release_chore(self, name: str, claim: str, done_at: datetime | None) -> None:
        chores.release(self._session, name, claim, done_at)

    def chores(self, names: Collection[str]) -> Mapping[str, datetime]:
        with self._session.reader() as connection:
            return chores.last_done(connection, names)


def refresh_node(
    session: Session, machine: Sighting, resource_type: str, *, asked: datetime, now: datetime
) -> Node:
    """Return the row of a machine, inserted or updated if the row differs from the machine.

    Args:
        session: where transactions are opened.
        machine: the machine as its service showed it.
        resource_type: its resource type.
        asked: when its service was asked; a row written after this instant stays.
        now: when the service had answered.
    """
    with session.reader() as connection:
        row = sightings.read_rows(connection, resource_type, [machine]).get(machine.uuid)
    if row is None or sightings.is_news(machine, row):
        ids = {} if row is None else {machine.uuid: row.id}
        sightings.write(session, resource_type, [machine], ids, asked=asked, now=now)
        with session.reader() as connection:
            row = sightings.read_rows(connection, resource_type, [machine])[machine.uuid]
    return rows.node(row)


def _find_missing(
    connection: sa.Connection, resource_type: str, seen: Collection[str], asked: datetime
) -> list[int]:
    """Return the keys of nodes whose service did not show them, in ascending order."""
    column = nodes.c
    select = (
        sa.select(column.id, column.resource_uuid)
        .where(column.resource_type == resource_type, column.gone_at.is_(None))
        .where(column.refreshed_at <= asked)
        .order_by(column.id)
        .execution_options(yield_per=_PAGE)
    )
    return [row.id for row in connection.execute(select) if row.resource_uuid not in seen]


def _mark_gone(
    connection: sa.Connection, ids: Sequence[int], asked: datetime, now: datetime
) -> None:
    """Mark nodes as gone, unless their rows were written after `asked`."""
    connection.execute(
        nodes.update()
        .where(nodes.c.id.in_(ids), nodes.c.refreshed_at <= asked)
        .values(gone_at=now, refreshed_at=now)
    )


def _find_drifted(connection: sa.Connection) -> list[int]:
    """Return the keys of nodes that differ from their booking trees, in ascending order."""
    lease = bookings.alias('lease')
    taken = sa.or_(
        nodes.c.gone_at.is_not(None),
        nodes.c.lessee_id.is_(None),
        nodes.c.lessee_id != lease.c.lessee_id,
        _HAS_REASON,  # it had drifted before, and perhaps has not any more
    )
    leased = (
        sa.select(nodes.c.id)
        .join(lease, lease.c.uuid == nodes.c.lease_uuid)
        .where(nodes.c.state == str(State.HANDED_OVER), taken)
    )
    stray = sa.select(nodes.c.id).where(
        nodes.c.state == str(State.AVAILABLE),
        sa.or_(nodes.c.lessee_id.is_not(None), _HAS_REASON),
        nodes.c.gone_at.is_(None),
    )
    by_another = nodes.c.owner_id != bookings.c.owner_id
    standing = sa.and_(
        bookings.c.status == str(offers.Status.AVAILABLE),
        by_another,
        nodes.c.owner_id != '',
        nodes.c.gone_at.is_(None),
    )
    suspended = sa.and_(
        bookings.c.status == str(offers.Status.ERROR),
        bookings.c.cause == str(Cause.OWNER_CHANGED),
        sa.not_(by_another),
    )
    offered = (
        sa.select(nodes.c.id)
        .join(bookings, bookings.c.node_id == nodes.c.id)
        .where(bookings.c.kind == 'offer', bookings.c.parent_lease_uuid.is_(None))
        .where(sa.or_(standing, suspended))
    )
    return sorted(connection.execute(sa.union(leased, stray, offered)).scalars())


def _wake(connection: sa.Connection, ids: Sequence[int], now: datetime) -> None:
    """Make nodes due now, unless they are due already."""
    later = sa.or_(nodes.c.retry_at.is_(None), nodes.c.retry_at > now)
    connection.execute(nodes.update().where(nodes.c.id.in_(ids), later).values(retry_at=now))
