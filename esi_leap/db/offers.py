"""Lists of offers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.interval import Interval
from esi_leap.core.offer import Offer, Status
from esi_leap.core.query import Query, Scope
from esi_leap.core.views import OfferView
from esi_leap.db import lists, rows
from esi_leap.db.tables import bookings, nodes
from esi_leap.db.types import AnySelect

COLUMNS = {
    'uuid': bookings.c.uuid,
    'name': bookings.c.name,
    'owner_id': bookings.c.owner_id,
    'lessee_id': bookings.c.lessee_id,
    'status': bookings.c.status,
    'start_time': bookings.c.start_time,
    'end_time': bookings.c.end_time,
    'created_at': bookings.c.created_at,
    'resource_type': nodes.c.resource_type,
    'resource_uuid': nodes.c.resource_uuid,
    'resource': nodes.c.name,
    'resource_class': nodes.c.resource_class,
    'parent_lease_uuid': bookings.c.parent_lease_uuid,
}


def read(
    connection: sa.Connection, scope: Scope, query: Query, now: datetime | None
) -> Sequence[OfferView]:
    """Read a page of offers with nodes and names, in one statement; free windows need a second."""
    every = lists.keys(bookings, query, COLUMNS).where(bookings.c.kind == 'offer')
    select = lists.filtered(every, query, COLUMNS)
    if query.free is not None:
        select = _unbooked(select.where(rows.spanning(query.free)), query.free)
    visible = lists.offered(scope)
    select = lists.paged(connection, select, bookings, query, COLUMNS, every=every, visible=visible)
    found = list(connection.execute(select))
    offers = [offer for row in found if isinstance(offer := rows.booking(row), Offer)]
    views = [
        OfferView(offer, rows.node(row), lists.names(row))
        for offer, row in zip(offers, found, strict=True)
    ]
    if now is None:
        return views
    taken = _taken(connection, [each.uuid for each in offers if each.status is Status.AVAILABLE])
    return [replace(each, free=each.offer.free(taken[each.offer.uuid], now)) for each in views]


def _unbooked(select: AnySelect, window: Interval) -> AnySelect:
    """Keep the offers that are free in all of a window.

    It is an outer join without a partner: with NOT EXISTS, MariaDB first reads all bookings.
    MariaDB recognizes the join by a column that is never null, PostgreSQL by one that is compared.
    """
    child = bookings.alias('child')
    taken = sa.and_(
        child.c.parent_uuid == bookings.c.uuid,
        rows.blocking(child),
        child.c.start_time < window.end,
        child.c.end_time > window.start,
    )
    return select.outerjoin(child, taken).where(child.c.id.is_(None), child.c.parent_uuid.is_(None))


def _taken(connection: sa.Connection, uuids: list[str]) -> dict[str, list[Interval]]:
    taken = defaultdict(list)
    if uuids:
        select = sa.select(
            bookings.c.parent_uuid, bookings.c.start_time, bookings.c.end_time
        ).where(bookings.c.parent_uuid.in_(uuids), rows.blocking())
        for parent, start, end in connection.execute(select):
            taken[parent].append(Interval(start, end))
    return taken
