"""Alembic's environment; `esi_leap.db.schema` passes the connection in."""

from alembic import context

from esi_leap.db.revision import VERSION_TABLE
from esi_leap.db.tables import metadata

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
