"""Listing events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from esi_leap.actions import access
from esi_leap.actions.deps import Deps
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import EventQuery, Scope
from esi_leap.core.views import EventView


def index(deps: Deps, ctx: Caller, query: EventQuery, party: str | None) -> Sequence[EventView]:
    """List the events of what the caller's project is a side of; an admin lists any.

    Args:
        deps: the world.
        ctx: who asks.
        query: what he wants to see.
        party: a project, by id or name, whose events an admin wants to see. Of others it means
            nothing: they see those of their own.
    """
    access.require(ctx, 'esi_leap:event:get_all')
    if not ctx.can('esi_leap:event:event_admin'):
        return deps.store.events(Scope(project_id=ctx.project_id or ''), query)
    if party is not None:
        query = replace(query, party=deps.project(party, ctx).id)
    return deps.store.events(Scope(everything=True), query)
