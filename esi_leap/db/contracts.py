"""Lists of contracts. A contract's status is computed from its leases, in SQL as in the core."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from esi_leap.core.contract import RANKING, Status
from esi_leap.core.query import Query, Scope
from esi_leap.core.views import ContractView
from esi_leap.db import lists, rows
from esi_leap.db.tables import bookings, contracts


def _has(statuses: frozenset[str]) -> sa.ColumnElement[bool]:
    return (
        sa.select(bookings.c.id)
        .where(bookings.c.contract_uuid == contracts.c.uuid)
        .where(bookings.c.status.in_(sorted(statuses)))
        .exists()
    )


#: `core.contract.status_of` as an SQL expression.
STATUS = sa.case(
    *((_has(among), sa.literal(str(status))) for status, among in RANKING),
    else_=sa.literal(str(Status.DELETED)),
)

COLUMNS = {
    'uuid': contracts.c.uuid,
    'name': contracts.c.name,
    'owner_id': contracts.c.owner_id,
    'lessee_id': contracts.c.lessee_id,
    'offer_uuid': contracts.c.offer_uuid,
    'start_time': contracts.c.start_time,
    'end_time': contracts.c.end_time,
    'created_at': contracts.c.created_at,
    'status': STATUS,
}


def read(connection: sa.Connection, scope: Scope, query: Query) -> Sequence[ContractView]:
    """Read a page of contracts with names, status and uuids of leases, in two statements."""
    every = lists.keys(contracts, query, COLUMNS)
    visible = lists.party(scope, contracts)
    select = lists.equal(every, query.equal, COLUMNS)
    select = lists.paged(
        connection, select, contracts, query, COLUMNS, every=every, visible=visible
    )
    found = list(connection.execute(select.add_columns(STATUS.label('status'))))
    leases = defaultdict(list)
    uuids = [row.uuid for row in found]
    if uuids:
        pairs = sa.select(bookings.c.contract_uuid, bookings.c.uuid).order_by(bookings.c.id)
        for contract, lease in connection.execute(pairs.where(bookings.c.contract_uuid.in_(uuids))):
            leases[contract].append(lease)
    return [
        ContractView(
            rows.contract(row._mapping, contracts.c),  # noqa: SLF001 - read by column
            Status(row.status),
            leases[row.uuid],
            lists.names(row),
        )
        for row in found
    ]
