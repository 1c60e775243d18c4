"""Contracts while their leases change: status and window of a contract are those of its leases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import sqlalchemy as sa

from esi_leap.core import event
from esi_leap.core.contract import Contract, Status, status_of
from esi_leap.core.event import Event
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.lease import Status as LeaseStatus
from esi_leap.db import rows
from esi_leap.db.tables import bookings, contracts
from esi_leap.db.types import AnyRow

#: What a contract is made of: the status and the window of each of its leases, by uuid.
Lines = dict[str, tuple[LeaseStatus, Interval]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A contract with its leases as they were before a change."""

    contract: Contract
    lines: Lines

    def after(self, changed: Collection[Lease]) -> tuple[Contract, Status]:
        """Return the contract and its status as they are after a change of some leases."""
        mine = {each.uuid: each for each in changed if each.contract == self.contract.uuid}
        fresh = {uuid: (each.status, each.window) for uuid, each in mine.items()}
        lines = {**self.lines, **fresh}
        window = Interval(
            min(window.start for _, window in lines.values()),
            max(window.end for _, window in lines.values()),
        )
        status = status_of([status for status, _ in lines.values()])
        owner = next((each.owner_id for each in mine.values()), self.contract.owner_id)
        return replace(self.contract, owner_id=owner, window=window), status

    def told(self, changed: Collection[Lease]) -> Iterator[Event]:
        """Tell what a change of some leases means for the contract."""
        value, status = self.after(changed)
        before = status_of([status for status, _ in self.lines.values()])
        yield from event.of_contract((before, self.contract), status, value)


def read(connection: sa.Connection, leases: Collection[Lease]) -> list[Agreement]:
    """Read the contracts of leases that are about to turn, as nobody else can change them now.

    The other leases of a contract are on other nodes, whose locks we do not have: so its row is
    locked, and they are read again. Each by its own key, which locks this row and no gap beside it.
    A contract with one lease needs none of it.
    """
    wanted = sorted({each.contract for each in leases})
    if not wanted:
        return []
    mine = {each.uuid for each in leases}
    query = (
        sa.select(*contracts.c, bookings.c.uuid.label('line'), *_LINE)
        .join(bookings, bookings.c.contract_uuid == contracts.c.uuid)
        .where(contracts.c.uuid.in_(wanted))
        .order_by(contracts.c.uuid, bookings.c.id)
    )
    found: dict[str, Contract] = {}
    lines: dict[str, Lines] = defaultdict(dict)
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


def _line(row: AnyRow) -> tuple[LeaseStatus, Interval]:
    return LeaseStatus(row.line_status), Interval(row.line_start, row.line_end)
