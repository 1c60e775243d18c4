"""Listing events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from esi_leap.actions import rights
from esi_leap.actions.deps import Deps
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import EventQuery, Scope
from esi_leap.core.views import EventView


def index(deps: Deps, ctx: Caller, query: EventQuery, party: str | None) -> Sequence[EventView]:
    """List the events of the caller's project, as either party; an admin lists all.

    Args:
        deps: ports and settings.
        ctx: the caller.
        query: filters and page.
        party: id or name of the one project whose events an admin lists. It is ignored for other
            callers, who only see events of their own project.
    """
    rights.require(ctx, 'esi_leap:event:get_all')
    if not ctx.can('esi_leap:event:event_admin'):
        return deps.store.events(Scope(project_id=ctx.project_id or ''), query)
    if party is not None:
        query = replace(query, party=deps.project(party, ctx).id)
    return deps.store.events(Scope(everything=True), query)
