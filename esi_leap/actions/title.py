"""By what right somebody offers a node or leases it out: as its owner, or as a lessee of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime

from esi_leap.actions import access
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
    """By what right a caller lends a node out.

    Attributes:
        node: its row.
        provider: the project that lends it: its owner, or the lessee who sub-lets it; of a node
            that has no owner, the admin's own project.
        lender: the lease from which it is sub-let; None if it is lent out by its owner.
    """

    node: Node
    provider: str
    lender: Lease | None = None

    @property
    def parent(self) -> str | None:
        """The uuid of that lease."""
        return None if self.lender is None else self.lender.uuid


def of(
    deps: Deps,
    ctx: Caller,
    ident: str,
    resource_type: str | None,
    times: tuple[datetime | None, datetime | None],
) -> Title:
    """Return by what right the caller may offer or lease out a node: as its owner, or as a lessee.

    What a project has leased is read from the booking tree, never from the node: others can write
    its `lessee` and its label.

    Args:
        deps: the world.
        ctx: who asks.
        ident: the node's uuid or name.
        resource_type: None is the default.
        times: start and end, as far as they are given.

    Raises:
        NodeNotFoundError: there is no such node, or the caller may not know of it.
        DeniedError: he may see it, but it is another's.
        NotHeldError: he has leased it, but not for all of that time.
        ConflictError: it is getting another owner.
    """
    kind, service = deps.nodes(resource_type)
    asked = deps.now()
    try:
        machine = service.find(ident)
    except NodeNotFoundError:  # in the words of the request, as for a node that he may not see
        raise NodeNotFoundError.of(ident) from None
    admin = ctx.can('esi_leap:offer:offer_admin')
    lender = None
    if machine.owner != ctx.project_id:
        lender = _lender(deps, ctx, kind, machine, times, admin=admin)
    if machine.owner != ctx.project_id and lender is None and not admin:
        if access.sees_node(deps, ctx, machine):
            raise DeniedError(f'Access was denied to {kind} {ident}.')
        raise NodeNotFoundError.of(ident)
    provider = lender.lessee_id if lender else machine.owner or access.own_project(ctx)
    if provider != ctx.project_id:
        with contextlib.suppress(UnknownProjectError):  # its name is not known, then
            deps.store.remember([deps.identity.project(provider, None)])
    node = deps.store.node(machine, kind, deps.now(), asked)
    if node.owner_id != (machine.owner or ''):  # somebody has seen it later
        raise ConflictError(f'The owner of node {ident} is changing; try again.')
    return Title(node, provider, lender)


def _lender(
    deps: Deps,
    ctx: Caller,
    kind: str,
    machine: Machine,
    times: tuple[datetime | None, datetime | None],
    *,
    admin: bool,
) -> Lease | None:
    """Return the caller's lease of the node that spans the times; None if he has none at all."""
    if ctx.project_id is None:
        return None
    his = {
        'resource_type': kind,
        'resource_uuid': machine.uuid,
        'lessee_id': ctx.project_id,
        'status': LENDABLE,
    }
    views = deps.store.leases(Scope(project_id=ctx.project_id), Query(equal=his))
    held = [each.lease for each in views]
    now = deps.now()
    found = plan.lender(held, *times, now)
    if found is None and held and not admin:
        start, end = times
        wanted = (start or now, end or max(each.window.end for each in held))
        windows = sorted((each.window.start, each.window.end) for each in held)
        raise NotHeldError.of(kind, machine.uuid, wanted, windows)
    return found
