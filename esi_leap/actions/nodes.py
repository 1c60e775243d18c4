"""Listing and showing nodes from the inventory, and resetting rejected ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from esi_leap.actions import lookup, rights, scopes
from esi_leap.actions.deps import Deps
from esi_leap.core.change import Turn
from esi_leap.core.errors import NodeNotFoundError, NotRejectedError
from esi_leap.core.node import State
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import NodeScope, Query, Scope
from esi_leap.core.views import NodeView


def index(deps: Deps, ctx: Caller, query: Query) -> Sequence[NodeView]:
    """List nodes that the caller owns or holds, or of which they may see an offer or a lease."""
    rights.require(ctx, 'esi_leap:node:get_all')
    deps.inventory.freshen()
    return deps.store.nodes(_scope(deps, ctx, rejected=False), query, deps.now())


def show(deps: Deps, ctx: Caller, ident: str) -> NodeView:
    """Show a node, by uuid or name.

    Raises:
        NodeNotFoundError: the caller may see no such node.
        AmbiguousNameError: several nodes have this name.
    """
    if not ctx.can('esi_leap:node:get_all'):
        raise NodeNotFoundError.of(ident)
    deps.inventory.freshen()
    scope, now = _scope(deps, ctx), deps.now()
    found = lookup.find_one(
        ident,
        lambda query: deps.store.nodes(scope, query, now),
        lambda each: each,
        has_ended=lambda _: False,
        kind='node',
    )
    if found is None:
        raise NodeNotFoundError.of(ident)
    return found


def reset(deps: Deps, ctx: Caller, ident: str) -> NodeView:
    """Reset a node that the gate has rejected: it returns once more and is judged by the gate.

    Raises:
        NodeNotFoundError: the caller may see no such node.
        NotRejectedError: the gate has not rejected it.
    """
    found = show(deps, ctx, ident)
    rights.require(ctx, 'esi_leap:node:reset')
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        if book.node.state is not State.REJECTED:
            raise NotRejectedError.of(found.node.name, str(book.node.state))
        book.put((Turn(book.node.to(State.RETURNING, retry_at=now)),))
    return replace(found, node=book.node)


def _scope(deps: Deps, ctx: Caller, *, rejected: bool = True) -> NodeScope:
    admin = ctx.can('esi_leap:node:node_admin')
    nodes = Scope(everything=True) if admin else Scope(project_id=ctx.project_id)
    offers = replace(scopes.offer_scope(deps, ctx), rejected=rejected)
    return NodeScope(nodes, offers, scopes.party_scope(ctx))
