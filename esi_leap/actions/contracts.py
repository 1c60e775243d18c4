"""Showing and cancelling contracts."""

from __future__ import annotations

from collections.abc import Sequence

from esi_leap.actions import access, leases
from esi_leap.actions.deps import Deps
from esi_leap.core.contract import FINAL
from esi_leap.core.errors import ContractNotFoundError
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import Query, Scope
from esi_leap.core.views import ContractView


def index(deps: Deps, ctx: Caller, query: Query, *, everyone: bool) -> Sequence[ContractView]:
    """List the contracts that the caller's project is a side of, or all of them."""
    access.require(ctx, 'esi_leap:contract:get_all')
    if everyone:
        access.require(ctx, 'esi_leap:lease:lease_admin')
        return deps.store.contracts(Scope(everything=True), query)
    return deps.store.contracts(Scope(project_id=ctx.project_id or ''), query)


def show(deps: Deps, ctx: Caller, ident: str) -> ContractView:
    """Show a contract that the caller may see.

    Raises:
        ContractNotFoundError: there is none for him.
    """
    scope = access.party_scope(ctx)
    found = access.find(
        ident,
        lambda query: deps.store.contracts(scope, query),
        lambda each: each.contract,
        ended=lambda each: each.status in FINAL,
        kind='contract',
    )
    if found is None or not ctx.can('esi_leap:contract:get', _target(found)):
        raise ContractNotFoundError.of(ident)
    return found


def cancel(deps: Deps, ctx: Caller, ident: str) -> None:
    """Cancel a contract: each of its leases that has not ended."""
    found = show(deps, ctx, ident)
    access.require(ctx, 'esi_leap:contract:delete', _target(found))
    lines = deps.store.leases(
        Scope(everything=True), Query(equal={'contract_uuid': found.contract.uuid})
    )
    leases.check_terms(deps, ctx, lines)  # before the first of them has ended
    cancelled = [line.lease.uuid for line in lines if leases.cancel_one(deps, ctx, line)]
    if not cancelled:
        raise ContractNotFoundError.of(ident)
    leases.gone(deps, cancelled)


def _target(found: ContractView) -> dict[str, str | None]:
    return access.lease_target(found.contract.owner_id, found.contract.lessee_id)
