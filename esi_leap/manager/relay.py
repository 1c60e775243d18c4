"""The relay: notifications go from the outbox to the message bus, whatever the bus does.

A notification leaves the outbox when the bus has taken it, before the next one is sent: it is sent
at least once, and one that comes a second time follows itself. Of several managers one sends at a
time, in the order of the outbox. The relay works on a thread that nobody has to wait for: a bus
that hangs keeps a manager neither from its work nor from its end.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from esi_leap.core.errors import LeapError, UnavailableError
from esi_leap.core.ports.bus import Bus, Outbox

_LOG = logging.getLogger(__name__)

#: What one relay does at a time.
_CHORE = 'outbox'
#: How long, in seconds, a relay sends under one claim of the outbox.
_TURN = 5.0
#: Notifications that are read at a time.
_BATCH = 20
#: First and longest pause, in seconds, after the bus did not take one.
_FIRST, _LONGEST = 0.5, 10.0
#: How long, in seconds, the end of a relay waits for what it is sending.
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The world of a relay.

    Attributes:
        bus: None sends nothing; the relay then only gives events their ids, so that no reader finds
            many without one.
        silence: after how long, in seconds, a relay that stands still cannot reach the bus any
            more. So much longer than it sends does it claim the outbox, and nothing of it arrives
            among the notifications of the next relay.
        monotonic: measures how long a relay may still send.
        poll: pause between two looks, in seconds.
    """

    outbox: Outbox
    bus: Bus | None
    silence: float
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_uuid: Callable[[], str]
    poll: float


class Relay:
    """A relay. Any number of them work on one database.

    Args:
        deps: its world.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._stop = threading.Event()
        self._claim = deps.new_uuid()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name='relay', daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End, or leave behind what the bus does not take; the next relay begins with it."""
        self._stop.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self.work())

    def work(self) -> float:
        """Do what there is to do; return how long to sleep then, in seconds."""
        try:
            self._deps.outbox.number_events()
            more = self._deps.bus is not None and self._pass_on(self._deps.bus)
        except UnavailableError as error:
            pause = min(_FIRST * 2.0 ** min(self._failures, 20), _LONGEST)
            self._failures += 1
            _LOG.warning('%s Notifications wait %s s.', error.message, pause)
            return pause
        except LeapError as error:
            _LOG.warning('notifications wait: %s', error.message)
            return self._deps.poll
        except Exception:  # noqa: BLE001 - whatever it is, the next round comes
            _LOG.exception('passing notifications on failed')
            return _LONGEST
        self._failures = 0
        return 0.0 if more else self._deps.poll

    def _pass_on(self, bus: Bus) -> bool:
        """Send a batch, if there is one and nobody else is at it; tell whether there was one.

        Raises:
            UnavailableError: the bus did not take one. Those before it are done with.
        """
        outbox = self._deps.outbox
        if not outbox.outgoing(1):
            return False
        until = self._deps.monotonic() + _TURN
        now = self._deps.now()
        claimed = now + timedelta(seconds=_TURN + self._deps.silence)
        if not outbox.claim_chore(_CHORE, self._claim, now, claimed):
            return False

        def may() -> bool:
            return not self._stop.is_set() and self._deps.monotonic() < until

        some = False
        try:
            for message in outbox.outgoing(_BATCH):
                if not may():
                    break
                bus.send(message, may)
                outbox.sent(message.id)
                some = True
        finally:
            outbox.release_chore(_CHORE, self._claim, None)
        return some
