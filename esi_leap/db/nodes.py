"""The inventory: rows of nodes, brought up to date with what was seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.core.handover import State
from esi_leap.core.inventory import Sighting
from esi_leap.db import rows
from esi_leap.db.tables import nodes

#: What `rows.node` reads of a node, and what is seen of it.
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
_FRESH = {'state': str(State.AVAILABLE), 'remembered': {}, 'attempts': 0}


def known(
    connection: sa.Connection, resource_type: str, seen: Sequence[Sighting]
) -> dict[str, sa.Row]:
    """Return the rows of the nodes seen, by uuid."""
    select = sa.select(*_COLUMNS).where(_are(resource_type, seen))
    return {row.resource_uuid: row for row in connection.execute(select)}


def is_news(seen: Sighting, row: sa.Row) -> bool:
    """Tell whether a row says anything else of the node than was seen."""
    cell = row._mapping  # noqa: SLF001 - the documented way to read by name
    return cell['gone_at'] is not None or any(
        cell[name] != value for name, value in _facts(seen).items()
    )


def write(
    connection: sa.Connection,
    resource_type: str,
    seen: Sequence[Sighting],
    asked: datetime,
    now: datetime,
) -> None:
    """Write what was seen of nodes, except over what was seen of them later.

    Args:
        connection: a transaction that writes.
        resource_type: of all these nodes.
        seen: the nodes.
        asked: when their service was asked. A row written after that instant may know better.
        now: when it had answered.
    """
    select = sa.select(nodes.c.resource_uuid, nodes.c.id).where(_are(resource_type, seen))
    ids = dict(connection.execute(select).all())
    _insert(connection, resource_type, [each for each in seen if each.uuid not in ids], now)
    # In the order of the keys, in which everybody locks several nodes.
    for each in sorted(seen, key=lambda each: ids.get(each.uuid, 0)):
        connection.execute(
            nodes.update()
            .where(_are(resource_type, [each]), nodes.c.refreshed_at <= asked)
            .values(**_facts(each), refreshed_at=now, gone_at=None)
        )


def _insert(
    connection: sa.Connection, resource_type: str, seen: Sequence[Sighting], now: datetime
) -> None:
    for each in seen:
        row = {**_FRESH, **_facts(each), 'resource_type': resource_type, 'refreshed_at': now}
        try:
            with connection.begin_nested():
                connection.execute(nodes.insert().values(**row, resource_uuid=each.uuid))
        except db_errors.DBDuplicateEntry:
            pass  # another request was first; the update makes it as we saw it


def _are(resource_type: str, seen: Sequence[Sighting]) -> sa.ColumnElement[bool]:
    return sa.and_(
        nodes.c.resource_type == resource_type,
        nodes.c.resource_uuid.in_([each.uuid for each in seen]),
    )


def _facts(seen: Sighting) -> dict[str, object]:
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
