"""`/v1/contracts`."""

from __future__ import annotations

from esi_leap.actions import contracts
from esi_leap.api.expose import NOTHING, Call, Reply, route
from esi_leap.api.query import build_query, make_page
from esi_leap.api.schemas import common
from esi_leap.api.schemas import contract as schema
from esi_leap.api.views.contract import render_contract


@route('GET', '/v1/contracts', query=schema.QUERY, answer=schema.CONTRACTS)
def index(call: Call) -> Reply:
    """List contracts."""
    query = build_query(call, schema.QUERY)
    everyone = call.query.get('view') == 'all'
    found = contracts.index(call.deps, call.ctx, query, everyone=everyone)
    return make_page(call, 'contracts', found, query, render_contract)


@route('GET', '/v1/contracts/{ident}', answer=schema.CONTRACT)
def show(call: Call) -> Reply:
    """Show a contract."""
    return Reply(render_contract(contracts.show(call.deps, call.ctx, call.ident), call))


@route('DELETE', '/v1/contracts/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Cancel a contract and its leases."""
    contracts.cancel(call.deps, call.ctx, call.ident)
    return NOTHING
