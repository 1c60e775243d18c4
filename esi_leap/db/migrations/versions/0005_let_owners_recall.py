"""Add the terms of what is lent, and recalls."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from esi_leap.db.types import UTCDateTime

revision = '0005'
down_revision = '0004'

MYSQL: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}


def upgrade() -> None:
    """Upgrade."""
    _terms()
    _recalls()


def _terms() -> None:
    for table in ('bookings', 'contracts'):
        op.add_column(
            table,
            sa.Column(
                'recall_notice', sa.Integer(), comment='Seconds of notice that a recall needs'
            ),
        )
        op.add_column(
            table,
            sa.Column('firm', sa.Boolean(), comment='Whether it cannot be recalled; null is no'),
        )


def _recalls() -> None:
    for column in (
        sa.Column(
            'recall_uuid', sa.String(length=36), comment='Recall that ends it before its time'
        ),
        sa.Column('recall_due_at', UTCDateTime(), comment='When that recall ends it'),
        sa.Column('recalled_end', UTCDateTime(), comment='When it would have ended without it'),
    ):
        op.add_column('bookings', column)
    op.create_table(
        'recalls',
        sa.Column('id', sa.Integer(), nullable=False, comment='Order of creation'),
        sa.Column('uuid', sa.String(length=36), nullable=False, comment='Public id'),
        sa.Column(
            'owner_id', sa.String(length=255), nullable=False, comment='Project that has them back'
        ),
        sa.Column('reason', sa.String(length=255), comment='Why, as the lessees are told'),
        sa.Column(
            'deadline', UTCDateTime(), nullable=False, comment='By when the nodes are asked for'
        ),
        sa.Column('created_at', UTCDateTime(), nullable=False, comment='When it was made'),
        sa.Column('cancelled_at', UTCDateTime(), comment='When it was taken back'),
        sa.PrimaryKeyConstraint('id', name='pk_recalls'),
        sa.UniqueConstraint('uuid', name='uq_recalls_uuid'),
        comment='Requests of owners to have nodes back',
        **MYSQL,
    )
    op.create_index('ix_recalls_owner_id_id', 'recalls', ['owner_id', 'id'])
    op.create_table(
        'recall_items',
        sa.Column('id', sa.Integer(), nullable=False, comment='Order in the recall'),
        sa.Column(
            'recall_uuid', sa.String(length=36), nullable=False, comment='Recall that it is of'
        ),
        sa.Column('node_id', sa.Integer(), nullable=False, comment='Node that is to come back'),
        sa.Column('lease_uuid', sa.String(length=36), comment='Lease that has or gets the node'),
        sa.Column('due_at', UTCDateTime(), comment='When whoever has the node loses it'),
        sa.Column('status', sa.String(length=15), nullable=False, comment='How far it is'),
        sa.Column('reason', sa.Text(), comment='Why it is refused, in a sentence'),
        sa.Column('returned_at', UTCDateTime(), comment='When the owner could use the node'),
        sa.CheckConstraint(
            "status IN ('cancelled', 'pending', 'refused', 'requested', 'returned')",
            name=op.f('ck_recall_items_status'),
        ),
        sa.ForeignKeyConstraint(
            ['recall_uuid'], ['recalls.uuid'], name='fk_recall_items_recall_uuid'
        ),
        sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name='fk_recall_items_node_id'),
        sa.PrimaryKeyConstraint('id', name='pk_recall_items'),
        sa.UniqueConstraint('recall_uuid', 'node_id', name='uq_recall_items_recall_uuid_node_id'),
        comment='Nodes of recalls, and how far each is',
        **MYSQL,
    )
    op.create_index('ix_recall_items_node_id_status', 'recall_items', ['node_id', 'status'])
    op.create_index('ix_recall_items_status', 'recall_items', ['status'])
