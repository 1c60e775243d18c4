"""Notifications, written in the transaction of their change, until the message bus has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.contract import Contract
from esi_leap.core.event import Event, Priority
from esi_leap.core.node import Node
from esi_leap.core.notification import Metal, payload
from esi_leap.core.ports import bus as port
from esi_leap.db import chores
from esi_leap.db.engine import Database
from esi_leap.db.numbering import number_events
from esi_leap.db.session import Session
from esi_leap.db.tables import bookings, contracts, nodes, outbox


class Outbox(port.Outbox):
    """Implements `core.ports.bus.Outbox`, which documents the methods.

    Args:
        database: the database.
    """

    def __init__(self, database: Database) -> None:
        self._session = Session(database)

    def number_events(self) -> None:
        number_events(self._session)

    def outgoing(self, limit: int) -> Sequence[port.Message]:
        select = sa.select(outbox).order_by(outbox.c.id).limit(limit)
        with self._session.reader() as connection:
            return [
                port.Message(
                    id=row.id, type=row.event_type, priority=row.priority, payload=row.payload
                )
                for row in connection.execute(select)
            ]

    def sent(self, message_id: int) -> None:
        with self._session.writer() as connection:
            connection.execute(outbox.delete().where(outbox.c.id == message_id))

    def claim_chore(self, name: str, claim: str, now: datetime, until: datetime) -> bool:
        return chores.claim(self._session, name, claim, now, until)

    def release_chore(self, name: str, claim: str, done_at: datetime | None) -> None:
        chores.release(self._session, name, claim, done_at)


def write(
    connection: sa.Connection,
    happened: Collection[Event],
    node: Node,
    now: datetime,
    level: Priority | None,
) -> None:
    """Write a notification of each event that has at least a priority.

    Args:
        connection: the transaction of the change.
        happened: the events.
        node: the node of the events.
        now: the present instant.
        level: least priority of the events that are written; None writes nothing.
    """
    told = [each for each in happened if level is not None and each.priority >= level]
    if not told:
        return
    keys = {node.uuid: node.id}
    for table in (bookings, contracts):
        mine = [each.subject.uuid for each in told if _is_of(each, table)]
        if mine:
            select = sa.select(table.c.uuid, table.c.id).where(table.c.uuid.in_(mine))
            keys |= {row.uuid: row.id for row in connection.execute(select)}
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


def _is_of(event: Event, table: sa.Table) -> bool:
    """Return whether the subject of an event has a row in `bookings`, or else in `contracts`."""
    if isinstance(event.subject, Node):
        return False
    return (table is contracts) is isinstance(event.subject, Contract)
