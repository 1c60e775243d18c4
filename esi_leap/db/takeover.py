"""Taking over a database of the existing service (esi-leap 1.0), without losing a row.

Its tables are moved aside, ours are made, and every row is copied, together with the mark that it
is done. On PostgreSQL and SQLite that is one transaction. MariaDB commits at each change of a
table, so only the copying is one there; but what is left to do is read from the database at every
run, and a run that died anywhere is simply followed by another.

The copies say nothing of where the nodes are: `esi_leap.core.duty.recognition` finds that out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core import contract
from esi_leap.core.cause import Cause
from esi_leap.core.instant import EARLIEST
from esi_leap.core.lease import Lease
from esi_leap.core.node import State
from esi_leap.db import events as numbering
from esi_leap.db import existing, rows, schema
from esi_leap.db.engine import Database
from esi_leap.db.existing import Found, Oddity
from esi_leap.db.revision import VERSION_TABLE
from esi_leap.db.tables import bookings, chores, contracts, events, metadata, nodes, projects

#: Where its tables are kept.
PREFIX = 'esi_leap_1_'

#: The chore whose row says that the rows were copied.
_DONE = 'takeover'

#: Ours that may hold what cannot be made again.
_PRECIOUS = (bookings, contracts, events)

#: Uuids that a report names for each oddity.
_EXAMPLES = 5


class TakeoverError(Exception):
    """The database cannot be taken over as it is; the message says why."""


@dataclass
class Report:
    """Rows of the existing service, and their copies.

    Attributes:
        counts: rows of each of its tables, by status where it has one.
        oddities: uuids, or ids of events, of the rows with each oddity.
        copied: rows of ours that came of the tables; empty if nothing was copied yet.
        nodes: type and uuid of the nodes on which something is held.
        projects: ids of all projects that are a side of something.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    oddities: dict[Oddity, list[str]] = field(default_factory=dict)
    copied: dict[str, int] = field(default_factory=dict)
    nodes: set[tuple[str, str]] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)

    def note(self, ident: object, oddities: frozenset[Oddity]) -> None:
        """Remember that a row is odd."""
        for each in oddities:
            self.oddities.setdefault(each, []).append(str(ident))

    def see(self, found: Found) -> None:
        """Note the irregularities, projects and node of an offer or a lease."""
        self.note(found.value.uuid, found.oddities)
        self.projects |= {found.value.owner_id, found.value.lessee_id or ''} - {''}
        if found.value.blocks:
            self.nodes.add(found.key)

    def lines(self) -> Iterator[str]:
        """Say it to people, line by line."""
        for table, counts in self.counts.items():
            statuses = ', '.join(f'{status} {n}' for status, n in sorted(counts.items()) if status)
            yield f'{table}: {counts.total()}{f" ({statuses})" if statuses else ""}' + (
                f', copied {self.copied[table]}' if table in self.copied else ''
            )
        for oddity, idents in sorted(self.oddities.items()):
            more = ', …' if len(idents) > _EXAMPLES else ''
            yield f'{len(idents)} x {oddity}: {", ".join(idents[:_EXAMPLES])}{more}'


def upgrade(database: Database, now: datetime, new_uuid: Callable[[], str]) -> Report | None:
    """Upgrade the schema to the newest revision, and copy the rows of the existing service.

    Args:
        database: one of ours, of the existing service, or empty.
        now: the present instant.
        new_uuid: makes the ids of contracts.

    Returns:
        What was taken over, None if there was nothing, or it had been done.

    Raises:
        TakeoverError: it cannot be taken over as it is.
    """
    with _alone(database), database.writer() as connection:
        _move_aside(connection)
        owed = _owed(connection)
        if owed:
            _clear(connection)
        schema.migrate(connection)
        return _copy(connection, now, new_uuid) if owed else None


def survey(connection: sa.Connection) -> Report | None:
    """Count the rows of the existing service, and their irregularities.

    Returns None if there is nothing of it, or all was taken over.
    """
    found = existing.tables(connection) or existing.tables(connection, PREFIX)
    if not found or _is_done(connection):
        return None
    report = _counted(connection, found)
    placed = {each.value.uuid: each for each in existing.blocking(connection, found)}
    for page in _read(connection, found, placed):
        for each in page:
            report.see(each)
    for entries in existing.batches(connection, found.get('events')):
        for row in entries:
            report.note(row['id'], existing.event_oddities(row))
    return report


def nameless(connection: sa.Connection) -> list[str]:
    """Return the ids of projects of bookings without a name in the directory."""
    sides = sa.union(sa.select(bookings.c.owner_id), sa.select(bookings.c.lessee_id)).subquery()
    (side,) = sides.c
    query = sa.select(side).where(side != '', side.not_in(sa.select(projects.c.id)))
    return list(connection.execute(query.order_by(side)).scalars())


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Let one upgrade of a database run at a time: containers run it at every start.

    SQLite needs no lock: of its writing transactions one runs at a time.
    """
    locks = {
        'mysql': ("GET_LOCK(CONCAT('esi_leap.', MD5(DATABASE())), 86400)", 'RELEASE_ALL_LOCKS()'),
        'postgresql': ('pg_advisory_lock(1818583408)', 'pg_advisory_unlock_all()'),
    }
    taking = locks.get(database.engine.dialect.name)
    if taking is None:
        yield
        return
    with database.engine.connect() as connection:
        connection.execute(sa.text(f'SELECT {taking[0]}'))
        connection.commit()
        try:
            yield
        finally:
            connection.execute(sa.text(f'SELECT {taking[1]}'))
            connection.commit()


def _move_aside(connection: sa.Connection) -> None:
    """Rename its tables, each only once: their indexes and references follow."""
    aside = existing.tables(connection, PREFIX)
    for name, table in existing.tables(connection).items():
        if name not in aside:
            # No database lets a name be a parameter; these are our own constants.
            quoted = connection.dialect.identifier_preparer.quote
            connection.execute(
                sa.text(f'ALTER TABLE {quoted(name)} RENAME TO {quoted(PREFIX + name)}')
            )
        elif _has_rows(connection, table):
            raise TakeoverError(
                f'There are rows in the table {name} beside those in {PREFIX}{name}: the existing '
                'service went on after its database was taken over. Nothing was done. Move these '
                'rows or drop the table, and do not start that service again.'
            )
        elif name in metadata.tables:
            table.drop(connection)  # empty: that service made it again when it was started


def _owed(connection: sa.Connection) -> bool:
    """Tell whether there is something to copy that was not copied."""
    return bool(existing.tables(connection, PREFIX)) and not _is_done(connection)


def _is_done(connection: sa.Connection) -> bool:
    if not sa.inspect(connection).has_table(chores.name):
        return False
    done = sa.select(chores.c.done_at).where(chores.c.name == _DONE)
    return connection.execute(done).scalar() is not None


def _clear(connection: sa.Connection) -> None:
    """Drop the empty tables of our schema that a run that died has made."""
    there = set(sa.inspect(connection).get_table_names())
    for table in _PRECIOUS:
        if table.name in there and _has_rows(connection, table):
            raise TakeoverError(
                f'The database has rows of this service in {table.name} and, beside them, tables '
                'of the existing service; the two cannot be made one. Nothing was done.'
            )
    metadata.drop_all(connection)
    sa.Table(VERSION_TABLE, sa.MetaData()).drop(connection, checkfirst=True)


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    one = sa.select(sa.literal(1)).select_from(table).limit(1)
    return connection.execute(one).first() is not None


def _copy(connection: sa.Connection, now: datetime, new_uuid: Callable[[], str]) -> Report:
    found = existing.tables(connection, PREFIX)
    report = _counted(connection, found)
    placed = {each.value.uuid: each for each in existing.blocking(connection, found)}
    ids = _copy_nodes(connection, found, {each.key for each in placed.values()}, now)
    for page in _read(connection, found, placed):
        _copy_bookings(connection, page, ids, new_uuid)
        for each in page:
            report.see(each)
    for each in placed.values():
        if each.value.parent is not None:
            mine = bookings.c.uuid == each.value.uuid
            connection.execute(bookings.update().where(mine).values(parent_uuid=each.value.parent))
    last = _copy_events(connection, found, report)
    if last is not None:
        connection.execute(chores.insert().values(name=numbering.CHORE, position=last))
    connection.execute(chores.insert().values(name=_DONE, done_at=now))
    _compare(connection, report)
    return report


def _copy_nodes(
    connection: sa.Connection,
    found: Mapping[str, sa.Table],
    held: set[tuple[str, str]],
    now: datetime,
) -> dict[tuple[str, str], int]:
    """Make a row for each node; its own service tells the rest, when it is asked."""
    keys: set[tuple[str, str]] = set()
    for name in ('offers', 'leases'):
        if name in found:
            column = found[name].c
            key = sa.select(column.resource_type, column.resource_uuid).distinct()
            keys.update((kind, uuid) for kind, uuid in connection.execute(key))
    for kind, uuid in sorted(keys):
        inherited = (kind, uuid) in held and kind in existing.TYPES
        connection.execute(
            nodes.insert().values(
                resource_type=kind,
                resource_uuid=uuid,
                name=uuid,
                owner_id='',
                properties={},
                refreshed_at=EARLIEST,
                gone_at=None if kind in existing.TYPES else now,
                state=str(State.HANDED_OVER if inherited else State.AVAILABLE),
                cause=str(Cause.NOT_RECOGNISED) if inherited else None,
                retry_at=now if inherited else None,
                remembered=[],
                attempts=0,
            )
        )
    made = sa.select(nodes.c.resource_type, nodes.c.resource_uuid, nodes.c.id)
    return {(kind, uuid): key for kind, uuid, key in connection.execute(made)}


def _copy_bookings(
    connection: sa.Connection,
    page: Sequence[Found],
    ids: Mapping[tuple[str, str], int],
    new_uuid: Callable[[], str],
) -> None:
    """Copy offers and leases, each lease under a contract of its own; parents come afterwards."""
    agreements, values = [], []
    for each in page:
        value = replace(each.value, node_id=ids[each.key], parent=None)
        if isinstance(value, Lease):
            value = replace(value, contract=new_uuid())
            made = {'created_at': each.created_at}
            agreements.append(rows.contract_values(contract.of(value)) | made)
        extra = {'created_at': each.created_at, 'overlaps_uuid': each.overlaps}
        values.append(rows.booking_values(value) | extra)
    if agreements:
        connection.execute(contracts.insert(), agreements)
    connection.execute(bookings.insert(), values)


def _copy_events(
    connection: sa.Connection, found: Mapping[str, sa.Table], report: Report
) -> int | None:
    """Copy the events under their public ids, and return the last one."""
    last = None
    for page in existing.batches(connection, found.get('events')):
        connection.execute(events.insert(), [existing.event(row) for row in page])
        for row in page:
            report.note(row['id'], existing.event_oddities(row))
        last = page[-1]['id']
    return last


def _compare(connection: sa.Connection, report: Report) -> None:
    """Count the copied rows, and refuse to lose one."""
    kinds = {
        'offers': sa.select(sa.func.count()).where(bookings.c.kind == 'offer'),
        'leases': sa.select(sa.func.count()).where(bookings.c.kind == 'lease'),
        'events': sa.select(sa.func.count()).where(events.c.position.is_not(None)),
    }
    for name, query in kinds.items():
        if name in report.counts:
            report.copied[name] = connection.execute(query).scalar_one()
            if report.copied[name] != report.counts[name].total():
                raise TakeoverError(
                    f'Of {report.counts[name].total()} rows of {name} {report.copied[name]} would '
                    'have been copied. Nothing was copied; was the existing service at work?'
                )


def _counted(connection: sa.Connection, found: Mapping[str, sa.Table]) -> Report:
    report = Report()
    for name, table in found.items():
        if 'status' in table.c:
            each = sa.select(table.c.status, sa.func.count()).group_by(table.c.status)
            report.counts[name] = Counter(dict(connection.execute(each).all()))
        else:
            every = sa.select(sa.func.count()).select_from(table)
            report.counts[name] = Counter({'': connection.execute(every).scalar_one()})
    return report


def _read(
    connection: sa.Connection, found: Mapping[str, sa.Table], placed: Mapping[str, Found]
) -> Iterator[list[Found]]:
    """Read all offers, then all leases, by pages; bookings that block are in their places."""
    for name, of in (('offers', existing.offer), ('leases', existing.lease)):
        for page in existing.batches(connection, found.get(name)):
            read = [of(row) for row in page]
            yield [placed.get(each.value.uuid, each) for each in read]
