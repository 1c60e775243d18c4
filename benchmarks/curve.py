"""How the time of a request grows with what is in the database: 100 to 100,000 offers and leases.

    python -m benchmarks.curve [--sizes …] [--output FILE] [--explain]
    python -m benchmarks.curve --plot FILE PICTURE

Each size has so many nodes, each with an offer, a lease claimed from it and an event, written
straight into the tables, of two databases: in the open market anybody may claim the offers, in the
closed one each is for one project, so that the newcomer sees three of all. Requests go to the WSGI
application in this process, without HTTP and Keystone around it, so that what is measured is the
service and the database. Each is timed several times, its SQL statements are counted, and with
``--explain`` the database says how it finds the rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
import webob

from esi_leap import conf as configuration
from esi_leap.core.contract import Contract
from esi_leap.core.criteria import facts
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.db import events as numbering
from esi_leap.db import rows, schema, tables
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.wiring import parts
from esi_leap.wiring.api import make_application
from sandbox import databases

_SIZES = (100, 1000, 10_000, 100_000)
_REPEATS = 15
_PAGE = 100
_BATCH = 500
_DAY = timedelta(days=1)
#: So many projects hold the leases; each sees its own.
_LESSEES = 10
_OWNER, _LESSEE = 'owner', 'lessee-0'
#: Has so many leases, and in the closed market as many offers and nodes.
_NEWCOMER, _FEW = 'newcomer', 3
_MARKETS = ('open', 'closed')
_DONE = (200, 201)
#: What is filled, in the order of the references.
_TABLES = {
    'nodes': tables.nodes,
    'facts': tables.node_properties,
    'contracts': tables.contracts,
    'offers': tables.bookings,
    'leases': tables.bookings,
    'events': tables.events,
}


class Service:
    """The application over one database, and what the database is asked.

    Attributes:
        asked: statements with their parameters, without those that end a transaction.
    """

    def __init__(self, database: Database, conf: Any) -> None:  # noqa: ANN401 - oslo.config
        self.database = database
        self.agenda = Agenda(database)
        self.asked: list[tuple[str, Any]] = []
        self._application = make_application(conf, database)
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
        results[kind] = {str(size): {} for size in options.sizes}
        with databases.KINDS[kind]() as server, tempfile.TemporaryDirectory() as folder:
            for market in _MARKETS:
                server.create_database(market)
                with _service(server.url(market), Path(folder)) as service:
                    for size, times in _curve(service, market, options):
                        results[kind][str(size)].update(times)
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
    database = parts.open_database(conf)
    schema.upgrade(database)
    yield Service(database, conf)
    database.close()


def _curve(
    service: Service, market: str, options: argparse.Namespace
) -> Iterator[tuple[int, dict[str, Any]]]:
    have = 0
    for size in options.sizes:
        fill(service.database, have, size, closed=market == 'closed')
        have = size
        curve = {}
        deeds = _rare(service) if market == 'closed' else _deeds(service, size)
        for name, deed in deeds.items():
            deed()  # once for the plan and the pages that every later one finds in memory
            times = []
            for _ in range(_REPEATS):
                service.asked.clear()
                begun = time.perf_counter()
                deed()
                times.append(time.perf_counter() - begun)
            curve[name] = {
                'fastest_ms': round(min(times) * 1000, 2),
                'median_ms': round(statistics.median(times) * 1000, 2),
                'slowest_ms': round(max(times) * 1000, 2),
                'statements': len(service.asked),
            }
            print(f'{service.database.engine.name:10} {size:7} {name:32} {curve[name]}')
            if options.explain and size == options.sizes[-1]:
                _explain(service, name)
        yield size, curve


def _deeds(service: Service, size: int) -> Mapping[str, Callable[[], object]]:
    """Return what is timed; each claim takes another of the newest offers."""
    unclaimed = (_name('offer', number) for number in reversed(range(size)))
    now = datetime.now(UTC)
    free = Interval(now + 40 * _DAY, now + 41 * _DAY)
    moments = {'start_time': free.start.isoformat(), 'end_time': free.end.isoformat()}
    last = _name('offer', max(size - _PAGE - 1, 0))
    by_end = sorted(range(size), key=_later)
    late = _name('offer', by_end[-_PAGE - 1] if size > _PAGE else by_end[0])
    span = {
        'available_start_time': f'{free.start:%Y-%m-%dT%H:%M}',
        'available_end_time': f'{free.end:%Y-%m-%d}',
    }

    with service.database.reader() as connection:
        seen = (
            connection.execute(sa.select(sa.func.max(tables.events.c.position))).scalar_one() - 10
        )
    read = partial(_read, service, _LESSEE)
    return {
        'first 100 offers': read('offers'),
        'last 100 offers, by marker': read('offers', marker=last),
        '100 offers free in a window': read('offers', **span),
        '100 offers by start': read('offers', sort_key='start_time'),
        'last offers by end, by marker': read('offers', sort_key='end_time', marker=late),
        '100 offers, newest first': read('offers', sort_key='created_at', sort_dir='desc'),
        '100 offers with cpus>=40': read('offers', property='cpus>=40'),
        '100 leases of a project': read('leases'),
        '100 leases of a project by end': read('leases', sort_key='end_time'),
        'first 100 nodes': read('nodes'),
        '100 nodes with cpus>=40': read('nodes', property='cpus>=40'),
        'first 100 events': read('events'),
        'events since the last look': read('events', last_event_id=seen),
        'a lease': lambda: service.call(_LESSEE, 'GET', f'/v1/leases/{_name("lease", _LESSEES)}'),
        'a claim': lambda: service.call(
            _LESSEE, 'POST', f'/v1/offers/{next(unclaimed)}/claim', moments
        ),
        "the manager's look at what is due": lambda: (
            service.agenda.due(now, 8),
            service.agenda.next_due(now),
        ),
    }


def _rare(service: Service) -> Mapping[str, Callable[[], object]]:
    """Return what is timed of a caller who may see three among all."""
    kinds = ('offers', 'leases', 'contracts', 'nodes', 'events')
    read = partial(_read, service, _NEWCOMER)
    by_start = read('offers', sort_key='start_time')
    return {**{f'all 3 {kind}': read(kind) for kind in kinds}, 'all 3 offers by start': by_start}


def _read(service: Service, project: str, kind: str, **params: object) -> Callable[[], object]:
    path = f'/v1/{kind}?{urlencode({"limit": _PAGE, **params})}'
    return lambda: service.call(project, 'GET', path)


def fill(database: Database, have: int, want: int, *, closed: bool = False) -> None:
    """Bring nodes, offers, contracts, leases and events from one number to another.

    In a closed market each offer is for the project that has claimed it.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    with database.writer() as connection:
        if not have:
            names = [_OWNER, _NEWCOMER, *(f'lessee-{number}' for number in range(_LESSEES))]
            connection.execute(
                tables.projects.insert(), [{'id': name, 'name': f'{name}-name'} for name in names]
            )
        # Whoever numbers the next event looks up the last one, which is one of ours.
        connection.execute(tables.chores.delete().where(tables.chores.c.name == numbering.CHORE))
        last = sa.select(sa.func.coalesce(sa.func.max(tables.events.c.position), 0))
        position = connection.execute(last).scalar_one() + 1 - have
    for first in range(have, want, _BATCH):
        # Made beforehand: the database ends a transaction in which nothing comes for a while.
        kept: dict[str, list[dict[str, object]]] = defaultdict(list)
        for number in range(first, min(first + _BATCH, want)):
            offer, contract, lease = _booked(number, now, closed=closed)
            made = {'created_at': now + timedelta(seconds=number)}
            for name, values in (
                ('nodes', _node(number, now)),
                ('contracts', made | rows.contract_values(contract)),
                ('offers', made | rows.booking_values(offer)),
                ('leases', made | rows.booking_values(lease)),
                ('events', _event(number, position + number, lease, now)),
            ):
                kept[name].append(values)
            kept['facts'] += _facts(number)
        with database.writer() as connection:
            for name, table in _TABLES.items():
                connection.execute(table.insert(), kept[name])
    refresh = 'ANALYZE TABLE' if database.engine.name == 'mysql' else 'VACUUM ANALYZE'
    with database.engine.connect().execution_options(isolation_level='AUTOCOMMIT') as connection:
        for name in tables.metadata.tables:
            connection.execute(sa.text(f'{refresh} {name}'))


def _node(number: int, now: datetime) -> dict[str, object]:
    return {
        'id': number + 1,
        'resource_type': 'dummy_node',
        'resource_uuid': _name('node', number),
        'name': f'node-{number}',
        'owner_id': _OWNER,
        'resource_class': f'class-{number % 4}',
        'properties': _properties(number),
        'refreshed_at': now,
        'state': 'available',
        'remembered': [],
        'attempts': 0,
    }


def _properties(number: int) -> dict[str, object]:
    return {
        'cpus': 16 * (1 + number % 4),
        'memory_mb': 65536,
        'local_gb': 480,
        'cpu_arch': 'x86_64',
    }


def _facts(number: int) -> Iterator[dict[str, object]]:
    for name, fact in facts(_properties(number)).items():
        yield {'node_id': number + 1, 'name': name, 'text': fact.text, 'number': fact.number}


def _booked(number: int, now: datetime, *, closed: bool) -> tuple[Offer, Contract, Lease]:
    lessee = f'lessee-{number % _LESSEES}' if number >= _FEW else _NEWCOMER
    start = now + _DAY + _later(number)
    offer = Offer(
        uuid=_name('offer', number),
        name=None,
        node_id=number + 1,
        owner_id=_OWNER,
        lessee_id=lessee if closed else None,
        window=Interval(start, start + 90 * _DAY),
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
        node_id=number + 1,
        contract=contract.uuid,
        owner_id=_OWNER,
        lessee_id=lessee,
        window=window,
        offer=offer.uuid,
        parent=offer.uuid,
    )
    return offer, contract, lease


def _later(number: int) -> timedelta:
    """Scatter starts over a week, so that their order is not that of creation."""
    return timedelta(minutes=number * 7919 % 10_007)


def _event(number: int, position: int, lease: Lease, now: datetime) -> dict[str, object]:
    return {
        'position': position,
        'event_type': 'esi_leap.lease.create.end',
        'event_time': now,
        'object_type': 'lease',
        'object_uuid': lease.uuid,
        'resource_type': 'dummy_node',
        'resource_uuid': _name('node', number),
        'lessee_id': lease.lessee_id,
        'owner_id': lease.owner_id,
    }


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
