"""Schemas of recalls."""

from esi_leap.api.schemas import common, parameters
from esi_leap.api.schemas.parameters import Parameter, Reading, filter_by
from esi_leap.core.node import State
from esi_leap.core.recall import ItemStatus, Status

#: Nodes that one request can name.
_MOST = 1000

CREATE = common.body(
    {
        'nodes': {
            'type': 'array',
            'items': common.IDENT,
            'minItems': 1,
            'maxItems': _MOST,
            'description': f'One to {_MOST} nodes, each a name or a uuid.',
        },
        'all': {'const': True, 'description': 'True, or left out.'},
        'resource_class': {
            **common.IDENT,
            'description': f'With count: nodes of this class. {common.IDENT["description"]}',
        },
        'count': {
            'type': 'integer',
            'minimum': 1,
            'maximum': 2**31 - 1,
            'description': 'A whole number of nodes, at least 1.',
        },
        'deadline': common.NULLABLE_TIME,
        'notice': {**common.SECONDS, 'type': ['integer', 'null']},
        'reason': common.TEXT,
        'project_id': common.NULLABLE_IDENT,
    }
)

_SORTED_BY = ('uuid', 'project_id', 'status', 'deadline', 'created_at')

QUERY: dict[str, Parameter] = {
    'uuid': filter_by('uuid'),
    'project_id': filter_by('owner_id', Reading.PROJECT),
    'status': parameters.filter_by_status(Status, default=[Status.PENDING]),
    'view': parameters.VIEW,
    **parameters.page(_SORTED_BY, project_id='owner_id'),
}

_COUNT = {'type': 'integer', 'minimum': 0}
_SECONDS = {'type': ['number', 'null']}
_SHOWN: dict[str, common.Schema] = {
    'uuid': common.STRING,
    'project_id': {'type': 'string', 'description': 'The project that recalls.'},
    'project': common.STRING,
    'reason': common.NULLABLE_STRING,
    'status': common.one_of(Status),
    'created_at': common.MOMENT,
    'deadline': {**common.MOMENT, 'description': 'When the nodes are due.'},
    'counts': {
        **common.shown({str(each): _COUNT for each in ItemStatus}),
        'description': 'Number of nodes in each status.',
    },
}
_ITEM = common.shown(
    {
        'resource_type': common.STRING,
        'resource_uuid': common.STRING,
        'resource': {'type': 'string', 'description': "The node's name."},
        'lease_uuid': {
            **common.NULLABLE_STRING,
            'description': 'The lease that has the node, or will have it first.',
        },
        'project_id': {**common.NULLABLE_STRING, 'description': 'The lessee.'},
        'project': common.STRING,
        'due': {
            **common.NULLABLE_MOMENT,
            'description': 'When the lessee loses the node: the deadline, or later where the terms '
            'of the lease require it.',
        },
        'status': common.one_of(ItemStatus),
        'reason': {
            **common.NULLABLE_STRING,
            'description': 'Why the recall is refused, or why the node waits.',
        },
        'state': {**common.one_of(State), 'description': 'State of the return of the node.'},
        'expire_time': {
            **common.NULLABLE_MOMENT,
            'description': 'When the lessee lost the node.',
        },
        'returned_at': {
            **common.NULLABLE_MOMENT,
            'description': 'When the owner could use the node.',
        },
        'latency': {
            **_SECONDS,
            'description': 'Seconds from the recall until the owner could use the node.',
        },
    }
)

RECALL = common.named(
    'Recall',
    common.shown(
        {
            **_SHOWN,
            'latency': {
                **common.shown({'p50': _SECONDS, 'p99': _SECONDS}),
                'description': 'Seconds from the recall until the owner could use half (p50) and '
                '99 of 100 (p99) of the returned nodes.',
            },
            'nodes': {'type': 'array', 'items': _ITEM},
        }
    ),
)
RECALLS = common.listed('recalls', common.named('RecallInList', common.shown(_SHOWN)))
