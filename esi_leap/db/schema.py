"""Making and upgrading the schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command, config, migration, script

from esi_leap.db.engine import Database
from esi_leap.db.revision import VERSION_TABLE


def upgrade(database: Database, revision: str = 'head') -> None:
    """Bring the schema to `revision`, from whatever revision it has, or from an empty database."""
    with database.engine.begin() as connection:
        migrate(connection, revision)


def migrate(connection: sa.Connection, revision: str = 'head') -> None:
    """The same, in the transaction of a caller; MariaDB commits it at every statement."""
    if connection.dialect.name == 'postgresql':
        connection.execute(sa.text('CREATE EXTENSION IF NOT EXISTS btree_gist'))
    command.upgrade(_config(connection), revision)


def version(database: Database) -> str | None:
    """Return the revision of the schema, None if there is none."""
    with database.engine.connect() as connection:
        context = migration.MigrationContext.configure(
            connection, opts={'version_table': VERSION_TABLE}
        )
        return context.get_current_revision()


def newest() -> str | None:
    """Return the newest revision that this release knows."""
    return script.ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: sa.Connection | None = None) -> config.Config:
    alembic = config.Config()
    alembic.set_main_option('script_location', 'esi_leap.db:migrations')
    alembic.attributes['connection'] = connection
    return alembic
