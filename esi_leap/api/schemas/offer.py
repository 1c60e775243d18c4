"""Schemas of offers."""

from esi_leap.api.schemas import common, parameters
from esi_leap.api.schemas.parameters import Parameter, Reading, filter_by
from esi_leap.core.offer import BLOCKING, Status

_READ_ONLY = (
    'uuid',
    'project_id',
    'project',
    'lessee',
    'resource',
    'status',
    'status_reason',
    'availabilities',
    'parent_lease_uuid',
)

CREATE = common.body(
    {
        'resource_uuid': common.IDENT,
        'resource_type': common.NULLABLE_IDENT,
        'name': common.NAME,
        'lessee_id': common.NULLABLE_IDENT,
        'start_time': common.NULLABLE_TIME,
        'end_time': common.NULLABLE_TIME,
        'properties': common.PROPERTIES,
        **common.TERMS,
        'resource_class': common.IGNORED,
        'resource_properties': common.IGNORED,
        **common.read_only(_READ_ONLY),
    },
    required=['resource_uuid'],
)

CLAIM = common.body(
    {
        'name': common.NAME,
        'purpose': common.TEXT,
        'start_time': common.NULLABLE_TIME,
        'end_time': common.NULLABLE_TIME,
        'properties': common.PROPERTIES,
        **dict.fromkeys(
            (
                'project_id',
                'resource_uuid',
                'resource_type',
                'resource_class',
                'resource_properties',
            ),
            common.IGNORED,
        ),
    }
)

_SORTED_BY = (
    'uuid',
    'name',
    'project_id',
    'lessee_id',
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
    'project_id': filter_by('owner_id', Reading.PROJECT),
    'lessee': filter_by('lessee_id', Reading.PROJECT),
    'lessee_id': filter_by('lessee_id', Reading.PROJECT),
    'resource_type': filter_by('resource_type'),
    'resource_uuid': filter_by('node'),
    'resource_class': filter_by('resource_class', Reading.TEXTS),
    'property': parameters.CRITERIA,
    'parent_lease_uuid': filter_by('parent_lease_uuid'),
    'properties': parameters.PROPERTIES,
    'status': parameters.filter_by_status(Status, default=BLOCKING),
    **parameters.filter_by_window('spanning', 'start_time', 'end_time', 'an offer'),
    **parameters.filter_by_window('free', 'available_start_time', 'available_end_time', 'an offer'),
    **parameters.page(_SORTED_BY, project_id='owner_id'),
}

OFFER = common.named(
    'Offer',
    common.shown(
        {
            'uuid': common.STRING,
            'name': common.NULLABLE_STRING,
            'project_id': {'type': 'string', 'description': 'The provider.'},
            'project': common.STRING,
            'lessee_id': {
                **common.NULLABLE_STRING,
                'description': 'The only project that may claim; null: every project.',
            },
            'lessee': common.STRING,
            **common.RESOURCE,
            'start_time': common.MOMENT,
            'end_time': common.MOMENT,
            'status': common.one_of(Status),
            'status_reason': common.NULLABLE_STRING,
            'properties': common.OBJECT,
            'availabilities': {
                'type': 'array',
                'items': {
                    'type': 'array',
                    'items': common.MOMENT,
                    'minItems': 2,
                    'maxItems': 2,
                },
                'description': 'Free windows from now on: pairs of start and end.',
            },
            'parent_lease_uuid': common.NULLABLE_STRING,
            **common.AGREED,
        }
    ),
)
OFFERS = common.listed('offers', OFFER)
