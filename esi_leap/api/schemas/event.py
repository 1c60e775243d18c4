"""Schemas of events."""

from esi_leap.api.schemas import common, parameters
from esi_leap.api.schemas.parameters import Parameter, filter_by
from esi_leap.core.event import TYPES

_NUMBER = {
    'type': 'string',
    'pattern': '^-?[0-9]{1,18}$',
    'description': 'The id of an event, a whole number.',
}

QUERY: dict[str, Parameter] = {
    'last_event_id': Parameter(
        {**_NUMBER, 'description': 'Only events with a larger id than this number.'}
    ),
    'last_event_time': Parameter(
        {
            **common.TIME,
            'description': f'Only events after this time. {common.TIME["description"]}',
        }
    ),
    'lessee_or_owner_id': Parameter(
        {
            **common.IDENT,
            'description': 'A project, by name or id, that is one of the sides; for admins.',
        }
    ),
    'event_type': filter_by('event_type'),
    'resource_type': filter_by('resource_type'),
    'resource_uuid': filter_by('node'),
    'limit': parameters.LIMIT,
    'marker': Parameter({**_NUMBER, 'description': 'The id of the last event of the page before.'}),
}

EVENT = common.named(
    'Event',
    common.shown(
        {
            'id': {'type': 'integer', 'description': 'Larger than the ids of all earlier events.'},
            'event_type': {
                'type': 'string',
                'description': 'Type of the event.',
                'examples': sorted(TYPES),
            },
            'event_time': common.MOMENT,
            'object_type': {
                'type': 'string',
                'description': 'Kind of the object: offer, lease, contract or node.',
            },
            'object_uuid': common.STRING,
            'resource_type': common.STRING,
            'resource_uuid': common.STRING,
            'lessee_id': common.NULLABLE_STRING,
            'owner_id': common.NULLABLE_STRING,
        }
    ),
)
EVENTS = common.listed('events', EVENT)
