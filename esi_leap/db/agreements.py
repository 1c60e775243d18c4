"""Contracts with their leases, read before a change; see `core.consequences.Agreement`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa

from esi_leap.core.consequences import Agreement
from esi_leap.core.contract import Contract
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease, Status
from esi_leap.db import rows
from esi_leap.db.tables import bookings, contracts
from esi_leap.db.types import AnyRow


def read(connection: sa.Connection, changed: Collection[Lease]) -> list[Agreement]:
    """Read the contracts of leases, so that no other transaction can change them until the commit.

    The other leases of a contract are on other nodes, whose locks this transaction does not have:
    so the row of the contract is locked, and they are read again, each by its own key, which locks
    that row and no gap beside it. A contract with one lease needs none of it.
    """
    wanted = sorted({each.contract for each in changed})
    if not wanted:
        return []
    mine = {each.uuid for each in changed}
    query = (
        sa.select(*contracts.c, bookings.c.uuid.label('line'), *_LINE)
        .join(bookings, bookings.c.contract_uuid == contracts.c.uuid)
        .where(contracts.c.uuid.in_(wanted))
        .order_by(contracts.c.uuid, bookings.c.id)
    )
    found: dict[str, Contract] = {}
    lines: dict[str, dict[str, tuple[Status, Interval]]] = defaultdict(dict)
    for row in connection.execute(query):
        found[row.uuid] = rows.contract(row._mapping, contracts.c)  # noqa: SLF001 - by column
        lines[row.uuid][row.line] = _line(row)
    for uuid, those in lines.items():
        others = [each for each in those if each not in mine]
        if others:
            row = connection.execute(
                sa.select(contracts).where(contracts.c.uuid == uuid).with_for_update()
            ).one()
            found[uuid] = rows.contract(row._mapping, contracts.c)  # noqa: SLF001 - by column
        for other in others:
            fresh = sa.select(*_LINE).where(bookings.c.uuid == other).with_for_update(read=True)
            those[other] = _line(connection.execute(fresh).one())
    return [Agreement(found[uuid], lines[uuid]) for uuid in found]


_LINE = (
    bookings.c.status.label('line_status'),
    bookings.c.start_time.label('line_start'),
    bookings.c.end_time.label('line_end'),
)


def _line(row: AnyRow) -> tuple[Status, Interval]:
    return Status(row.line_status), Interval(row.line_start, row.line_end)
