"""The tables of the existing service, esi-leap 1.0, in each form that its databases have.

`created` is what its `create_schema` makes. `migrated` is a database that grew with it: events and
tokens were made by its migrations, with other lengths and, on MariaDB, times without fractions.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

FORMS = ('created', 'migrated')
#: Its times are naive, in UTC.
FOREVER = datetime.max.replace(tzinfo=UTC).replace(tzinfo=None)
#: The newest revision of its own history.
STAMP = '11e06aea1af5'
_MADE = datetime(2024, 1, 1, 12, tzinfo=UTC).replace(tzinfo=None)


def schema(form: str) -> sa.MetaData:
    """Describe its tables."""
    created = form == 'created'
    metadata = sa.MetaData()
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql') if created else sa.DateTime
    sa.Table(
        'offers',
        metadata,
        *_stamps(moment),
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('uuid', sa.String(36), nullable=False, unique=True),
        sa.Column('name', sa.String(35)),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('lessee_id', sa.String(255)),
        sa.Column('resource_type', sa.String(36), nullable=False),
        sa.Column('resource_uuid', sa.String(36), nullable=False),
        sa.Column('start_time', moment),
        sa.Column('end_time', moment),
        sa.Column('status', sa.String(15), nullable=False),
        sa.Column('properties', sa.Text),
        sa.Column('parent_lease_uuid', sa.ForeignKey('leases.uuid', use_alter=True)),
        sa.Index('offer_uuid_idx', 'uuid'),
        sa.Index('offer_project_id_idx', 'project_id'),
        sa.Index('offer_resource_idx', 'resource_type', 'resource_uuid'),
        sa.Index('offer_status_idx', 'status'),
    )
    sa.Table(
        'leases',
        metadata,
        *_stamps(moment),
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('uuid', sa.String(36), nullable=False, unique=True),
        sa.Column('name', sa.String(35)),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('owner_id', sa.String(255), nullable=False),
        sa.Column('purpose', sa.String(255)),
        sa.Column('resource_type', sa.String(36), nullable=False),
        sa.Column('resource_uuid', sa.String(36), nullable=False),
        sa.Column('start_time', moment),
        sa.Column('end_time', moment),
        sa.Column('fulfill_time', moment),
        sa.Column('expire_time', moment),
        sa.Column('status', sa.String(15), nullable=False),
        sa.Column('properties', sa.Text),
        sa.Column('offer_uuid', sa.ForeignKey('offers.uuid')),
        sa.Column('parent_lease_uuid', sa.ForeignKey('leases.uuid')),
        sa.Index('lease_uuid_idx', 'uuid'),
        sa.Index('lease_project_id_idx', 'project_id'),
        sa.Index('lease_owner_id_idx', 'owner_id'),
        sa.Index('lease_status_idx', 'status'),
    )
    sa.Table(
        'events',
        metadata,
        *_stamps(moment),
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('event_type', sa.String(36 if created else 255), nullable=False),
        sa.Column('event_time', moment, nullable=False),
        sa.Column('object_type', sa.String(36 if created else 255)),
        sa.Column('object_uuid', sa.String(36)),
        sa.Column('resource_type', sa.String(36 if created else 255)),
        sa.Column('resource_uuid', sa.String(36)),
        sa.Column('lessee_id', sa.String(255 if created else 36)),
        sa.Column('owner_id', sa.String(255 if created else 36)),
        sa.Index('event_type_idx', 'event_type'),
        sa.Index('event_lessee_id_idx', 'lessee_id'),
        sa.Index('event_owner_id_idx', 'owner_id'),
        sa.Index('event_resource_idx', 'resource_type', 'resource_uuid'),
        *([sa.Index('event_time_idx', 'event_time')] if created else []),
    )
    sa.Table(
        'console_auth_tokens',
        metadata,
        *_stamps(moment),
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('node_uuid', sa.String(255 if created else 36), nullable=False),
        sa.Column('token_hash', sa.String(255), nullable=False),
        sa.Column('expires', sa.Integer, nullable=False),
        sa.Index('console_auth_tokens_node_uuid_idx', 'node_uuid'),
    )
    return metadata


def make(
    connection: sa.Connection,
    rows: Mapping[str, Iterable[Mapping[str, Any]]],
    form: str = 'created',
    *,
    stamped: bool = True,
) -> None:
    """Make a database of it, with rows; offers go in before the leases that they may lie in."""
    metadata = schema(form)
    metadata.create_all(connection)
    if stamped:
        connection.execute(sa.text('CREATE TABLE alembic_version (version_num VARCHAR(32))'))
        stamp = sa.text('INSERT INTO alembic_version VALUES (:stamp)')
        connection.execute(stamp, {'stamp': STAMP})
    offers = metadata.tables['offers']
    under = {each['uuid']: each.get('parent_lease_uuid') for each in rows.get('offers', ())}
    for name in ('offers', 'leases', 'events', 'console_auth_tokens'):
        for row in rows.get(name, ()):
            values = {**row, 'parent_lease_uuid': None} if name == 'offers' else row
            connection.execute(metadata.tables[name].insert().values(values))
    for uuid, parent in under.items():
        change = offers.update().where(offers.c.uuid == uuid)
        connection.execute(change.values(parent_lease_uuid=parent))


def offer(uuid: str, start: object, end: object, **values: object) -> dict[str, Any]:
    """A row of `offers`, available."""
    return {
        'uuid': uuid,
        'project_id': 'p-owner',
        'resource_type': 'ironic_node',
        'resource_uuid': 'n-1',
        'start_time': start,
        'end_time': end,
        'status': 'available',
        'properties': '{}',
        'created_at': _MADE,
        **values,
    }


def lease(uuid: str, start: object, end: object, **values: object) -> dict[str, Any]:
    """A row of `leases`, created."""
    return {
        **offer(uuid, start, end),
        'project_id': 'p-tenant',
        'owner_id': 'p-owner',
        'status': 'created',
        **values,
    }


def event(number: int, **values: object) -> dict[str, Any]:
    """A row of `events`."""
    return {
        'id': number,
        'event_type': 'esi_leap.lease.fulfill.end',
        'event_time': _MADE.replace(second=number % 60),
        'object_type': 'lease',
        'object_uuid': 'l-active',
        'resource_type': 'ironic_node',
        'resource_uuid': 'n-1',
        'lessee_id': 'p-tenant',
        'owner_id': 'p-owner',
        **values,
    }


def _stamps(moment: Any) -> list[sa.Column]:  # noqa: ANN401 - a type or an instance of one
    return [sa.Column('created_at', moment), sa.Column('updated_at', moment)]
