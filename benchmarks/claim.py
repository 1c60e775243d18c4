"""One claim beside a bare loop of its own SQL: CPU time of both, and where the rest of it goes.

    python -m benchmarks.claim [--claims 200] [--database mariadb]

The statements of the claims are recorded, and then sent again with the same parameters to a
database that is in the same state: in one loop by a plain connection of SQLAlchemy, in another one
by the database driver alone. What a claim costs beyond the loop is the service's. The profiler
makes everything slower, calls of small functions most of all: its table shows shares, not times.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import sysconfig
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from benchmarks import report
from benchmarks.worker import LESSEE, OWNER, Client
from esi_leap.fixture import Service
from sandbox import databases
from sandbox.errors import SandboxError
from sandbox.layout import PROJECT

_WARM, _PROFILED = 20, 100
_PACKAGES, _FUNCTIONS = 14, 3
_LIBRARY = sysconfig.get_path('stdlib')


class Call(NamedTuple):
    """A call of the database driver: a statement, or the end of a transaction without one."""

    verb: str
    statement: str = ''
    parameters: Any = None


class Recorder:
    """Notes what this process asks of its databases."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        sa.event.listen(sa.Engine, 'before_cursor_execute', self._executed)
        for verb in ('commit', 'rollback'):
            sa.event.listen(sa.Engine, verb, self._ended(verb))

    def _executed(self, *call: Any) -> None:  # noqa: ANN401 - what SQLAlchemy passes
        _connection, _cursor, statement, parameters, _context, many = call
        verb = 'executemany' if many else 'execute'
        self.calls.append(Call(verb, statement, parameters))

    def _ended(self, verb: str) -> Callable[[object], None]:
        return lambda _connection: self.calls.append(Call(verb))


class Profiler:
    """Profiles the requests that a WSGI application answers while it is switched on."""

    def __init__(self) -> None:
        self.profile = cProfile.Profile(time.thread_time)
        self.is_on = False

    def around(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Any]:
        """Wrap the application."""

        def wrapped(environ: object, start_response: object) -> Iterable[bytes]:
            if not self.is_on:
                return application(environ, start_response)
            return self.profile.runcall(lambda: list(application(environ, start_response)))

        return wrapped


def main() -> None:
    """Measure and print."""
    options = _options()
    with databases.KINDS[options.database]() as server, tempfile.TemporaryDirectory() as name:
        for database in ('claims', *_SENDERS):
            server.create_database(database)
        before, claims, spent, profile = _claim(
            server.url('claims'), Path(name) / 'one', options.claims
        )
        bare = {
            sender: _replay(server.url(sender), Path(name) / sender, sender, [before, *claims])
            for sender in _SENDERS
        }
    service = 1000 * statistics.median(spent[_WARM:])
    statements = sum(bool(call.statement) for call in claims[-1])
    print(f'One of {options.claims} claims on {options.database}: {statements} statements')
    print(f'  {"the service":28} {service:6.2f} ms of CPU time')
    for sender, each in bare.items():
        loop = 1000 * statistics.median(each[1 + _WARM :])
        print(f'  {f"its SQL alone, by {sender}":28} {loop:6.2f} ms, ratio {service / loop:.2f}')
    print()
    print(report.aligned(_shares(pstats.Stats(profile))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--claims', type=int, default=200, help='claims that are measured (200)')
    parser.add_argument(
        '--database',
        choices=sorted(databases.KINDS),
        default=databases.MariaDB.name,
        help='the database server (mariadb)',
    )
    return parser.parse_args()


def _claim(
    url: str, folder: Path, count: int
) -> tuple[Sequence[Call], Sequence[Sequence[Call]], Sequence[float], cProfile.Profile]:
    """Claim offers; return the calls before the claims and of each, CPU seconds, and a profile."""
    profiler, claims, spent = Profiler(), [], []
    # After the midnight of tomorrow, so that no window has begun.
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
    window = {'start_time': day.isoformat(), 'end_time': (day + timedelta(days=9)).isoformat()}
    part = {**window, 'end_time': (day + timedelta(days=1)).isoformat()}
    folder.mkdir()
    with Service(folder, database=url, manager=False, around=profiler.around) as service:
        recorder = Recorder()
        names = [f'node-{number:04}' for number in range(_WARM + count + _PROFILED)]
        for name in names:
            service.node(name, owner=OWNER)
        service.refresh()
        client = Client(service.url)
        offers = [
            client.send(OWNER, 'POST', '/v1/offers', {'resource_uuid': name, **window})
            for name in names
        ]
        before, recorder.calls = recorder.calls, []
        for offer in offers[: _WARM + count]:
            begun = time.process_time()
            client.send(LESSEE, 'POST', f'/v1/offers/{offer}/claim', part)
            spent.append(time.process_time() - begun)
            claims.append(recorder.calls)
            recorder.calls = []
        profiler.is_on = True
        for offer in offers[_WARM + count :]:
            client.send(LESSEE, 'POST', f'/v1/offers/{offer}/claim', part)
        client.close()
    return before, claims, spent, profiler.profile


def _replay(
    url: str, folder: Path, sender: str, requests: Sequence[Sequence[Call]]
) -> Sequence[float]:
    """Send the calls of requests again, on a database without rows; return CPU seconds of each."""
    folder.mkdir()
    with Service(folder, database=url, manager=False):
        pass  # its tables are made
    engine = sa.create_engine(url)
    spent = []
    with closing(engine.raw_connection() if sender == 'driver' else engine.connect()) as connection:
        for calls in requests:
            begun = time.process_time()
            _SENDERS[sender](connection, calls)
            spent.append(time.process_time() - begun)
    engine.dispose()
    return spent


def _by_sqlalchemy(connection: sa.Connection, calls: Sequence[Call]) -> None:
    for verb, statement, parameters in calls:
        if not statement:
            getattr(connection, verb)()
            continue
        result = connection.exec_driver_sql(statement, parameters)
        if result.returns_rows:
            result.all()


def _by_driver(connection: Any, calls: Sequence[Call]) -> None:  # noqa: ANN401 - of any driver
    for verb, statement, parameters in calls:
        if not statement:
            getattr(connection, verb)()
            continue
        cursor = connection.cursor()
        getattr(cursor, verb)(statement, parameters)
        if cursor.description:
            cursor.fetchall()
        cursor.close()


_SENDERS: dict[str, Callable[[Any, Sequence[Call]], None]] = {
    'sqlalchemy': _by_sqlalchemy,
    'driver': _by_driver,
}


def _shares(stats: pstats.Stats) -> report.Table:
    """Return one row for each package: its share of the CPU time, and its costliest functions.

    The time of a function that is written in C belongs to the package that calls it.
    """
    times: dict[str, Counter[str]] = defaultdict(Counter)
    for function, (_, _, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if function[0] == '~' and callers:
            for caller, (_, _, part, _) in callers.items():
                times[_package(caller[0])][f'{caller[2]} > {function[2]}'] += part
        else:
            times[_package(function[0])][f'{Path(function[0]).stem}.{function[2]}'] += own
    total = sum(sum(each.values()) for each in times.values())
    rows = [['package', 'share', 'of which']]
    for package, of_functions in sorted(times.items(), key=lambda item: -sum(item[1].values())):
        most = ', '.join(
            f'{name} {100 * own / total:.1f}' for name, own in of_functions.most_common(_FUNCTIONS)
        )
        rows.append([package, f'{100 * sum(of_functions.values()) / total:.1f} %', most])
    return rows[: 1 + _PACKAGES]


def _package(file: str) -> str:
    """Return the package of a source file; of ours and of SQLAlchemy, its largest, a part."""
    path = Path(file)
    if 'site-packages' in path.parts:
        parts = path.parts[path.parts.index('site-packages') + 1 :]
        deep = 2 if parts[0] == 'sqlalchemy' else 1
        return '.'.join(part.removesuffix('.py') for part in parts[:deep])
    if path.is_relative_to(PROJECT):
        return '.'.join(path.relative_to(PROJECT).parts[:2]).removesuffix('.py')
    return 'Python' if file.startswith(_LIBRARY) or file == '~' else 'others'


if __name__ == '__main__':
    try:
        main()
    except SandboxError as error:
        raise SystemExit(str(error)) from error
