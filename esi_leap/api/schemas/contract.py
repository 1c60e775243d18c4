"""Schemas of contracts."""

from esi_leap.api.schemas import common
from esi_leap.core.contract import Status

_SORTED_BY = (
    'uuid',
    'name',
    'project_id',
    'owner_id',
    'offer_uuid',
    'status',
    'start_time',
    'end_time',
    'created_at',
)

QUERY = {
    'uuid': common.IDENT,
    'name': common.IDENT,
    'project_id': common.IDENT,
    'owner_id': common.IDENT,
    'offer_uuid': common.IDENT,
    'status': common.statuses(Status),
    'view': common.TEXT,
    **common.page(_SORTED_BY),
}

CONTRACT = common.named(
    'Contract',
    common.shown(
        {
            'uuid': common.STRING,
            'name': common.NULLABLE_STRING,
            'project_id': {'type': 'string', 'description': 'The project that consumes.'},
            'project': common.STRING,
            'owner_id': {'type': 'string', 'description': 'The project that provides.'},
            'owner': common.STRING,
            'offer_uuid': common.NULLABLE_STRING,
            'start_time': common.MOMENT,
            'end_time': common.MOMENT,
            'status': common.one_of(Status),
            'leases': common.STRINGS,
            **common.AGREED,
        }
    ),
)
CONTRACTS = common.listed('contracts', CONTRACT)
