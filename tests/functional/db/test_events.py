"""The ids of events: many write, several read by the last id they saw, and nobody misses one."""

import itertools
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from esi_leap.core.change import put
from esi_leap.core.query import EventQuery, Query, Scope
from esi_leap.core.views import EventView
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import chores, events
from tests.patience import PATIENCE

from .given import ALL, NOW, TENANT, a_lease, a_node, agreed, an_offer, at
from .test_statements import counted

WRITERS, POLLERS, LEASES = 16, 3, 6
TURNS = ['create.end', 'fulfill.end', 'delete.start', 'delete.end']


def write(store: Store, number: int, uuid: str, dice: random.Random) -> None:
    """Let a lease begin and end; each commit comes a while after its rows got their keys."""
    node = a_node(store, f'n{number}')
    for turn in range(len(TURNS)):
        with store.booking(node.id, NOW) as book:
            if turn == 0:
                book.put(agreed(a_lease(node.id, uuid, 0, 1)))
            else:
                lease = book.lease(uuid)
                after = [
                    lambda: lease.activated(NOW),  # noqa: B023 - called at once
                    lambda: lease.expiring('over', NOW),  # noqa: B023
                    lambda: lease.ended(NOW),  # noqa: B023
                ][turn - 1]()
                book.put(put(after))
            time.sleep(dice.random() / 100)


def poll(store: Store, done: threading.Event) -> list[EventView]:
    """Read as a client does: everything after the last id that he saw, page by page."""
    seen: list[EventView] = []
    while True:
        last_look = done.is_set()
        page = store.events(ALL, EventQuery(after=seen[-1].id if seen else None, limit=7))[:7]
        seen.extend(page)
        if last_look and not page:
            return seen
        if not page:
            done.wait(0.01)


def test_nothing_is_missed_and_nothing_comes_twice(database: Database) -> None:
    store, done = Store(database), threading.Event()
    start = threading.Barrier(WRITERS, timeout=PATIENCE)

    def writer(number: int) -> None:
        dice = random.Random(number)  # noqa: S311 - the same delays in every run
        start.wait()
        for each in range(LEASES):
            write(store, number, f'l-{number}-{each}', dice)

    with ThreadPoolExecutor(WRITERS + POLLERS) as pool:
        pollers = [pool.submit(poll, Store(database), done) for _ in range(POLLERS)]
        writers = [pool.submit(writer, number) for number in range(WRITERS)]
        try:
            for each in writers:
                each.result(PATIENCE)
        finally:
            done.set()
        found = [each.result(PATIENCE) for each in pollers]

    with database.reader() as connection:
        written = connection.execute(sa.select(sa.func.count()).select_from(events)).scalar()
    assert written == WRITERS * LEASES * (len(TURNS) + 3)  # a contract turns three times
    for seen in found:
        ids = [each.id for each in seen]
        assert ids == sorted(set(ids))
        assert len(ids) == written
        for number, each in itertools.product(range(WRITERS), range(LEASES)):
            assert turns(seen, f'l-{number}-{each}') == TURNS


def turns(seen: Sequence[EventView], uuid: str) -> list[str]:
    mine = [each.type for each in seen if each.object_uuid == uuid]
    return [each.removeprefix('esi_leap.lease.') for each in mine]


@pytest.mark.parametrize('database_kind', ['mariadb', 'postgresql'], indirect=True)
def test_what_commits_late_is_numbered_late(database: Database) -> None:
    store = Store(database)
    slow, fast = a_node(store, 'slow'), a_node(store, 'fast')
    with store.booking(slow.id, NOW) as book:
        book.put(put(an_offer(slow.id, 'first', 0, 1)))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_offer, store, fast.id).result(PATIENCE)
            seen = pool.submit(store.events, ALL, EventQuery()).result(PATIENCE)
        assert [each.object_uuid for each in seen] == ['second']
    seen = store.events(ALL, EventQuery())
    assert [each.object_uuid for each in seen] == ['second', 'first']
    with database.reader() as connection:
        keys = connection.execute(sa.select(events.c.object_uuid).order_by(events.c.id)).scalars()
        assert list(keys) == ['first', 'second']


def _offer(store: Store, node_id: int) -> None:
    with store.booking(node_id, NOW) as book:
        book.put(put(an_offer(node_id, 'second', 0, 1)))


def test_ids_go_on_where_a_database_of_before_ended(database: Database, store: Store) -> None:
    node = a_node(store)
    with database.writer() as connection:
        connection.execute(chores.insert().values(name='events', position=4711))
    with store.booking(node.id, NOW) as book:
        book.put(put(an_offer(node.id, 'o', 0, 1)))
    assert [each.id for each in store.events(ALL, EventQuery())] == [4712]


def test_ids_are_never_given_again(database: Database, store: Store) -> None:
    node = a_node(store)
    for hour in range(2):
        with store.booking(node.id, NOW) as book:
            book.put(put(an_offer(node.id, f'o{hour}', hour, hour + 1)))
        [seen] = store.events(ALL, EventQuery())
        with database.writer() as connection:
            connection.execute(events.delete())
    assert seen.id == 2


def test_many_at_once_are_numbered_by_and_by(database: Database, store: Store) -> None:
    node = a_node(store)
    with store.booking(node.id, NOW) as book:
        book.put(put(*(an_offer(node.id, f'o{n}', n, n + 1) for n in range(1200))))
    assert len(store.events(ALL, EventQuery())) == 1000
    seen = store.events(ALL, EventQuery())
    assert [each.id for each in seen] == list(range(1, 1201))
    assert [each.object_uuid for each in seen] == [f'o{n}' for n in range(1200)]


@pytest.fixture
def told(store: Store) -> Store:
    """Two nodes: a lease and its contract on one, an offer of another owner on the other."""
    node, other = a_node(store), a_node(store, 'n2')
    with store.booking(node.id, at(1)) as book:
        book.put(agreed(a_lease(node.id, 'l', 0, 1)))
    with store.booking(other.id, at(2)) as book:
        offer = replace(an_offer(other.id, 'o', 0, 1), owner_id='p-other', lessee_id='p-friend')
        book.put(put(offer))
    return store


@pytest.mark.parametrize(
    ('scope', 'query', 'expected'),
    [
        (ALL, {}, ['l', 'c-l', 'o']),
        (Scope(project_id=TENANT), {}, ['l', 'c-l']),
        (Scope(project_id='p-friend'), {}, ['o']),
        (Scope(project_id='p-stranger'), {}, []),
        (Scope(project_id=''), {}, []),
        (Scope(project_id=TENANT), {'party': 'p-other'}, []),
        (ALL, {'party': 'p-other'}, ['o']),
        (ALL, {'after': 2}, ['o']),
        (ALL, {'after': -1}, ['l', 'c-l', 'o']),
        (ALL, {'since': at(1)}, ['o']),
        (ALL, {'since': at(0.9)}, ['l', 'c-l', 'o']),
        (ALL, {'node': 'n2'}, ['o']),
        (ALL, {'node': 'metal-n2'}, ['o']),
        (ALL, {'node': 'metal-n3'}, []),
        (ALL, {'equal': {'event_type': 'esi_leap.contract.create.end'}}, ['c-l']),
        (ALL, {'equal': {'resource_type': 'dummy_node'}}, []),
        (ALL, {'limit': 1}, ['l', 'c-l']),
    ],
)
def test_filters(told: Store, scope: Scope, query: dict, expected: list[str]) -> None:
    found = told.events(scope, EventQuery(**query))
    assert [each.object_uuid for each in found] == expected


@pytest.mark.parametrize('database_kind', ['mariadb', 'postgresql'], indirect=True)
def test_asking_whether_there_is_news_is_one_look_into_an_index(
    database: Database, store: Store
) -> None:
    node = a_node(store)
    with store.booking(node.id, NOW) as book:
        book.put(put(*(an_offer(node.id, f'o{n}', n, n + 1) for n in range(900))))
    store.events(ALL, EventQuery())
    assert len(store.offers(ALL, Query())) == 900
    with database.writer() as connection:
        mariadb = connection.dialect.name == 'mysql'
        connection.execute(sa.text('ANALYZE TABLE events' if mariadb else 'ANALYZE events'))
        plan = connection.execute(
            sa.text('EXPLAIN SELECT id FROM events WHERE position IS NULL LIMIT 1')
        ).all()
    if mariadb:
        assert (plan[0].key, plan[0].type) == ('uq_events_position', 'ref')
    else:
        assert 'using uq_events_position' in plan[1][0].lower().replace('scan ', '')


def test_a_look_costs_two_statements_however_many_there_are(
    database: Database, store: Store
) -> None:
    node, costs = a_node(store), []
    for size in (10, 100):
        with store.booking(node.id, NOW) as book:
            book.put(
                put(
                    *(
                        an_offer(node.id, f'o{size}-{n}', size + n, size + n + 1)
                        for n in range(size)
                    )
                )
            )
        store.events(ALL, EventQuery())
        with counted(database) as sent:
            assert len(store.events(ALL, EventQuery(limit=5))) == 6
        costs.append(len(sent))
    assert costs == [2, 2]
