"""Making tokens for the serial consoles of nodes, and taking them back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from esi_leap.actions import access
from esi_leap.actions.deps import Deps
from esi_leap.core.console_auth_token import ConsoleAuthToken, digest, holder
from esi_leap.core.errors import DeniedError, NodeNotFoundError
from esi_leap.core.handover.machine import Machine
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node
from esi_leap.core.ports.caller import Caller
from esi_leap.core.ports.cloud import Nodes
from esi_leap.core.query import Query, Scope

_EVERYTHING = Scope(everything=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What somebody asks for.

    Attributes:
        ttl: seconds in which the token has to be used; None for the operator's default.
        read_only: whether what is typed shall be dropped.
    """

    node: str
    ttl: int | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """A token as only its maker sees it."""

    kept: ConsoleAuthToken
    token: str
    url: str


@dataclass(frozen=True, slots=True)
class _Held:
    """A node, and who has it."""

    node: Node | None
    lease: Lease | None
    project: str | None


def create(deps: Deps, ctx: Caller, request: NewToken) -> Access:
    """Make a token for the console of a node that the caller's project has now."""
    now = deps.now()
    expires = deps.console.expiry(now, request.ttl)
    service, machine, held = _found(deps, ctx, request.node)
    rule = 'esi_leap:console_auth_token:create'
    access.require(ctx, rule, _target(held))
    if held.node is None or held.project is None or held.project != ctx.project_id:
        raise DeniedError.by(rule)  # whatever the operator's rule says
    _let_in(ctx, service, machine, request.node)
    token = deps.new_secret()
    kept = ConsoleAuthToken(
        hash=digest(token),
        node=held.node,
        lease=None if held.lease is None else held.lease.uuid,
        project_id=held.project,
        user_id=ctx.user_id,
        read_only=request.read_only,
        created_at=now,
        expires_at=expires,
    )
    deps.tokens.keep_token(kept)
    return Access(kept, token, deps.console.access_url(token))


def delete(deps: Deps, ctx: Caller, ident: str) -> None:
    """Delete all tokens of a node; the consoles that they opened are closed."""
    service, machine, held = _found(deps, ctx, ident)
    access.require(ctx, 'esi_leap:console_auth_token:delete', _target(held))
    if held.project == ctx.project_id:  # an admin takes away what he could not have himself
        _let_in(ctx, service, machine, ident)
    if held.node is not None:
        deps.tokens.drop_tokens(held.node.id)


def _found(deps: Deps, ctx: Caller, ident: str) -> tuple[Nodes, Machine, _Held]:
    """Find a node that the caller may know of, and who has it."""
    kind, service = deps.nodes(None)
    asked = deps.now()
    try:
        machine = service.find(ident)
    except NodeNotFoundError:  # in the words of the request, as for a node that he may not see
        raise NodeNotFoundError.of(ident) from None
    if not access.sees_node(deps, ctx, machine):
        raise NodeNotFoundError.of(ident)
    return service, machine, _held(deps, ctx, kind, machine, asked)


def _held(deps: Deps, ctx: Caller, kind: str, machine: Machine, asked: datetime) -> _Held:
    """Find who has a machine, given when its service was asked what it says of it."""
    now = deps.now()
    here = {'resource_type': kind, 'resource_uuid': machine.uuid, 'status': str(Status.ACTIVE)}
    running = deps.store.leases(_EVERYTHING, Query(equal=here))
    if not running and machine.owner is not None and machine.owner == ctx.project_id:
        node = deps.store.node(machine, kind, now, asked)
        return _Held(node, None, holder(node, None, now))
    for view in running:  # a lease and the one that its lessee has made of it run side by side
        if view.lease.uuid == view.node.lease:
            return _Held(view.node, view.lease, holder(view.node, view.lease, now))
    return _Held(running[0].node if running else None, None, None)


def _let_in(ctx: Caller, service: Nodes, machine: Machine, ident: str) -> None:
    """Ask the node's own service, with the caller's own token.

    Raises:
        DeniedError: it does not let him open the console.
    """
    if not service.lets_open_console(machine.uuid, ctx.auth_token):
        raise DeniedError(
            f'Access was denied to the console of node {ident}. Ironic must let you open it '
            '(its rule is baremetal:node:get_console).'
        )


def _target(held: _Held) -> dict[str, str | None]:
    """Return what the policy knows; nobody's project is an empty text, which no token has."""
    return {'node.holder_id': held.project or ''}
