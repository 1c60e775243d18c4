"""Add how a node stands at the gate, and the states of a node that go with it."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'

STATES = (
    "state IN ('available', 'cleaning', 'gating', 'handed over', 'lost', 'preparing', "
    "'rejected', 'returning')"
)


def upgrade() -> None:
    """Upgrade."""
    _nodes()
    _comments()


def _nodes() -> None:
    op.add_column(
        'nodes',
        sa.Column('gate', sa.JSON(), comment='How it stands, or last stood, at the gate'),
    )
    # SQLite writes the table anew for it; the others change it where it is.
    with op.batch_alter_table('nodes') as nodes:
        nodes.drop_constraint(op.f('ck_nodes_state'), type_='check')
        nodes.create_check_constraint(op.f('ck_nodes_state'), STATES)
    op.create_index(op.f('ix_nodes_state'), 'nodes', ['state'])


def _comments() -> None:
    """Say what tables and columns of earlier revisions are now; SQLite keeps no comments."""
    if op.get_bind().dialect.name == 'sqlite':
        return
    op.create_table_comment(
        'events', 'What happened to offers, leases, contracts and nodes, in order'
    )
    op.alter_column(
        'events',
        'object_type',
        comment='offer, lease, contract or node',
        existing_type=sa.String(length=36),
        existing_nullable=False,
    )
