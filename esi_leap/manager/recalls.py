"""Recalls that a crashed API process left open are finished, beside the work on nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from esi_leap.actions.recalls import finish
from esi_leap.core import retry
from esi_leap.core.ports.store import Store
from esi_leap.manager.deps import Meter
from esi_leap.manager.trouble import note_errors

#: A request has this long to finish its recall by itself.
_PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Finisher:
    """Finishes the open items of such recalls, however many managers there are."""

    store: Store
    meter: Meter
    now: Callable[[], datetime]

    def __call__(self, stop: Event) -> None:
        """Work until the event is set."""
        while not stop.wait(retry.RECALLS):
            with note_errors(self.meter, 'finishing recalls'):
                finish(self.store, self.now(), _PATIENCE)
