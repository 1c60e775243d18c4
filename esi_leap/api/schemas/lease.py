"""Schemas of leases."""

from esi_leap.api.schemas import common

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

QUERY = {
    'uuid': common.IDENT,
    'name': common.IDENT,
    'purpose': common.IDENT,
    'project_id': common.IDENT,
    'owner_id': common.IDENT,
    'offer_uuid': common.IDENT,
    'contract_uuid': common.IDENT,
    'resource_type': common.IDENT,
    'resource_uuid': common.IDENT,
    'resource_class': common.IDENT,
    'properties': common.TEXT,
    'status': common.STATUSES,
    'start_time': common.TIME,
    'end_time': common.TIME,
    'view': common.TEXT,
    **common.PAGE,
}
