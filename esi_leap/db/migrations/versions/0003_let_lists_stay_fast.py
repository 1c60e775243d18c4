"""Add what finds a page in each order, and for those who may see few rows."""

from alembic import op

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    """Upgrade."""
    for columns in (
        ['kind', 'start_time', 'id', 'end_time'],
        ['kind', 'end_time', 'id'],
        ['kind', 'created_at', 'id'],
    ):
        op.create_index(f'ix_bookings_{"_".join(columns)}', 'bookings', columns)
    op.drop_index('ix_bookings_kind_start_time_end_time', 'bookings')
    for column in ('start_time', 'end_time', 'created_at'):
        op.create_index(f'ix_contracts_{column}_id', 'contracts', [column, 'id'])
    if op.get_bind().dialect.name == 'postgresql':
        # Nearly all offers are for no lessee, and no lease is: PostgreSQL, which takes that for
        # chance, would look for the few offers of one among all bookings.
        op.execute(
            'CREATE STATISTICS st_bookings_kind_lessee_id (mcv) ON kind, lessee_id FROM bookings'
        )
