"""Recalls that a request has begun and not ended are ended beside the work on nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from esi_leap.actions.recalls import finish
from esi_leap.core.ports.store import Store
from esi_leap.manager.deps import Meter
from esi_leap.manager.trouble import noted

#: Seconds between two looks, and how long a request is left alone with what it has begun.
_PAUSE, _PATIENCE = 5.0, timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Finisher:
    """Ends what API processes that have died have begun, however many managers there are."""

    store: Store
    meter: Meter
    now: Callable[[], datetime]

    def __call__(self, stop: Event) -> None:
        """Work until the event is set."""
        while not stop.wait(_PAUSE):
            with noted(self.meter, 'finishing recalls'):
                finish(self.store, self.now(), _PATIENCE)
