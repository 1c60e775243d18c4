"""Showing and cancelling contracts."""

from __future__ import annotations

from collections.abc import Sequence

from esi_leap.actions import leases, lookup, rights, scopes
from esi_leap.actions.deps import Deps
from esi_leap.core.contract import FINAL
from esi_leap.core.errors import ContractNotFoundError
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import Query, Scope
from esi_leap.core.views import ContractView


def index(deps: Deps, ctx: Caller, query: Query, *, everyone: bool) -> Sequence[ContractView]:
    """List the contracts of the caller's project, as either party, or of all projects."""
    rights.require(ctx, 'esi_leap:contract:get_all')
    if everyone:
        rights.require(ctx, 'esi_leap:lease:lease_admin')
        return deps.store.contracts(Scope(everything=True), query)
    return deps.store.contracts(Scope(project_id=ctx.project_id or ''), query)


def show(deps: Deps, ctx: Caller, ident: str) -> ContractView:
    """Show a contract that the caller may see.

    Raises:
        ContractNotFoundError: the caller may see no such contract.
    """
    scope = scopes.party_scope(ctx)
    found = lookup.find_one(
        ident,
        lambda query: deps.store.contracts(scope, query),
        lambda each: each.contract,
        has_ended=lambda each: each.status in FINAL,
        kind='contract',
    )
    if found is None or not ctx.can('esi_leap:contract:get', _target(found)):
        raise ContractNotFoundError.of(ident)
    return found


def cancel(deps: Deps, ctx: Caller, ident: str) -> None:
    """Cancel the leases of a contract that have not ended.

    Raises:
        ContractNotFoundError: the caller may see no such contract, or all its leases have ended.
        TermsBindError: the terms of a lease bind the caller; then none is cancelled.
    """
    found = show(deps, ctx, ident)
    rights.require(ctx, 'esi_leap:contract:delete', _target(found))
    views = deps.store.leases(
        Scope(everything=True), Query(equal={'contract_uuid': found.contract.uuid})
    )
    leases.check_terms(deps, ctx, views)  # before the first one is cancelled
    cancelled = [view.lease.uuid for view in views if leases.cancel_one(deps, ctx, view)]
    if not cancelled:
        raise ContractNotFoundError.of(ident)
    leases.wait_for_end(deps, cancelled)


def _target(found: ContractView) -> dict[str, str | None]:
    return rights.lease_target(found.contract.owner_id, found.contract.lessee_id)
