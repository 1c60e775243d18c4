"""What a caller may see, and finding one thing among it by uuid or name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from esi_leap.actions.deps import Deps
from esi_leap.core.errors import (
    AmbiguousNameError,
    DeniedError,
    InvalidError,
)
from esi_leap.core.handover.machine import Machine
from esi_leap.core.offer import Offer
from esi_leap.core.ports.caller import Caller
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import Query, Scope
from esi_leap.core.tree import Booking

_View = TypeVar('_View')

#: Most objects of one name that are looked at; a message with more uuids helps nobody.
_NAMESAKES = 20


class _Named(Protocol):
    @property
    def uuid(self) -> str: ...


def require(ctx: Caller, rule: str, target: Mapping[str, str | None] | None = None) -> None:
    """Refuse the caller what the policy does not allow.

    Raises:
        DeniedError: the rule says no.
    """
    if not ctx.can(rule, target):
        raise DeniedError.by(rule)


def own_project(ctx: Caller) -> str:
    """Return the caller's project.

    Raises:
        InvalidError: the token has none.
    """
    if ctx.project_id is None:
        raise InvalidError('This needs a token of a project; the token given has another scope.')
    return ctx.project_id


def offer_scope(deps: Deps, ctx: Caller) -> Scope:
    """Return what offers the caller may see: open ones, his, and those for his subtree."""
    if ctx.can('esi_leap:offer:offer_admin'):
        return Scope(everything=True)
    if ctx.project_id is None:
        return Scope(project_id='')
    return Scope(project_id=ctx.project_id, tree=deps.identity.ancestors(ctx.project_id))


def party_scope(ctx: Caller) -> Scope:
    """Return what leases and contracts the caller may see: those his project is a side of.

    He also sees the leases that others have sub-let of what he leased to them.
    """
    if ctx.can('esi_leap:lease:lease_admin'):
        return Scope(everything=True)
    return Scope(project_id=ctx.project_id or '', sublet=True)


def offer_target(offer: Offer) -> dict[str, str | None]:
    """Return what the policy knows of an offer."""
    return {'offer.project_id': offer.owner_id}


def lease_target(
    owner_id: str, lessee_id: str, lender_id: str | None = None
) -> dict[str, str | None]:
    """Return what the policy knows of a lease or a contract."""
    return {
        'lease.owner_id': owner_id,
        'lease.project_id': lessee_id,
        'lease.lender_id': lender_id,
    }


def find(
    ident: str,
    read: Callable[[Query], Sequence[_View]],
    of: Callable[[_View], _Named],
    *,
    ended: Callable[[_View], bool],
    kind: str,
) -> _View | None:
    """Find one thing among what `read` shows: by uuid, else by name; live ones before ended ones.

    Raises:
        AmbiguousNameError: the name fits several; the message has their uuids.
    """
    found = list(read(Query(equal={'uuid': _uuid(ident)}, limit=1)))
    if not found:
        newest = (('created_at', True),)
        found = list(read(Query(equal={'name': ident}, limit=_NAMESAKES, sort=newest)))
        found = [each for each in found if not ended(each)] or found
    if len(found) > 1:
        raise AmbiguousNameError.of(kind, ident, [of(each).uuid for each in found])
    return found[0] if found else None


def remember(deps: Deps, ctx: Caller, *others: Project) -> None:
    """Keep the names of the caller's project and of others for the lists."""
    name = getattr(ctx, 'project_name', None)
    mine = [Project(ctx.project_id, name)] if ctx.project_id and name else []
    deps.store.remember([*mine, *others])


def names(deps: Deps, value: Booking) -> Mapping[str, str]:
    """Return the names of the provider's and the consumer's project."""
    return deps.store.names({each for each in (value.owner_id, value.lessee_id) if each})


def sees_node(deps: Deps, ctx: Caller, machine: Machine) -> bool:
    """Tell whether the caller may know of a node: he has or had to do with it, or may claim it."""
    mine = ctx.project_id is not None and ctx.project_id in {machine.owner, machine.lessee}
    if mine or ctx.can('esi_leap:offer:offer_admin'):
        return True
    on_it = Query(equal={'resource_uuid': machine.uuid}, limit=1)
    return bool(
        deps.store.offers(offer_scope(deps, ctx), on_it, deps.now())
        or deps.store.leases(party_scope(ctx), on_it)
    )


def _uuid(ident: str) -> str:
    try:
        return str(UUID(ident))
    except ValueError:
        return ident
