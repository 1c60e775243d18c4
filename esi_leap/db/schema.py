"""The schema: making it, upgrading it, and its revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command, config, migration, script

from esi_leap.db.engine import Database
from esi_leap.db.revision import VERSION_TABLE


def upgrade(database: Database, revision: str = 'head') -> None:
    """Upgrade the schema to a revision, from any earlier one or from an empty database."""
    with database.engine.begin() as connection:
        migrate(connection, revision)


def migrate(connection: sa.Connection, revision: str = 'head') -> None:
    """Upgrade the schema in the transaction of the caller; MariaDB commits at every statement."""
    if connection.dialect.name == 'postgresql':
        connection.execute(sa.text('CREATE EXTENSION IF NOT EXISTS btree_gist'))
    command.upgrade(_config(connection), revision)


def version(database: Database) -> str | None:
    """Return the revision of the schema, None if the database has no schema."""
    with database.engine.connect() as connection:
        context = migration.MigrationContext.configure(
            connection, opts={'version_table': VERSION_TABLE}
        )
        return context.get_current_revision()


def newest() -> str | None:
    """Return the newest revision that this release has, None if it has no migrations."""
    return script.ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: sa.Connection | None = None) -> config.Config:
    """Return the configuration of alembic; `migrations/env.py` takes the connection from it."""
    alembic = config.Config()
    alembic.set_main_option('script_location', 'esi_leap.db:migrations')
    alembic.attributes['connection'] = connection
    return alembic
