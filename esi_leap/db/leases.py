"""Lists of leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.lease import PENDING, Lease, Status
from esi_leap.core.ports.manager import Backlog
from esi_leap.core.query import Query, Scope
from esi_leap.core.views import LeaseView
from esi_leap.db import lists, recalls, rows
from esi_leap.db.offers import COLUMNS as BOOKING_COLUMNS
from esi_leap.db.tables import bookings, outbox

COLUMNS = {
    **BOOKING_COLUMNS,
    'purpose': bookings.c.purpose,
    'offer_uuid': bookings.c.offer_uuid,
    'contract_uuid': bookings.c.contract_uuid,
}

_WAITING = (Status.WAIT_FULFILL, Status.WAIT_EXPIRE, Status.WAIT_CANCEL)


def read(connection: sa.Connection, scope: Scope, query: Query) -> Sequence[LeaseView]:
    """Read a page of leases with nodes and names, in one statement; recalls need a second."""
    every = lists.keys(bookings, query, COLUMNS).where(bookings.c.kind == 'lease')
    visible = lists.party(scope)
    if scope.sublet and not scope.everything:
        visible = [*visible, _lies_in_a_lease_by(scope.project_id)]
    select = lists.filtered(every, query, COLUMNS)
    select = lists.paged(connection, select, bookings, query, COLUMNS, every=every, visible=visible)
    found = [
        LeaseView(lease, rows.node(row), lists.names(row))
        for row in connection.execute(select)
        if isinstance(lease := rows.booking(row), Lease)
    ]
    reasons = recalls.reasons(
        connection, (each.lease.recall.recall for each in found if each.lease.recall)
    )
    return [
        replace(each, recalled_for=reasons.get(each.lease.recall.recall))
        if each.lease.recall
        else each
        for each in found
    ]


def backlog(connection: sa.Connection, now: datetime) -> Backlog:
    """Count the leases that are due or late; only due and waiting rows are read, by index."""
    status, due = bookings.c.status, bookings.c.due_at <= now
    moment = sa.case((status.in_(PENDING), bookings.c.start_time), else_=bookings.c.end_time)
    late = sa.or_(moment <= now, status == Status.WAIT_CANCEL)
    select = sa.select(
        sa.func.count(sa.case((due, 1))),
        sa.func.count(sa.case((late, 1))),
        sa.func.min(sa.case((moment <= now, moment))),
        sa.select(sa.func.count(outbox.c.id)).scalar_subquery(),
    ).where(bookings.c.kind == 'lease', sa.or_(due, status.in_(_WAITING)))
    return Backlog(*connection.execute(select).one())


def _lies_in_a_lease_by(project_id: str | None) -> sa.ColumnElement[bool]:
    lender = bookings.alias('lender')
    return (
        sa.select(lender.c.id)
        .where(lender.c.uuid == bookings.c.parent_lease_uuid, lender.c.owner_id == project_id)
        .exists()
    )
