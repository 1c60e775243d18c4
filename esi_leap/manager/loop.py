"""The loop: claims nodes with due tasks and works on several at a time."""

from __future__ import annotations

import logging
import math
import threading
from concurrent.futures import ThreadPoolExecutor

from esi_leap.core.errors import StaleClaimError
from esi_leap.manager.calls import OutOfTimeError
from esi_leap.manager.deps import Deps
from esi_leap.manager.trouble import note_errors
from esi_leap.manager.work import work_on

_LOG = logging.getLogger(__name__)

#: Process kind in the heartbeat table.
KIND = 'manager'
#: Shortest time between two heartbeats, in seconds.
_BEAT = 5.0


class Loop:
    """A manager. Any number of managers work on one database.

    Args:
        deps: its ports, clocks and settings.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._working: set[int] = set()
        self._next_beat = -math.inf

    def stop(self) -> None:
        """Finish the tasks in flight, begin no others, and end `run`."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop` is called."""
        beside = [threading.Thread(target=each, args=(self._stop,)) for each in self._deps.beside]
        for thread in beside:
            thread.start()
        with ThreadPoolExecutor(self._deps.settings.threads, 'node') as pool:
            while not self._stop.is_set():
                self._stop.wait(self._tick(pool))
        for thread in beside:
            thread.join()

    def _tick(self, pool: ThreadPoolExecutor) -> float:
        """Give nodes with due tasks to the pool; return how long to sleep, in seconds."""
        poll = self._deps.settings.poll_interval
        with note_errors(self._deps.meter, 'looking for due tasks'):
            now = self._deps.now()
            room = 2 * self._deps.settings.threads
            for node_id in self._deps.agenda.due(now, room + len(self._working)):
                with self._lock:
                    if node_id in self._working or len(self._working) >= room:
                        continue
                    self._working.add(node_id)
                pool.submit(self._work, node_id)
            following = self._deps.agenda.next_due(now)
            self._beat()
            if following is not None:
                return min(poll, max(0.0, (following - self._deps.now()).total_seconds()))
        return poll

    def _beat(self) -> None:
        """Write a heartbeat and count the backlog, at most once in `_BEAT` seconds."""
        if self._deps.monotonic() >= self._next_beat:
            self._next_beat = self._deps.monotonic() + _BEAT
            now = self._deps.now()
            self._deps.agenda.beat(KIND, self._deps.settings.host, now)
            self._deps.meter.ticked(now, self._deps.agenda.backlog(now))

    def _work(self, node_id: int) -> None:
        """Perform all due tasks of one node, in order, under one claim."""
        with note_errors(self._deps.meter, f'working on node row {node_id}'):
            try:
                work_on(self._deps, node_id, self._stop.is_set)
            except (StaleClaimError, OutOfTimeError) as error:
                _LOG.info('node row %s: %s', node_id, error)
            finally:
                with self._lock:
                    self._working.discard(node_id)
