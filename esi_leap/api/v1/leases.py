"""`/v1/leases`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from esi_leap.actions import leases
from esi_leap.api.body import read_booking, read_terms, read_time
from esi_leap.api.expose import NOTHING, Call, Reply, route
from esi_leap.api.query import build_query, make_page
from esi_leap.api.schemas import common
from esi_leap.api.schemas import lease as schema
from esi_leap.api.views.lease import render_lease


@route('GET', '/v1/leases', query=schema.QUERY, answer=schema.LEASES)
def index(call: Call) -> Reply:
    """List leases."""
    query = build_query(call, schema.QUERY)
    everyone = call.query.get('view') == 'all'
    found = leases.index(call.deps, call.ctx, query, everyone=everyone)
    return make_page(call, 'leases', found, query, render_lease)


@route('GET', '/v1/leases/{ident}', answer=schema.LEASE)
def show(call: Call) -> Reply:
    """Show a lease."""
    return Reply(render_lease(leases.show(call.deps, call.ctx, call.ident), call))


@route(
    'POST',
    '/v1/leases',
    body=schema.CREATE,
    answer=schema.LEASE,
    argument='new_lease',
    status=HTTPStatus.CREATED,
)
def create(call: Call) -> Reply:
    """Lease a node to a project."""
    body = call.body
    view = leases.create(
        call.deps,
        call.ctx,
        leases.NewLease(
            node=body['resource_uuid'],
            project=body['project_id'],
            resource_type=body.get('resource_type'),
            purpose=body.get('purpose'),
            terms=read_terms(body),
            **read_booking(body),
        ),
    )
    return Reply(render_lease(view, call), f'/v1/leases/{view.lease.uuid}')


@route(
    'PATCH',
    '/v1/leases/{ident}',
    body=schema.UPDATE,
    answer=schema.LEASE,
    argument='new_lease',
)
def update(call: Call) -> Reply:
    """Change a lease."""
    changes: dict[str, Any] = {key: call.body[key] for key in call.body if key != 'end_time'}
    if 'properties' in changes:
        changes['properties'] = changes['properties'] or {}
    if 'end_time' in call.body:
        changes['end'] = read_time(call.body, 'end_time')
    return Reply(render_lease(leases.update(call.deps, call.ctx, call.ident, changes), call))


@route('DELETE', '/v1/leases/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Cancel a lease."""
    leases.cancel(call.deps, call.ctx, call.ident)
    return NOTHING
