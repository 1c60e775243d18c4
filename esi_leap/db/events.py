"""Events: their public ids, and lists of them.

A writer knows nothing of public ids, so no writer waits for another one. An event gets its id when
somebody wants to read: whoever finds events without one numbers all that are committed, in the
order in which they were written, while nobody else does. So an id that a reader sees is larger than
all that were visible before, and of one lease, whose changes follow each other under the lock of
its node's row, the ids are in the order of the changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import sqlalchemy as sa

from esi_leap.core.query import EventQuery, Scope
from esi_leap.core.views import EventView
from esi_leap.db import lists
from esi_leap.db.tables import chores, events, nodes

#: The chore that numbers them; its position is the largest id given.
CHORE = 'events'
#: Most events that get their ids at one go.
_BATCH = 1000


def unnumbered(connection: sa.Connection) -> bool:
    """Tell whether there are events without an id. It is one look into an index."""
    waiting = sa.select(events.c.id).where(events.c.position.is_(None)).limit(1)
    return connection.execute(waiting).first() is not None


def number(connection: sa.Connection) -> None:
    """Give the events that have none their ids.

    The lock is the first statement, so that what is read afterwards is all that is committed by
    then, also where the first plain read freezes what a transaction sees (MariaDB). Each event is
    written by its key: a range would lock the gaps in which others are being written.
    """
    mine = sa.select(chores.c.position).where(chores.c.name == CHORE).with_for_update()
    last = connection.execute(mine).scalar_one()
    if last is None:
        last = connection.execute(sa.select(sa.func.max(events.c.position))).scalar() or 0
    waiting = (
        sa.select(events.c.id)
        .where(events.c.position.is_(None))
        .order_by(events.c.id)
        .limit(_BATCH)
    )
    found = list(connection.execute(waiting).scalars())
    if not found:
        return
    given = [{'key': key, 'public': last + place} for place, key in enumerate(found, 1)]
    connection.execute(
        events.update()
        .where(events.c.id == sa.bindparam('key'))
        .values(position=sa.bindparam('public')),
        given,
    )
    connection.execute(
        chores.update().where(chores.c.name == CHORE).values(position=last + len(found))
    )


def read(connection: sa.Connection, scope: Scope, query: EventQuery) -> Sequence[EventView]:
    """Read events in the order of their ids: one statement."""
    select = sa.select(events).where(events.c.position.is_not(None))
    ways = [[sa.true()] if scope.everything else _of(scope.project_id)]
    if query.party is not None:
        ways.append(_of(query.party))
    if query.after is not None:
        select = select.where(events.c.position > query.after)
    if query.since is not None:
        select = select.where(events.c.event_time > query.since)
    for name, value in query.equal.items():
        select = select.where(events.c[name] == value)
    if query.node is not None:
        named = sa.select(nodes.c.resource_uuid).where(nodes.c.name == query.node)
        ways.append([events.c.resource_uuid == query.node, events.c.resource_uuid.in_(named)])
    branches = [select.where(*each) for each in product(*ways)]
    return [
        EventView(
            id=row.position,
            type=row.event_type,
            time=row.event_time,
            object_type=row.object_type,
            object_uuid=row.object_uuid,
            resource_type=row.resource_type,
            resource_uuid=row.resource_uuid,
            lessee_id=row.lessee_id,
            owner_id=row.owner_id,
        )
        for row in connection.execute(lists.first(branches, [('position', False)], query.limit))
    ]


def _of(project_id: str | None) -> lists.Ways:
    """Events of what a project is a side of."""
    return [events.c.lessee_id == project_id, events.c.owner_id == project_id]
