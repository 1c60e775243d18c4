"""Deleting old rows: final bookings, their contracts, recalls, events and console tokens.

Rows are deleted in small transactions, so that no request waits long. A row stays as long as a row
that stays refers to it: a booking goes after the bookings inside it, a contract after its leases.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.recall import OPEN
from esi_leap.db import console_auth_tokens, rows
from esi_leap.db.engine import Database
from esi_leap.db.tables import bookings, contracts, events, nodes, recall_items, recalls
from esi_leap.db.tables import console_auth_tokens as tokens

_OPEN = sorted(map(str, OPEN))
#: Rows that are deleted in one transaction.
_BATCH = 500


def purge(database: Database, before: datetime, *, dry: bool = False) -> dict[str, int]:
    """Delete the rows that were over before an instant; return the number of rows by table.

    Args:
        database: the database.
        before: rows that ended, happened or expired earlier are deleted.
        dry: count the rows instead. A row that goes only because another row goes is not counted.
    """
    counts: dict[str, int] = {}
    for table, old in _old(before):
        counts[table.name] = _count(database, table, old) if dry else _delete(database, table, old)
    return counts


def _old(before: datetime) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool]]]:
    """Yield each table with its clause of old rows; a table comes after its referrers."""
    yield tokens, console_auth_tokens.is_over(before)
    yield recall_items, _done_before(before)
    item = sa.select(recall_items.c.id).where(recall_items.c.recall_uuid == recalls.c.uuid)
    yield recalls, sa.and_(recalls.c.created_at < before, ~item.exists())
    yield bookings, _over(before)
    line = sa.select(bookings.c.id).where(bookings.c.contract_uuid == contracts.c.uuid)
    yield contracts, sa.and_(contracts.c.end_time < before, ~line.exists())
    yield events, sa.and_(events.c.event_time < before, events.c.position.is_not(None))


def _over(before: datetime) -> sa.ColumnElement[bool]:
    """Match final bookings that no booking and no node refers to.

    A lease that ended early ended at `expire_time`. A withdrawn offer goes when its window has
    ended, because the time of the withdrawal is not stored.
    """
    other = bookings.alias('other')
    mentions = sa.or_(
        other.c.parent_uuid == bookings.c.uuid,
        other.c.offer_uuid == bookings.c.uuid,
        other.c.parent_lease_uuid == bookings.c.uuid,
        other.c.overlaps_uuid == bookings.c.uuid,
    )
    ended = sa.func.coalesce(bookings.c.expire_time, bookings.c.end_time)
    return sa.and_(
        ~rows.blocking(),
        ended < sa.bindparam(None, before, ended.type),
        ~sa.select(other.c.id).where(mentions).exists(),
        ~sa.select(nodes.c.id).where(nodes.c.lease_uuid == bookings.c.uuid).exists(),
    )


def _done_before(before: datetime) -> sa.ColumnElement[bool]:
    """Match the items of old recalls without an open item."""
    other = recall_items.alias('other')
    to_come = sa.select(other.c.id).where(
        other.c.recall_uuid == recall_items.c.recall_uuid, other.c.status.in_(_OPEN)
    )
    old = sa.select(recalls.c.id).where(
        recalls.c.uuid == recall_items.c.recall_uuid, recalls.c.created_at < before
    )
    return sa.and_(old.exists(), ~to_come.exists())


def _count(database: Database, table: sa.Table, old: sa.ColumnElement[bool]) -> int:
    """Return the number of old rows of a table."""
    with database.reader() as connection:
        select = sa.select(sa.func.count()).select_from(table).where(old)
        return int(connection.execute(select).scalar_one())


def _delete(database: Database, table: sa.Table, old: sa.ColumnElement[bool]) -> int:
    """Delete old rows batch after batch until none is left; return their number.

    Each batch may delete the last reference to other rows, which are then old too.
    """
    total = 0
    while True:
        with database.reader() as connection:
            select = sa.select(table.c.id).where(old).limit(_BATCH)
            keys = [{'key': key} for key in connection.execute(select).scalars()]
        if not keys:
            return total
        with database.writer() as connection:
            # Each row by its key, which locks no other row.
            connection.execute(table.delete().where(table.c.id == sa.bindparam('key')), keys)
        total += len(keys)
