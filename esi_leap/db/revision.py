"""The revision of a schema, read without alembic, which only migrations import."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from esi_leap.db.engine import Database

#: A name of our own: a database of the existing service has an `alembic_version` of its own.
VERSION_TABLE = 'esi_leap_version'

#: The revision that this release needs: the files of the migrations begin with their revisions.
NEEDED = max(
    each.name[:4] for each in (Path(__file__).parent / 'migrations/versions').glob('0*.py')
)


def is_behind(database: Database) -> bool:
    """Return whether the schema must be upgraded; one newer than this release need not."""
    table = sa.table(VERSION_TABLE, sa.column('version_num'))
    with database.reader() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return True
        found = connection.execute(sa.select(table.c.version_num)).scalar()
    return found is None or str(found) < NEEDED
