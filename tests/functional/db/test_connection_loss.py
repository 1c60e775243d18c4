"""The server goes and comes back under a store: told as unavailable meanwhile, and no restart."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from esi_leap.core.errors import UnavailableError
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import Query
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from sandbox import databases
from tests.patience import PATIENCE, Metronome, until

from .given import ALL, NOW, OWNER, a_lease, a_node, agreed, at

pytestmark = pytest.mark.parametrize('database_kind', ['mariadb', 'postgresql'], indirect=True)


@pytest.fixture
def server(
    all_databases: object, database_kind: str, database: Database
) -> Iterator[databases.Server]:
    """The server of the database; it runs again when the test is over."""
    del database  # it is to be there before the server goes
    found: databases.Server = all_databases.server(database_kind)  # type: ignore[attr-defined]
    yield found
    found.start()


def asked(store: Store, agenda: Agenda) -> dict[str, Callable[[], object]]:
    """Everything that a store can be asked."""
    node = a_node(store)
    with store.booking(node.id, NOW) as book:
        book.put(agreed(a_lease(node.id, 'l', 0, 1)))

    def booked() -> None:
        with store.booking(node.id, NOW) as book:
            book.tree()

    return {
        'last_beat': lambda: store.last_beat('manager'),
        'beat': lambda: agenda.beat('manager', 'here', NOW),
        'node': lambda: a_node(store, 'n2'),
        'remember': lambda: store.remember([Project(OWNER, 'owner')]),
        'booking': booked,
        'offers': lambda: store.offers(ALL, Query(), NOW),
        'leases': lambda: store.leases(ALL, Query()),
        'contracts': lambda: store.contracts(ALL, Query()),
        'due': lambda: agenda.due(NOW, 9),
        'next_due': lambda: agenda.next_due(NOW),
        'claim': lambda: agenda.claim(node.id, 'c', NOW, at(1)),
        'release': lambda: agenda.release(node.id, 'c'),
    }


def test_a_server_that_is_gone_is_told_as_unavailable_and_works_again_when_it_is_back(
    store: Store, agenda: Agenda, server: databases.Server, subtests: pytest.Subtests
) -> None:
    deeds = asked(store, agenda)
    server.stop()
    for name, deed in deeds.items():
        with subtests.test(deed=name):
            with Metronome() as machine:
                begun = time.monotonic()
                with pytest.raises(UnavailableError):
                    deed()
                took = time.monotonic() - begun
            machine.within(2, took)
    server.start()
    for name, deed in deeds.items():
        with subtests.test(deed=name, back=True):
            deed()
    assert [each.lease.uuid for each in store.leases(ALL, Query())] == ['l']


def test_a_server_that_went_and_came_back_unseen_is_not_noticed(
    store: Store, agenda: Agenda, server: databases.Server
) -> None:
    deeds = asked(store, agenda)
    server.stop()
    server.start()
    for deed in deeds.values():
        deed()


def test_a_server_that_goes_in_the_middle_of_a_booking_undoes_it(
    store: Store, server: databases.Server
) -> None:
    node = a_node(store)

    def cut(after: str) -> None:
        with store.booking(node.id, NOW) as book:
            book.put(agreed(a_lease(node.id, 'before', 0, 1)))
            server.stop()
            if after == 'a statement':
                book.tree()

    for after in ('a statement', 'the commit'):
        with pytest.raises(UnavailableError):
            cut(after)
        server.start()
        assert store.leases(ALL, Query()) == []
        with store.booking(node.id, NOW) as book:
            assert list(book.tree()) == []


def test_connections_that_the_server_ended_are_replaced(
    store: Store, agenda: Agenda, database: Database
) -> None:
    deeds = asked(store, agenda)
    barrier = threading.Barrier(4, timeout=PATIENCE)

    def hold(_: int) -> int:
        with database.reader() as connection:
            mysql = connection.dialect.name == 'mysql'
            which = 'SELECT connection_id()' if mysql else 'SELECT pg_backend_pid()'
            found = connection.execute(sa.text(which)).scalar_one()
            barrier.wait()
            return int(found)

    with ThreadPoolExecutor(4) as pool:
        mine = list(pool.map(hold, range(4)))
    other = sa.create_engine(database.url)
    with other.connect() as connection:
        for each in mine:
            mysql = connection.dialect.name == 'mysql'
            kill = f'KILL {each}' if mysql else f'SELECT pg_terminate_backend({each})'
            connection.execute(sa.text(kill))
    other.dispose()
    for _ in range(2):
        for deed in deeds.values():
            deed()


def test_a_transaction_that_stands_still_gives_up_the_node(
    store: Store, database: Database, open_database: Callable[..., Database]
) -> None:
    """So does that of a manager that is stopped with the lock of the node's row."""
    node = a_node(store)
    stopped = Store(open_database(database.url, patience=1))

    def stand_still() -> None:
        with ThreadPoolExecutor(1) as pool, stopped.booking(node.id, NOW) as book:
            pool.submit(_book, store, node.id).result(10)
            book.tree()

    with pytest.raises(UnavailableError):
        stand_still()
    assert [each.lease.uuid for each in store.leases(ALL, Query())] == ['l']


def _book(store: Store, node_id: int) -> None:
    with store.booking(node_id, NOW) as book:
        book.put(agreed(a_lease(node_id, 'l', 0, 1)))


# SQLAlchemy warns when a connection goes between its making and the start of a transaction; what
# follows is the error that counts.
@pytest.mark.filterwarnings('ignore:transaction already deassociated from connection')
def test_many_who_ask_while_the_server_is_away_leave_nothing_behind(
    store: Store, agenda: Agenda, database: Database, server: databases.Server
) -> None:
    """The fixture checks that no connection stays checked out."""
    deeds = list(asked(store, agenda).values())
    over = threading.Event()
    seen: list[BaseException] = []

    def ask(number: int) -> None:
        turn = number
        while not over.is_set():
            turn += 1
            try:
                deeds[turn % len(deeds)]()
            except Exception as error:  # noqa: BLE001 - judged below
                seen.append(error)

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask, number) for number in range(8)]
        try:
            time.sleep(0.3)
            server.stop()
            until(lambda: len(seen) > len(asking))
            server.start()
            time.sleep(0.3)
        finally:
            over.set()
        for each in asking:
            each.result(PATIENCE)
    others = [repr(each) for each in seen if not isinstance(each, UnavailableError)]
    assert (others, bool(seen)) == ([], True)
    for deed in deeds:
        deed()


def test_a_pool_that_is_all_in_use_is_told_as_unavailable(
    open_database: Callable[..., Database], database: Database
) -> None:
    small = open_database(database.url, max_pool_size=1, max_overflow=0, pool_timeout=1)
    with small.reader() as connection:
        connection.execute(sa.select(1))
        with pytest.raises(UnavailableError):
            Store(small).last_beat('manager')
    Store(small).last_beat('manager')
