"""`/v1/contracts`."""

from __future__ import annotations

from esi_leap.actions import contracts
from esi_leap.api import lists, views
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.schemas import common
from esi_leap.api.schemas import contract as schema
from esi_leap.api.v1.values import filters, gone
from esi_leap.core.contract import FINAL, Status


@route('GET', '/v1/contracts', query=schema.QUERY, answer=schema.CONTRACTS)
def index(call: Call) -> Reply:
    """List contracts."""
    query = lists.page(
        call,
        'lessee_id',
        equal={
            **filters(call, {'project_id': 'lessee_id', 'owner_id': 'owner_id'}),
            **lists.statuses(call.query, frozenset(Status) - FINAL),
        },
    )
    everyone = call.query.get('view') == 'all'
    found = contracts.index(call.deps, call.ctx, query, everyone=everyone)
    return lists.reply(call, 'contracts', found, query, views.contract)


@route('GET', '/v1/contracts/{ident}', answer=schema.CONTRACT)
def show(call: Call) -> Reply:
    """Show a contract."""
    return Reply(views.contract(contracts.show(call.deps, call.ctx, call.ident), call))


@route('DELETE', '/v1/contracts/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Cancel a contract and its leases."""
    contracts.cancel(call.deps, call.ctx, call.ident)
    return gone()
