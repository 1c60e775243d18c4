"""The configuration that tasks are decided and settled by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from esi_leap.core import gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Options of `[manager]` and `[gate]`, as far as they decide anything.

    Attributes:
        holding_project: id of the project that has a node while it is prepared or returned.
        require_clean: whether a node that Ironic does not clean is kept from the next lessee.
        repair: whether a change outside this service is put right, and not only reported.
        check_interval: time between two looks at a node that is handed over.
        retry_max: longest delay before an obstructed step is tried again, in seconds.
        max_attempts: errors of this service in a row until a lease that waits fails.
        gate: rules for verdicts; None if there is no gate.
    """

    holding_project: str
    require_clean: bool = True
    repair: bool = False
    check_interval: timedelta = timedelta(seconds=60)
    retry_max: float = 60.0
    max_attempts: int = 10
    gate: gate.Rules | None = None
