"""The names of projects, kept in the database so that lists need not ask Keystone."""

from __future__ import annotations

from collections.abc import Mapping

from esi_leap.actions.deps import Deps
from esi_leap.core.ports.caller import Caller
from esi_leap.core.ports.cloud import Project
from esi_leap.core.tree import Booking


def keep_names(deps: Deps, ctx: Caller, *others: Project) -> None:
    """Keep the names of the caller's project and of other projects for the lists."""
    name = getattr(ctx, 'project_name', None)
    own = [Project(ctx.project_id, name)] if ctx.project_id and name else []
    deps.store.remember([*own, *others])


def read_names(deps: Deps, booking: Booking) -> Mapping[str, str]:
    """Return the names of the provider's and the consumer's project, by project id."""
    return deps.store.names({each for each in (booking.owner_id, booking.lessee_id) if each})
