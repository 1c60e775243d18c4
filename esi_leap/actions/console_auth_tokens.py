"""Creating and deleting tokens for the serial consoles of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from esi_leap.actions import rights, scopes
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
    """A request for a token.

    Attributes:
        node: uuid or name of the node.
        ttl: seconds in which the token has to be used; None is the operator's default.
        read_only: whether the console drops what is typed.
    """

    node: str
    ttl: int | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """A new token, as only its maker sees it.

    Attributes:
        record: the token as it is stored, without its secret.
        token: the secret.
        url: the websocket that takes it.
    """

    record: ConsoleAuthToken
    token: str
    url: str


@dataclass(frozen=True, slots=True)
class _Holding:
    """A node and the project that holds it.

    Attributes:
        node: its row; None if no booking and no owner led to one.
        lease: the active lease; None if the owner holds the node.
        project: id of the project; None if none holds the node.
    """

    node: Node | None
    lease: Lease | None
    project: str | None


def create(deps: Deps, ctx: Caller, request: NewToken) -> Access:
    """Create a token for the console of a node that the caller's project holds now.

    Raises:
        NodeNotFoundError: the node does not exist, or the caller may not know that it does.
        DeniedError: another project holds the node, or its service does not let the caller open it.
    """
    now = deps.now()
    expires = deps.console.expiry(now, request.ttl)
    service, machine, held = _find_holding(deps, ctx, request.node)
    rule = 'esi_leap:console_auth_token:create'
    rights.require(ctx, rule, _target(held))
    if held.node is None or held.project is None or held.project != ctx.project_id:
        raise DeniedError.by(rule)  # even if the operator's rule allows it
    _check_console(ctx, service, machine, request.node)
    token = deps.new_secret()
    record = ConsoleAuthToken(
        hash=digest(token),
        node=held.node,
        lease=None if held.lease is None else held.lease.uuid,
        project_id=held.project,
        user_id=ctx.user_id,
        read_only=request.read_only,
        created_at=now,
        expires_at=expires,
    )
    deps.tokens.keep_token(record)
    return Access(record, token, deps.console.access_url(token))


def delete(deps: Deps, ctx: Caller, ident: str) -> None:
    """Delete all tokens of a node, which closes the consoles that they opened."""
    service, machine, held = _find_holding(deps, ctx, ident)
    rights.require(ctx, 'esi_leap:console_auth_token:delete', _target(held))
    if held.project == ctx.project_id:  # an admin may delete tokens that they could not create
        _check_console(ctx, service, machine, ident)
    if held.node is not None:
        deps.tokens.drop_tokens(held.node.id)


def _find_holding(deps: Deps, ctx: Caller, ident: str) -> tuple[Nodes, Machine, _Holding]:
    """Find a node, the service that has it, and the project that holds it.

    Raises:
        NodeNotFoundError: the node does not exist, or the caller may not know that it does.
    """
    kind, service = deps.nodes(None)
    asked = deps.now()
    try:
        machine = service.find(ident)
    except NodeNotFoundError:  # in the words of the request, as for an invisible node
        raise NodeNotFoundError.of(ident) from None
    if not scopes.can_see_node(deps, ctx, machine):
        raise NodeNotFoundError.of(ident)
    return service, machine, _read_holding(deps, ctx, kind, machine, asked)


def _read_holding(
    deps: Deps, ctx: Caller, kind: str, machine: Machine, asked: datetime
) -> _Holding:
    """Return the project that holds a machine.

    Args:
        deps: ports and settings.
        ctx: the caller.
        kind: the resource type.
        machine: the machine as its service shows it.
        asked: when its service was asked.
    """
    now = deps.now()
    here = {'resource_type': kind, 'resource_uuid': machine.uuid, 'status': str(Status.ACTIVE)}
    running = deps.store.leases(_EVERYTHING, Query(equal=here))
    if not running and machine.owner is not None and machine.owner == ctx.project_id:
        node = deps.store.node(machine, kind, now, asked)
        return _Holding(node, None, holder(node, None, now))
    for view in running:  # a lease and its sub-lease are active at the same time
        if view.lease.uuid == view.node.lease:
            return _Holding(view.node, view.lease, holder(view.node, view.lease, now))
    return _Holding(running[0].node if running else None, None, None)


def _check_console(ctx: Caller, service: Nodes, machine: Machine, ident: str) -> None:
    """Ask the node's own service, with the caller's token, whether they may open the console.

    Raises:
        DeniedError: the service does not let them.
    """
    if not service.lets_open_console(machine.uuid, ctx.auth_token):
        raise DeniedError(
            f'Access was denied to the console of node {ident}. Ironic must let you open it '
            '(its rule is baremetal:node:get_console).'
        )


def _target(held: _Holding) -> dict[str, str | None]:
    """Return the attributes that rules can name.

    The holder of a free node is the empty text, which no token has as its project.
    """
    return {'node.holder_id': held.project or ''}
