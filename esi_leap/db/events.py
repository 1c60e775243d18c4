"""Events: their lists and their public ids.

Writers do not assign public ids, so they need not wait for each other. A reader that finds events
without ids numbers all committed ones, in the order of their rows, under a lock. So a new id is
larger than all ids that were visible before. The changes of one lease happen one after the other,
under the lock of the node's row, so their ids are in the order of the changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import sqlalchemy as sa

from esi_leap.core.query import EventQuery, Scope
from esi_leap.core.views import EventView
from esi_leap.db import lists
from esi_leap.db.tables import chores, events, nodes

#: The chore that numbers events; its position is the largest id.
CHORE = 'events'
#: Maximum number of events that one transaction numbers.
_BATCH = 1000


def unnumbered(connection: sa.Connection) -> bool:
    """Tell whether there are events without a public id; it reads one entry of an index."""
    waiting = sa.select(events.c.id).where(events.c.position.is_(None)).limit(1)
    return connection.execute(waiting).first() is not None


def number(connection: sa.Connection) -> None:
    """Assign public ids to events without one.

    The lock is the first statement, so that all committed events are read after it: in MariaDB the
    first plain read freezes the snapshot of a transaction. Each event is updated by its key: an
    update of a range would lock gaps into which others write.
    """
    locked = sa.select(chores.c.position).where(chores.c.name == CHORE).with_for_update()
    last = connection.execute(locked).scalar_one()
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
    """Read a page of events in the order of their ids, in one statement."""
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
    """Return the conditions for events of which a project is a party."""
    return [events.c.lessee_id == project_id, events.c.owner_id == project_id]
