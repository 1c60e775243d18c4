"""Revision 0006: sentences of the release before become causes; it may die anywhere, and go on.

`landed_0005.json` has the rows that the release with revision 0005 wrote of its own accord: on a
fleet of dummy nodes with everything in the way that a sentence can tell of. Only what an operator
wrote, and what a database of the existing service brought along, was put there by hand.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import put
from esi_leap.core.duty import due
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.core.offer import Status as OfferStatus
from esi_leap.core.tree import Booking
from esi_leap.db import rows, schema
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import bookings, metadata, nodes
from esi_leap.db.types import UTCDateTime
from tests.conftest import Databases

LANDED: Mapping[str, Any] = json.loads(
    Path(__file__).with_name('landed_0005.json').read_text(encoding='utf-8')
)
NAMES: Mapping[str, str] = LANDED['names']
#: Columns that revision 0006 removes.
OLD = {'next_action_at': UTCDateTime(), 'status_reason': sa.Text(), 'reason': sa.Text()}
#: Statements that write nothing.
READING = frozenset({'SELECT', 'PRAGMA', 'SHOW', 'DESCRIBE', 'BEGIN', 'SET'})
NOW = datetime(2031, 5, 1, 13, tzinfo=UTC)

#: Written by hand: the causes of the bookings, with their details; None: there was no sentence.
BOOKINGS: Mapping[str, Reason | None] = {
    'suspended': Reason(Cause.OWNER_CHANGED),
    'maintenance': Reason(Cause.NODE_MAINTENANCE, 'a fan'),
    'state': Reason(Cause.NODE_STATE, 'active'),
    'foreign': Reason(Cause.LESSEE_FOREIGN),
    'moved': Reason(Cause.OWNER_CHANGED),
    'gone': Reason(Cause.NODE_GONE),
    'away': Reason(None, 'Ironic answered 503; try again.'),
    'locked': Reason(None, 'The node is locked.'),
    'defect': Reason(Cause.SERVICE_ERROR, 'KeyError'),
    'rejected': Reason(Cause.GATE_REJECTED, 'PCR 0 differs.'),
    'gate waits': Reason(Cause.GATE_WAITS, 'It boots.'),
    'drifted': Reason(Cause.LESSEE_CLEARED),
    'expiring': Reason(None, 'The node is locked.'),
    'cancelled': Reason(None, 'The node is locked.'),
    'cleaning': None,
    'plain': None,
    'lost': Reason(Cause.NODE_LOST, 'changed'),
    'lender': Reason(Cause.NODE_SUBLET, NAMES['guest']),
    'guest': None,
    'lender back': Reason(Cause.NODE_NOT_BACK, 'In maintenance: a fan.'),
    'guest back': None,
    'inner end': None,
    'next': Reason(None, 'The node is being returned by its last lessee: In maintenance: a disk.'),
    'outer': Reason(Cause.SUBLEASE_OPEN, NAMES['inner']),
    'inner': Reason(None, 'The node is locked.'),
    'inherited': None,
    'unknown status': Reason(
        Cause.TAKEN_OVER, "The existing service had it in the unknown status 'fulfilled'."
    ),
    'free text': Reason(None, 'Ask the night shift: it said “no”.\nTwice.'),
}
NODES: Mapping[str, Reason | None] = {
    'n-foreign': Reason(Cause.LESSEE_FOREIGN),
    'n-rejected': Reason(Cause.GATE_REJECTED, 'PCR 0 differs.'),
    'n-waits': Reason(Cause.GATE_WAITS, 'It boots.'),
    'n-drifted': Reason(Cause.LESSEE_CLEARED),
    'n-cleaning': Reason(Cause.NODE_MAINTENANCE, 'a fan'),
    'n-lost': Reason(Cause.NODE_LOST, 'changed'),
    'n-back': Reason(Cause.NODE_MAINTENANCE, 'a fan'),
    'n-blocked': Reason(Cause.NODE_MAINTENANCE, 'a disk'),
    'n-stray': Reason(Cause.LESSEE_FOREIGN),
    'n-inherited': Reason(Cause.NOT_RECOGNISED),
}


class KilledError(Exception):
    """The process of the upgrade ended here."""


#: What that is called by the drivers, which call every error theirs, or do not.
KILLED = (KilledError, db_errors.DBError)


def load(database: Database) -> None:
    """Write the rows of the release before into its schema."""
    schema.upgrade(database, LANDED['revision'])
    with database.engine.begin() as connection:
        for name in ('nodes', 'contracts', 'bookings'):
            known = metadata.tables[name].c
            types = {key: known[key].type if key in known else OLD[key] for key in LANDED[name][0]}
            table = sa.table(name, *(sa.column(key, kind) for key, kind in types.items()))
            connection.execute(table.insert(), [_typed(row) for row in LANDED[name]])
        if connection.dialect.name == 'postgresql':  # its ids were given, not counted
            for name in ('nodes', 'contracts', 'bookings'):
                connection.execute(
                    sa.text(
                        f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id))"  # noqa: S608
                        f' FROM {name}'
                    )
                )


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Read the instants of a row, which JSON does not have."""
    return {
        key: datetime.fromisoformat(value['time'])
        if isinstance(value, dict) and value.keys() == {'time'}
        else value
        for key, value in row.items()
    }


@pytest.fixture
def landed(open_database: Callable[..., Database], database_url: str) -> Database:
    """A database as the release before left it."""
    made = open_database(database_url)
    load(made)
    return made


@pytest.fixture
def upgraded(landed: Database) -> Database:
    schema.upgrade(landed)
    return landed


def before(table: str, key: str, value: str) -> Mapping[str, Any]:
    (found,) = (_typed(row) for row in LANDED[table] if row[key] == value)
    return found


def booking(database: Database, name: str) -> Booking:
    query = sa.select(*rows.BOOKING).where(bookings.c.uuid == NAMES[name])
    with database.reader() as connection:
        return rows.booking(connection.execute(query).one())


def node(database: Database, uuid: str) -> Any:  # noqa: ANN401 - a Node
    query = sa.select(*rows.NODE).where(nodes.c.resource_uuid == uuid)
    with database.reader() as connection:
        return rows.node(connection.execute(query).one())


def as_now(sentence: str | None) -> str | None:
    """Say a sentence as it reads from this release on: one was said in two ways."""
    if sentence is not None and sentence.startswith('In maintenance: '):
        return sentence.replace('In maintenance', 'The node is in maintenance', 1)
    return sentence


def said(reason: Reason | None) -> str | None:
    return None if reason is None else str(reason)


class TestCauses:
    def test_every_row_is_looked_at_here(self) -> None:
        assert BOOKINGS.keys() == NAMES.keys()
        told = {row['resource_uuid'] for row in LANDED['nodes'] if row['reason'] is not None}
        assert NODES.keys() == told

    def test_sentences_of_bookings_become_causes_and_read_as_before(
        self, upgraded: Database
    ) -> None:
        for name, reason in BOOKINGS.items():
            found = booking(upgraded, name)
            assert found.reason == reason, name
            old = before('bookings', 'uuid', NAMES[name])['status_reason']
            assert said(found.reason) == as_now(old), name

    def test_sentences_of_nodes_become_causes_and_read_as_before(self, upgraded: Database) -> None:
        for row in LANDED['nodes']:
            found = node(upgraded, row['resource_uuid'])
            assert found.reason == NODES.get(row['resource_uuid'])
            assert said(found.reason) == as_now(row['reason'])

    def test_all_the_rest_is_as_it_was(self, upgraded: Database) -> None:
        gone = {'status_reason', 'next_action_at', 'reason'}
        for table in ('nodes', 'contracts', 'bookings'):
            kept = [key for key in LANDED[table][0] if key not in gone]
            columns = metadata.tables[table].c
            query = sa.select(*(columns[key] for key in kept)).order_by(columns.id)
            with upgraded.reader() as connection:
                found = [dict(row._mapping) for row in connection.execute(query)]  # noqa: SLF001
            assert found == [{key: _typed(row)[key] for key in kept} for row in LANDED[table]]

    def test_what_is_due_is_due_at_the_same_instant(self, upgraded: Database) -> None:
        query = sa.select(bookings.c.uuid, bookings.c.due_at)
        with upgraded.reader() as connection:
            found = {row.uuid: row.due_at for row in connection.execute(query)}
        assert found == {row['uuid']: _typed(row)['next_action_at'] for row in LANDED['bookings']}

    def test_the_maintenance_of_a_rejected_node_is_known_as_ours(self, upgraded: Database) -> None:
        for row in LANDED['nodes']:
            uuid = row['resource_uuid']
            ours = LANDED['maintenance'][uuid] if uuid == 'n-rejected' else None
            assert node(upgraded, uuid).maintenance_reason == ours


class TestGoesOn:
    """What this release does with the rows is what the release before would have done."""

    def test_attempts_are_counted_on(self, upgraded: Database) -> None:
        lease = booking(upgraded, 'maintenance')
        assert isinstance(lease, Lease)
        again = lease.postponed(Reason(Cause.NODE_MAINTENANCE, 'another fan'), NOW)
        assert again.attempts == before('bookings', 'uuid', lease.uuid)['attempts'] + 1 > 1

    def test_a_suspended_offer_is_available_when_its_owner_is_back(
        self, upgraded: Database
    ) -> None:
        store, old = Store(upgraded), before('nodes', 'resource_uuid', 'n-owner')
        offer = booking(upgraded, 'suspended')
        assert isinstance(offer, Offer)
        assert (offer.status, offer.is_suspended) == (OfferStatus.ERROR, True)
        for owner, status in (('heir', OfferStatus.ERROR), ('lender', OfferStatus.AVAILABLE)):
            machine = sa.update(nodes).where(nodes.c.id == old['id'])
            with upgraded.writer() as connection:
                connection.execute(machine.values(owner_id=owner, retry_at=NOW))
            with store.booking(old['id'], NOW) as book:
                task = due.plan(book.node, book.tree(), NOW)
                if isinstance(task, due.ResumeOffer):
                    book.put(put(task.offer))
            assert booking(upgraded, 'suspended').status is status

    def test_an_inherited_node_is_recognised_first(self, upgraded: Database) -> None:
        old = before('nodes', 'resource_uuid', 'n-inherited')
        with Store(upgraded).booking(old['id'], NOW) as book:
            assert book.node.is_inherited
            assert due.plan(book.node, book.tree(), NOW) == due.Recognise()

    def test_a_drift_that_was_noted_is_no_news(self, upgraded: Database) -> None:
        lease, found = booking(upgraded, 'drifted'), node(upgraded, 'n-drifted')
        assert lease.reason == found.reason == Reason(Cause.LESSEE_CLEARED)

    def test_a_leases_end_that_waited_is_taken_up(self, upgraded: Database) -> None:
        old = before('bookings', 'uuid', NAMES['expiring'])
        later = old['retry_at'] + timedelta(seconds=1)
        with Store(upgraded).booking(old['node_id'], later) as book:
            assert due.plan(book.node, book.tree(), later) == due.Take(
                book.lease(NAMES['expiring'])
            )


@contextmanager
def killed_after(database: Database, statement: int) -> Iterator[list[str]]:
    """Kill whoever has executed so many statements that write; yield those that were executed."""
    done: list[str] = []

    def count(connection: object, cursor: object, text: str, *_: object) -> None:
        if text.split(None, 1)[0].upper() not in READING:
            done.append(text)
            if len(done) == statement:
                raise KilledError(f'killed after {text}')

    sa.event.listen(database.engine, 'after_cursor_execute', count)
    try:
        yield done
    finally:
        sa.event.remove(database.engine, 'after_cursor_execute', count)


def picture(database: Database) -> object:
    """Return the schema and all rows of the tables that are changed, and the revision."""
    inspector = sa.inspect(database.engine)
    found: dict[str, object] = {'revision': schema.version(database)}
    for name in ('nodes', 'bookings'):
        columns = inspector.get_columns(name)
        indexes = {str(each['name']): each['column_names'] for each in inspector.get_indexes(name)}
        checks = {str(each['name']) for each in inspector.get_check_constraints(name)}
        described = {
            each['name']: (str(each['type']), each['nullable'], each.get('comment'))
            for each in columns
        }
        table = sa.table(name, *(sa.column(each) for each in sorted(described)))
        with database.engine.connect() as connection:
            read = connection.execute(sa.select(table).order_by(table.c.id))
            values = [tuple(map(str, row)) for row in read]
        found[name] = (described, indexes, checks, values)
    return found


class TestDies:
    @pytest.mark.timeout(900)  # a server writes the schema anew for each statement
    def test_it_can_be_run_again_after_any_statement(
        self,
        open_database: Callable[..., Database],
        all_databases: Databases,
        database_kind: str,
        database_url: str,
    ) -> None:
        undisturbed = open_database(database_url)
        load(undisturbed)
        first = picture(undisturbed)
        with killed_after(undisturbed, 0) as statements:
            schema.upgrade(undisturbed)
        expected = picture(undisturbed)
        assert expected != first
        assert len(statements) > len({'add', 'fill', 'rename', 'drop'})

        number = 0
        while number < len(statements):
            with all_databases.empty(database_kind) as url:
                database = Database(url)
                try:
                    load(database)
                    number = _die(database, number, len(statements), first)
                    schema.upgrade(database)
                    assert picture(database) == expected, statements[number - 1]
                finally:
                    database.close()


def _die(database: Database, number: int, last: int, first: object) -> int:
    """Kill the upgrade after one statement more each time, until one has left its work behind.

    Return the number of that statement, or the last one.
    """
    while number < last:
        number += 1
        with killed_after(database, number), pytest.raises(KILLED, match='killed'):
            schema.upgrade(database)
        if picture(database) != first:
            break
    return number
