"""Schemas of nodes."""

from esi_leap.api.schemas import common, parameters
from esi_leap.api.schemas.parameters import Parameter, Reading, filter_by
from esi_leap.core.gate import Answer, Direction
from esi_leap.core.node import State

_SORTED_BY = ('uuid', 'name', 'resource_type', 'resource_class', 'created_at')

QUERY: dict[str, Parameter] = {
    'uuid': filter_by('uuid'),
    'name': filter_by('name'),
    'owner': filter_by('owner_id', Reading.PROJECT),
    'lessee': filter_by('lessee_id', Reading.PROJECT),
    'resource_type': filter_by('resource_type'),
    'resource_class': filter_by('resource_class', Reading.TEXTS),
    'property': parameters.CRITERIA,
    'offer_uuid': filter_by('offer_uuid', Reading.OFFER),
    'lease_uuid': filter_by('lease_uuid'),
    **parameters.page(_SORTED_BY),
}

_HIDDEN = 'Null if the caller only sees offers or leases of the node.'

_GATE = {
    'description': f'The latest trial at the gate; null if there never was one. {_HIDDEN}',
    'oneOf': [
        {'type': 'null'},
        common.shown(
            {
                'direction': {'enum': sorted(map(str, Direction))},
                'answer': {'enum': [*sorted(map(str, Answer)), None]},
                'reason': common.NULLABLE_STRING,
                'phase': {
                    **common.NULLABLE_STRING,
                    'description': "The driver's name of the phase.",
                },
                'evidence': common.OBJECT,
                'begun_at': common.MOMENT,
                'answered_at': {'oneOf': [{'type': 'null'}, common.MOMENT]},
            }
        ),
    ],
}

NODE = common.named(
    'Node',
    common.shown(
        {
            'uuid': common.STRING,
            'name': common.STRING,
            'owner': {'type': 'string', 'description': "The owner's name, empty if unknown."},
            'lessee': {'type': 'string', 'description': "The lessee's name, or empty."},
            'resource_type': common.STRING,
            'resource_class': common.NULLABLE_STRING,
            'properties': common.OBJECT,
            'provision_state': {**common.NULLABLE_STRING, 'description': _HIDDEN},
            'target_provision_state': common.NULLABLE_STRING,
            'power_state': {**common.NULLABLE_STRING, 'description': _HIDDEN},
            'target_power_state': common.NULLABLE_STRING,
            'maintenance': {
                'enum': ['True', 'False', None],
                'description': f'A text. {_HIDDEN}',
            },
            'offer_uuid': {
                'type': 'string',
                'description': 'The offer that is open now; absent if none is.',
            },
            'lease_uuid': {
                'type': 'string',
                'description': 'The lease that has the node now; absent if none has.',
            },
            'future_offers': {**common.STRINGS, 'description': 'Offers that begin later.'},
            'future_leases': {**common.STRINGS, 'description': 'Leases that begin later.'},
            'state': {
                'enum': [*sorted(map(str, State)), None],
                'description': f'State of the hand-over or return. {_HIDDEN}',
            },
            'reason': {
                **common.NULLABLE_STRING,
                'description': 'Why the hand-over or return waits: the reason of the node, or of '
                'one of its leases that the caller may see.',
            },
            'gate': _GATE,
            'refreshed_at': common.MOMENT,
        },
        optional=['offer_uuid', 'lease_uuid'],
    ),
)
NODES = common.listed('nodes', NODE)
