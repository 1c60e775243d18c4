"""The world of the manager: the ports, time, chance and its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from esi_leap.core import gate
from esi_leap.core.duty.rules import Rules
from esi_leap.core.ports.cloud import Fleet, Gate
from esi_leap.core.ports.manager import Agenda, Backlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the manager works; times in seconds. See `esi_leap.conf.manager`.

    Attributes:
        host: the name of the machine it runs on.
    """

    host: str
    holding_project: str
    poll_interval: float
    threads: int
    claim_time: float
    retry_max: float
    max_attempts: int
    check_interval: float
    require_clean: bool
    #: Longest time that one call to another service takes, or one question to the gate.
    call_time: float
    gate: gate.Rules = field(default_factory=gate.Rules)
    #: Whether what was changed past this service is put right, and not only reported.
    repair: bool = False


class Meter(Protocol):
    """Counters of a manager; times in seconds."""

    def ticked(self, now: datetime, backlog: Backlog) -> None:
        """Note the last tick of the manager, and the backlog at that instant."""

    def handed_over(self, seconds: float) -> None:
        """Note that a lessee has got a node, so long after the start of the lease."""

    def returned(self, seconds: float) -> None:
        """Note that a node is available again, so long after a lessee lost it."""

    def regained(self, seconds: float) -> None:
        """Note that an owner has a node back, so long after the recall."""

    def refreshed(self, as_of: datetime) -> None:
        """Note when the service of nodes that is longest behind was last read."""

    def failed(self, code: str) -> None:
        """Note an error, by its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The world of the manager.

    Attributes:
        monotonic: measures how long a claim still is.
        beside: what runs beside the work on nodes, each until its event is set.
        gate: None adds nothing to a hand-over or a return.
    """

    agenda: Agenda
    fleet: Fleet
    meter: Meter
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_uuid: Callable[[], str]
    settings: Settings
    beside: Sequence[Callable[[Event], None]] = ()
    gate: Gate | None = None

    @property
    def rules(self) -> Rules:
        """The settings by which tasks are decided and settled."""
        settings = self.settings
        return Rules(
            holding_project=settings.holding_project,
            require_clean=settings.require_clean,
            repair=settings.repair,
            check_interval=timedelta(seconds=settings.check_interval),
            retry_max=settings.retry_max,
            max_attempts=settings.max_attempts,
            gate=None if self.gate is None else settings.gate,
        )
