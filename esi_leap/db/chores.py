"""Work that one process does at a time, whichever it is: a row for each kind of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.db.tables import chores


def ensure(connection: sa.Connection, name: str) -> None:
    """See to it that a chore has its row; in a transaction of its own, before it is locked."""
    mine = sa.select(chores.c.name).where(chores.c.name == name)
    if connection.execute(mine).first() is None:
        try:
            with connection.begin_nested():
                connection.execute(chores.insert().values(name=name))
        except db_errors.DBDuplicateEntry:
            pass  # another process was first


def claim(connection: sa.Connection, name: str, claim: str, now: datetime, until: datetime) -> bool:
    """Claim a chore, or lengthen one's own claim, compare-and-swap; False if another has it."""
    free = sa.or_(
        chores.c.claimed_until.is_(None), chores.c.claimed_until <= now, chores.c.claim == claim
    )
    taken = connection.execute(
        chores.update().where(chores.c.name == name, free).values(claim=claim, claimed_until=until)
    )
    return taken.rowcount == 1


def release(
    connection: sa.Connection, name: str, claim: str, done_at: datetime | None = None
) -> None:
    """Give a claim back; `done_at` says that the chore was done, and as of when."""
    values: dict[str, object] = {'claim': None, 'claimed_until': None}
    if done_at is not None:
        values['done_at'] = done_at
    connection.execute(
        chores.update().where(chores.c.name == name, chores.c.claim == claim).values(values)
    )


def done(connection: sa.Connection, names: Collection[str]) -> Mapping[str, datetime]:
    """Return when chores were last done; those that never were are left out."""
    select = sa.select(chores.c.name, chores.c.done_at)
    ever = select.where(chores.c.name.in_(list(names)), chores.c.done_at.is_not(None))
    return dict(connection.execute(ever).all())
