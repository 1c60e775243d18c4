"""`/v1/nodes`."""

from __future__ import annotations

from esi_leap.actions import nodes
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.query import build_query, make_page
from esi_leap.api.schemas import node as schema
from esi_leap.api.views.node import render_node


@route('GET', '/v1/nodes', query=schema.QUERY, answer=schema.NODES)
def index(call: Call) -> Reply:
    """List nodes."""
    query = build_query(call, schema.QUERY)
    found = nodes.index(call.deps, call.ctx, query)
    return make_page(call, 'nodes', found, query, render_node)


@route('POST', '/v1/nodes/{ident}/reset', answer=schema.NODE)
def reset(call: Call) -> Reply:
    """Reset a node that the gate has rejected: clean it and ask the gate again."""
    return Reply(render_node(nodes.reset(call.deps, call.ctx, call.ident), call))


@route('GET', '/v1/nodes/{ident}', answer=schema.NODE)
def show(call: Call) -> Reply:
    """Show a node."""
    return Reply(render_node(nodes.show(call.deps, call.ctx, call.ident), call))
