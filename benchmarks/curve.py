"""How the time of a request grows with what is in the database: 100 to 100,000 offers and leases.

    python -m benchmarks.curve [--sizes 100 1000 10000 100000] [--output FILE] [--explain]
    python -m benchmarks.curve --plot FILE PICTURE

Each size has so many nodes, each with an offer and a lease claimed from it, written straight into
the tables. Requests go to the WSGI application in this process, without HTTP and Keystone around
it, so that what is measured is the service and the database. Each is timed several times, its SQL
statements are counted, and with ``--explain`` the database says how it finds the rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import webob

from esi_leap import conf as configuration
from esi_leap import wiring
from esi_leap.core.contract import Contract
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.db import rows, schema, tables
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from sandbox import databases

_SIZES = (100, 1000, 10_000, 100_000)
_REPEATS = 15
_PAGE = 100
_BATCH = 2000
_DAY = timedelta(days=1)
#: So many projects hold the leases; each sees its own.
_LESSEES = 10
_OWNER, _LESSEE = 'owner', 'lessee-0'
_DONE = (200, 201)


class Service:
    """The application over one database, and what the database is asked.

    Attributes:
        asked: statements with their parameters, without those that end a transaction.
    """

    def __init__(self, database: Database, conf: Any) -> None:  # noqa: ANN401 - oslo.config
        self.database = database
        self.store = Store(database)
        self.asked: list[tuple[str, Any]] = []
        self._application = wiring.api(conf, database)
        sa.event.listen(database.engine, 'before_cursor_execute', self._note)

    def call(self, project: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send one request, which has to succeed."""
        headers = {'X-Project-Id': project, 'X-Roles': 'member,reader'}
        request = webob.Request.blank(path, method=method, headers=headers)
        if body is not None:
            request.body = json.dumps(body).encode()
        answer = request.get_response(self._application)
        if answer.status_int not in _DONE:
            raise RuntimeError(f'{method} {path}: {answer.status} {answer.text}')
        return answer.json

    def _note(self, *call: Any) -> None:  # noqa: ANN401 - what SQLAlchemy passes
        _connection, _cursor, statement, parameters, *_ = call
        self.asked.append((statement, parameters))


def main() -> None:
    """Measure, or draw what was measured."""
    options = _options()
    if options.plot:
        from benchmarks import plot  # noqa: PLC0415 - only this needs matplotlib

        plot.curves(json.loads(options.plot[0].read_text()), options.plot[1])
        return
    results = {}
    for kind in options.databases:
        with databases.KINDS[kind]() as server, tempfile.TemporaryDirectory() as folder:
            server.create_database('curve')
            with _service(server.url('curve'), Path(folder)) as service:
                results[kind] = _curve(service, options)
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + '\n')


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--sizes', type=int, nargs='+', default=_SIZES)
    parser.add_argument(
        '--databases', nargs='+', choices=sorted(databases.KINDS), default=sorted(databases.KINDS)
    )
    parser.add_argument('--output', type=Path, help='keep the numbers here, as JSON')
    parser.add_argument('--explain', action='store_true', help='print the plans at the last size')
    parser.add_argument('--plot', type=Path, nargs=2, metavar=('FILE', 'PICTURE'))
    return parser.parse_args()


@contextmanager
def _service(url: str, folder: Path) -> Iterator[Service]:
    conf = configuration.registered()
    conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    conf.set_override('auth_strategy', 'noauth', 'api')
    conf.set_override('host_ip', '127.0.0.1', 'api')
    conf.set_override('connection', url, 'database')
    conf.set_override('dummy_node_dir', str(folder), 'dummy_node')
    database = wiring.database(conf)
    schema.upgrade(database)
    yield Service(database, conf)
    database.close()


def _curve(service: Service, options: argparse.Namespace) -> dict[str, Any]:
    have, curve = 0, {}
    for size in options.sizes:
        fill(service.database, have, size)
        have = size
        curve[str(size)] = {}
        for name, deed in _deeds(service, size).items():
            deed()  # once for the plan and the pages that every later one finds in memory
            times = []
            for _ in range(_REPEATS):
                service.asked.clear()
                begun = time.perf_counter()
                deed()
                times.append(time.perf_counter() - begun)
            curve[str(size)][name] = {
                'fastest_ms': round(min(times) * 1000, 2),
                'median_ms': round(statistics.median(times) * 1000, 2),
                'slowest_ms': round(max(times) * 1000, 2),
                'statements': len(service.asked),
            }
            print(f'{service.database.engine.name:10} {size:7} {name:32} {curve[str(size)][name]}')
            if options.explain and size == options.sizes[-1]:
                _explain(service, name)
    return curve


def _deeds(service: Service, size: int) -> Mapping[str, Callable[[], object]]:
    """Return what is timed; each claim takes another of the newest offers."""
    unclaimed = (_name('offer', number) for number in reversed(range(size)))
    now = datetime.now(UTC)
    free = Interval(now + 40 * _DAY, now + 41 * _DAY)
    moments = {'start_time': free.start.isoformat(), 'end_time': free.end.isoformat()}
    last = _name('offer', max(size - _PAGE - 1, 0))
    span = (
        f'available_start_time={free.start:%Y-%m-%dT%H:%M}&available_end_time={free.end:%Y-%m-%d}'
    )

    def read(path: str) -> Callable[[], object]:
        return lambda: service.call(_LESSEE, 'GET', path)

    return {
        'first 100 offers': read(f'/v1/offers?limit={_PAGE}'),
        'last 100 offers, by marker': read(f'/v1/offers?limit={_PAGE}&marker={last}'),
        '100 offers free in a window': read(f'/v1/offers?limit={_PAGE}&{span}'),
        '100 offers by end': read(f'/v1/offers?limit={_PAGE}&sort_key=end_time&sort_dir=desc'),
        '100 leases of a project': read(f'/v1/leases?limit={_PAGE}'),
        'a lease': read(f'/v1/leases/{_name("lease", 0)}'),
        'a claim': lambda: service.call(
            _LESSEE, 'POST', f'/v1/offers/{next(unclaimed)}/claim', moments
        ),
        "the manager's look at what is due": lambda: (
            service.store.due(now, 8),
            service.store.next_due(now),
        ),
    }


def fill(database: Database, have: int, want: int) -> None:
    """Bring nodes, offers, contracts, leases and events from one number to another."""
    now = datetime.now(UTC).replace(microsecond=0)
    with database.writer() as connection:
        if not have:
            names = [_OWNER, *(f'lessee-{number}' for number in range(_LESSEES))]
            connection.execute(
                tables.projects.insert(), [{'id': name, 'name': f'{name}-name'} for name in names]
            )
    for first in range(have, want, _BATCH):
        numbers = range(first, min(first + _BATCH, want))
        with database.writer() as connection:
            connection.execute(tables.nodes.insert(), [_node(each, now) for each in numbers])
            ids = dict(
                connection.execute(
                    sa.select(tables.nodes.c.resource_uuid, tables.nodes.c.id)
                    .order_by(tables.nodes.c.id.desc())
                    .limit(len(numbers))
                ).all()
            )
            offers, contracts, leases = [], [], []
            for number in numbers:
                offer, contract, lease = _booked(number, ids[_name('node', number)], now)
                offers.append({'created_at': now, **rows.booking_values(offer)})
                contracts.append({'created_at': now, **rows.contract_values(contract)})
                leases.append({'created_at': now, **rows.booking_values(lease)})
            connection.execute(tables.bookings.insert(), offers)
            connection.execute(tables.contracts.insert(), contracts)
            connection.execute(tables.bookings.insert(), leases)
    refresh = 'ANALYZE TABLE' if database.engine.name == 'mysql' else 'ANALYZE'
    with database.engine.connect().execution_options(isolation_level='AUTOCOMMIT') as connection:
        for table in (tables.nodes, tables.bookings, tables.contracts, tables.projects):
            connection.execute(sa.text(f'{refresh} {table.name}'))


def _node(number: int, now: datetime) -> dict[str, object]:
    return {
        'resource_type': 'dummy_node',
        'resource_uuid': _name('node', number),
        'name': f'node-{number}',
        'owner_id': _OWNER,
        'resource_class': f'class-{number % 4}',
        'properties': {'cpus': 16, 'memory_mb': 65536, 'local_gb': 480, 'cpu_arch': 'x86_64'},
        'refreshed_at': now,
        'state': 'available',
        'remembered': {},
        'attempts': 0,
    }


def _booked(number: int, node: int, now: datetime) -> tuple[Offer, Contract, Lease]:
    lessee, start = f'lessee-{number % _LESSEES}', now + _DAY
    offer = Offer(
        uuid=_name('offer', number),
        name=None,
        node_id=node,
        owner_id=_OWNER,
        lessee_id=None,
        window=Interval(start, start + timedelta(days=90, seconds=number)),
    )
    window = Interval(start, start + 7 * _DAY)
    contract = Contract(
        uuid=_name('contract', number),
        name=None,
        owner_id=_OWNER,
        lessee_id=lessee,
        window=window,
        offer=offer.uuid,
    )
    lease = Lease(
        uuid=_name('lease', number),
        name=None,
        node_id=node,
        contract=contract.uuid,
        owner_id=_OWNER,
        lessee_id=lessee,
        window=window,
        offer=offer.uuid,
        parent=offer.uuid,
    )
    return offer, contract, lease


def _name(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f'{kind}-{number}'))


def _explain(service: Service, name: str) -> None:
    """Print the plans of what a deed asked."""
    engine = service.database.engine
    asked = [each for each in service.asked if each[0].startswith('SELECT')]
    with engine.connect() as connection:
        for statement, parameters in asked:
            print(f'\n-- {name}: {" ".join(statement.split())[-300:]}')
            how = 'ANALYZE ' if engine.name == 'mysql' else 'EXPLAIN (ANALYZE, BUFFERS OFF) '
            for row in connection.exec_driver_sql(how + statement, parameters):
                print('  ', *row)
        connection.rollback()


if __name__ == '__main__':
    main()
