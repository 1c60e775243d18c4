"""Metrics for Prometheus: one class for each kind of process.

No label has a value that a caller can choose: a path is the template of its route, so that the
number of series is bounded by the routes, methods and errors.

The workers of the API share their metrics through the files of prometheus_client's multi-process
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

#: Buckets for the times of answers, in seconds.
_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: Buckets for what machines do, in seconds: from a moment to the cleaning of all disks.
_SLOW = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)


_SHARED = 'PROMETHEUS_MULTIPROC_DIR'


@contextmanager
def shared() -> Iterator[None]:
    """Share metrics between this process and its forks, in a directory of files.

    The library chooses between its modes when it is imported, long before the configuration is
    known; so it is made to choose again.
    """
    folder, process = tempfile.mkdtemp(prefix='esi-leap-metrics-'), os.getpid()
    os.environ[_SHARED] = folder
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if os.getpid() == process:  # forked processes leave through here, too
            shutil.rmtree(folder, ignore_errors=True)


def forget(process: int) -> None:
    """Leave the gauges of a worker that has ended out of the sums."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]


class _Metrics:
    """Metrics of every kind of process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._connections = Gauge(
            'esi_leap_database_connections',
            'Connections to the database that are in use.',
            multiprocess_mode='livesum',
            registry=self.registry,
        )

    def connections(self, change: int) -> None:
        """Count a connection to the database as in use (1), or as given back (-1)."""
        self._connections.inc(change)


class Api(_Metrics):
    """Metrics of the API."""

    def __init__(self) -> None:
        super().__init__()
        self._requests = Counter(
            'esi_leap_requests',
            'Answered requests; the route is none if the request was refused before it was found.',
            ('route', 'method', 'status'),
            registry=self.registry,
        )
        self._seconds = Histogram(
            'esi_leap_request_seconds',
            'Time until a request was answered.',
            ('route',),
            buckets=_QUICK,
            registry=self.registry,
        )
        self._errors = Counter(
            'esi_leap_errors',
            'Requests that were answered with an error.',
            ('code',),
            registry=self.registry,
        )

    def answered(
        self, route: str, method: str, status: int, code: str | None, seconds: float
    ) -> None:
        """Count an answer.

        Args:
            route: the template of its path, or `none`.
            method: the HTTP method, or `other`.
            status: the HTTP status.
            code: the code of the error, None if there was none.
            seconds: time until the answer.
        """
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if code is not None:
            self._errors.labels(code).inc()

    def beside(self, application: _WSGI, port: int) -> _WSGI:
        """Return an application that answers /metrics on `port`, and is `application` on others."""
        registry = self.registry
        if _SHARED in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        page: _WSGI = make_wsgi_app(registry)

        def wrapped(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if environ.get('SERVER_PORT') != str(port):
                return application(environ, start)
            if environ.get('PATH_INFO') != '/metrics':
                start('404 Not Found', [('Content-Type', 'text/plain'), ('Content-Length', '0')])
                return [b'']
            return page(environ, start)

        return wrapped


class Manager(_Metrics):
    """Metrics of a manager."""

    def __init__(self) -> None:
        super().__init__()
        self._due = Gauge(
            'esi_leap_leases_due',
            'Leases for which a task is due now.',
            registry=self.registry,
        )
        self._late = Gauge(
            'esi_leap_leases_late',
            'Leases whose hand-over or return is due and not done.',
            registry=self.registry,
        )
        self._lateness = Gauge(
            'esi_leap_lateness_seconds',
            'Time since the earliest start or end of such a lease.',
            registry=self.registry,
        )
        self._outgoing = Gauge(
            'esi_leap_notifications_waiting',
            'Notifications that the message bus has not taken yet.',
            registry=self.registry,
        )
        self._tick = Gauge(
            'esi_leap_last_tick_timestamp_seconds',
            'When the manager last looked for due tasks.',
            registry=self.registry,
        )
        self._hand_over = Histogram(
            'esi_leap_hand_over_seconds',
            'Time from the start of a lease until its lessee had the node.',
            buckets=_SLOW,
            registry=self.registry,
        )
        self._return = Histogram(
            'esi_leap_return_seconds',
            'Time from the loss of a node by its lessee until it was available again.',
            buckets=_SLOW,
            registry=self.registry,
        )
        self._access = Histogram(
            'esi_leap_owner_access_seconds',
            'Time from the recall of a leased node until its owner could use it.',
            buckets=_SLOW,
            registry=self.registry,
        )
        self._inventory = Gauge(
            'esi_leap_inventory_timestamp_seconds',
            'When all nodes were last read; of several services, the oldest time.',
            registry=self.registry,
        )
        self._errors = Counter(
            'esi_leap_work_errors',
            'Errors in the work of the manager.',
            ('code',),
            registry=self.registry,
        )

    def ticked(self, now: datetime, backlog: Backlog) -> None:
        """Record that the manager has looked for due tasks, and the backlog that it found."""
        self._tick.set(now.timestamp())
        self._due.set(backlog.due)
        self._late.set(backlog.late)
        self._outgoing.set(backlog.outgoing)
        since = now if backlog.since is None else backlog.since
        self._lateness.set((now - since).total_seconds())

    def handed_over(self, seconds: float) -> None:
        """Record a hand-over, and the seconds since the start of the lease."""
        self._hand_over.observe(seconds)

    def returned(self, seconds: float) -> None:
        """Record a return, and the seconds since the lessee lost the node."""
        self._return.observe(seconds)

    def regained(self, seconds: float) -> None:
        """Record that an owner can use a recalled node, and the seconds since the recall."""
        self._access.observe(seconds)

    def refreshed(self, as_of: datetime) -> None:
        """Record when all nodes were last read; of several services, the oldest time."""
        self._inventory.set(as_of.timestamp())

    def failed(self, code: str) -> None:
        """Count an error by its code."""
        self._errors.labels(code).inc()

    def serve(self, host: str, port: int) -> None:
        """Answer /metrics on an address, in a thread of its own.

        Raises:
            OSError: the address cannot be listened on.
        """
        start_http_server(port, host, self.registry)
