"""Add the inventory, sub-leases, notifications, console tokens and signs of life."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from esi_leap.db.types import UTCDateTime

revision = '0002'
down_revision = '0001'

MYSQL: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}
HOLDING = (
    "status IN ('active', 'available', 'created', 'error', "
    "'wait cancel', 'wait expire', 'wait fulfill')"
)


def upgrade() -> None:
    """Upgrade."""
    _nodes()
    _bookings()
    _events()
    _console_auth_tokens()
    _processes()
    _comments()


def _nodes() -> None:
    for column in (
        sa.Column('lessee_id', sa.String(length=255), comment='Its lessee when last seen'),
        sa.Column(
            'provision_state', sa.String(length=36), comment='Its provision state when last seen'
        ),
        sa.Column(
            'target_provision_state', sa.String(length=36), comment='The one it was on the way to'
        ),
        sa.Column('power_state', sa.String(length=36), comment='Its power state when last seen'),
        sa.Column(
            'target_power_state', sa.String(length=36), comment='The one it was on the way to'
        ),
        sa.Column(
            'maintenance', sa.Boolean(), comment='Whether it was in maintenance when last seen'
        ),
        sa.Column('gone_at', UTCDateTime(), comment='When its service had it no more'),
    ):
        op.add_column('nodes', column)
    op.create_index('ix_nodes_owner_id_id', 'nodes', ['owner_id', 'id'])
    op.create_index('ix_nodes_lessee_id_id', 'nodes', ['lessee_id', 'id'])
    op.create_table(
        'node_properties',
        sa.Column('node_id', sa.Integer(), nullable=False, comment='Node that has the property'),
        sa.Column('name', sa.String(length=255), nullable=False, comment='Name of the property'),
        sa.Column(
            'text',
            sa.String(length=255),
            comment='Its value, if that is short enough to compare',
        ),
        sa.Column('number', sa.Double(), comment='Its value as a number, if it is one'),
        sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name='fk_node_properties_node_id'),
        sa.PrimaryKeyConstraint('node_id', 'name', name='pk_node_properties'),
        comment='Properties of nodes, one a row, so that lists can compare them',
        **MYSQL,
    )
    op.create_index('ix_node_properties_name_number', 'node_properties', ['name', 'number'])
    op.create_index('ix_node_properties_name_text', 'node_properties', ['name', 'text'])


def _bookings() -> None:
    op.add_column(
        'bookings',
        sa.Column(
            'parent_lease_uuid', sa.String(length=36), comment='Lease whose lessee sub-lets it'
        ),
    )
    op.add_column(
        'bookings',
        sa.Column('overlaps_uuid', sa.String(length=36), comment='Holder it was taken over beside'),
    )
    op.create_index(
        'ix_bookings_parent_lease_uuid_status', 'bookings', ['parent_lease_uuid', 'status']
    )
    if op.get_bind().dialect.name == 'postgresql':
        op.drop_constraint('ex_bookings_no_overlap', 'bookings')
        # Alembic has no way to say this constraint on an expression.
        op.execute(
            'ALTER TABLE bookings ADD CONSTRAINT ex_bookings_no_overlap EXCLUDE USING gist '
            "(node_id WITH =, (coalesce(parent_uuid, '')) WITH =, "
            '(tsrange(start_time, end_time)) WITH &&) '
            f'WHERE ({HOLDING} AND overlaps_uuid IS NULL) DEFERRABLE INITIALLY DEFERRED'
        )


def _events() -> None:
    op.add_column(
        'events',
        sa.Column(
            'position', sa.BigInteger(), comment='Public id: order in which they became visible'
        ),
    )
    if op.get_bind().dialect.name == 'sqlite':
        with op.batch_alter_table('events') as batch:
            batch.create_unique_constraint('uq_events_position', ['position'])
    else:
        op.create_unique_constraint('uq_events_position', 'events', ['position'])
    for column in ('event_type', 'lessee_id', 'owner_id', 'resource_uuid'):
        op.create_index(f'ix_events_{column}_position', 'events', [column, 'position'])
        op.drop_index(f'ix_events_{column}_id', 'events')
    op.create_table(
        'outbox',
        sa.Column(
            'id',
            sa.BigInteger().with_variant(sa.Integer(), 'sqlite'),
            nullable=False,
            comment='Order in which they were written',
        ),
        sa.Column(
            'event_type',
            sa.String(length=36),
            nullable=False,
            comment='Type of the notification',
        ),
        sa.Column('priority', sa.String(length=8), nullable=False, comment='Its level, as info'),
        sa.Column('object_uuid', sa.String(length=36), nullable=False, comment='What it is about'),
        sa.Column('payload', sa.JSON(), nullable=False, comment='What it says'),
        sa.Column('created_at', UTCDateTime(), nullable=False, comment='When it was written'),
        sa.PrimaryKeyConstraint('id', name='pk_outbox'),
        comment='Notifications that the message bus has not taken yet',
        **MYSQL,
    )


def _console_auth_tokens() -> None:
    op.create_table(
        'console_auth_tokens',
        sa.Column('id', sa.Integer(), nullable=False, comment='Order of creation'),
        sa.Column('token_hash', sa.String(length=64), nullable=False, comment='SHA-256, in hex'),
        sa.Column('node_id', sa.Integer(), nullable=False, comment='Whose console'),
        sa.Column('lease_uuid', sa.String(length=36), comment='Lease with which it dies'),
        sa.Column(
            'project_id', sa.String(length=255), nullable=False, comment='Project it was made for'
        ),
        sa.Column('user_id', sa.String(length=255), comment='User it was made for'),
        sa.Column('read_only', sa.Boolean(), nullable=False, comment='Whether input is dropped'),
        sa.Column('created_at', UTCDateTime(), nullable=False, comment='When it was made'),
        sa.Column(
            'expires_at', UTCDateTime(), nullable=False, comment='When it can be used no more'
        ),
        sa.Column('used_at', UTCDateTime(), comment='When it was used, once'),
        sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name='fk_console_auth_tokens_node_id'),
        sa.PrimaryKeyConstraint('id', name='pk_console_auth_tokens'),
        sa.UniqueConstraint('token_hash', name='uq_console_auth_tokens_token_hash'),
        comment='Tokens for the serial consoles of nodes',
        **MYSQL,
    )
    for column in ('node_id', 'lease_uuid', 'expires_at'):
        op.create_index(f'ix_console_auth_tokens_{column}', 'console_auth_tokens', [column])


def _processes() -> None:
    op.create_table(
        'chores',
        sa.Column(
            'name',
            sa.String(length=36),
            nullable=False,
            comment='What one process does at a time',
        ),
        sa.Column('claim', sa.String(length=36), comment='Claim of the process that does it'),
        sa.Column('claimed_until', UTCDateTime(), comment='When that claim runs out'),
        sa.Column('done_at', UTCDateTime(), comment='When it was last done'),
        sa.Column('position', sa.BigInteger(), comment='How far it got, where it counts'),
        sa.PrimaryKeyConstraint('name', name='pk_chores'),
        comment='Work that is not about one node, such as refreshing the inventory',
        **MYSQL,
    )
    op.create_table(
        'heartbeats',
        sa.Column(
            'kind', sa.String(length=16), nullable=False, comment='Kind of process, as manager'
        ),
        sa.Column('host', sa.String(length=255), nullable=False, comment='Host that it runs on'),
        sa.Column('beaten_at', UTCDateTime(), nullable=False, comment='When it was last alive'),
        sa.PrimaryKeyConstraint('kind', 'host', name='pk_heartbeats'),
        comment='Signs of life of the processes that have no port',
        **MYSQL,
    )


def _comments() -> None:
    """Say what columns of the first revision are now; SQLite keeps no comments."""
    if op.get_bind().dialect.name == 'sqlite':
        return
    mysql = op.get_bind().dialect.name == 'mysql'
    op.create_table_comment(
        'nodes', 'Inventory: nodes as last seen, and how far the hand-over of each is'
    )
    op.create_table_comment('events', 'What happened to offers, leases and contracts, in order')
    for table, column, kind, comment in (
        ('nodes', 'owner_id', sa.String(length=255), 'Owner; empty if it has none'),
        ('events', 'id', sa.Integer(), 'Order in which they were written'),
        ('events', 'object_type', sa.String(length=36), 'offer, lease or contract'),
    ):
        options: dict[str, Any] = {'autoincrement': True} if column == 'id' and mysql else {}
        op.alter_column(
            table,
            column,
            comment=comment,
            existing_type=kind,
            existing_nullable=False,
            **options,
        )
