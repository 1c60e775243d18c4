"""Servers for tests: SQLite in a file, and real MariaDB, PostgreSQL and RabbitMQ servers.

A server is started when a test first asks for it, once in a session, and ended after the last test.
Without its Debian package the test is skipped, or fails if `ESI_LEAP_REQUIRE_DB` is 1.

`database_url` is that of an empty database of the test's own; `database` has the newest schema, no
rows, and is shared by the session, because making tables takes longer than most tests. Both run
the test once for each kind; a test for some kinds only says so with

    @pytest.mark.parametrize('database_kind', SERVERS, indirect=True)

Files of the tree that tests make anew are compared with what is there (`kept`), or written there
with the option `--write`.
"""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from esi_leap.db import schema
from esi_leap.db.agenda import Agenda
from esi_leap.db.console_auth_tokens import ConsoleAuthTokens
from esi_leap.db.engine import Database
from esi_leap.db.inventory import Inventory
from esi_leap.db.store import Store
from esi_leap.db.tables import bookings, metadata
from sandbox import databases
from sandbox.rabbit import RabbitMQ
from sandbox.servers import Server
from tests.listener import Listener, forget

KINDS = ('sqlite', *sorted(databases.KINDS))
_CLOUD = 'tests/sandbox/'
#: The niceness of workers beside the cloud's.
_BESIDE = 5
#: The files that take longest beside the cloud, the longest first (`--durations`).
_LONG = (
    'tests/functional/api/test_matrix.py',
    'tests/functional/db/test_takeover.py',
    'tests/functional/api/test_concurrency.py',
    'tests/functional/test_soak.py',
    'tests/functional/cmd/test_existing_service.py',
    'tests/functional/db/test_notifications.py',
    'tests/functional/db/test_migrations.py',
    'tests/client/test_mdc.py',
    'tests/functional/api/test_every_event.py',
    'tests/contract/test_store_lists.py',
    'tests/functional/db/test_concurrency.py',
    'tests/functional/api/test_errors.py',
    'tests/functional/manager/test_crashes.py',
    'tests/functional/cmd/test_outdated.py',
    'tests/functional/console/test_settings.py',
    'tests/functional/console/test_proxy.py',
)


def require(kind: type[Server]) -> None:
    """Skip the test if a server is not installed, or let it fail where it has to be."""
    if missing := kind.missing_packages():
        message = f'needs the Debian package {missing[0]}'
        if os.environ.get('ESI_LEAP_REQUIRE_DB') == '1':
            pytest.fail(message)
        pytest.skip(message)


class Databases:
    """All databases of a session: its servers, and what was made on them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[str, databases.Server] = {}
        self._shared: dict[str, Database] = {}
        self._numbers = itertools.count(1)

    def server(self, kind: str) -> databases.Server:
        """Return the running server of a kind, or skip the test that cannot have it."""
        if kind not in self._servers:
            require(databases.KINDS[kind])
            server = databases.KINDS[kind]()
            self._servers[kind] = server
            server.start()
        return self._servers[kind]

    @contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        """Make an empty database for a while and yield its URL."""
        name = f'test_{next(self._numbers)}'
        if kind == 'sqlite':
            yield f'sqlite:///{self._folder / name}.sqlite'
            return
        server = self.server(kind)
        server.create_database(name)
        try:
            yield server.url(name)
        finally:
            server.drop_database(name)

    def migrated(self, kind: str) -> Database:
        """Return the session's database of a kind, with the newest schema and no rows."""
        if kind not in self._shared:
            if kind == 'sqlite':
                url = f'sqlite:///{self._folder}/shared.sqlite'
            else:
                self.server(kind).create_database('shared')
                url = self.server(kind).url('shared')
            self._shared[kind] = watched(Database(url))
            schema.upgrade(self._shared[kind])
        wipe(self._shared[kind])
        return self._shared[kind]

    def end(self) -> None:
        """End the servers; every one of them, whatever the others say."""
        for database in self._shared.values():
            database.close()
        for server in self._servers.values():
            server.remove()


#: Connections that are checked out of each engine's pool.
_OUT: Counter[sa.Engine] = Counter()


def watched(database: Database) -> Database:
    """Count the connections of a database that are in use. See `in_use`."""
    engine = database.engine

    def _out(*_: object) -> None:
        _OUT[engine] += 1

    def _in(*_: object) -> None:
        _OUT[engine] -= 1

    sa.event.listen(engine, 'checkout', _out)
    sa.event.listen(engine, 'checkin', _in)
    return database


def in_use(database: Database) -> int:
    """Return how many connections of a watched database are checked out of its pool."""
    pool = database.engine.pool
    counted = _OUT[database.engine]
    return max(counted, pool.checkedout()) if isinstance(pool, sa.pool.QueuePool) else counted


def wipe(database: Database) -> None:
    """Delete all rows."""
    with database.writer() as connection:
        inner = bookings.c.parent_uuid.is_not(None)
        connection.execute(bookings.update().where(inner).values(parent_uuid=None))
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


class Scheduling(LoadScopeScheduling):
    """Keep the tests of a file on one worker of pytest-xdist, and all those of the cloud on one."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def _scope(nodeid: str) -> str:
    return _CLOUD if nodeid.startswith(_CLOUD) else nodeid.split('::', 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that the workers come to their ends together.

    That is the cloud, whose tests wait for nodes much of their time, and then the long files.
    """
    rank = {scope: number for number, scope in enumerate((_CLOUD, *_LONG))}
    items.sort(key=lambda item: rank.get(_scope(item.nodeid), len(rank)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let other workers stand back for the one that has the cloud, which ends last.

    The cloud's services need little of the machine, but they need it when somebody waits for them.
    """
    beside = 'PYTEST_XDIST_WORKER' in os.environ and _scope(item.nodeid) != _CLOUD
    if beside and os.getpriority(os.PRIO_PROCESS, 0) == 0:
        os.nice(_BESIDE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--write', action='store_true', help='write the files that tests make')


@pytest.fixture(scope='session')
def kept(pytestconfig: pytest.Config) -> Callable[[Path, str], None]:
    """Compare a text with the file that has it in the tree, or write it there."""

    def kept(file: Path, text: str) -> None:
        if pytestconfig.getoption('--write'):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding='utf-8')
        found = file.read_text(encoding='utf-8') if file.exists() else None
        assert found == text, f'{file.name} is not fresh; "Tests" in HACKING.rst tells how to write'

    return kept


@pytest.fixture(scope='session')
def all_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made = Databases(tmp_path_factory.mktemp('databases'))
    yield made
    made.end()


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(all_databases: Databases, database_kind: str) -> Iterator[str]:
    with all_databases.empty(database_kind) as url:
        yield url


@pytest.fixture
def database(all_databases: Databases, database_kind: str) -> Iterator[Database]:
    found = all_databases.migrated(database_kind)
    yield found
    assert in_use(found) == 0, 'the test left connections checked out of the pool'


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture
def agenda(database: Database) -> Agenda:
    return Agenda(database)


@pytest.fixture
def inventory(database: Database) -> Inventory:
    return Inventory(database)


@pytest.fixture
def tokens(database: Database) -> ConsoleAuthTokens:
    return ConsoleAuthTokens(database)


@pytest.fixture
def open_database(request: pytest.FixtureRequest) -> Callable[..., Database]:
    """Open more instances of a database, as further processes would; all are closed afterwards."""

    def opened(url: str, **options: object) -> Database:
        another = watched(Database(url, **options))

        def closed() -> None:
            assert in_use(another) == 0, 'the test left connections checked out of the pool'
            another.close()

        request.addfinalizer(closed)
        return another

    return opened


@pytest.fixture(scope='session')
def running_rabbit() -> Iterator[RabbitMQ]:
    require(RabbitMQ)
    with RabbitMQ() as server:
        yield server


@pytest.fixture
def rabbit(running_rabbit: RabbitMQ) -> RabbitMQ:
    """A running RabbitMQ with nothing of tests before in its queues."""
    running_rabbit.start()
    forget(running_rabbit.amqp)
    return running_rabbit


@pytest.fixture
def listener(rabbit: RabbitMQ) -> Iterator[Listener]:
    with Listener(rabbit.amqp) as made:
        yield made
