"""Heartbeats of processes, one row for each kind and host."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from esi_leap.db.tables import heartbeats

#: Age at which a heartbeat is deleted.
_FORGET = timedelta(days=7)


def write(connection: sa.Connection, kind: str, host: str, now: datetime) -> None:
    """Write the heartbeat of a process; a host's first one also deletes those of long ago.

    Args:
        connection: a transaction that writes.
        kind: kind of process.
        host: host that the process runs on.
        now: the present instant.

    Raises:
        oslo_db.exception.DBDuplicateEntry: another process wrote the first of the host meanwhile.
    """
    same = sa.and_(heartbeats.c.kind == kind, heartbeats.c.host == host)
    beat = heartbeats.update().where(same).values(beaten_at=now)
    if connection.execute(beat).rowcount:
        return
    # Hosts come and go, above all those of containers.
    is_old = heartbeats.c.beaten_at < now - _FORGET
    connection.execute(heartbeats.delete().where(heartbeats.c.kind == kind, is_old))
    connection.execute(heartbeats.insert().values(kind=kind, host=host, beaten_at=now))


def newest(connection: sa.Connection, kind: str) -> datetime | None:
    """Return the newest heartbeat of a kind of process on any host, None if there is none."""
    select = sa.select(sa.func.max(heartbeats.c.beaten_at)).where(heartbeats.c.kind == kind)
    return connection.execute(select).scalar()
