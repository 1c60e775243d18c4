"""Schemas of leases."""

from esi_leap.api.schemas import common, parameters
from esi_leap.api.schemas.parameters import Parameter, Reading, filter_by
from esi_leap.core.lease import BLOCKING, Status

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

QUERY: dict[str, Parameter] = {
    'uuid': filter_by('uuid'),
    'name': filter_by('name'),
    'purpose': filter_by('purpose'),
    'project_id': filter_by('lessee_id', Reading.PROJECT),
    'owner_id': filter_by('owner_id', Reading.PROJECT),
    'offer_uuid': filter_by('offer_uuid', Reading.OFFER),
    'contract_uuid': filter_by('contract_uuid'),
    'parent_lease_uuid': filter_by('parent_lease_uuid'),
    'resource_type': filter_by('resource_type'),
    'resource_uuid': filter_by('node'),
    'resource_class': filter_by('resource_class', Reading.TEXTS),
    'property': parameters.CRITERIA,
    'properties': parameters.PROPERTIES,
    'status': parameters.filter_by_status(Status, default=BLOCKING),
    **parameters.filter_by_window('meeting', 'start_time', 'end_time', 'a lease'),
    'view': parameters.VIEW,
    **parameters.page(_SORTED_BY, project_id='lessee_id'),
}

_RECALL = common.shown(
    {
        'uuid': common.STRING,
        'deadline': {**common.MOMENT, 'description': 'The early end of the lease.'},
        'reason': common.NULLABLE_STRING,
        'offers': {
            **common.STRINGS,
            'description': 'Only for the lessee, and only where one lease is shown: uuids of up to '
            'three offers that are free from the deadline until the former end of the lease. '
            'They are not reserved.',
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
            'owner_id': {'type': 'string', 'description': 'The provider.'},
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
                'description': 'The recall that ends the lease early; null if there is none.',
            },
        }
    ),
)
LEASES = common.listed('leases', LEASE)
