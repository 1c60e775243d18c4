"""What Prometheus reads: the numbers of one kind of process.

No label holds what a caller can choose: a path is the template of its route, so that there are as
many of them as there are routes, methods and errors.

The workers of the API share their numbers through the files of prometheus_client's multi-process
mode; any of them answers for all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    make_wsgi_app,
    start_http_server,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from esi_leap.core.ports.manager import Backlog

_WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: Of answers, in seconds.
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: Of what machines do, in seconds: from a moment to a clean of all disks.
_SLOW = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)


_SHARED = 'PROMETHEUS_MULTIPROC_DIR'


@contextmanager
def shared() -> Iterator[None]:
    """Let this process and those that it forks share their numbers, in a directory of files.

    The library chooses between its modes when it is imported, long before the configuration is
    known; so it is made to choose again.
    """
    folder, process = tempfile.mkdtemp(prefix='esi-leap-metrics-'), os.getpid()
    os.environ[_SHARED] = folder
    values.ValueClass = values.get_value_class()
    try:
        yield
    finally:
        if os.getpid() == process:  # those that were forked leave through here, too
            shutil.rmtree(folder, ignore_errors=True)


def forget(process: int) -> None:
    """Leave out of the sums what a worker that has ended had in use."""
    mark_process_dead(process)


class _Numbers:
    """What both kinds have."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._connections = Gauge(
            'esi_leap_database_connections',
            'Connections to the database that are in use.',
            multiprocess_mode='livesum',
            registry=self.registry,
        )

    def connections(self, change: int) -> None:
        """Note that one more (1) or one less (-1) connection to the database is in use."""
        self._connections.inc(change)


class Api(_Numbers):
    """The numbers of the API."""

    def __init__(self) -> None:
        super().__init__()
        self._requests = Counter(
            'esi_leap_requests',
            'Requests that were answered; the route of one refused before it was found is none.',
            ('route', 'method', 'status'),
            registry=self.registry,
        )
        self._seconds = Histogram(
            'esi_leap_request_seconds',
            'How long answers took.',
            ('route',),
            buckets=_QUICK,
            registry=self.registry,
        )
        self._errors = Counter(
            'esi_leap_errors',
            'Errors that were answered.',
            ('code',),
            registry=self.registry,
        )

    def answered(
        self, route: str, method: str, status: int, code: str | None, seconds: float
    ) -> None:
        """Note an answer.

        Args:
            route: the template of its path, or `none`.
            method: the HTTP method, or `other`.
            status: the HTTP status.
            code: of the error, None if it went well.
            seconds: how long it took.
        """
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if code is not None:
            self._errors.labels(code).inc()

    def beside(self, application: _WSGI, port: int) -> _WSGI:
        """Answer /metrics to those who come in through `port`, and the API to all others."""
        registry = self.registry
        if _SHARED in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        page = make_wsgi_app(registry)

        def wrapped(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if environ.get('SERVER_PORT') != str(port):
                return application(environ, start)
            if environ.get('PATH_INFO') != '/metrics':
                start('404 Not Found', [('Content-Type', 'text/plain'), ('Content-Length', '0')])
                return [b'']
            return page(environ, start)

        return wrapped


class Manager(_Numbers):
    """The numbers of a manager."""

    def __init__(self) -> None:
        super().__init__()
        self._due = Gauge(
            'esi_leap_leases_due',
            'Leases for which something is due now.',
            registry=self.registry,
        )
        self._late = Gauge(
            'esi_leap_leases_late',
            'Leases whose start or end has come and is not done.',
            registry=self.registry,
        )
        self._lateness = Gauge(
            'esi_leap_lateness_seconds',
            'How long ago the start or end of the latest of them was.',
            registry=self.registry,
        )
        self._outgoing = Gauge(
            'esi_leap_notifications_waiting',
            'Notifications that the message bus has not taken yet.',
            registry=self.registry,
        )
        self._tick = Gauge(
            'esi_leap_last_tick_timestamp_seconds',
            'When the manager last looked what is due.',
            registry=self.registry,
        )
        self._hand_over = Histogram(
            'esi_leap_hand_over_seconds',
            'From the start of a lease until its lessee had the node.',
            buckets=_SLOW,
            registry=self.registry,
        )
        self._return = Histogram(
            'esi_leap_return_seconds',
            'From when a lessee lost a node until it was available again.',
            buckets=_SLOW,
            registry=self.registry,
        )
        self._access = Histogram(
            'esi_leap_owner_access_seconds',
            'From the recall of a node that was leased until its owner could use it.',
            buckets=_SLOW,
            registry=self.registry,
        )
        self._inventory = Gauge(
            'esi_leap_inventory_timestamp_seconds',
            'When the nodes of the service that is longest behind were last read.',
            registry=self.registry,
        )
        self._errors = Counter(
            'esi_leap_work_errors',
            'What went wrong in the work of the manager.',
            ('code',),
            registry=self.registry,
        )

    def ticked(self, now: datetime, backlog: Backlog) -> None:
        """Note that the manager has looked what is due, and what it saw."""
        self._tick.set(now.timestamp())
        self._due.set(backlog.due)
        self._late.set(backlog.late)
        self._outgoing.set(backlog.outgoing)
        since = now if backlog.since is None else backlog.since
        self._lateness.set((now - since).total_seconds())

    def handed_over(self, seconds: float) -> None:
        """Note that a lessee has got a node, so long after the start of the lease."""
        self._hand_over.observe(seconds)

    def returned(self, seconds: float) -> None:
        """Note that a node is available again, so long after a lessee lost it."""
        self._return.observe(seconds)

    def regained(self, seconds: float) -> None:
        """Note that an owner has a node back, so long after he recalled it."""
        self._access.observe(seconds)

    def refreshed(self, as_of: datetime) -> None:
        """Note when the service of nodes that is longest behind was last read."""
        self._inventory.set(as_of.timestamp())

    def failed(self, code: str) -> None:
        """Note that something went wrong, by the code of the error."""
        self._errors.labels(code).inc()

    def serve(self, host: str, port: int) -> None:
        """Answer /metrics on an address of its own, in a thread of its own."""
        start_http_server(port, host, self.registry)
