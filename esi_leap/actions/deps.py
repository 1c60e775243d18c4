"""The ports and settings of the use cases."""

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
    """Ports and settings.

    Attributes:
        default_type: resource type where a request names none.
        limits: default and maximum duration of leases.
        quota: limits on the claims of one project.
        delete_wait: seconds that a deletion waits at most for the lessee to lose the node.
        max_limit: maximum number of objects on one page.
        console: lifetime and address of console tokens.
        new_secret: makes a text that cannot be guessed.
        pause: sleeps for a number of seconds.
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
        """Return the resource type and the service of its nodes; None is the default type.

        Raises:
            UnknownResourceTypeError: the deployment has no such type.
        """
        wanted = resource_type or self.default_type
        if wanted not in self.fleet:
            raise UnknownResourceTypeError.of(wanted, self.fleet)
        return wanted, self.fleet[wanted]

    def project(self, ident: str, ctx: Caller) -> Project:
        """Find a project by id, or by name in the caller's domain.

        Raises:
            UnknownProjectError: there is no such project.
        """
        return self.identity.project(ident, ctx.home_domain)

    def limits_for(self, ctx: Caller) -> Limits:
        """Return the limits on leases of this caller; an admin's have no maximum."""
        if ctx.can('esi_leap:lease:lease_admin'):
            return Limits(self.limits.default, None)
        return self.limits

    def quota_for(self, ctx: Caller) -> Quota:
        """Return the limits on the claims of the caller's project; an admin has none."""
        return Quota() if ctx.can('esi_leap:lease:lease_admin') else self.quota
