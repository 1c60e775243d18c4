"""Schemas of leases."""

from esi_leap.api.schemas import common
from esi_leap.core.lease import Status

_READ_ONLY = (
    'uuid',
    'project',
    'owner_id',
    'owner',
    'resource',
    'fulfill_time',
    'expire_time',
    'status',
    'status_reason',
    'offer_uuid',
    'contract_uuid',
    'parent_lease_uuid',
    'recall',
)

CREATE = common.body(
    {
        'resource_uuid': common.IDENT,
        'project_id': common.IDENT,
        'resource_type': common.NULLABLE_IDENT,
        'name': common.NAME,
        'purpose': common.TEXT,
        'start_time': common.NULLABLE_TIME,
        'end_time': common.NULLABLE_TIME,
        'properties': common.PROPERTIES,
        **common.TERMS,
        'resource_class': common.IGNORED,
        'resource_properties': common.IGNORED,
        **common.read_only(_READ_ONLY),
    },
    required=['resource_uuid', 'project_id'],
)

UPDATE = {
    **common.body(
        {
            'end_time': common.TIME,
            'name': common.NAME,
            'purpose': common.TEXT,
            'properties': common.PROPERTIES,
        }
    ),
    'minProperties': 1,
    'description': 'Give at least one of end_time, name, purpose and properties.',
}

_SORTED_BY = (
    'uuid',
    'name',
    'purpose',
    'project_id',
    'owner_id',
    'offer_uuid',
    'contract_uuid',
    'status',
    'start_time',
    'end_time',
    'created_at',
    'resource_type',
    'resource_uuid',
    'resource',
    'resource_class',
)

QUERY = {
    'uuid': common.IDENT,
    'name': common.IDENT,
    'purpose': common.IDENT,
    'project_id': common.IDENT,
    'owner_id': common.IDENT,
    'offer_uuid': common.IDENT,
    'contract_uuid': common.IDENT,
    'parent_lease_uuid': common.IDENT,
    'resource_type': common.IDENT,
    'resource_uuid': common.IDENT,
    'resource_class': common.IDENTS,
    'property': common.CRITERIA,
    'properties': common.TEXT,
    'status': common.statuses(Status),
    'start_time': common.TIME,
    'end_time': common.TIME,
    'view': common.TEXT,
    **common.page(_SORTED_BY),
}

_RECALL = common.shown(
    {
        'uuid': common.STRING,
        'deadline': {**common.MOMENT, 'description': 'When the lease ends by it.'},
        'reason': common.NULLABLE_STRING,
        'offers': {
            **common.STRINGS,
            'description': 'For the lessee, when he looks at one lease: uuids of up to three '
            'offers that are free from the deadline until the lease would have ended. Nothing '
            'of them is booked for him.',
        },
    }
)

LEASE = common.named(
    'Lease',
    common.shown(
        {
            'uuid': common.STRING,
            'name': common.NULLABLE_STRING,
            'project_id': {'type': 'string', 'description': 'The lessee.'},
            'project': common.STRING,
            'owner_id': {'type': 'string', 'description': 'The project that provides.'},
            'owner': common.STRING,
            **common.RESOURCE,
            'start_time': common.MOMENT,
            'end_time': common.MOMENT,
            'fulfill_time': {
                **common.NULLABLE_MOMENT,
                'description': 'When the lessee got the node.',
            },
            'expire_time': {
                **common.NULLABLE_MOMENT,
                'description': 'When the lessee lost the node, or the lease ended otherwise.',
            },
            'status': common.one_of(Status),
            'status_reason': common.NULLABLE_STRING,
            'properties': common.OBJECT,
            'purpose': common.NULLABLE_STRING,
            'offer_uuid': common.NULLABLE_STRING,
            'contract_uuid': common.STRING,
            'parent_lease_uuid': common.NULLABLE_STRING,
            **common.AGREED,
            'recall': {
                'anyOf': [_RECALL, common.NOTHING],
                'description': 'The recall that ends the lease before its time.',
            },
        }
    ),
)
LEASES = common.listed('leases', LEASE)
