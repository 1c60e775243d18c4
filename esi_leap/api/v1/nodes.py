"""`/v1/nodes`."""

from __future__ import annotations

from esi_leap.actions import nodes
from esi_leap.api import lists, views
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.schemas import node as schema
from esi_leap.api.v1.values import criteria, filters


@route('GET', '/v1/nodes', query=schema.QUERY, answer=schema.NODES)
def index(call: Call) -> Reply:
    """List nodes."""
    query = lists.page(
        call,
        'owner_id',
        equal=filters(call, {'owner': 'owner_id', 'lessee': 'lessee_id'}),
        criteria=criteria(call),
    )
    return lists.reply(call, 'nodes', nodes.index(call.deps, call.ctx, query), query, views.node)


@route('POST', '/v1/nodes/{ident}/reset', answer=schema.NODE)
def reset(call: Call) -> Reply:
    """Reset a node that the gate has rejected: it is cleaned, and tried once more."""
    return Reply(views.node(nodes.reset(call.deps, call.ctx, call.ident), call))


@route('GET', '/v1/nodes/{ident}', answer=schema.NODE)
def show(call: Call) -> Reply:
    """Show a node."""
    return Reply(views.node(nodes.show(call.deps, call.ctx, call.ident), call))
