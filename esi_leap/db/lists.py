"""What lists share: scope and filters as WHERE, keyset paging, names joined from the directory."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from esi_leap.core.errors import InvalidError
from esi_leap.core.ports import Query
from esi_leap.db import criteria, rows
from esi_leap.db.tables import bookings, nodes, projects


def joined(table: sa.Table, *, with_node: bool = True) -> sa.Select:
    """Select a table with its node and the names of its provider and consumer."""
    owner, lessee = projects.alias('owner'), projects.alias('lessee')
    source = table.outerjoin(owner, owner.c.id == table.c.owner_id).outerjoin(
        lessee, lessee.c.id == table.c.lessee_id
    )
    own = rows.BOOKING if table is bookings else tuple(table.c)
    columns: list[object] = [*own, owner.c.name.label('owner_name')]
    columns.append(lessee.c.name.label('lessee_name'))
    if with_node:
        source = source.join(nodes, nodes.c.id == table.c.node_id)
        columns += rows.NODE
    return sa.select(*columns).select_from(source)


def names(row: sa.Row) -> dict[str, str]:
    """Return the names of the provider's and the consumer's project in a joined row."""
    return {
        project: name
        for project, name in (
            (row.owner_id, row.owner_name),
            (row.lessee_id, row.lessee_name),
        )
        if project is not None and name is not None
    }


def filtered(select: sa.Select, query: Query, columns: Mapping[str, sa.ColumnElement]) -> sa.Select:
    """Filter a list by what all lists know: equality, time, and the properties of the node."""
    select = equal(select, query.equal, columns)
    if query.spanning is not None:
        select = select.where(rows.spanning(query.spanning))
    if query.meeting is not None:
        select = select.where(rows.overlapping(query.meeting))
    return select.where(*map(criteria.holds, query.criteria))


def equal(
    select: sa.Select, wanted: Mapping[str, object], columns: Mapping[str, sa.ColumnElement]
) -> sa.Select:
    """Filter by equality; a collection of values means any of them.

    Two keys are no columns: `node` is a node's uuid or name, `properties` a mapping of texts that
    the booking's properties must have.
    """
    for key, value in wanted.items():
        if key == 'node':
            select = select.where(sa.or_(nodes.c.resource_uuid == value, nodes.c.name == value))
            continue
        if key == 'properties':
            select = select.where(*_having(value))
            continue
        column = columns[key]
        if isinstance(value, Collection) and not isinstance(value, str):
            select = select.where(column.in_(sorted(value)))
        else:
            select = select.where(column == value)
    return select


def _having(properties: object) -> list[sa.ColumnElement[bool]]:
    wanted = properties if isinstance(properties, Mapping) else {}
    return [bookings.c.properties[key].as_string() == value for key, value in wanted.items()]


def paged(
    connection: sa.Connection,
    select: sa.Select,
    table: sa.Table,
    query: Query,
    columns: Mapping[str, sa.ColumnElement],
    *,
    visible: sa.Select,
) -> sa.Select:
    """Order the rows and cut one page, after the marker's place in that order.

    The place is the marker's values, not a count of rows, so a page stays right while rows are
    added. The row's id decides between equals.

    Args:
        connection: where the marker is looked up.
        select: the list, filtered.
        table: the table of the list.
        query: order and page.
        columns: what can be sorted by.
        visible: the list before its filters, all that the caller may see. A marker is one of these
            (else markers would tell what exists), though a filter may have left it out by now.

    Raises:
        InvalidError: there is no such marker, or no such key.
    """
    order = [(_sort_column(columns, key), descending) for key, descending in query.sort]
    last = order[-1][1] if order else False
    order.append((table.c.id, last))
    if query.marker is not None:
        place = connection.execute(
            visible.with_only_columns(
                *(column for column, _ in order), maintain_column_froms=True
            ).where(table.c.uuid == query.marker)
        ).first()
        if place is None:
            raise InvalidError(f"There is no object with the marker '{query.marker}'.")
        select = select.where(_after(order, place))
    for column, descending in order:
        select = select.order_by(column.desc() if descending else column.asc())
    return select if query.limit is None else select.limit(query.limit + 1)


def _after(order: list[tuple[sa.ColumnElement, bool]], place: sa.Row) -> sa.ColumnElement[bool]:
    options = []
    for depth, (column, descending) in enumerate(order):
        same = [each == place[index] for index, (each, _) in enumerate(order[:depth])]
        beyond = column < place[depth] if descending else column > place[depth]
        options.append(sa.and_(*same, beyond))
    return sa.or_(*options)


def _sort_column(columns: Mapping[str, sa.ColumnElement], key: str) -> sa.ColumnElement:
    if key not in columns:
        raise InvalidError(
            f"Invalid input for field/attribute sort_key. Value: '{key}'. "
            f'It is one of {", ".join(sorted(columns))}.',
            field='sort_key',
        )
    column = columns[key]
    return sa.func.coalesce(column, '') if isinstance(column.type, sa.String) else column
