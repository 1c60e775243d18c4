"""Make the tables of nodes, projects, bookings, contracts and events."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from esi_leap.db.types import UTCDateTime

revision = '0001'
down_revision = None

MYSQL: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}


def upgrade() -> None:
    """Upgrade."""
    op.create_table(
        'contracts',
        sa.Column('id', sa.Integer(), nullable=False, comment='Order of creation'),
        sa.Column('uuid', sa.String(length=36), nullable=False, comment='Public id'),
        sa.Column('name', sa.String(length=255), comment='Name given by the consumer'),
        sa.Column('owner_id', sa.String(length=255), nullable=False, comment='Provider project'),
        sa.Column('lessee_id', sa.String(length=255), nullable=False, comment='Consumer project'),
        sa.Column('offer_uuid', sa.String(length=36), comment='Offer it was made from'),
        sa.Column(
            'start_time', UTCDateTime(), nullable=False, comment='Start of its window, included'
        ),
        sa.Column('end_time', UTCDateTime(), nullable=False, comment='End of the window, excluded'),
        sa.Column('created_at', UTCDateTime(), nullable=False, comment='When it was made'),
        sa.CheckConstraint('start_time < end_time', name=op.f('ck_contracts_window')),
        sa.PrimaryKeyConstraint('id', name='pk_contracts'),
        sa.UniqueConstraint('uuid', name='uq_contracts_uuid'),
        comment='Agreements between a provider and a consumer; the status is that of the leases',
        **MYSQL,
    )
    op.create_index('ix_contracts_lessee_id_id', 'contracts', ['lessee_id', 'id'])
    op.create_index('ix_contracts_name', 'contracts', ['name'])
    op.create_index('ix_contracts_offer_uuid', 'contracts', ['offer_uuid'])
    op.create_index('ix_contracts_owner_id_id', 'contracts', ['owner_id', 'id'])
    op.create_table(
        'events',
        sa.Column('id', sa.Integer(), nullable=False, comment='Order of the events'),
        sa.Column('event_type', sa.String(length=36), nullable=False, comment='What happened'),
        sa.Column('event_time', UTCDateTime(), nullable=False, comment='When'),
        sa.Column('object_type', sa.String(length=36), nullable=False, comment='offer or lease'),
        sa.Column('object_uuid', sa.String(length=36), nullable=False, comment='Which one'),
        sa.Column(
            'resource_type', sa.String(length=36), nullable=False, comment='Type of its node'
        ),
        sa.Column(
            'resource_uuid', sa.String(length=36), nullable=False, comment='Uuid of its node'
        ),
        sa.Column('lessee_id', sa.String(length=255), comment='Consumer project'),
        sa.Column('owner_id', sa.String(length=255), comment='Provider project'),
        sa.PrimaryKeyConstraint('id', name='pk_events'),
        comment='What happened to offers and leases, in order',
        **MYSQL,
    )
    op.create_index('ix_events_event_time', 'events', ['event_time'])
    op.create_index('ix_events_event_type_id', 'events', ['event_type', 'id'])
    op.create_index('ix_events_lessee_id_id', 'events', ['lessee_id', 'id'])
    op.create_index('ix_events_owner_id_id', 'events', ['owner_id', 'id'])
    op.create_index('ix_events_resource_uuid_id', 'events', ['resource_uuid', 'id'])
    op.create_table(
        'nodes',
        sa.Column('id', sa.Integer(), nullable=False, comment='Key; its row lock orders bookings'),
        sa.Column(
            'resource_type',
            sa.String(length=36),
            nullable=False,
            comment='ironic_node or dummy_node',
        ),
        sa.Column(
            'resource_uuid', sa.String(length=36), nullable=False, comment='Uuid of the node there'
        ),
        sa.Column('name', sa.String(length=255), nullable=False, comment='Its name when last seen'),
        sa.Column(
            'owner_id', sa.String(length=255), nullable=False, comment='Project that owns it'
        ),
        sa.Column(
            'resource_class', sa.String(length=255), comment='Its resource class when last seen'
        ),
        sa.Column('properties', sa.JSON(), nullable=False, comment='Its properties when last seen'),
        sa.Column('refreshed_at', UTCDateTime(), nullable=False, comment='When it was last seen'),
        sa.Column(
            'state', sa.String(length=15), nullable=False, comment='How far its hand-over is'
        ),
        sa.Column('reason', sa.Text(), comment='What it waits for, in a sentence'),
        sa.Column(
            'lease_uuid', sa.String(length=36), comment='Lease that has, gets or had the node'
        ),
        sa.Column(
            'remembered', sa.JSON(), nullable=False, comment='Fields to restore at the return'
        ),
        sa.Column('retry_at', UTCDateTime(), comment='When the manager looks at it again'),
        sa.Column('attempts', sa.Integer(), nullable=False, comment='Tries of the current step'),
        sa.Column('claim', sa.String(length=36), comment='Claim of the manager at work on it'),
        sa.Column('claimed_until', UTCDateTime(), comment='When that claim runs out'),
        sa.CheckConstraint(
            "state IN ('available', 'cleaning', 'handed over', 'lost', 'preparing', 'returning')",
            name=op.f('ck_nodes_state'),
        ),
        sa.PrimaryKeyConstraint('id', name='pk_nodes'),
        sa.UniqueConstraint(
            'resource_type', 'resource_uuid', name='uq_nodes_resource_type_resource_uuid'
        ),
        comment='Nodes that are or were offered or leased',
        **MYSQL,
    )
    op.create_index('ix_nodes_name', 'nodes', ['name'])
    op.create_index('ix_nodes_resource_class', 'nodes', ['resource_class'])
    op.create_index('ix_nodes_resource_uuid', 'nodes', ['resource_uuid'])
    op.create_index('ix_nodes_retry_at', 'nodes', ['retry_at'])
    op.create_table(
        'projects',
        sa.Column('id', sa.String(length=255), nullable=False, comment='Keystone project id'),
        sa.Column('name', sa.String(length=255), nullable=False, comment='Its name when last seen'),
        sa.PrimaryKeyConstraint('id', name='pk_projects'),
        comment='Directory of project names, so that no list has to ask Keystone',
        **MYSQL,
    )
    op.create_table(
        'bookings',
        sa.Column('id', sa.Integer(), nullable=False, comment='Order of creation'),
        sa.Column('uuid', sa.String(length=36), nullable=False, comment='Public id'),
        sa.Column('kind', sa.String(length=5), nullable=False, comment='offer or lease'),
        sa.Column(
            'name', sa.String(length=255), comment='Name given by its maker; need not be unique'
        ),
        sa.Column('node_id', sa.Integer(), nullable=False, comment='Node whose window it takes'),
        sa.Column('parent_uuid', sa.String(length=36), comment='Booking whose window it lies in'),
        sa.Column('owner_id', sa.String(length=255), nullable=False, comment='Provider project'),
        sa.Column(
            'lessee_id', sa.String(length=255), comment='Who leases, or who may claim the offer'
        ),
        sa.Column(
            'start_time', UTCDateTime(), nullable=False, comment='Start of the window, included'
        ),
        sa.Column('end_time', UTCDateTime(), nullable=False, comment='End of the window, excluded'),
        sa.Column(
            'status', sa.String(length=15), nullable=False, comment='State; final ones hold nothing'
        ),
        sa.Column('status_reason', sa.Text(), comment='Why it waits or failed, in a sentence'),
        sa.Column('properties', sa.JSON(), nullable=False, comment="Its maker's own notes"),
        sa.Column('purpose', sa.String(length=255), comment='Lease: what for'),
        sa.Column('contract_uuid', sa.String(length=36), comment='Lease: its contract'),
        sa.Column(
            'offer_uuid', sa.String(length=36), comment='Lease: the offer it was claimed from'
        ),
        sa.Column('fulfill_time', UTCDateTime(), comment='Lease: when the lessee got the node'),
        sa.Column('expire_time', UTCDateTime(), comment='Lease: when the lessee lost it'),
        sa.Column('next_action_at', UTCDateTime(), comment='When the manager owes it something'),
        sa.Column('retry_at', UTCDateTime(), comment='Lease: when a waiting step is tried again'),
        sa.Column(
            'attempts', sa.Integer(), nullable=False, comment='Lease: tries of the current step'
        ),
        sa.Column('created_at', UTCDateTime(), nullable=False, comment='When it was made'),
        postgresql.ExcludeConstraint(
            (sa.column('node_id'), '='),
            (sa.text("coalesce(parent_uuid, '')"), '='),
            (sa.text('tsrange(start_time, end_time)'), '&&'),
            where=sa.text(
                "status IN ('active', 'available', 'created', 'error', "
                "'wait cancel', 'wait expire', 'wait fulfill')"
            ),
            using='gist',
            deferrable=True,
            initially='DEFERRED',
            name='ex_bookings_no_overlap',
        ).ddl_if(dialect='postgresql'),
        sa.CheckConstraint(
            "(kind = 'offer' AND status IN ('available', 'deleted', 'error', 'expired')) OR "
            "(kind = 'lease' AND status IN ('active', 'created', 'deleted', 'error', 'expired', "
            "'wait cancel', 'wait expire', 'wait fulfill'))",
            name=op.f('ck_bookings_status'),
        ),
        sa.CheckConstraint(
            "(next_action_at IS NULL) = (status IN ('deleted', 'expired'))",
            name=op.f('ck_bookings_next_action'),
        ),
        sa.CheckConstraint(
            "kind = 'offer' OR (contract_uuid IS NOT NULL AND lessee_id IS NOT NULL)",
            name=op.f('ck_bookings_lease'),
        ),
        sa.CheckConstraint('start_time < end_time', name=op.f('ck_bookings_window')),
        sa.ForeignKeyConstraint(
            ['contract_uuid'], ['contracts.uuid'], name='fk_bookings_contract_uuid'
        ),
        sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name='fk_bookings_node_id'),
        sa.ForeignKeyConstraint(['parent_uuid'], ['bookings.uuid'], name='fk_bookings_parent_uuid'),
        sa.PrimaryKeyConstraint('id', name='pk_bookings'),
        sa.UniqueConstraint('uuid', name='uq_bookings_uuid'),
        comment='Windows on the calendars of nodes, taken by offers and leases',
        **MYSQL,
    )
    op.create_index('ix_bookings_contract_uuid_status', 'bookings', ['contract_uuid', 'status'])
    op.create_index('ix_bookings_kind_lessee_id_id', 'bookings', ['kind', 'lessee_id', 'id'])
    op.create_index('ix_bookings_kind_name', 'bookings', ['kind', 'name'])
    op.create_index('ix_bookings_kind_owner_id_id', 'bookings', ['kind', 'owner_id', 'id'])
    op.create_index('ix_bookings_kind_purpose', 'bookings', ['kind', 'purpose'])
    op.create_index(
        'ix_bookings_kind_start_time_end_time', 'bookings', ['kind', 'start_time', 'end_time']
    )
    op.create_index('ix_bookings_kind_status_id', 'bookings', ['kind', 'status', 'id'])
    op.create_index('ix_bookings_next_action_at', 'bookings', ['next_action_at'])
    op.create_index(
        'ix_bookings_node_id_status_start_time', 'bookings', ['node_id', 'status', 'start_time']
    )
    op.create_index('ix_bookings_offer_uuid', 'bookings', ['offer_uuid'])
    op.create_index('ix_bookings_parent_uuid_status', 'bookings', ['parent_uuid', 'status'])
