"""Notifications that wait for the message bus, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.contract import Contract
from esi_leap.core.event import Event, Priority
from esi_leap.core.node import Node
from esi_leap.core.notification import Metal, payload
from esi_leap.core.ports.bus import Message
from esi_leap.db.tables import bookings, contracts, nodes, outbox


def write(
    connection: sa.Connection,
    happened: Collection[Event],
    node: Node,
    now: datetime,
    level: Priority | None,
) -> None:
    """Write the notifications of what happened.

    Args:
        connection: the transaction of the change.
        happened: the events.
        node: the node that they are about.
        now: the present instant.
        level: the least priority that is told, None if nothing is.
    """
    told = [each for each in happened if level is not None and each.priority >= level]
    if not told:
        return
    keys = {node.uuid: node.id}
    for table in (bookings, contracts):
        mine = [each.subject.uuid for each in told if _is_of(each, table)]
        if mine:
            select = sa.select(table.c.uuid, table.c.id).where(table.c.uuid.in_(mine))
            keys |= dict(connection.execute(select).all())
    seen = sa.select(nodes.c.provision_state, nodes.c.power_state).where(nodes.c.id == node.id)
    metal = Metal(*connection.execute(seen).one())
    rows = [
        {
            'event_type': each.type,
            'priority': each.priority.name.lower(),
            'object_uuid': each.subject.uuid,
            'payload': payload(each, keys[each.subject.uuid], node, metal),
            'created_at': now,
        }
        for each in told
    ]
    connection.execute(outbox.insert(), rows)


def read(connection: sa.Connection, limit: int) -> Sequence[Message]:
    """Read the oldest that wait, in the order in which they were written."""
    select = sa.select(outbox).order_by(outbox.c.id).limit(limit)
    return [
        Message(id=row.id, type=row.event_type, priority=row.priority, payload=row.payload)
        for row in connection.execute(select)
    ]


def delete(connection: sa.Connection, message_id: int) -> None:
    """Forget one that was sent."""
    connection.execute(outbox.delete().where(outbox.c.id == message_id))


def _is_of(event: Event, table: sa.Table) -> bool:
    if isinstance(event.subject, Node):
        return False
    return (table is contracts) is isinstance(event.subject, Contract)
