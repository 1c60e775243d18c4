"""Recalls and their items, one for each node. A recall's status follows from its items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.lease import Lease
from esi_leap.core.query import Query, Scope
from esi_leap.core.recall import OPEN, Item, ItemStatus, Recall, Status, status_of
from esi_leap.core.views import Given, ItemView, RecallView
from esi_leap.db import lists, rows
from esi_leap.db.tables import bookings, nodes, projects, recall_items, recalls
from esi_leap.db.types import AnyRow

_OPEN = sorted(map(str, OPEN))

#: `core.recall.status_of` as an SQL expression.
STATUS = sa.case(
    (recalls.c.cancelled_at.is_not(None), sa.literal(str(Status.CANCELLED))),
    (
        sa.select(recall_items.c.id)
        .where(recall_items.c.recall_uuid == recalls.c.uuid, recall_items.c.status.in_(_OPEN))
        .exists(),
        sa.literal(str(Status.PENDING)),
    ),
    else_=sa.literal(str(Status.COMPLETE)),
)

COLUMNS = {
    'uuid': recalls.c.uuid,
    'owner_id': recalls.c.owner_id,
    'deadline': recalls.c.deadline,
    'created_at': recalls.c.created_at,
    'status': STATUS,
}


def insert(connection: sa.Connection, recall: Recall, node_ids: Iterable[int]) -> None:
    """Write a new recall and its items."""
    connection.execute(
        recalls.insert().values(
            uuid=recall.uuid,
            owner_id=recall.owner_id,
            reason=recall.reason,
            deadline=recall.deadline,
            created_at=recall.created_at,
        )
    )
    # The foreign keys lock the rows of the nodes, so they are in the order of all such locks.
    requested = [_values(Item(recall=recall.uuid, node_id=each)) for each in sorted(node_ids)]
    connection.execute(recall_items.insert(), requested)


def cancel(connection: sa.Connection, uuid: str, now: datetime) -> Sequence[int]:
    """Mark a recall as cancelled; return the node ids of its open items."""
    active = recalls.c.uuid == uuid, recalls.c.cancelled_at.is_(None)
    connection.execute(recalls.update().where(*active).values(cancelled_at=now))
    open_items = sa.select(recall_items.c.node_id).where(
        recall_items.c.recall_uuid == uuid, recall_items.c.status.in_(_OPEN)
    )
    return list(connection.execute(open_items.order_by(recall_items.c.id)).scalars())


def unfinished(connection: sa.Connection, before: datetime) -> Sequence[tuple[str, int]]:
    """Return (recall uuid, node id) of open items that were requested before `before`."""
    begun = sa.and_(
        recall_items.c.status == str(ItemStatus.REQUESTED), recalls.c.created_at <= before
    )
    select = (
        sa.select(recalls.c.uuid, recall_items.c.node_id)
        .join(recalls, recalls.c.uuid == recall_items.c.recall_uuid)
        .where(recall_items.c.status.in_(_OPEN), sa.or_(begun, recalls.c.cancelled_at <= before))
        .order_by(recall_items.c.id)
    )
    return [(row.uuid, row.node_id) for row in connection.execute(select)]


def of_node(connection: sa.Connection, node_id: int) -> Sequence[tuple[Recall, Item]]:
    """Read the open items of a node with their recalls."""
    select = (
        sa.select(*recalls.c, *(each.label(f'item_{each.name}') for each in recall_items.c))
        .join(recall_items, recall_items.c.recall_uuid == recalls.c.uuid)
        .where(recall_items.c.node_id == node_id, recall_items.c.status.in_(_OPEN))
        .order_by(recall_items.c.id)
    )
    return [(_recall(row), _item(row)) for row in connection.execute(select)]


def write(connection: sa.Connection, item: Item) -> None:
    """Update an item."""
    connection.execute(
        recall_items.update()
        .where(
            recall_items.c.recall_uuid == item.recall,
            recall_items.c.node_id == item.node_id,
        )
        .values(_values(item))
    )


def read(connection: sa.Connection, scope: Scope, query: Query) -> Sequence[RecallView]:
    """Read a page of recalls with the number of items in each status, in two statements."""
    every = lists.keys(recalls, query, COLUMNS)
    visible = [sa.true() if scope.everything else recalls.c.owner_id == scope.project_id]
    select = lists.equal(every, query.equal, COLUMNS)
    select = lists.paged(connection, select, recalls, query, COLUMNS, every=every, visible=visible)
    found = list(connection.execute(select))
    counts: dict[str, dict[ItemStatus, int]] = defaultdict(dict)
    counting = (
        sa.select(recall_items.c.recall_uuid, recall_items.c.status, sa.func.count())
        .where(recall_items.c.recall_uuid.in_([row.uuid for row in found]))
        .group_by(recall_items.c.recall_uuid, recall_items.c.status)
    )
    if found:
        for uuid, status, number in connection.execute(counting):
            counts[uuid][ItemStatus(status)] = number
    return [
        RecallView(
            recall := _recall(row),
            status_of(recall, counts[row.uuid]),
            row.owner_name or '',
            counts[row.uuid],
        )
        for row in found
    ]


def items(connection: sa.Connection, uuid: str) -> Sequence[ItemView]:
    """Read the items of a recall with their nodes, leases and lessees."""
    source = (
        recall_items.join(nodes, nodes.c.id == recall_items.c.node_id)
        .outerjoin(bookings, bookings.c.uuid == recall_items.c.lease_uuid)
        .outerjoin(projects, projects.c.id == bookings.c.lessee_id)
    )
    select = (
        sa.select(
            *(each.label(f'item_{each.name}') for each in recall_items.c),
            *rows.NODE,
            *rows.BOOKING,
            projects.c.name.label('lessee_name'),
        )
        .select_from(source)
        .where(recall_items.c.recall_uuid == uuid)
        .order_by(recall_items.c.id)
    )
    return [
        ItemView(_item(row), rows.node(row), _lease(row), row.lessee_name or '')
        for row in connection.execute(select)
    ]


def given(connection: sa.Connection, project_id: str) -> Sequence[Given]:
    """Read the nodes that a project offers or leases out to others, in two statements."""
    away = sa.or_(bookings.c.kind == 'offer', bookings.c.lessee_id != project_id)
    select = (
        sa.select(*rows.BOOKING, *rows.NODE)
        .join(nodes, nodes.c.id == bookings.c.node_id)
        .where(bookings.c.owner_id == project_id, rows.blocking(), away)
        .order_by(nodes.c.id)
    )
    by_node: dict[int, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(select):
        by_node[rows.node(row).id].append(row)
    pending = sa.select(recall_items.c.node_id).where(recall_items.c.status.in_(_OPEN))
    recalled = set(connection.execute(pending).scalars()) if by_node else set()
    return [
        Given(
            rows.node(on_it[0]),
            [each for row in on_it if isinstance(each := rows.booking(row), Lease)],
            recalled=key in recalled,
        )
        for key, on_it in by_node.items()
    ]


def reasons(connection: sa.Connection, uuids: Iterable[str]) -> Mapping[str, str | None]:
    """Return the reasons of recalls, by uuid."""
    wanted = sorted(set(uuids))
    if not wanted:
        return {}
    select = sa.select(recalls.c.uuid, recalls.c.reason).where(recalls.c.uuid.in_(wanted))
    return dict(connection.execute(select).all())


def _recall(row: AnyRow) -> Recall:
    return Recall(
        uuid=row.uuid,
        owner_id=row.owner_id,
        reason=row.reason,
        deadline=row.deadline,
        created_at=row.created_at,
        cancelled_at=row.cancelled_at,
    )


def _item(row: AnyRow) -> Item:
    return Item(
        recall=row.item_recall_uuid,
        node_id=row.item_node_id,
        status=ItemStatus(row.item_status),
        lease=row.item_lease_uuid,
        due=row.item_due_at,
        reason=row.item_reason,
        returned_at=row.item_returned_at,
    )


def _lease(row: AnyRow) -> Lease | None:
    if row._mapping[bookings.c.uuid] is None:  # noqa: SLF001 - read by column
        return None
    found = rows.booking(row)
    return found if isinstance(found, Lease) else None


def _values(item: Item) -> dict[str, object]:
    return {
        'recall_uuid': item.recall,
        'node_id': item.node_id,
        'lease_uuid': item.lease,
        'due_at': item.due,
        'status': str(item.status),
        'reason': item.reason,
        'returned_at': item.returned_at,
    }
