"""Listing and showing nodes, from the inventory, and resetting rejected ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from esi_leap.actions import access
from esi_leap.actions.deps import Deps
from esi_leap.core.change import Turn
from esi_leap.core.errors import NodeNotFoundError, NotRejectedError
from esi_leap.core.node import State
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import NodeScope, Query, Scope
from esi_leap.core.views import NodeView


def index(deps: Deps, ctx: Caller, query: Query) -> Sequence[NodeView]:
    """List the nodes that the caller owns or has, and those that are offered or leased to him."""
    access.require(ctx, 'esi_leap:node:get_all')
    deps.inventory.freshen()
    return deps.store.nodes(_scope(deps, ctx, rejected=False), query, deps.now())


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


def reset(deps: Deps, ctx: Caller, ident: str) -> NodeView:
    """Let a node that the gate has rejected come back: by a whole return, with the gate at its end.

    Raises:
        NodeNotFoundError: there is none for the caller.
        NotRejectedError: the gate has not rejected it.
    """
    found = show(deps, ctx, ident)
    access.require(ctx, 'esi_leap:node:reset')
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        if book.node.state is not State.REJECTED:
            raise NotRejectedError.of(found.node.name, str(book.node.state))
        book.put((Turn(book.node.to(State.RETURNING, retry_at=now)),))
    return replace(found, node=book.node)


def _scope(deps: Deps, ctx: Caller, *, rejected: bool = True) -> NodeScope:
    admin = ctx.can('esi_leap:node:node_admin')
    nodes = Scope(everything=True) if admin else Scope(project_id=ctx.project_id)
    offers = replace(access.offer_scope(deps, ctx), rejected=rejected)
    return NodeScope(nodes, offers, access.party_scope(ctx))
