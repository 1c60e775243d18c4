"""A token that opens the serial console of a node once.

A token belongs to the project that has the node now. It ends when the project loses the node: with
the lease, or, for an owner's idle node, when its hand-over to a lessee begins. `holder` decides it
for one node; `db.console_auth_tokens` for many, in the statement that uses a token.
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
    """The stored part of a token: its hash, and the use that it permits.

    Attributes:
        hash: what `digest` makes of it.
        lease: uuid of the lease it dies with; None for the owner of a node that nobody has.
        project_id: the project that has the node.
        user_id: who asked for it.
        read_only: whether typed input is dropped.
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
    """The operator's limits on tokens.

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
        """Return the URL that a client opens."""
        return f'{self.url}/?token={token}'


def digest(token: str) -> str:
    """Return the stored hash of a token; a token is long and random, so a fast hash is enough."""
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
