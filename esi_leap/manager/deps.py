"""What the manager is given: the ports, and time, chance and its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from esi_leap.core.gate import Rules
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
    gate: Rules = field(default_factory=Rules)
    #: Whether what was changed past this service is put right, and not only reported.
    repair: bool = False


class Meter(Protocol):
    """Who counts what a manager does; times in seconds."""

    def ticked(self, now: datetime, backlog: Backlog) -> None:
        """Note that the manager has looked what is due, and what it saw."""

    def handed_over(self, seconds: float) -> None:
        """Note that a lessee has got a node, so long after the start of the lease."""

    def returned(self, seconds: float) -> None:
        """Note that a node is available again, so long after a lessee lost it."""

    def regained(self, seconds: float) -> None:
        """Note that an owner has a node back, so long after he recalled it."""

    def refreshed(self, as_of: datetime) -> None:
        """Note when the service of nodes that is longest behind was last read."""

    def failed(self, code: str) -> None:
        """Note that something went wrong, by the code of the error."""


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


#: Longest time between two tries of a service that does not answer: it is due within seconds of
#: its return.
_UNAVAILABLE_MAX = 2.0
#: Longest time between two looks at what Ironic is doing.
_MOVING_MAX = 10.0
_FIRST = 0.5


def retry_at(
    now: datetime, attempts: int, settings: Settings, *, moving: bool, unavailable: bool
) -> datetime:
    """Return when to try again, the later the more attempts there were.

    Args:
        now: the present instant.
        attempts: how many there were before.
        settings: the manager's.
        moving: Ironic is at work, and only has to come to an end.
        unavailable: a service did not answer.
    """
    exponent = min(attempts, 20)
    if moving:
        delay = min(_FIRST * 1.2**exponent, _MOVING_MAX)
    elif unavailable:
        delay = min(_FIRST * 2.0**exponent, _UNAVAILABLE_MAX)
    else:
        delay = min(2.0 * _FIRST * 2.0**exponent, settings.retry_max)
    return now + timedelta(seconds=delay)
