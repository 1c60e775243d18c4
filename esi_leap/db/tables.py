"""The tables. A booking is one row, whether offer or lease: one booking tree, one constraint.

`BLOCKING` is read from the state machines of `esi_leap.core`, and a test compares it with the
migrated schema.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from esi_leap.core import lease, node, offer, recall
from esi_leap.db.types import UTCDateTime

metadata = sa.MetaData(
    naming_convention={
        'ix': 'ix_%(table_name)s_%(column_0_N_name)s',
        'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
        'ck': 'ck_%(table_name)s_%(constraint_name)s',
        'fk': 'fk_%(table_name)s_%(column_0_N_name)s',
        'pk': 'pk_%(table_name)s',
    }
)

BLOCKING = tuple(sorted({*map(str, lease.BLOCKING), *map(str, offer.BLOCKING)}))
_FINAL = tuple(sorted({*map(str, lease.FINAL), *map(str, offer.FINAL)}))

#: utf8mb4 and binary order: names are compared exactly, as on the other databases.
_MYSQL: dict[str, Any] = {
    'mysql_engine': 'InnoDB',
    'mysql_charset': 'utf8mb4',
    'mysql_collate': 'utf8mb4_bin',
}


def _in(column: str, values: object) -> str:
    return f'{column} IN ({", ".join(repr(str(value)) for value in sorted(values))})'  # type: ignore[call-overload]


projects = sa.Table(
    'projects',
    metadata,
    sa.Column('id', sa.String(255), primary_key=True, comment='Keystone project id'),
    sa.Column('name', sa.String(255), nullable=False, comment='Its name when last seen'),
    comment='Directory of project names, so that no list has to ask Keystone',
    **_MYSQL,
)

nodes = sa.Table(
    'nodes',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True, comment='Key; its row lock orders bookings'),
    sa.Column('resource_type', sa.String(36), nullable=False, comment='ironic_node or dummy_node'),
    sa.Column('resource_uuid', sa.String(36), nullable=False, comment='Uuid of the node there'),
    sa.Column('name', sa.String(255), nullable=False, comment='Its name when last seen'),
    sa.Column('owner_id', sa.String(255), nullable=False, comment='Owner; empty if it has none'),
    sa.Column('lessee_id', sa.String(255), comment='Its lessee when last seen'),
    sa.Column('resource_class', sa.String(255), comment='Its resource class when last seen'),
    sa.Column('properties', sa.JSON, nullable=False, comment='Its properties when last seen'),
    sa.Column('provision_state', sa.String(36), comment='Its provision state when last seen'),
    sa.Column('target_provision_state', sa.String(36), comment='The one it was on the way to'),
    sa.Column('power_state', sa.String(36), comment='Its power state when last seen'),
    sa.Column('target_power_state', sa.String(36), comment='The one it was on the way to'),
    sa.Column('maintenance', sa.Boolean, comment='Whether it was in maintenance when last seen'),
    sa.Column('refreshed_at', UTCDateTime, nullable=False, comment='When it was last seen'),
    sa.Column('gone_at', UTCDateTime, comment='When its service had it no more'),
    sa.Column('state', sa.String(15), nullable=False, comment='How far its hand-over is'),
    sa.Column('cause', sa.String(36), comment='Why it waits'),
    sa.Column('cause_detail', sa.Text, comment='What the sentence says beside the cause'),
    sa.Column('lease_uuid', sa.String(36), comment='Lease that has, gets or had the node'),
    sa.Column('remembered', sa.JSON, nullable=False, comment='Fields to restore at the return'),
    sa.Column('retry_at', UTCDateTime, comment='When the manager looks at it again'),
    sa.Column('attempts', sa.Integer, nullable=False, comment='Tries of the current step'),
    sa.Column('claim', sa.String(36), comment='Claim of the manager at work on it'),
    sa.Column('claimed_until', UTCDateTime, comment='When that claim runs out'),
    sa.Column(
        'gate', sa.JSON(none_as_null=True), comment='How it stands, or last stood, at the gate'
    ),
    sa.Column('maintenance_reason', sa.Text, comment='Reason of the maintenance set by us'),
    sa.UniqueConstraint('resource_type', 'resource_uuid'),
    sa.CheckConstraint(_in('state', node.State), name='state'),
    sa.Index(None, 'retry_at'),
    sa.Index(None, 'resource_uuid'),
    sa.Index(None, 'name'),
    sa.Index(None, 'resource_class'),
    sa.Index(None, 'state'),
    sa.Index(None, 'owner_id', 'id'),
    sa.Index(None, 'lessee_id', 'id'),
    comment='Inventory: nodes as last seen, and how far the hand-over of each is',
    **_MYSQL,
)

node_properties = sa.Table(
    'node_properties',
    metadata,
    sa.Column(
        'node_id', sa.ForeignKey('nodes.id'), primary_key=True, comment='Node that has the property'
    ),
    sa.Column('name', sa.String(255), primary_key=True, comment='Name of the property'),
    sa.Column('text', sa.String(255), comment='Its value, if that is short enough to compare'),
    sa.Column('number', sa.Double, comment='Its value as a number, if it is one'),
    sa.Index(None, 'name', 'number'),
    sa.Index(None, 'name', 'text'),
    comment='Properties of nodes, one a row, so that lists can compare them',
    **_MYSQL,
)

contracts = sa.Table(
    'contracts',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True, comment='Order of creation'),
    sa.Column('uuid', sa.String(36), nullable=False, unique=True, comment='Public id'),
    sa.Column('name', sa.String(255), comment='Name given by the consumer'),
    sa.Column('owner_id', sa.String(255), nullable=False, comment='Provider project'),
    sa.Column('lessee_id', sa.String(255), nullable=False, comment='Consumer project'),
    sa.Column('offer_uuid', sa.String(36), comment='Offer it was made from'),
    sa.Column('start_time', UTCDateTime, nullable=False, comment='Start of its window, included'),
    sa.Column('end_time', UTCDateTime, nullable=False, comment='End of the window, excluded'),
    sa.Column('recall_notice', sa.Integer, comment='Seconds of notice that a recall needs'),
    sa.Column('firm', sa.Boolean, comment='Whether it cannot be recalled; null is no'),
    sa.Column('created_at', UTCDateTime, nullable=False, comment='When it was made'),
    sa.CheckConstraint('start_time < end_time', name='window'),
    sa.Index(None, 'owner_id', 'id'),
    sa.Index(None, 'lessee_id', 'id'),
    sa.Index(None, 'offer_uuid'),
    sa.Index(None, 'name'),
    sa.Index(None, 'start_time', 'id'),
    sa.Index(None, 'end_time', 'id'),
    sa.Index(None, 'created_at', 'id'),
    comment='Agreements between a provider and a consumer; the status is that of the leases',
    **_MYSQL,
)

bookings = sa.Table(
    'bookings',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True, comment='Order of creation'),
    sa.Column('uuid', sa.String(36), nullable=False, unique=True, comment='Public id'),
    sa.Column('kind', sa.String(5), nullable=False, comment='offer or lease'),
    sa.Column('name', sa.String(255), comment='Name given by its maker; need not be unique'),
    sa.Column(
        'node_id', sa.ForeignKey('nodes.id'), nullable=False, comment='Node whose window it takes'
    ),
    sa.Column(
        'parent_uuid', sa.ForeignKey('bookings.uuid'), comment='Booking whose window it lies in'
    ),
    sa.Column('parent_lease_uuid', sa.String(36), comment='Lease whose lessee sub-lets it'),
    sa.Column('overlaps_uuid', sa.String(36), comment='Holder it was taken over beside'),
    sa.Column('owner_id', sa.String(255), nullable=False, comment='Provider project'),
    sa.Column('lessee_id', sa.String(255), comment='Who leases, or who may claim the offer'),
    sa.Column('start_time', UTCDateTime, nullable=False, comment='Start of the window, included'),
    sa.Column('end_time', UTCDateTime, nullable=False, comment='End of the window, excluded'),
    sa.Column('status', sa.String(15), nullable=False, comment='State; final ones hold nothing'),
    sa.Column('cause', sa.String(36), comment='Why it waits, failed or is suspended'),
    sa.Column('cause_detail', sa.Text, comment='What the sentence says beside the cause'),
    sa.Column('properties', sa.JSON, nullable=False, comment="Its maker's own notes"),
    sa.Column('purpose', sa.String(255), comment='Lease: what for'),
    sa.Column('contract_uuid', sa.ForeignKey('contracts.uuid'), comment='Lease: its contract'),
    sa.Column('offer_uuid', sa.String(36), comment='Lease: the offer it was claimed from'),
    sa.Column('fulfill_time', UTCDateTime, comment='Lease: when the lessee got the node'),
    sa.Column('expire_time', UTCDateTime, comment='Lease: when the lessee lost it'),
    sa.Column('due_at', UTCDateTime, comment='When the manager has to act; null once final'),
    sa.Column('retry_at', UTCDateTime, comment='Lease: when a waiting step is tried again'),
    sa.Column('attempts', sa.Integer, nullable=False, comment='Lease: tries of the current step'),
    sa.Column('recall_notice', sa.Integer, comment='Seconds of notice that a recall needs'),
    sa.Column('firm', sa.Boolean, comment='Whether it cannot be recalled; null is no'),
    sa.Column('recall_uuid', sa.String(36), comment='Recall that ends it before its time'),
    sa.Column('recall_due_at', UTCDateTime, comment='When that recall ends it'),
    sa.Column('recalled_end', UTCDateTime, comment='When it would have ended without it'),
    sa.Column('created_at', UTCDateTime, nullable=False, comment='When it was made'),
    sa.CheckConstraint('start_time < end_time', name='window'),
    sa.CheckConstraint(
        f"(kind = 'offer' AND {_in('status', offer.Status)}) OR "
        f"(kind = 'lease' AND {_in('status', lease.Status)})",
        name='status',
    ),
    sa.CheckConstraint(
        "kind = 'offer' OR (contract_uuid IS NOT NULL AND lessee_id IS NOT NULL)", name='lease'
    ),
    sa.CheckConstraint(f'(due_at IS NULL) = ({_in("status", _FINAL)})', name='due'),
    sa.Index(None, 'node_id', 'status', 'start_time'),
    sa.Index(None, 'parent_uuid', 'status'),
    sa.Index(None, 'parent_lease_uuid', 'status'),
    sa.Index(None, 'contract_uuid', 'status'),
    sa.Index(None, 'offer_uuid'),
    sa.Index(None, 'due_at'),
    sa.Index(None, 'kind', 'status', 'id'),
    sa.Index(None, 'kind', 'owner_id', 'id'),
    sa.Index(None, 'kind', 'lessee_id', 'id'),
    sa.Index(None, 'kind', 'name'),
    sa.Index(None, 'kind', 'purpose'),
    sa.Index(None, 'kind', 'start_time', 'id', 'end_time'),
    sa.Index(None, 'kind', 'end_time', 'id'),
    sa.Index(None, 'kind', 'created_at', 'id'),
    comment='Windows on the calendars of nodes, taken by offers and leases',
    **_MYSQL,
)

#: PostgreSQL's second guard behind the row lock: siblings that hold never overlap, but for those
#: that a database of the existing service had side by side.
NO_OVERLAP = 'ex_bookings_no_overlap'
bookings.append_constraint(
    postgresql.ExcludeConstraint(
        (bookings.c.node_id, '='),
        (sa.func.coalesce(bookings.c.parent_uuid, sa.literal_column("''")), '='),
        (sa.func.tsrange(bookings.c.start_time, bookings.c.end_time), '&&'),
        name=NO_OVERLAP,
        using='gist',
        where=sa.text(f'{_in("status", BLOCKING)} AND overlaps_uuid IS NULL'),
        # Checked at the commit: an offer is written before its owner's leases move under it.
        deferrable=True,
        initially='DEFERRED',
    ).ddl_if(dialect='postgresql')
)

recalls = sa.Table(
    'recalls',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True, comment='Order of creation'),
    sa.Column('uuid', sa.String(36), nullable=False, unique=True, comment='Public id'),
    sa.Column('owner_id', sa.String(255), nullable=False, comment='Project that has them back'),
    sa.Column('reason', sa.String(255), comment='Why, as the lessees are told'),
    sa.Column('deadline', UTCDateTime, nullable=False, comment='By when the nodes are asked for'),
    sa.Column('created_at', UTCDateTime, nullable=False, comment='When it was made'),
    sa.Column('cancelled_at', UTCDateTime, comment='When it was taken back'),
    sa.Index(None, 'owner_id', 'id'),
    comment='Requests of owners to have nodes back',
    **_MYSQL,
)

recall_items = sa.Table(
    'recall_items',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True, comment='Order in the recall'),
    sa.Column(
        'recall_uuid',
        sa.ForeignKey('recalls.uuid'),
        nullable=False,
        comment='Recall that it is of',
    ),
    sa.Column(
        'node_id', sa.ForeignKey('nodes.id'), nullable=False, comment='Node that is to come back'
    ),
    sa.Column('lease_uuid', sa.String(36), comment='Lease that has or gets the node'),
    sa.Column('due_at', UTCDateTime, comment='When whoever has the node loses it'),
    sa.Column('status', sa.String(15), nullable=False, comment='How far it is'),
    sa.Column('reason', sa.Text, comment='Why it is refused, in a sentence'),
    sa.Column('returned_at', UTCDateTime, comment='When the owner could use the node'),
    sa.UniqueConstraint('recall_uuid', 'node_id'),
    sa.CheckConstraint(_in('status', recall.ItemStatus), name='status'),
    sa.Index(None, 'node_id', 'status'),
    sa.Index(None, 'status'),
    comment='Nodes of recalls, and how far each is',
    **_MYSQL,
)

events = sa.Table(
    'events',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True, comment='Order in which they were written'),
    sa.Column('event_type', sa.String(36), nullable=False, comment='What happened'),
    sa.Column('event_time', UTCDateTime, nullable=False, comment='When'),
    sa.Column(
        'object_type', sa.String(36), nullable=False, comment='offer, lease, contract or node'
    ),
    sa.Column('object_uuid', sa.String(36), nullable=False, comment='Which one'),
    sa.Column('resource_type', sa.String(36), nullable=False, comment='Type of its node'),
    sa.Column('resource_uuid', sa.String(36), nullable=False, comment='Uuid of its node'),
    sa.Column('lessee_id', sa.String(255), comment='Consumer project'),
    sa.Column('owner_id', sa.String(255), comment='Provider project'),
    sa.Column('position', sa.BigInteger, comment='Public id: order in which they became visible'),
    sa.UniqueConstraint('position'),
    sa.Index(None, 'event_time'),
    sa.Index(None, 'lessee_id', 'position'),
    sa.Index(None, 'owner_id', 'position'),
    sa.Index(None, 'event_type', 'position'),
    sa.Index(None, 'resource_uuid', 'position'),
    comment='What happened to offers, leases, contracts and nodes, in order',
    **_MYSQL,
)

outbox = sa.Table(
    'outbox',
    metadata,
    sa.Column(
        'id',
        sa.BigInteger().with_variant(sa.Integer, 'sqlite'),
        primary_key=True,
        comment='Order in which they were written',
    ),
    sa.Column('event_type', sa.String(36), nullable=False, comment='Type of the notification'),
    sa.Column('priority', sa.String(8), nullable=False, comment='Its level, as info'),
    sa.Column('object_uuid', sa.String(36), nullable=False, comment='What it is about'),
    sa.Column('payload', sa.JSON, nullable=False, comment='What it says'),
    sa.Column('created_at', UTCDateTime, nullable=False, comment='When it was written'),
    comment='Notifications that the message bus has not taken yet',
    **_MYSQL,
)

console_auth_tokens = sa.Table(
    'console_auth_tokens',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True, comment='Order of creation'),
    sa.Column('token_hash', sa.String(64), nullable=False, unique=True, comment='SHA-256, in hex'),
    sa.Column('node_id', sa.ForeignKey('nodes.id'), nullable=False, comment='Whose console'),
    sa.Column('lease_uuid', sa.String(36), comment='Lease with which it dies'),
    sa.Column('project_id', sa.String(255), nullable=False, comment='Project it was made for'),
    sa.Column('user_id', sa.String(255), comment='User it was made for'),
    sa.Column('read_only', sa.Boolean, nullable=False, comment='Whether input is dropped'),
    sa.Column('created_at', UTCDateTime, nullable=False, comment='When it was made'),
    sa.Column('expires_at', UTCDateTime, nullable=False, comment='When it can be used no more'),
    sa.Column('used_at', UTCDateTime, comment='When it was used, once'),
    sa.Index(None, 'node_id'),
    sa.Index(None, 'lease_uuid'),
    sa.Index(None, 'expires_at'),
    comment='Tokens for the serial consoles of nodes',
    **_MYSQL,
)

chores = sa.Table(
    'chores',
    metadata,
    sa.Column('name', sa.String(36), primary_key=True, comment='What one process does at a time'),
    sa.Column('claim', sa.String(36), comment='Claim of the process that does it'),
    sa.Column('claimed_until', UTCDateTime, comment='When that claim runs out'),
    sa.Column('done_at', UTCDateTime, comment='When it was last done'),
    sa.Column('position', sa.BigInteger, comment='How far it got, where it counts'),
    comment='Work that is not about one node, such as refreshing the inventory',
    **_MYSQL,
)

heartbeats = sa.Table(
    'heartbeats',
    metadata,
    sa.Column('kind', sa.String(16), primary_key=True, comment='Kind of process, as manager'),
    sa.Column('host', sa.String(255), primary_key=True, comment='Host that it runs on'),
    sa.Column('beaten_at', UTCDateTime, nullable=False, comment='When it was last alive'),
    comment='Signs of life of the processes that have no port',
    **_MYSQL,
)
