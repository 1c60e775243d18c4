"""Signs of life of processes, a row for each kind and host."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from esi_leap.db.tables import heartbeats

_FORGET = timedelta(days=7)


def write(connection: sa.Connection, kind: str, host: str, now: datetime) -> None:
    """Note that a process of this kind is alive on this host.

    Raises:
        oslo_db.exception.DBDuplicateEntry: another one was the first on this host, just now.
    """
    mine = sa.and_(heartbeats.c.kind == kind, heartbeats.c.host == host)
    beat = heartbeats.update().where(mine).values(beaten_at=now)
    if connection.execute(beat).rowcount:
        return
    # Hosts come and go, above all those of containers.
    forgotten = heartbeats.c.beaten_at < now - _FORGET
    connection.execute(heartbeats.delete().where(heartbeats.c.kind == kind, forgotten))
    connection.execute(heartbeats.insert().values(kind=kind, host=host, beaten_at=now))


def newest(connection: sa.Connection, kind: str) -> datetime | None:
    """Return when a process of this kind was last alive, on whatever host."""
    select = sa.select(sa.func.max(heartbeats.c.beaten_at)).where(heartbeats.c.kind == kind)
    return connection.execute(select).scalar()
