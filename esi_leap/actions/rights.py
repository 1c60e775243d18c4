"""Policy checks of the use cases, and the targets that rules can name."""

from __future__ import annotations

from collections.abc import Mapping

from esi_leap.core.errors import DeniedError, InvalidError
from esi_leap.core.offer import Offer
from esi_leap.core.ports.caller import Caller


def require(ctx: Caller, rule: str, target: Mapping[str, str | None] | None = None) -> None:
    """Refuse a request that the policy does not allow.

    Raises:
        DeniedError: the rule does not allow it.
    """
    if not ctx.can(rule, target):
        raise DeniedError.by(rule)


def require_project(ctx: Caller) -> str:
    """Return the caller's project.

    Raises:
        InvalidError: the token has no project.
    """
    if ctx.project_id is None:
        raise InvalidError('This needs a token of a project; the token given has another scope.')
    return ctx.project_id


def offer_target(offer: Offer) -> dict[str, str | None]:
    """Return the attributes of an offer that rules can name."""
    return {'offer.project_id': offer.owner_id}


def lease_target(
    owner_id: str, lessee_id: str, lender_id: str | None = None
) -> dict[str, str | None]:
    """Return the attributes of a lease or a contract that rules can name."""
    return {
        'lease.owner_id': owner_id,
        'lease.project_id': lessee_id,
        'lease.lender_id': lender_id,
    }
