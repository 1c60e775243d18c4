"""`/v1/leases`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from esi_leap.actions import leases
from esi_leap.api import lists, views
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.schemas import common
from esi_leap.api.schemas import lease as schema
from esi_leap.api.v1.values import criteria, filters, gone, moment, project, shared, terms
from esi_leap.core.lease import BLOCKING


@route('GET', '/v1/leases', query=schema.QUERY, answer=schema.LEASES)
def index(call: Call) -> Reply:
    """List leases."""
    query = lists.page(
        call,
        'lessee_id',
        equal={**filters(call, {}), **lists.statuses(call.query, BLOCKING)},
        criteria=criteria(call),
        meeting=lists.window(call.query, 'a lease', 'start_time', 'end_time'),
    )
    whose = leases.Filters(
        project_id=project(call, 'project_id'),
        owner_id=project(call, 'owner_id'),
        everyone=call.query.get('view') == 'all',
    )
    found = leases.index(call.deps, call.ctx, query, whose)
    return lists.reply(call, 'leases', found, query, views.lease)


@route('GET', '/v1/leases/{ident}', answer=schema.LEASE)
def show(call: Call) -> Reply:
    """Show a lease."""
    return Reply(views.lease(leases.show(call.deps, call.ctx, call.ident), call))


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
    made = leases.create(
        call.deps,
        call.ctx,
        leases.NewLease(
            node=body['resource_uuid'],
            project=body['project_id'],
            resource_type=body.get('resource_type'),
            purpose=body.get('purpose'),
            terms=terms(body),
            **shared(body),
        ),
    )
    return Reply(views.lease(made, call), f'/v1/leases/{made.lease.uuid}')


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
        changes['end'] = moment(call.body, 'end_time')
    return Reply(views.lease(leases.update(call.deps, call.ctx, call.ident, changes), call))


@route('DELETE', '/v1/leases/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Cancel a lease."""
    leases.cancel(call.deps, call.ctx, call.ident)
    return gone()
