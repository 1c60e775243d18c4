"""The relay: sends notifications from the outbox to the message bus, whatever the bus does.

A notification leaves the outbox when the bus has taken it, before the next one is sent: it is sent
at least once, and its copies follow each other. Of several managers one sends at a time, in the
order of the outbox. The relay has a daemon thread: a bus that hangs keeps a manager neither from
its work nor from its end.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from esi_leap.core import retry
from esi_leap.core.errors import LeapError, UnavailableError
from esi_leap.core.ports.bus import Bus, Outbox

_LOG = logging.getLogger(__name__)

#: Name of the chore that one relay does at a time.
_CHORE = 'outbox'
#: How long a relay sends under one claim of the outbox, in seconds.
_TURN = 5.0
#: Most notifications that are read at once.
_BATCH = 20
#: How long `stop` waits for the notification that is being sent, in seconds.
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The ports, clocks and settings of a relay.

    Attributes:
        bus: the message bus; without one the relay only numbers the events, so that readers do not
            find many without an id.
        silence: seconds after which a relay that stands still cannot reach the bus any more. The
            claim of the outbox is longer than a turn by this time, so that a notification of one
            relay does not arrive among those of the next.
        monotonic: measures how long a relay may still send.
        poll: seconds between two looks at the outbox.
    """

    outbox: Outbox
    bus: Bus | None
    silence: float
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_uuid: Callable[[], str]
    poll: float


class Relay:
    """A relay. Any number of relays work on one database.

    Args:
        deps: its ports, clocks and settings.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._stop = threading.Event()
        self._claim = deps.new_uuid()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name='relay', daemon=True)

    def start(self) -> None:
        """Start the thread of the relay."""
        self._thread.start()

    def stop(self) -> None:
        """End; a notification that the bus has not taken stays in the outbox for the next relay."""
        self._stop.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self.work())

    def work(self) -> float:
        """Send a batch of notifications; return how long to sleep, in seconds."""
        try:
            self._deps.outbox.number_events()
            more = self._deps.bus is not None and self._pass_on(self._deps.bus)
        except UnavailableError as error:
            self._failures += 1
            pause = retry.BUS.delay(self._failures)
            _LOG.warning('%s Notifications wait %s s.', error.message, pause)
            return pause
        except LeapError as error:
            _LOG.warning('notifications wait: %s', error.message)
            return self._deps.poll
        except Exception:  # noqa: BLE001 - whatever it is, it is tried again
            _LOG.exception('passing notifications on failed')
            return retry.BUS.longest
        self._failures = 0
        return 0.0 if more else self._deps.poll

    def _pass_on(self, bus: Bus) -> bool:
        """Send a batch, unless another relay has claimed the outbox; return whether one was sent.

        Raises:
            UnavailableError: the bus did not take a notification; those before it are sent.
        """
        outbox = self._deps.outbox
        if not outbox.outgoing(1):
            return False
        until = self._deps.monotonic() + _TURN
        now = self._deps.now()
        claimed = now + timedelta(seconds=_TURN + self._deps.silence)
        if not outbox.claim_chore(_CHORE, self._claim, now, claimed):
            return False

        def may_send() -> bool:
            return not self._stop.is_set() and self._deps.monotonic() < until

        has_sent = False
        try:
            for message in outbox.outgoing(_BATCH):
                if not may_send():
                    break
                bus.send(message, may_send)
                outbox.sent(message.id)
                has_sent = True
        finally:
            outbox.release_chore(_CHORE, self._claim, None)
        return has_sent
