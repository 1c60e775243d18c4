"""Lists of leases."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from esi_leap.core.lease import Lease
from esi_leap.core.ports import LeaseView, Query, Scope
from esi_leap.db import lists, rows
from esi_leap.db.offers import COLUMNS as BOOKING_COLUMNS
from esi_leap.db.tables import bookings

COLUMNS = {
    **BOOKING_COLUMNS,
    'purpose': bookings.c.purpose,
    'offer_uuid': bookings.c.offer_uuid,
    'contract_uuid': bookings.c.contract_uuid,
}


def read(connection: sa.Connection, scope: Scope, query: Query) -> Sequence[LeaseView]:
    """Read a page of leases with their nodes and names: one statement."""
    select = lists.joined(bookings)
    select = select.where(bookings.c.kind == 'lease')
    if not scope.everything:
        select = select.where(
            sa.or_(
                bookings.c.owner_id == scope.project_id,
                bookings.c.lessee_id == scope.project_id,
            )
        )
    visible = select
    select = lists.filtered(select, query, COLUMNS)
    select = lists.paged(connection, select, bookings, query, COLUMNS, visible=visible)
    return [
        LeaseView(lease, rows.node(row), lists.names(row))
        for row in connection.execute(select)
        if isinstance(lease := rows.booking(row), Lease)
    ]
