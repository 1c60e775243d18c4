"""The inventory: rows of nodes, brought up to date with what was seen of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.criteria import facts
from esi_leap.core.inventory import Sighting, chore
from esi_leap.core.node import State
from esi_leap.core.query import NodeScope, Query, Scope
from esi_leap.core.views import NodeView
from esi_leap.db import chores, lists, rows
from esi_leap.db.tables import bookings, node_properties, nodes, projects

#: Rows that are fetched at once where all of them are looked at.
_PAGE = 1000
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
_OPEN = str(offers.Status.AVAILABLE)
_PENDING = frozenset(map(str, leases.PENDING))
#: Leases in these states have the node.
_HELD = frozenset(map(str, leases.BLOCKING - leases.PENDING - {leases.Status.ERROR}))
#: Leases in these states wait for something that concerns the node, and say for what.
_WAITING = frozenset(map(str, leases.BLOCKING - {leases.Status.CREATED, leases.Status.ACTIVE}))
#: So many bookings are few.
_FEW = 500
_GONE = str(Reason(Cause.NODE_GONE))
_HAS_REASON = sa.or_(nodes.c.cause.is_not(None), nodes.c.cause_detail.is_not(None))
_FRESH = {'state': str(State.AVAILABLE), 'remembered': [], 'attempts': 0}


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
    """Read a page of nodes with names and what is booked on them: four statements."""
    table = bookings.alias()
    every = sa.select(nodes.c.id).where(
        sa.or_(nodes.c.gone_at.is_(None), _has(table, rows.blocking(table)))
    )
    select, visible = every, _whole(scope.nodes)
    if not scope.nodes.everything:
        visible = [*visible, _beside_what_is_shown(connection, scope, now)]
    hidden = {key: value for key, value in query.equal.items() if key not in COLUMNS}
    for key, value in hidden.items():
        select = select.where(_tells(key, value, scope, now))
    plain = {key: value for key, value in query.equal.items() if key in COLUMNS}
    select = lists.filtered(select, replace(query, equal=plain), COLUMNS)
    select = lists.paged(connection, select, nodes, query, COLUMNS, every=every, visible=visible)
    found = list(connection.execute(select))
    on = _booked(connection, scope, now, [row.id for row in found])
    done = chores.done(connection, {chore(row.resource_type) for row in found})
    as_of = [done.get(chore(row.resource_type), row.refreshed_at) for row in found]
    return [
        _view(row, scope.nodes, on[row.id], moment, now)
        for row, moment in zip(found, as_of, strict=True)
    ]


def _view(
    row: sa.Row, scope: Scope, booked: Sequence[sa.Row], read_at: datetime, now: datetime
) -> NodeView:
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
        reason=(_reason(row) if whole else None) or _waits(on_lease),
        refreshed_at=row.refreshed_at if row.gone_at else max(row.refreshed_at, read_at),
        offer=next((each.uuid for each in reversed(on_offer) if each.start_time <= now), None),
        # Of a lease and what its lessee sub-lets the one that has the node physically.
        lease=node.lease if node.lease in current else next(iter(current), None),
        future_offers=[each.uuid for each in on_offer if each.start_time > now],
        future_leases=[each.uuid for each in on_lease if each.status in _PENDING],
    )


def _reason(row: sa.Row) -> str | None:
    """Return what is said of the node itself."""
    said = rows.reason(row.cause, row.cause_detail)
    return str(said) if said else _GONE if row.gone_at else None


def _waits(on_lease: Sequence[sa.Row]) -> str | None:
    """Return what the first lease that waits says of it."""
    waiting = (each for each in on_lease if each.status in _WAITING)
    said = (rows.reason(each.cause, each.cause_detail) for each in waiting)
    return next((str(each) if each else None for each in said), None)


def _whole(scope: Scope) -> lists.Ways:
    """Nodes that the caller sees whole."""
    if scope.everything:
        return [sa.true()]
    if not scope.project_id:  # nobody's nodes are not those of a token without a project
        return [sa.false()]
    return [nodes.c.owner_id == scope.project_id, nodes.c.lessee_id == scope.project_id]


def _shown(scope: NodeScope, now: datetime, table: sa.FromClause) -> lists.Ways:
    """Bookings that the caller is shown beside a node: those that go on and that he may see."""
    column = table.c
    open_ = sa.and_(column.kind == 'offer', column.status == _OPEN, column.end_time > now)
    held = sa.and_(column.kind == 'lease', rows.blocking(table))
    return [
        *(sa.and_(open_, each) for each in lists.offered(scope.offers, table)),
        *(sa.and_(held, each) for each in lists.party(scope.leases, table)),
    ]


def _beside_what_is_shown(
    connection: sa.Connection, scope: NodeScope, now: datetime
) -> sa.ColumnElement[bool]:
    """Nodes with a booking that the caller is shown.

    If these are few, they are named, and the database looks at no others. If they are many, it
    finds a page of them soon by looking at one node after the other.
    """
    named = [
        sa.select(bookings.c.node_id).where(each).limit(_FEW + 1).subquery().select()
        for each in _shown(scope, now, bookings)
    ]
    found = connection.execute(sa.union_all(*named).limit(_FEW + 1)).scalars().all()
    if len(found) <= _FEW:
        return nodes.c.id.in_(sorted(set(found)))
    table = bookings.alias()
    return _has(table, sa.or_(*_shown(scope, now, table)))


def _has(table: sa.FromClause, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Nodes with a booking like this."""
    select = sa.select(table.c.id).where(table.c.node_id == nodes.c.id, condition)
    return select.correlate(nodes).exists()


def _tells(key: str, value: object, scope: NodeScope, now: datetime) -> sa.ColumnElement[bool]:
    """Nodes that show the caller a project or a booking: filters tell no more than rows do."""
    table = bookings.alias()
    whole, shown = sa.or_(*_whole(scope.nodes)), sa.or_(*_shown(scope, now, table))
    match key:
        case 'owner_id':
            provided = _has(table, sa.and_(shown, table.c.owner_id == nodes.c.owner_id))
            return sa.and_(nodes.c.owner_id == value, sa.or_(whole, provided))
        case 'lessee_id':
            return sa.and_(nodes.c.lessee_id == value, whole)
    kind = key.removesuffix('_uuid')
    return _has(table, sa.and_(shown, table.c.kind == kind, table.c.uuid == value))


def _booked(
    connection: sa.Connection, scope: NodeScope, now: datetime, ids: Sequence[int]
) -> Mapping[int, Sequence[sa.Row]]:
    """Read what is booked on nodes, in the order of its starts."""
    column = bookings.c
    found: dict[int, list[sa.Row]] = defaultdict(list)
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
            .where(column.node_id.in_(ids), sa.or_(*_shown(scope, now, bookings)))
            .order_by(column.start_time, column.id)
        )
        for row in connection.execute(select):
            found[row.node_id].append(row)
    return found


def _sighting(row: sa.Row) -> Sighting:
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
    ids: Mapping[str, int],
    *,
    asked: datetime,
    now: datetime,
) -> None:
    """Write what was seen of nodes, except over what was seen of them later.

    Args:
        connection: a transaction that writes, and has read nothing yet: the first plain read is
            the snapshot of all that follow, and has to come after the locks.
        resource_type: of all these nodes.
        seen: the nodes.
        ids: the keys of the rows that are known already, by uuid.
        asked: when their service was asked. A row written after that instant may know better.
        now: when it had answered.
    """
    missing = [each for each in seen if each.uuid not in ids]
    written = _insert(connection, resource_type, missing, now)
    made = {each.uuid for each in written}
    # In the order of the keys, in which everybody locks several nodes.
    for each in sorted(seen, key=lambda each: ids.get(each.uuid, 0)):
        if each.uuid in made:
            continue
        updated = connection.execute(
            nodes.update()
            .where(_are(resource_type, [each]), nodes.c.refreshed_at <= asked)
            .values(**_facts(each), refreshed_at=now, gone_at=None)
        )
        if updated.rowcount:
            written.append(each)
    if written:
        _describe(connection, resource_type, written)


def missing(
    connection: sa.Connection, resource_type: str, seen: Collection[str], asked: datetime
) -> list[int]:
    """Return the keys of the nodes that were not seen, and not later than `asked` either."""
    column = nodes.c
    select = (
        sa.select(column.id, column.resource_uuid)
        .where(column.resource_type == resource_type, column.gone_at.is_(None))
        .where(column.refreshed_at <= asked)
        .order_by(column.id)
        .execution_options(yield_per=_PAGE)
    )
    return [row.id for row in connection.execute(select) if row.resource_uuid not in seen]


def write_off(
    connection: sa.Connection, ids: Sequence[int], asked: datetime, now: datetime
) -> None:
    """Note that nodes are gone, unless they were seen later than `asked`."""
    connection.execute(
        nodes.update()
        .where(nodes.c.id.in_(ids), nodes.c.refreshed_at <= asked)
        .values(gone_at=now, refreshed_at=now)
    )


def drifted(connection: sa.Connection) -> list[int]:
    """Return the keys of the nodes that were seen otherwise than the booking tree says."""
    lease = bookings.alias('lease')
    taken = sa.or_(
        nodes.c.gone_at.is_not(None),
        nodes.c.lessee_id.is_(None),
        nodes.c.lessee_id != lease.c.lessee_id,
        _HAS_REASON,  # it was so before; perhaps it is not any more
    )
    held = (
        sa.select(nodes.c.id)
        .join(lease, lease.c.uuid == nodes.c.lease_uuid)
        .where(nodes.c.state == str(State.HANDED_OVER), taken)
    )
    stray = sa.select(nodes.c.id).where(
        nodes.c.state == str(State.AVAILABLE),
        sa.or_(nodes.c.lessee_id.is_not(None), _HAS_REASON),
        nodes.c.gone_at.is_(None),
    )
    anothers = nodes.c.owner_id != bookings.c.owner_id
    standing = sa.and_(
        bookings.c.status == _OPEN, anothers, nodes.c.owner_id != '', nodes.c.gone_at.is_(None)
    )
    suspended = sa.and_(
        bookings.c.status == str(offers.Status.ERROR),
        bookings.c.cause == str(Cause.OWNER_CHANGED),
        sa.not_(anothers),
    )
    offered = (
        sa.select(nodes.c.id)
        .join(bookings, bookings.c.node_id == nodes.c.id)
        .where(bookings.c.kind == 'offer', bookings.c.parent_lease_uuid.is_(None))
        .where(sa.or_(standing, suspended))
    )
    return sorted(connection.execute(sa.union(held, stray, offered)).scalars())


def wake(connection: sa.Connection, ids: Sequence[int], now: datetime) -> None:
    """Let the manager look at nodes now, unless it is about them already."""
    later = sa.or_(nodes.c.retry_at.is_(None), nodes.c.retry_at > now)
    connection.execute(nodes.update().where(nodes.c.id.in_(ids), later).values(retry_at=now))


def nameless(connection: sa.Connection, limit: int) -> list[str]:
    """Return projects of nodes and bookings that the directory does not have."""
    found: dict[str, None] = {}
    for column in (nodes.c.owner_id, nodes.c.lessee_id, bookings.c.owner_id, bookings.c.lessee_id):
        unknown = (
            sa.select(column)
            .distinct()
            .select_from(column.table.outerjoin(projects, projects.c.id == column))
            .where(projects.c.id.is_(None), column != '')
            .order_by(column)
            .limit(limit)
        )
        found.update(dict.fromkeys(connection.execute(unknown).scalars()))
    return list(found)[:limit]


def _insert(
    connection: sa.Connection, resource_type: str, seen: Sequence[Sighting], now: datetime
) -> list[Sighting]:
    """Make rows; return the nodes that had none: another request may have been first."""
    if not seen:
        return []
    made = [
        {
            **_FRESH,
            **_facts(each),
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


def _describe(connection: sa.Connection, resource_type: str, seen: Sequence[Sighting]) -> None:
    """Write the properties of nodes whose rows this transaction has locked.

    Only what differs: to delete what is not there would lock the gap for others who insert there.
    """
    select = sa.select(nodes.c.resource_uuid, nodes.c.id).where(_are(resource_type, seen))
    ids = dict(connection.execute(select).all())
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
