"""Visibility: the scopes of lists for a caller, and whether a node is visible to them."""

from __future__ import annotations

from esi_leap.actions.deps import Deps
from esi_leap.core.handover.machine import Machine
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import Query, Scope


def offer_scope(deps: Deps, ctx: Caller) -> Scope:
    """Return the scope of offers: open ones, own ones, those for the caller's project.

    An offer for a project is also for all projects below it.
    """
    if ctx.can('esi_leap:offer:offer_admin'):
        return Scope(everything=True)
    if ctx.project_id is None:
        return Scope(project_id='')
    return Scope(project_id=ctx.project_id, tree=deps.identity.ancestors(ctx.project_id))


def party_scope(ctx: Caller) -> Scope:
    """Return the scope of leases and contracts: those of which the caller's project is a party.

    Leases that a lessee has sub-let are also visible to the provider of the lessee's own lease.
    """
    if ctx.can('esi_leap:lease:lease_admin'):
        return Scope(everything=True)
    return Scope(project_id=ctx.project_id or '', sublet=True)


def can_see_node(deps: Deps, ctx: Caller, machine: Machine) -> bool:
    """Tell whether the caller may know that a node exists.

    Its owner and its lessee may, and every project that sees an offer or a lease of it.
    """
    own = ctx.project_id is not None and ctx.project_id in {machine.owner, machine.lessee}
    if own or ctx.can('esi_leap:offer:offer_admin'):
        return True
    on_node = Query(equal={'resource_uuid': machine.uuid}, limit=1)
    return bool(
        deps.store.offers(offer_scope(deps, ctx), on_node, deps.now())
        or deps.store.leases(party_scope(ctx), on_node)
    )
