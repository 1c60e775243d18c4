"""Chores: work that one process at a time does. Each chore has a row, which is claimed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.db.session import Session
from esi_leap.db.tables import chores


def add(session: Session, name: str) -> None:
    """Add the row of a chore if it is missing, in a transaction that ends before the row is locked.

    Args:
        session: where the transaction is opened.
        name: name of the chore.
    """
    existing = sa.select(chores.c.name).where(chores.c.name == name)
    with session.writer() as connection:
        if connection.execute(existing).first() is None:
            try:
                with connection.begin_nested():
                    connection.execute(chores.insert().values(name=name))
            except db_errors.DBDuplicateEntry:
                pass  # another process was first


def claim(session: Session, name: str, claim: str, now: datetime, until: datetime) -> bool:
    """Claim a chore until an instant, or prolong the claim; return False if another has it."""
    free = sa.or_(
        chores.c.claimed_until.is_(None), chores.c.claimed_until <= now, chores.c.claim == claim
    )
    update = chores.update().where(chores.c.name == name, free)
    add(session, name)
    with session.writer() as connection:
        claimed = connection.execute(update.values(claim=claim, claimed_until=until))
        return claimed.rowcount == 1


def release(session: Session, name: str, claim: str, done_at: datetime | None) -> None:
    """Release the claim on a chore; with `done_at`, also record that the chore was done then."""
    values: dict[str, object] = {'claim': None, 'claimed_until': None}
    if done_at is not None:
        values['done_at'] = done_at
    with session.writer() as connection:
        connection.execute(
            chores.update().where(chores.c.name == name, chores.c.claim == claim).values(values)
        )


def last_done(connection: sa.Connection, names: Collection[str]) -> Mapping[str, datetime]:
    """Return when each chore was last done, by name; a chore that never was done is left out."""
    select = sa.select(chores.c.name, chores.c.done_at).where(
        chores.c.name.in_(list(names)), chores.c.done_at.is_not(None)
    )
    return {row.name: row.done_at for row in connection.execute(select)}
