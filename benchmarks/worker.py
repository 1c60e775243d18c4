"""The service of one tree, measured by its own Python; prints JSON.

    PYTHON -P worker.py --tree TREE --database URL --second-database URL [--offers N] [--leases N]

It imports ``esi_leap.fixture`` and SQLAlchemy, and nothing else that is not Python's own, so that
it runs in the environment of any tree. Requests come from a process of their own, one after the
other: the CPU time of this process is the service's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

import esi_leap.fixture

OWNER, LESSEE = 'owner', 'lessee'
#: Requests of a kind that are not counted, because the first ones fill caches.
_WARM = 5
_LISTS = 20
#: Seconds for which the idle manager is watched, and for which its work may go on unseen.
_IDLE, _TAIL = 3.0, 1.0
_CREATED = (200, 201)


class Reading(NamedTuple):
    """Totals of this process: seconds of CPU time, SQL statements, and when they were read."""

    cpu: float
    statements: int
    at: float


class Meter:
    """Counts the SQL statements of this process, and reads its CPU time."""

    def __init__(self) -> None:
        self._statements = 0
        sa.event.listen(sa.Engine, 'before_cursor_execute', self._count)

    def _count(self, *_: object) -> None:
        self._statements += 1

    def read(self) -> Reading:
        """Return the totals."""
        return Reading(time.process_time(), self._statements, time.monotonic())


class Client:
    """A process that sends requests and watches the files of nodes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._process = subprocess.Popen(
            [sys.executable, '-P', Path(__file__).with_name('worker_client.py')],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the process."""
        self._ask(None)
        self._process.communicate()

    def send(self, project: str, method: str, path: str, body: object = None) -> str:
        """Send a request and return the uuid in its answer; raise RuntimeError if it failed."""
        headers = {'X-Project-Id': project, 'X-Roles': 'member,reader'}
        answer = self._ask(
            {'url': self._url + path, 'method': method, 'headers': headers, 'body': body}
        )
        if answer['status'] not in _CREATED:
            raise RuntimeError(f'{method} {path}: {answer["status"]} {answer["text"]}')
        return str(answer['uuid'])

    def watch(self, folder: Path, nodes: Sequence[str], project: str | None) -> float:
        """Wait until all nodes have this project; return when the last one was seen to."""
        asked = {'folder': str(folder), 'nodes': nodes, 'project': project}
        return float(self._ask(asked)['at'])

    def _ask(self, asked: Mapping[str, object] | None) -> Any:  # noqa: ANN401 - JSON
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError('The client has no pipes.')
        self._process.stdin.write(json.dumps(asked) + '\n')
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline() or 'null')


class Requests:
    """Requests of one kind: CPU time, statements and seconds of each."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._spent: list[Reading] = []

    def __enter__(self) -> Reading:
        self._before = self._meter.read()
        return self._before

    def __exit__(self, *_: object) -> None:
        after = self._meter.read()
        self._spent.append(Reading(*(b - a for a, b in zip(self._before, after, strict=True))))

    def found(self) -> dict[str, float]:
        """Return the medians of all but the first requests."""
        counted = self._spent[_WARM:]
        return {
            'cpu': statistics.median(each.cpu for each in counted),
            'statements': statistics.median(each.statements for each in counted),
            'rate': len(counted) / sum(each.at for each in counted),
        }


def main() -> None:
    """Measure requests on one database and the manager's work on the other."""
    options = _options()
    package = Path(esi_leap.fixture.__file__).resolve().parent
    if package != options.tree.resolve() / 'esi_leap':
        raise SystemExit(f'{sys.executable} has esi_leap in {package}, not in {options.tree}.')
    meter = Meter()
    found = measure_requests(meter, options.database, options.offers)
    found |= measure_manager(meter, options.second_database, options.leases)
    json.dump(found, sys.stdout)


def measure_requests(meter: Meter, database: str, count: int) -> dict[str, dict[str, float]]:
    """Return what an offer, a list of ``count`` offers, and a claim cost."""
    creates, lists, claims = (Requests(meter) for _ in range(3))
    # After the midnight of tomorrow, so that no window has begun.
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
    names = [f'node-{number:04}' for number in range(count + _WARM)]
    with (
        tempfile.TemporaryDirectory() as folder,
        esi_leap.fixture.Service(Path(folder), database=database, manager=False) as service,
    ):
        for name in names:
            service.node(name, owner=OWNER)
        service.refresh()
        client = Client(service.url)
        offers = []
        for name in names:
            body = {'resource_uuid': name, **_window(day, timedelta(days=9))}
            with creates:
                offers.append(client.send(OWNER, 'POST', '/v1/offers', body))
        for _ in range(_LISTS + _WARM):
            with lists:
                client.send(LESSEE, 'GET', f'/v1/offers?limit={count}')
        for offer in offers:
            body = _window(day + timedelta(days=1), timedelta(days=1))
            with claims:
                client.send(LESSEE, 'POST', f'/v1/offers/{offer}/claim', body)
        client.close()
    return {'create': creates.found(), 'list': lists.found(), 'claim': claims.found()}


def measure_manager(meter: Meter, database: str, count: int) -> dict[str, dict[str, float]]:
    """Return what a hand-over and a return cost, when ``count`` leases begin and end together.

    The CPU time and the statements of the idle manager are measured before and subtracted.
    """
    names = [f'node-{number:04}' for number in range(count)]
    # The usual sleep between two looks, not the fixture's of 50 ms.
    settings = {'manager': {'holding_project': 'holding', 'poll_interval': 0.5}}
    with (
        tempfile.TemporaryDirectory() as folder,
        esi_leap.fixture.Service(Path(folder), database=database, options=settings) as service,
    ):
        for name in names:
            service.node(name, owner=OWNER, power_state='power off')
        service.refresh()
        client = Client(service.url)
        # The first lease tells how long others take to be booked.
        later = _window(datetime.now(UTC) + timedelta(days=2), timedelta(days=1))
        begun = time.monotonic()
        for name in names[:_WARM]:
            body = {'resource_uuid': name, 'project_id': LESSEE, **later}
            client.send(OWNER, 'POST', '/v1/leases', body)
        booked_within = 2 * (time.monotonic() - begun) / _WARM * count + 1

        start = _after(booked_within)
        leases = []
        for name in names:
            body = {
                'resource_uuid': name,
                'project_id': LESSEE,
                **_window(start, timedelta(hours=1)),
            }
            leases.append(client.send(OWNER, 'POST', '/v1/leases', body))
        given = _work(meter, lambda: client.watch(service.nodes, names, LESSEE), start, count)

        end = _after(booked_within)
        for lease in leases:
            client.send(OWNER, 'PATCH', f'/v1/leases/{lease}', {'end_time': end.isoformat()})
        returned = _work(meter, lambda: client.watch(service.nodes, names, None), end, count)
        client.close()
    return {'hand-over': given, 'return': returned}


def _window(start: datetime, length: timedelta) -> dict[str, str]:
    return {'start_time': start.isoformat(), 'end_time': (start + length).isoformat()}


def _after(seconds: float) -> datetime:
    """Return the time at which the idle manager has been watched, if that begins so soon."""
    return datetime.now(UTC) + timedelta(seconds=seconds + _IDLE)


def _work(meter: Meter, watch: Callable[[], float], due: datetime, count: int) -> dict[str, float]:
    """Return what one of ``count`` nodes costs whose turn comes at ``due``.

    ``watch`` returns when the last one of them has changed hands.
    """
    left = (due - datetime.now(UTC)).total_seconds()
    if left < _IDLE / 2:
        raise SystemExit('The machine is too busy: the leases were not booked in time.')
    rest = meter.read()
    time.sleep(left - 0.1)
    before = meter.read()
    end = watch()
    time.sleep(_TAIL)
    after = meter.read()
    share = (after.at - before.at) / (before.at - rest.at)
    cpu = after.cpu - before.cpu - share * (before.cpu - rest.cpu)
    asked = after.statements - before.statements - share * (before.statements - rest.statements)
    return {
        'cpu': cpu / count,
        'statements': round(asked / count, 1),
        'rate': count / (end - due.timestamp()),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--tree', type=Path, required=True, help='where esi_leap has to come from')
    parser.add_argument('--database', required=True, metavar='URL', help='an empty database')
    parser.add_argument('--second-database', required=True, metavar='URL', help='another one')
    parser.add_argument('--offers', type=int, default=100, help='offers and claims (100)')
    parser.add_argument('--leases', type=int, default=50, help='hand-overs and returns (50)')
    return parser.parse_args()


if __name__ == '__main__':
    main()
