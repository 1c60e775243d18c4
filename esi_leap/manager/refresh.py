"""The inventory is refreshed beside the work on nodes, so that neither waits for the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from esi_leap.actions.inventory import Inventory
from esi_leap.manager.deps import Meter
from esi_leap.manager.trouble import noted

#: Longest time, in seconds, until a refresh that failed is tried again.
_RETRY = 5.0


@dataclass(frozen=True, slots=True)
class Refresher:
    """Refreshes the inventory every `interval` seconds, however many managers there are."""

    inventory: Inventory
    meter: Meter
    interval: float

    def __call__(self, stop: Event) -> None:
        """Work until the event is set."""
        pause = 0.0
        while not stop.wait(pause):
            pause = self.interval if self._refreshed() else min(self.interval, _RETRY)

    def _refreshed(self) -> bool:
        with noted(self.meter, 'refreshing the inventory'):
            self.inventory.refresh(timedelta(seconds=self.interval))
            as_of = self.inventory.as_of()
            if as_of is not None:
                self.meter.refreshed(as_of)
            return True
        return False
