"""The title by which a caller offers or leases out a node: as its owner, or as its lessee."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime

from esi_leap.actions import rights, scopes
from esi_leap.actions.deps import Deps
from esi_leap.core.booking import plan
from esi_leap.core.errors import (
    ConflictError,
    DeniedError,
    NodeNotFoundError,
    NotHeldError,
    UnknownProjectError,
)
from esi_leap.core.handover.machine import Machine
from esi_leap.core.lease import LENDABLE, Lease
from esi_leap.core.node import Node
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import Query, Scope


@dataclass(frozen=True, slots=True)
class Title:
    """The right of a project to offer or lease out a node.

    Attributes:
        node: the node's row.
        provider: id of the project: the node's owner, or the lessee who sub-lets it; for a node
            without an owner, the admin's own project.
        lender: the lease from which the node is sub-let; None if its owner provides it.
    """

    node: Node
    provider: str
    lender: Lease | None = None

    @property
    def parent(self) -> str | None:
        """The uuid of the lease from which the node is sub-let; None if its owner provides it."""
        return None if self.lender is None else self.lender.uuid


def find(
    deps: Deps,
    ctx: Caller,
    ident: str,
    resource_type: str | None,
    times: tuple[datetime | None, datetime | None],
) -> Title:
    """Find the title by which the caller may offer or lease out a node.

    A project's leases are read from the booking tree and never from the node: others can write the
    node's `lessee` and its label.

    Args:
        deps: ports and settings.
        ctx: the caller.
        ident: the node's uuid or name.
        resource_type: the node's resource type; None is the default type.
        times: start and end of the request; None where it has none.

    Raises:
        NodeNotFoundError: the node does not exist, or the caller may not know that it does.
        DeniedError: the caller may see the node, but has no title to it.
        NotHeldError: the caller has leased the node, but not for all of that time.
        ConflictError: the owner of the node is changing.
    """
    kind, service = deps.nodes(resource_type)
    asked = deps.now()
    try:
        machine = service.find(ident)
    except NodeNotFoundError:  # in the words of the request, as for an invisible node
        raise NodeNotFoundError.of(ident) from None
    is_admin = ctx.can('esi_leap:offer:offer_admin')
    lender = None
    if machine.owner != ctx.project_id:
        lender = _find_lender(deps, ctx, kind, machine, times, is_admin=is_admin)
    if machine.owner != ctx.project_id and lender is None and not is_admin:
        if scopes.can_see_node(deps, ctx, machine):
            raise DeniedError(f'Access was denied to {kind} {ident}.')
        raise NodeNotFoundError.of(ident)
    provider = lender.lessee_id if lender else machine.owner or rights.require_project(ctx)
    if provider != ctx.project_id:
        with contextlib.suppress(UnknownProjectError):  # then its name stays unknown
            deps.store.remember([deps.identity.project(provider, None)])
    node = deps.store.node(machine, kind, deps.now(), asked)
    if node.owner_id != (machine.owner or ''):  # another process has seen a later state
        raise ConflictError(f'The owner of node {ident} is changing; try again.')
    return Title(node, provider, lender)


def _find_lender(
    deps: Deps,
    ctx: Caller,
    kind: str,
    machine: Machine,
    times: tuple[datetime | None, datetime | None],
    *,
    is_admin: bool,
) -> Lease | None:
    """Return the caller's lease of the node that spans the times; None if there is none.

    Raises:
        NotHeldError: the caller, who is no admin, has leases of the node, but none spans the times.
    """
    if ctx.project_id is None:
        return None
    own = {
        'resource_type': kind,
        'resource_uuid': machine.uuid,
        'lessee_id': ctx.project_id,
        'status': LENDABLE,
    }
    views = deps.store.leases(Scope(project_id=ctx.project_id), Query(equal=own))
    held = [each.lease for each in views]
    now = deps.now()
    found = plan.lender(held, *times, now)
    if found is None and held and not is_admin:
        start, end = times
        wanted = (start or now, end or max(each.window.end for each in held))
        windows = sorted((each.window.start, each.window.end) for each in held)
        raise NotHeldError.of(kind, machine.uuid, wanted, windows)
    return found
