"""Schemas of contracts."""

from esi_leap.api.schemas import common, parameters
from esi_leap.api.schemas.parameters import Parameter, Reading, filter_by
from esi_leap.core.contract import FINAL, Status

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

QUERY: dict[str, Parameter] = {
    'uuid': filter_by('uuid'),
    'name': filter_by('name'),
    'project_id': filter_by('lessee_id', Reading.PROJECT),
    'owner_id': filter_by('owner_id', Reading.PROJECT),
    'offer_uuid': filter_by('offer_uuid', Reading.OFFER),
    'status': parameters.filter_by_status(Status, default=frozenset(Status) - FINAL),
    'view': parameters.VIEW,
    **parameters.page(_SORTED_BY, project_id='lessee_id'),
}

CONTRACT = common.named(
    'Contract',
    common.shown(
        {
            'uuid': common.STRING,
            'name': common.NULLABLE_STRING,
            'project_id': {'type': 'string', 'description': 'The lessee.'},
            'project': common.STRING,
            'owner_id': {'type': 'string', 'description': 'The provider.'},
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
