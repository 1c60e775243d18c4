"""What `esi-leap-dbsync purge` forgets, and what it keeps."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from esi_leap.core.change import Turn, put
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from esi_leap.core.offer import Status as OfferStatus
from esi_leap.core.query import EventQuery, Query
from esi_leap.db.engine import Database
from esi_leap.db.outbox import Outbox
from esi_leap.db.purge import purge
from esi_leap.db.store import Store
from esi_leap.db.tables import bookings, console_auth_tokens, contracts, events, outbox

from .given import ALL, NOW, a_lease, a_node, agreed, an_offer, at

LONG = at(1000)


def left(store: Store) -> set[str]:
    found = [each.offer.uuid for each in store.offers(ALL, Query(), NOW)]
    return {*found, *(each.lease.uuid for each in store.leases(ALL, Query()))}


def over(store: Store, lease: object) -> None:
    with store.booking(lease.node_id, at(5)) as book:
        found = book.lease(lease.uuid)
        book.put(put(found.to(Status.DELETED, expire_time=at(5))))


def test_what_is_over_goes_and_what_holds_stays(database: Database, store: Store) -> None:
    node = a_node(store)
    old, young = a_lease(node.id, 'old', 0, 1), a_lease(node.id, 'young', 2, 3)
    for each in (old, young):
        with store.booking(node.id, NOW) as book:
            book.put(agreed(each))
    over(store, old)
    store.events(ALL, EventQuery())
    assert purge(database, at(5)) == {
        'console_auth_tokens': 0,
        'recall_items': 0,
        'recalls': 0,
        'bookings': 0,
        'contracts': 0,
        'events': 4,
    }
    assert purge(database, LONG, dry=True)['bookings'] == 1
    assert left(store) == {'old', 'young'}
    assert purge(database, LONG) == {
        'console_auth_tokens': 0,
        'recall_items': 0,
        'recalls': 0,
        'bookings': 1,
        'contracts': 1,
        'events': 2,
    }
    assert left(store) == {'young'}
    assert [each.contract.uuid for each in store.contracts(ALL, Query())] == ['c-young']
    assert purge(database, LONG)['bookings'] == 0


def test_an_offer_stays_as_long_as_a_lease_that_names_it(database: Database, store: Store) -> None:
    node = a_node(store)
    offer = an_offer(node.id, 'offer', 0, 10)
    lease = a_lease(node.id, 'lease', 0, 1, offer='offer', parent='offer')
    with store.booking(node.id, NOW) as book:
        book.put(put(offer))
        book.put(agreed(lease))
    with store.booking(node.id, at(10)) as book:
        book.tree()
        gone = replace(offer, status=OfferStatus.EXPIRED)
        book.put(put(gone, replace(lease, parent=None, status=Status.ERROR)))
    assert purge(database, LONG)['bookings'] == 0
    over(store, lease)
    assert purge(database, LONG)['bookings'] == 2
    assert left(store) == set()


def test_many_go_batch_after_batch_inside_out(database: Database, store: Store) -> None:
    node = a_node(store)
    offers = [an_offer(node.id, f'o{n}', n, n + 1) for n in range(700)]
    leases = [a_lease(node.id, f'l{n}', n, n + 1, offer=f'o{n}', parent=f'o{n}') for n in range(10)]
    with store.booking(node.id, NOW) as book:
        book.put(put(*offers))
        for each in leases:
            book.put(agreed(each))
    with store.booking(node.id, NOW) as book:
        book.tree()
        book.put(put(*(replace(each, status=Status.DELETED) for each in leases)))
        book.put(put(*(replace(each, status=OfferStatus.DELETED) for each in offers)))
    store.events(ALL, EventQuery())
    store.events(ALL, EventQuery())
    assert purge(database, at(2000)) == {
        'console_auth_tokens': 0,
        'recall_items': 0,
        'recalls': 0,
        'bookings': 710,
        'contracts': 10,
        'events': 1440,
    }
    with database.reader() as connection:
        for table in (bookings, contracts, events):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_the_lease_whose_node_is_not_back_stays(database: Database, store: Store) -> None:
    node = a_node(store)
    lease = a_lease(node.id, 'lease', 0, 1)
    with store.booking(node.id, NOW) as book:
        book.put(agreed(lease))
        with_it = book.node.to(State.PREPARING, lease='lease').to(State.HANDED_OVER)
        book.put((Turn(with_it.to(State.RETURNING)),))
    over(store, lease)
    assert purge(database, LONG)['bookings'] == 0


def test_what_nobody_could_read_yet_and_what_waits_for_the_bus_stays(
    database: Database, store: Store
) -> None:
    node = a_node(store)
    with store.booking(node.id, NOW) as book:
        book.put(put(an_offer(node.id, 'o', 0, 1)))
    with database.writer() as connection:
        waiting = {'event_type': 'x', 'priority': 'info', 'object_uuid': 'o', 'payload': {}}
        connection.execute(outbox.insert().values(**waiting, created_at=NOW))
    assert purge(database, LONG)['events'] == 0
    assert len(Outbox(database).outgoing(9)) == 1


def test_tokens_go_when_they_have_expired(database: Database, store: Store) -> None:
    node = a_node(store)
    with database.writer() as connection:
        for hour in (1, 3):
            connection.execute(
                console_auth_tokens.insert().values(
                    token_hash=f'{hour:064}',
                    node_id=node.id,
                    project_id='p',
                    read_only=False,
                    created_at=NOW,
                    expires_at=at(hour),
                )
            )
    assert purge(database, at(2))['console_auth_tokens'] == 1


@pytest.mark.parametrize('database_kind', ['sqlite'], indirect=True)
def test_the_program(database: Database, tmp_path: Path) -> None:
    config = tmp_path / 'conf'
    config.write_text(f'[database]\nconnection = {database.url}\n', encoding='utf-8')
    program = Path(sys.executable).with_name('esi-leap-dbsync')

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, '--config-file', config, 'purge', *words],
            check=False,
            capture_output=True,
            text=True,
        )

    done = run('--before', '2026-01-01', '--dry-run')
    tables = ('console_auth_tokens', 'recall_items', 'recalls', 'bookings', 'contracts', 'events')
    assert (done.returncode, done.stdout.splitlines()) == (0, [f'{each}: 0' for each in tables])
    for wrong, why in (('2999-01-01', 'has not passed yet'), ('soon', 'no ISO 8601 time')):
        done = run('--before', wrong)
        assert (done.returncode, done.stdout) == (1, '')
        assert why in done.stderr
    assert run().returncode == 2
