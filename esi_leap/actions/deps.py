"""What the use cases are given: the ports, and time, chance and patience."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from esi_leap.actions.inventory import Inventory
from esi_leap.core.booking.quota import Limits, Quota
from esi_leap.core.console_auth_token import TokenLimits
from esi_leap.core.errors import UnknownResourceTypeError
from esi_leap.core.ports.caller import Caller
from esi_leap.core.ports.cloud import Fleet, Identity, Nodes, Project
from esi_leap.core.ports.store import Store
from esi_leap.core.ports.tokens import ConsoleAuthTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The world of the use cases.

    Attributes:
        default_type: resource type of a node when a request names none.
        limits: default and longest time of leases.
        quota: what one project may claim.
        delete_wait: seconds that a deletion waits until the lessee has lost the node.
        max_limit: most objects on one page.
        console: what tokens for consoles can be had.
        new_secret: makes a text that nobody guesses.
        pause: sleeps for some seconds.
    """

    store: Store
    tokens: ConsoleAuthTokens
    fleet: Fleet
    identity: Identity
    inventory: Inventory
    now: Callable[[], datetime]
    new_uuid: Callable[[], str]
    new_secret: Callable[[], str]
    pause: Callable[[float], None]
    default_type: str
    limits: Limits
    quota: Quota
    delete_wait: float
    max_limit: int
    console: TokenLimits

    def nodes(self, resource_type: str | None) -> tuple[str, Nodes]:
        """Return a resource type and the service that has its nodes.

        Raises:
            UnknownResourceTypeError: this deployment has no such type.
        """
        wanted = resource_type or self.default_type
        if wanted not in self.fleet:
            raise UnknownResourceTypeError.of(wanted, self.fleet)
        return wanted, self.fleet[wanted]

    def project(self, ident: str, ctx: Caller) -> Project:
        """Find a project as the caller names it."""
        return self.identity.project(ident, ctx.home_domain)

    def limits_for(self, ctx: Caller) -> Limits:
        """Return the limits on a lease that this caller makes."""
        if ctx.can('esi_leap:lease:lease_admin'):
            return Limits(self.limits.default, None)
        return self.limits

    def quota_for(self, ctx: Caller) -> Quota:
        """Return the limits on what this caller's project claims."""
        return Quota() if ctx.can('esi_leap:lease:lease_admin') else self.quota
