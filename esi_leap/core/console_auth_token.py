"""A token that opens the serial console of a node, once: who may have one, and how long it lives.

A token belongs to whoever has the node now, and dies when he has it no more: with the lease, or,
where the owner had his own idle node, when its hand-over to a lessee begins. What `holder` says of
one node the store says of many (`db.console_auth_tokens`), in the statement that uses a token.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from esi_leap.core.errors import InvalidError
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node, State


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleAuthToken:
    """What is kept of a token; the token itself is not.

    Attributes:
        hash: what `digest` makes of it.
        lease: uuid of the lease it dies with; None for the owner of a node that nobody has.
        project_id: the project that has the node.
        user_id: who asked for it.
        read_only: whether what he types is dropped.
    """

    hash: str
    node: Node
    lease: str | None
    project_id: str
    user_id: str | None
    read_only: bool
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """What the operator says of tokens.

    Attributes:
        default: lifetime, in seconds, of a token that was asked for without one.
        longest: the longest lifetime, in seconds, that can be asked for.
        url: where the proxy is reached, for example `wss://consoles.example.com`.
    """

    default: int
    longest: int
    url: str

    def expiry(self, now: datetime, seconds: int | None) -> datetime:
        """Return when a token made now expires.

        Raises:
            InvalidError: there are no such lifetimes here.
        """
        wanted = self.default if seconds is None else seconds
        if not 0 < wanted <= self.longest:
            raise InvalidError(
                f"Invalid input for field/attribute token_ttl. Value: '{wanted}'. "
                f'Give a number of seconds from 1 to {self.longest}.',
                field='token_ttl',
            )
        return now + timedelta(seconds=wanted)

    def access_url(self, token: str) -> str:
        """Return what a client opens."""
        return f'{self.url}/?token={token}'


def digest(token: str) -> str:
    """Return what is kept of a token. It is long and random: nothing has to slow a guess down."""
    return hashlib.sha256(token.encode()).hexdigest()


def holder(node: Node, lease: Lease | None, now: datetime) -> str | None:
    """Return the project that has the node now, or None while it is on its way.

    Args:
        node: the node.
        lease: the lease that the node's row names.
        now: the instant.
    """
    if node.state is State.AVAILABLE and node.lease is None:
        return node.owner_id
    if node.state is not State.HANDED_OVER or lease is None or lease.uuid != node.lease:
        return None
    running = lease.status is Status.ACTIVE and lease.window.holds(now)
    return lease.lessee_id if running else None
