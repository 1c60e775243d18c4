"""Listing and showing nodes, from the inventory."""

from __future__ import annotations

from collections.abc import Sequence

from esi_leap.actions import access
from esi_leap.actions.deps import Deps
from esi_leap.core.errors import NodeNotFoundError
from esi_leap.core.ports import Caller, NodeScope, NodeView, Query, Scope


def index(deps: Deps, ctx: Caller, query: Query) -> Sequence[NodeView]:
    """List the nodes that the caller owns or has, and those that are offered or leased to him."""
    access.require(ctx, 'esi_leap:node:get_all')
    deps.inventory.freshen()
    return deps.store.nodes(_scope(deps, ctx), query, deps.now())


def show(deps: Deps, ctx: Caller, ident: str) -> NodeView:
    """Show one of these nodes, by uuid or name.

    Raises:
        NodeNotFoundError: there is none for him.
        AmbiguousNameError: several have this name.
    """
    if not ctx.can('esi_leap:node:get_all'):
        raise NodeNotFoundError.of(ident)
    deps.inventory.freshen()
    scope, now = _scope(deps, ctx), deps.now()
    found = access.find(
        ident,
        lambda query: deps.store.nodes(scope, query, now),
        lambda each: each,
        ended=lambda _: False,
        kind='node',
    )
    if found is None:
        raise NodeNotFoundError.of(ident)
    return found


def _scope(deps: Deps, ctx: Caller) -> NodeScope:
    admin = ctx.can('esi_leap:node:node_admin')
    nodes = Scope(everything=True) if admin else Scope(project_id=ctx.project_id)
    return NodeScope(nodes, access.offer_scope(deps, ctx), access.party_scope(ctx))
