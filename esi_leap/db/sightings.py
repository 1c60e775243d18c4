"""Rows of nodes, written from sightings: nodes as their service showed them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.core import retry
from esi_leap.core.criteria import facts
from esi_leap.core.errors import ConflictError
from esi_leap.core.inventory import Sighting
from esi_leap.core.node import State
from esi_leap.db import rows
from esi_leap.db.session import Session
from esi_leap.db.tables import node_properties, nodes
from esi_leap.db.types import AnyRow

#: The columns that `rows.node` reads, and those that a sighting fills.
_COLUMNS = (
    *rows.NODE,
    nodes.c.lessee_id,
    nodes.c.provision_state,
    nodes.c.target_provision_state,
    nodes.c.power_state,
    nodes.c.target_power_state,
    nodes.c.maintenance,
    nodes.c.gone_at,
)
#: The columns of a new row that no sighting fills.
_FRESH = {'state': str(State.AVAILABLE), 'remembered': [], 'attempts': 0}


def read_rows(
    connection: sa.Connection, resource_type: str, seen: Sequence[Sighting]
) -> dict[str, AnyRow]:
    """Return the rows of nodes by uuid; a node without a row is left out."""
    select = sa.select(*_COLUMNS).where(_matching(resource_type, seen))
    return {row.resource_uuid: row for row in connection.execute(select)}


def is_news(seen: Sighting, row: AnyRow) -> bool:
    """Return whether a sighting differs from the row of its node."""
    cell = row._mapping  # noqa: SLF001 - the documented way to read by name
    return cell['gone_at'] is not None or any(
        cell[name] != value for name, value in _columns(seen).items()
    )


def write(
    session: Session,
    resource_type: str,
    seen: Sequence[Sighting],
    ids: Mapping[str, int],
    *,
    asked: datetime,
    now: datetime,
) -> None:
    """Write sightings in one transaction, which is repeated if the database ended a deadlock.

    Args:
        session: where the transaction is opened.
        resource_type: the resource type of all these nodes.
        seen: the sightings.
        ids: keys of the rows that exist already, by uuid.
        asked: when the service was asked; a row written after this instant stays.
        now: when the service had answered.

    Raises:
        ConflictError: each of the attempts ended in a deadlock.
    """
    for attempt in range(1, retry.WRITE_TRIES + 1):
        try:
            with session.writer() as connection:
                write_rows(connection, resource_type, seen, ids, asked=asked, now=now)
        except ConflictError:
            if attempt == retry.WRITE_TRIES:
                raise
            time.sleep(retry.WRITE.delay(attempt))
        else:
            return


def write_rows(
    connection: sa.Connection,
    resource_type: str,
    seen: Sequence[Sighting],
    ids: Mapping[str, int],
    *,
    asked: datetime,
    now: datetime,
) -> None:
    """Insert or update the rows of nodes, except rows that were written after `asked`.

    Args:
        connection: a transaction that writes, and has read nothing yet: the first plain read is
            the snapshot of all that follow, and has to come after the locks.
        resource_type: the resource type of all these nodes.
        seen: the sightings.
        ids: keys of the rows that exist already, by uuid.
        asked: when the service was asked; a row written after this instant may be newer.
        now: when the service had answered.
    """
    missing = [each for each in seen if each.uuid not in ids]
    written = _insert(connection, resource_type, missing, now)
    made = {each.uuid for each in written}
    # In the order of the keys, in which every transaction locks several nodes.
    for each in sorted(seen, key=lambda each: ids.get(each.uuid, 0)):
        if each.uuid in made:
            continue
        updated = connection.execute(
            nodes.update()
            .where(_matching(resource_type, [each]), nodes.c.refreshed_at <= asked)
            .values(**_columns(each), refreshed_at=now, gone_at=None)
        )
        if updated.rowcount:
            written.append(each)
    if written:
        _write_properties(connection, resource_type, written)


def _insert(
    connection: sa.Connection, resource_type: str, seen: Sequence[Sighting], now: datetime
) -> list[Sighting]:
    """Insert rows for sightings; return the sightings whose rows were inserted.

    A sighting is left out if another request has inserted its row meanwhile.
    """
    if not seen:
        return []
    made = [
        {
            **_FRESH,
            **_columns(each),
            'resource_type': resource_type,
            'resource_uuid': each.uuid,
            'refreshed_at': now,
        }
        for each in seen
    ]
    try:
        with connection.begin_nested():
            connection.execute(nodes.insert(), made)
    except db_errors.DBDuplicateEntry:
        if len(seen) == 1:
            return []
        return [new for each in seen for new in _insert(connection, resource_type, [each], now)]
    return list(seen)


def _write_properties(
    connection: sa.Connection, resource_type: str, seen: Sequence[Sighting]
) -> None:
    """Write the properties of nodes whose rows this transaction has locked.

    Only the properties that differ: a delete that finds no row would lock the gap in which other
    transactions insert.
    """
    select = sa.select(nodes.c.resource_uuid, nodes.c.id).where(_matching(resource_type, seen))
    ids = {row.resource_uuid: row.id for row in connection.execute(select)}
    column = node_properties.c
    have = {
        (row.node_id, row.name): (row.text, row.number)
        for row in connection.execute(
            sa.select(node_properties).where(column.node_id.in_(list(ids.values())))
        )
    }
    want = {
        (ids[each.uuid], name): (fact.text, fact.number)
        for each in seen
        for name, fact in facts(each.properties).items()
    }
    for node_id, name in have.keys() - want.keys():
        connection.execute(
            node_properties.delete().where(column.node_id == node_id, column.name == name)
        )
    for key in have.keys() & want.keys():
        if have[key] != want[key]:
            connection.execute(
                node_properties.update()
                .where(column.node_id == key[0], column.name == key[1])
                .values(text=want[key][0], number=want[key][1])
            )
    fresh = [
        {'node_id': key[0], 'name': key[1], 'text': value[0], 'number': value[1]}
        for key, value in want.items()
        if key not in have
    ]
    if fresh:
        connection.execute(node_properties.insert(), fresh)


def _matching(resource_type: str, seen: Sequence[Sighting]) -> sa.ColumnElement[bool]:
    """Match the rows of nodes by resource type and uuid."""
    return sa.and_(
        nodes.c.resource_type == resource_type,
        nodes.c.resource_uuid.in_([each.uuid for each in seen]),
    )


def _columns(seen: Sighting) -> dict[str, object]:
    """Return the columns that a sighting fills."""
    return {
        'name': seen.name,
        'owner_id': seen.owner or '',
        'lessee_id': seen.lessee,
        'resource_class': seen.resource_class,
        'properties': dict(seen.properties),
        'provision_state': seen.provision_state,
        'target_provision_state': seen.target_provision_state,
        'power_state': seen.power_state,
        'target_power_state': seen.target_power_state,
        'maintenance': seen.maintenance,
    }
