"""Common parts of lists: scope and filters as WHERE, keyset paging, joined names of projects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias, TypeVar

import sqlalchemy as sa

from esi_leap.core.errors import InvalidError
from esi_leap.core.node import State
from esi_leap.core.query import Query, Scope
from esi_leap.db import criteria, rows
from esi_leap.db.tables import bookings, nodes, projects
from esi_leap.db.types import AnyColumn, AnyRow, AnySelect, AnyUnion

#: Conditions of which a visible row meets at least one; each has an index of its own.
Ways: TypeAlias = Sequence[sa.ColumnElement[bool]]

_Cut = TypeVar('_Cut', 'AnySelect', 'AnyUnion')


def keys(table: sa.Table, query: Query, columns: Mapping[str, AnyColumn]) -> AnySelect:
    """Select the ids of a table's rows, joined with nodes only if the query needs them."""
    asked = {*query.equal, *(key for key, _ in query.sort)}
    of_node = any(
        getattr(column, 'table', None) is nodes for key, column in columns.items() if key in asked
    )
    if of_node or 'node' in asked or query.criteria:
        source = table.join(nodes, nodes.c.id == table.c.node_id)
        return sa.select(table.c.id).select_from(source)
    return sa.select(table.c.id)


def offered(scope: Scope, table: sa.FromClause = bookings) -> Ways:
    """Return the conditions for visible offers: open, own, or for a project of `scope.tree`."""
    if scope.everything:
        return [sa.true()]
    by_others = [
        table.c.lessee_id.is_(None),
        *(table.c.lessee_id == each for each in sorted(scope.tree)),
    ]
    if not scope.rejected:
        rejected = sa.select(nodes.c.id).where(nodes.c.state == str(State.REJECTED))
        by_others = [sa.and_(each, table.c.node_id.not_in(rejected)) for each in by_others]
    return [*by_others, table.c.owner_id == scope.project_id]


def party(scope: Scope, table: sa.FromClause = bookings) -> Ways:
    """Return the conditions for visible leases and contracts: the caller's project is a party."""
    if scope.everything:
        return [sa.true()]
    return [table.c.owner_id == scope.project_id, table.c.lessee_id == scope.project_id]


def names(row: AnyRow) -> dict[str, str]:
    """Return the names of the provider's and the lessee's project in a joined row, by id."""
    return {
        project: name
        for project, name in (
            (row.owner_id, row.owner_name),
            (row.lessee_id, row.lessee_name),
        )
        if project is not None and name is not None
    }


def filtered(select: AnySelect, query: Query, columns: Mapping[str, AnyColumn]) -> AnySelect:
    """Add the filters by equality, by windows and by properties of the node."""
    select = equal(select, query.equal, columns)
    if query.spanning is not None:
        select = select.where(rows.spanning(query.spanning))
    if query.meeting is not None:
        select = select.where(rows.overlapping(query.meeting))
    return select.where(*map(criteria.holds, query.criteria))


def equal(
    select: AnySelect, wanted: Mapping[str, object], columns: Mapping[str, AnyColumn]
) -> AnySelect:
    """Add filters by equality; a collection of values means any of the values.

    Two keys are not columns: `node` is a node's uuid or name, `properties` a mapping of texts that
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
    select: AnySelect,
    table: sa.Table,
    query: Query,
    columns: Mapping[str, AnyColumn],
    *,
    every: AnySelect,
    visible: Ways,
) -> AnySelect:
    """Select the rows of one page, which begins after the marker.

    The marker's place in the order is given by its values, not by a count of rows, so pages stay
    right while rows are added. The row's id decides between equal values.

    The page is cut before its rows are joined. A database that sees the joins first may join and
    sort all rows of the table.

    Args:
        connection: reads the marker's row.
        select: the filtered ids.
        table: the table of the list.
        query: order and page.
        columns: columns by which the list can be sorted.
        every: the ids before the filters.
        visible: conditions for visible rows. The marker must be visible, or markers would reveal
            the existence of rows; the filters may exclude it.

    Raises:
        InvalidError: the marker or the sort key does not exist.
    """
    order = [(_sort_column(columns, key), descending) for key, descending in query.sort]
    last = order[-1][1] if order else False
    order.append((table.c.id, last))
    if query.marker is not None:
        place = connection.execute(
            every.with_only_columns(*(column for column, _ in order), maintain_column_froms=True)
            .where(columns['uuid'] == query.marker)
            .where(sa.or_(*visible))
        ).first()
        if place is None:
            raise InvalidError(f"There is no object with the marker '{query.marker}'.")
        select = select.where(_after(order, place))
    labels = [*(f'key_{number}' for number in range(len(query.sort))), 'row']
    select = select.with_only_columns(
        *(column.label(label) for label, (column, _) in zip(labels, order, strict=True)),
        maintain_column_froms=True,
    )
    ways = [(label, descending) for label, (_, descending) in zip(labels, order, strict=True)]
    page = first([select.where(each) for each in visible], ways, query.limit)
    ordered = [column.desc() if descending else column.asc() for column, descending in order]
    return _joined(table, page.subquery('page')).order_by(*ordered)


def first(
    branches: Sequence[AnySelect], order: Sequence[tuple[str, bool]], limit: int | None
) -> AnySelect | AnyUnion:
    """Select the first `limit` + 1 rows of a union of selects.

    Each select is cut by itself, so that it reads only the first entries of its own index. With
    one select and OR, a database may read rows in order until it has found a page.

    Args:
        branches: the selects; their columns identify a row.
        order: names of columns, and whether each descends.
        limit: size of the page; None for all rows.
    """
    ordered: list[AnyColumn] = [
        sa.desc(name) if descending else sa.asc(name) for name, descending in order
    ]

    def cut(select: _Cut) -> _Cut:
        return select.order_by(*ordered).limit(None if limit is None else limit + 1)

    if len(branches) == 1:
        return cut(branches[0])
    # SQLite allows LIMIT only in a subquery of a part of a union.
    return cut(sa.union(*(cut(each).subquery().select() for each in branches)))


def _joined(table: sa.Table, page: sa.Subquery) -> AnySelect:
    """Select the rows of a page with the names of both projects, and bookings with their nodes."""
    owner, lessee = projects.alias('owner'), projects.alias('lessee')
    source = page.join(table, table.c.id == page.c.row)
    source = source.outerjoin(owner, owner.c.id == table.c.owner_id)
    wanted: list[object] = [owner.c.name.label('owner_name')]
    if 'lessee_id' in table.c:
        source = source.outerjoin(lessee, lessee.c.id == table.c.lessee_id)
        wanted.append(lessee.c.name.label('lessee_name'))
    if table is not bookings:
        return sa.select(*table.c, *wanted).select_from(source)
    source = source.join(nodes, nodes.c.id == table.c.node_id)
    return sa.select(*rows.BOOKING, *wanted, *rows.NODE).select_from(source)


def _after(order: list[tuple[AnyColumn, bool]], place: AnyRow) -> sa.ColumnElement[bool]:
    """Return the condition for rows after a place in the order.

    The first key is compared twice: once outside of OR, so that the database reads a range of the
    index.
    """
    column, descending = order[0]
    outer = column <= place[0] if descending else column >= place[0]
    options = []
    for depth, (column, descending) in enumerate(order):
        same = [each == place[index] for index, (each, _) in enumerate(order[:depth])]
        beyond = column < place[depth] if descending else column > place[depth]
        options.append(sa.and_(*same, beyond))
    return sa.and_(outer, sa.or_(*options))


def _sort_column(columns: Mapping[str, AnyColumn], key: str) -> AnyColumn:
    if key not in columns:
        raise InvalidError(
            f"Invalid input for field/attribute sort_key. Value: '{key}'. "
            f'It is one of {", ".join(sorted(columns))}.',
            field='sort_key',
        )
    column = columns[key]
    return sa.func.coalesce(column, '') if getattr(column, 'nullable', False) else column
