"""The directory of project names, which lists join instead of asking Keystone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.cache import Cache
from esi_leap.core.ports.cloud import Project
from esi_leap.db.session import Session
from esi_leap.db.tables import bookings, nodes, projects

#: How long, in seconds, a process trusts that the directory still has the name it read there.
_NAMES_TTL = 60


class Projects:
    """Reads and writes the names of projects, with a cache in front.

    Args:
        session: where transactions are opened.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cache: Cache[str] = Cache(_NAMES_TTL)

    def remember(self, found: Collection[Project]) -> None:
        """Write the names of projects into the directory; a name that it has is not written."""
        wanted = {each.id: each.name for each in found if self._cache.peek(each.id) != each.name}
        known = self._read(wanted)
        for project, name in wanted.items():
            if known.get(project) == name:
                continue
            with self._session.writer() as connection:
                if project not in known:
                    try:
                        with connection.begin_nested():
                            connection.execute(projects.insert().values(id=project, name=name))
                    except db_errors.DBDuplicateEntry:
                        pass  # another request was first
                connection.execute(
                    projects.update().where(projects.c.id == project).values(name=name)
                )
            self._cache.put(project, name)

    def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of projects by id; a project without a name is left out."""
        known = {each: name for each in ids if (name := self._cache.peek(each)) is not None}
        return known | self._read(set(ids) - set(known))

    def _read(self, ids: Collection[str]) -> dict[str, str]:
        if not ids:
            return {}
        select = sa.select(projects.c.id, projects.c.name).where(projects.c.id.in_(ids))
        with self._session.reader() as connection:
            found = {row.id: row.name for row in connection.execute(select)}
        for project, name in found.items():
            self._cache.put(project, name)
        return found


def find_unnamed(connection: sa.Connection, limit: int) -> list[str]:
    """Return the ids, at most `limit`, of projects of nodes and bookings without a name."""
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
