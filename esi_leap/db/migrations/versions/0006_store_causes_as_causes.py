"""Store why a booking or a node waits as a cause, and call the time of the next action `due_at`.

Every step looks whether it is done, so that the migration can be run again after it has died.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from esi_leap.db.migrations import steps
from esi_leap.db.types import AnyRow, UTCDateTime

revision = '0006'
down_revision = '0005'

#: Sentences of earlier releases, and the cause of each; a group is the detail.
SENTENCES = tuple(
    (re.compile(sentence, re.DOTALL), cause)
    for sentence, cause in (
        (r'The node belongs to another owner now\.', 'owner_changed'),
        (r'The node does not exist any more\.', 'node_gone'),
        (r"The node's lessee was cleared outside this service\.", 'lessee_cleared'),
        (r"The node's lessee was changed outside this service\.", 'lessee_changed'),
        (r'The node has a lessee that this service did not set\.', 'lessee_foreign'),
        (
            r"The node's lessee was (cleared|changed) outside this service; it was left as found\.",
            'node_lost',
        ),
        (
            r'The node was taken from the holding project outside this service\.',
            'holding_lost',
        ),
        (r'Network ports of others are on the node: (.*)\.', 'ports_foreign'),
        (r'The node is busy: (.*)\.', 'node_busy'),
        (r'Ironic is at it: (.*)\.', 'node_moving'),
        (r'The node is in maintenance: (.*)\.', 'node_maintenance'),
        (r'In maintenance: (.*)\.', 'node_maintenance'),
        (r'The node is (.*), not available\.', 'node_state'),
        (r'The node is retired\.', 'node_retired'),
        (r'The node has the fault (.*)\.', 'node_faulty'),
        (r'The node carries the instance or allocation (.*)\.', 'node_allocated'),
        (
            r'The node has a lessee set by a deployment \(automatic_lessee\)\.',
            'node_automatic',
        ),
        (r'The node has virtual interfaces attached: (.*)\.', 'vifs_attached'),
        (r'The node has network ports bound to it: (.*)\.', 'ports_bound'),
        (
            r'Cleaning is switched off on the node \(automated_clean\), so it is not clean\.',
            'cleaning_off',
        ),
        (r'The node is retired, and Ironic cleans no retired node\.', 'cleaning_refused'),
        (r'The node does not reach the state that it was asked for\.', 'no_progress'),
        (
            r'The service made an error \((.*)\); operators find it in the log\.',
            'service_error',
        ),
        (r'The node is being taken from the lessee\.', 'node_taken'),
        (r'The node is with lease (.*)\.', 'node_sublet'),
        (r'The node is not back from a sub-lease yet: (.*)', 'node_not_back'),
        (r'Lease (.*), which lies in it, has not ended\.', 'sublease_open'),
        (r'The gate: (.*)', 'gate_waits'),
        (r'The gate has rejected the node \(gate\.rejected\): (.*)', 'gate_rejected'),
        (
            r'(The lease began under the existing service; when it was taken over, .*)',
            'taken_over',
        ),
        (r'(The existing service had it .*)', 'taken_over'),
        (
            r'The existing service had this node; nobody has looked yet whom it is with\.',
            'not_recognised',
        ),
    )
)

#: The beginning of a maintenance reason of this service, and the rest if the driver gave none.
MAINTENANCE = 'Rejected by the gate of the lease service: '
REJECTED = 'The gate has rejected the node (gate.rejected)'

#: Rows that are read at a time.
PAGE = 1000


def upgrade() -> None:
    """Upgrade."""
    for table, column, said in (
        ('nodes', 'reason', 'Why it waits'),
        ('bookings', 'status_reason', 'Why it waits, failed or is suspended'),
    ):
        steps.add_column(table, sa.Column('cause', sa.String(length=36), comment=said))
        steps.add_column(
            table,
            sa.Column('cause_detail', sa.Text(), comment='What the sentence says beside the cause'),
        )
        if steps.has_column(table, column):
            _fill_causes(table, column)
    steps.add_column(
        'nodes',
        sa.Column('maintenance_reason', sa.Text(), comment='Reason of the maintenance set by us'),
    )
    _fill_maintenance_reasons()
    _rename_due()
    steps.drop_column('nodes', 'reason')
    steps.drop_column('bookings', 'status_reason')


def find_cause(sentence: str) -> tuple[str | None, str | None]:
    """Return the cause and the detail of a sentence; one that is not known is its own detail."""
    for known, cause in SENTENCES:
        found = known.fullmatch(sentence)
        if found is not None:
            return cause, next(iter(found.groups()), None)
    return None, sentence


def _fill_causes(table: str, column: str) -> None:
    rows = sa.table(table, *map(sa.column, ('id', 'cause', 'cause_detail', column)))
    change = (
        rows.update()
        .where(rows.c.id == sa.bindparam('key'))
        .values(cause=sa.bindparam('why'), cause_detail=sa.bindparam('detail'))
    )
    for page in _pages(rows, rows.c[column]):
        values = [(row.id, *find_cause(row[1])) for row in page]
        op.get_bind().execute(
            change, [{'key': key, 'why': why, 'detail': detail} for key, why, detail in values]
        )


def _fill_maintenance_reasons() -> None:
    """A node that the gate rejected is in a maintenance that this service set."""
    rows = sa.table(
        'nodes',
        sa.column('id'),
        sa.column('gate', sa.JSON()),
        sa.column('maintenance_reason'),
    )
    change = (
        rows.update()
        .where(rows.c.id == sa.bindparam('key'), rows.c.maintenance_reason.is_(None))
        .values(maintenance_reason=sa.bindparam('said'))
    )
    for page in _pages(rows, rows.c.gate):
        values = [
            {'key': row.id, 'said': f'{MAINTENANCE}{row.gate.get("reason") or REJECTED}'}
            for row in page
            if isinstance(row.gate, dict) and row.gate.get('answer') == 'reject'
        ]
        if values:
            op.get_bind().execute(change, values)


def _pages(rows: sa.TableClause, column: sa.ColumnClause[object]) -> Iterator[list[AnyRow]]:
    """Yield id and value of the rows that have a value, page by page."""
    last = 0
    while True:
        select = (
            sa.select(rows.c.id, column)
            .where(rows.c.id > last, column.is_not(None))
            .order_by(rows.c.id)
            .limit(PAGE)
        )
        page = list(op.get_bind().execute(select))
        if not page:
            return
        yield page
        last = page[-1].id


def _rename_due() -> None:
    """Rename `next_action_at` with its check and its index."""
    if op.get_bind().dialect.name == 'sqlite':
        _rename_due_of_sqlite()
        return
    if steps.has_check('bookings', 'ck_bookings_next_action'):
        op.drop_constraint(op.f('ck_bookings_next_action'), 'bookings', type_='check')
    if steps.has_column('bookings', 'next_action_at'):
        op.alter_column(
            'bookings',
            'next_action_at',
            new_column_name='due_at',
            comment='When the manager has to act; null once final',
            existing_type=UTCDateTime(),
            existing_nullable=True,
        )
    if not steps.has_check('bookings', 'ck_bookings_due'):
        op.create_check_constraint(op.f('ck_bookings_due'), 'bookings', DUE)
    steps.create_index('ix_bookings_due_at', 'bookings', ['due_at'])
    steps.drop_index('ix_bookings_next_action_at', 'bookings')


def _rename_due_of_sqlite() -> None:
    """SQLite writes the table anew for it, in the transaction of the whole migration.

    It drops no table whose rows name each other, so they do not meanwhile.
    """
    if not steps.has_column('bookings', 'next_action_at'):
        return
    steps.drop_index('ix_bookings_next_action_at', 'bookings')
    rows = sa.table('bookings', sa.column('id'), sa.column('parent_uuid'))
    inner = sa.select(rows.c.id, rows.c.parent_uuid).where(rows.c.parent_uuid.is_not(None))
    parents = list(op.get_bind().execute(inner))
    op.get_bind().execute(rows.update().values(parent_uuid=None))
    with op.batch_alter_table('bookings') as bookings:
        bookings.drop_constraint(op.f('ck_bookings_next_action'), type_='check')
        bookings.alter_column('next_action_at', new_column_name='due_at')
    with op.batch_alter_table('bookings') as bookings:
        bookings.create_check_constraint(op.f('ck_bookings_due'), DUE)
    steps.create_index('ix_bookings_due_at', 'bookings', ['due_at'])
    if parents:
        change = rows.update().where(rows.c.id == sa.bindparam('key'))
        op.get_bind().execute(
            change.values(parent_uuid=sa.bindparam('parent')),
            [{'key': row.id, 'parent': row.parent_uuid} for row in parents],
        )


DUE = "(due_at IS NULL) = (status IN ('deleted', 'expired'))"
