"""The list of nodes, with the bookings that the caller may see beside each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.inventory import Sighting, chore
from esi_leap.core.query import NodeScope, Query, Scope
from esi_leap.core.views import NodeView
from esi_leap.db import chores, lists, rows
from esi_leap.db.tables import bookings, nodes
from esi_leap.db.types import AnyRow

_OPEN = str(offers.Status.AVAILABLE)
_PENDING = frozenset(map(str, leases.PENDING))
#: States of leases that have the node.
_HELD = frozenset(map(str, leases.BLOCKING - leases.PENDING - {leases.Status.ERROR}))
#: States of leases that wait for the node; their reason says for what.
_WAITING = frozenset(map(str, leases.BLOCKING - {leases.Status.CREATED, leases.Status.ACTIVE}))
#: The most bookings whose nodes a list names instead of looking at node after node.
_FEW = 500
_GONE = str(Reason(Cause.NODE_GONE))

#: Columns of the list, by the key that filters or sorts by them.
COLUMNS = {
    'uuid': nodes.c.resource_uuid,
    'name': nodes.c.name,
    'resource_type': nodes.c.resource_type,
    'resource_class': nodes.c.resource_class,
    'created_at': nodes.c.id,  # when it was first seen
}


def read(
    connection: sa.Connection, scope: NodeScope, query: Query, now: datetime
) -> Sequence[NodeView]:
    """Read a page of nodes with names and bookings, in four statements.

    Args:
        connection: a transaction that reads.
        scope: which nodes and bookings the caller may see.
        query: filters, order and page.
        now: the present instant.
    """
    table = bookings.alias()
    every = sa.select(nodes.c.id).where(
        sa.or_(nodes.c.gone_at.is_(None), _has_booking(table, rows.blocking(table)))
    )
    select, visible = every, _visible_nodes(scope.nodes)
    if not scope.nodes.everything:
        visible = [*visible, _has_visible_booking(connection, scope, now)]
    hidden = {key: value for key, value in query.equal.items() if key not in COLUMNS}
    for key, value in hidden.items():
        select = select.where(_filter_by(key, value, scope, now))
    plain = {key: value for key, value in query.equal.items() if key in COLUMNS}
    select = lists.filtered(select, replace(query, equal=plain), COLUMNS)
    select = lists.paged(connection, select, nodes, query, COLUMNS, every=every, visible=visible)
    found = list(connection.execute(select))
    on = _read_bookings(connection, scope, now, [row.id for row in found])
    done = chores.last_done(connection, {chore(row.resource_type) for row in found})
    as_of = [done.get(chore(row.resource_type), row.refreshed_at) for row in found]
    return [
        _view(row, scope.nodes, on[row.id], moment, now)
        for row, moment in zip(found, as_of, strict=True)
    ]


def _view(
    row: AnyRow, scope: Scope, booked: Sequence[AnyRow], read_at: datetime, now: datetime
) -> NodeView:
    """Build the view of a node, with only the fields that the caller may see."""
    node, projects_seen = rows.node(row), {row.owner_id, row.lessee_id} - {None, ''}
    whole = scope.everything or scope.project_id in projects_seen
    provided = any(each.owner_id == row.owner_id for each in booked)
    on_offer = [each for each in booked if each.kind == 'offer']
    on_lease = [each for each in booked if each.kind == 'lease']
    current = [each.uuid for each in on_lease if each.status in _HELD and each.start_time <= now]
    return NodeView(
        node=node,
        seen=_sighting(row) if whole else None,
        owner=(row.owner_name or '') if whole or provided else '',
        lessee=(row.lessee_name or '') if whole else '',
        reason=(_node_reason(row) if whole else None) or _waiting_reason(on_lease),
        refreshed_at=row.refreshed_at if row.gone_at else max(row.refreshed_at, read_at),
        offer=next((each.uuid for each in reversed(on_offer) if each.start_time <= now), None),
        # Of a lease and what its lessee sub-lets the one that has the node physically.
        lease=node.lease if node.lease in current else next(iter(current), None),
        future_offers=[each.uuid for each in on_offer if each.start_time > now],
        future_leases=[each.uuid for each in on_lease if each.status in _PENDING],
    )


def _node_reason(row: AnyRow) -> str | None:
    """Return the reason in a node's own row, or that the node is gone; None without either."""
    said = rows.reason(row.cause, row.cause_detail)
    return str(said) if said else _GONE if row.gone_at else None


def _waiting_reason(on_lease: Sequence[AnyRow]) -> str | None:
    """Return the reason of the first lease that waits for the node, None if no lease waits."""
    waiting = (each for each in on_lease if each.status in _WAITING)
    said = (rows.reason(each.cause, each.cause_detail) for each in waiting)
    return next((str(each) if each else None for each in said), None)


def _visible_nodes(scope: Scope) -> lists.Ways:
    """Match nodes that the caller owns or leases: these they see with all fields."""
    if scope.everything:
        return [sa.true()]
    if not scope.project_id:  # a node without an owner is not that of a token without a project
        return [sa.false()]
    return [nodes.c.owner_id == scope.project_id, nodes.c.lessee_id == scope.project_id]


def _visible_bookings(scope: NodeScope, now: datetime, table: sa.FromClause) -> lists.Ways:
    """Match bookings that a list of nodes shows: current ones that the caller may see."""
    column = table.c
    open_ = sa.and_(column.kind == 'offer', column.status == _OPEN, column.end_time > now)
    held = sa.and_(column.kind == 'lease', rows.blocking(table))
    return [
        *(sa.and_(open_, each) for each in lists.offered(scope.offers, table)),
        *(sa.and_(held, each) for each in lists.party(scope.leases, table)),
    ]


def _has_visible_booking(
    connection: sa.Connection, scope: NodeScope, now: datetime
) -> sa.ColumnElement[bool]:
    """Match nodes with a booking that the caller may see.

    If the bookings are few, their nodes are named, and the database reads no other nodes. If they
    are many, the database soon finds a page of nodes by looking at one after the other.
    """
    named = [
        sa.select(bookings.c.node_id).where(each).limit(_FEW + 1).subquery().select()
        for each in _visible_bookings(scope, now, bookings)
    ]
    found = connection.execute(sa.union_all(*named).limit(_FEW + 1)).scalars().all()
    if len(found) <= _FEW:
        return nodes.c.id.in_(sorted(set(found)))
    table = bookings.alias()
    return _has_booking(table, sa.or_(*_visible_bookings(scope, now, table)))


def _has_booking(table: sa.FromClause, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Match nodes with a booking that meets a condition."""
    select = sa.select(table.c.id).where(table.c.node_id == nodes.c.id, condition)
    return select.correlate(nodes).exists()


def _filter_by(key: str, value: object, scope: NodeScope, now: datetime) -> sa.ColumnElement[bool]:
    """Match nodes that show the caller a project or a booking.

    A filter tells no more than the rows do: a value that the caller may not see matches no node.
    """
    table = bookings.alias()
    whole, shown = (
        sa.or_(*_visible_nodes(scope.nodes)),
        sa.or_(*_visible_bookings(scope, now, table)),
    )
    match key:
        case 'owner_id':
            provided = _has_booking(table, sa.and_(shown, table.c.owner_id == nodes.c.owner_id))
            return sa.and_(nodes.c.owner_id == value, sa.or_(whole, provided))
        case 'lessee_id':
            return sa.and_(nodes.c.lessee_id == value, whole)
    kind = key.removesuffix('_uuid')
    return _has_booking(table, sa.and_(shown, table.c.kind == kind, table.c.uuid == value))


def _read_bookings(
    connection: sa.Connection, scope: NodeScope, now: datetime, ids: Sequence[int]
) -> Mapping[int, Sequence[AnyRow]]:
    """Return the visible bookings of nodes by the node's key, in the order of their starts."""
    column = bookings.c
    found: dict[int, list[AnyRow]] = defaultdict(list)
    if ids:
        select = (
            sa.select(
                column.node_id,
                column.uuid,
                column.kind,
                column.status,
                column.cause,
                column.cause_detail,
                column.owner_id,
                column.start_time,
            )
            .where(column.node_id.in_(ids), sa.or_(*_visible_bookings(scope, now, bookings)))
            .order_by(column.start_time, column.id)
        )
        for row in connection.execute(select):
            found[row.node_id].append(row)
    return found


def _sighting(row: AnyRow) -> Sighting:
    """Build the sighting that a node's row was last written from."""
    return Sighting(
        uuid=row.resource_uuid,
        name=row.name,
        owner=row.owner_id or None,
        lessee=row.lessee_id,
        resource_class=row.resource_class,
        properties=row.properties,
        provision_state=row.provision_state,
        target_provision_state=row.target_provision_state,
        power_state=row.power_state,
        target_power_state=row.target_power_state,
        maintenance=bool(row.maintenance),
    )
