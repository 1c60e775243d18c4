"""Schemas of contracts."""

from esi_leap.api.schemas import common

QUERY = {
    'uuid': common.IDENT,
    'name': common.IDENT,
    'project_id': common.IDENT,
    'owner_id': common.IDENT,
    'offer_uuid': common.IDENT,
    'status': common.STATUSES,
    'view': common.TEXT,
    **common.PAGE,
}
