"""The refresh of the inventory, beside the work on nodes: neither waits for the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from esi_leap.actions.inventory import Inventory
from esi_leap.core import retry
from esi_leap.manager.deps import Meter
from esi_leap.manager.trouble import note_errors


@dataclass(frozen=True, slots=True)
class Refresher:
    """Refreshes the inventory every `interval` seconds, however many managers there are.

    Attributes:
        interval: seconds between two refreshes.
    """

    inventory: Inventory
    meter: Meter
    interval: float

    def __call__(self, stop: Event) -> None:
        """Work until the event is set."""
        pause = 0.0
        while not stop.wait(pause):
            pause = self.interval if self._refresh() else min(self.interval, retry.REFRESH)

    def _refresh(self) -> bool:
        """Refresh the inventory if it is due; return whether that went well."""
        with note_errors(self.meter, 'refreshing the inventory'):
            self.inventory.refresh(timedelta(seconds=self.interval))
            as_of = self.inventory.as_of()
            if as_of is not None:
                self.meter.refreshed(as_of)
            return True
        return False
