"""A database of the existing service is taken over, whatever is in it."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.core.instant import FOREVER
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.core.query import Query, Scope
from esi_leap.db import existing, rows, schema, takeover
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.db.existing import Oddity
from esi_leap.db.store import Store
from esi_leap.db.tables import bookings, chores, contracts, events, nodes
from tests.conftest import KINDS, Databases

from . import existing_service as old
from .given import differences

NOW = datetime(2031, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
#: As the existing service keeps it: naive, UTC.
NOON = NOW.replace(tzinfo=None)
EVERYTHING = Scope(everything=True)
THEIRS = ['alembic_version', *(takeover.PREFIX + name for name in existing.TABLES)]

MARIADB = pytest.mark.parametrize('database_kind', ['mariadb'], indirect=True)

LEASE_STATUSES = (
    'created',
    'active',
    'wait fulfill',
    'wait expire',
    'wait cancel',
    'error',
    'expired',
    'deleted',
)

#: Every status, each on a node of its own, in windows that are in order.
ORDERLY = {
    'offers': [
        old.offer(f'o-{status}', NOON - DAY, NOON + DAY, resource_uuid=f'n-o-{status}', **values)
        for status, values in {
            'available': {'name': 'nightly', 'lessee_id': 'p-tenant'},
            'expired': {'name': 'nightly'},
            'deleted': {'end_time': old.FOREVER},
            'error': {'properties': '{"rack": {"row": 7}}'},
        }.items()
    ],
    'leases': [
        old.lease(
            f'l-{status}',
            NOON - DAY,
            NOON - timedelta(hours=1) if status in {'wait expire', 'expired'} else NOON + DAY,
            status=status,
            resource_uuid=f'n-{status}',
            purpose=f'for {status}',
            properties='{"note": "ü"}',
            fulfill_time=NOON - DAY,
            expire_time=NOON if status in {'expired', 'deleted'} else None,
        )
        for status in LEASE_STATUSES
    ],
    'events': [old.event(number) for number in (3, 4, 17)],
    'console_auth_tokens': [{'node_uuid': 'n-active', 'token_hash': 'aa', 'expires': 2000000000}],
}
for _row in ORDERLY['offers']:
    _row['status'] = _row['uuid'].removeprefix('o-')

#: What its tables allow and its code let happen.
ODD = {
    'offers': [
        old.offer('o-wide', NOON - DAY, old.FOREVER, resource_uuid='n-2'),
        old.offer('o-shrunk', NOON - DAY, NOON, resource_uuid='n-3'),
        old.offer('o-beside', NOON - DAY, NOON + DAY, resource_uuid='n-4', status='error'),
        old.offer('o-none', None, None, resource_uuid='n-5'),
        old.offer(
            'o-sub', NOON + DAY / 2, NOON + DAY, resource_uuid='n-6', parent_lease_uuid='l-parent'
        ),
        old.offer('o-open', NOON, NOON + DAY, resource_uuid='n-7', status='open'),
    ],
    'leases': [
        old.lease('l-claimed', NOON - DAY, NOON + DAY, resource_uuid='n-2', offer_uuid='o-wide'),
        old.lease('l-beyond', NOON - DAY, NOON + DAY, resource_uuid='n-3', offer_uuid='o-shrunk'),
        old.lease('l-own', NOON, NOON + DAY, resource_uuid='n-4', status='wait fulfill'),
        old.lease('l-again', NOON, NOON + DAY, resource_uuid='n-4', status='active'),
        old.lease('l-third', NOON, NOON + DAY, resource_uuid='n-4', status='active'),
        old.lease('l-parent', NOON - DAY, NOON + DAY, resource_uuid='n-6', status='active'),
        old.lease(
            'l-child',
            NOON,
            NOON + DAY / 2,
            resource_uuid='n-6',
            status='active',
            parent_lease_uuid='l-parent',
        ),
        old.lease(
            'l-grandchild',
            NOON + DAY / 2,
            NOON + DAY,
            resource_uuid='n-6',
            offer_uuid='o-sub',
            parent_lease_uuid='l-parent',
        ),
        old.lease('l-inverted', NOON, NOON - DAY, resource_uuid='n-8', status='active'),
        old.lease('l-broken', NOON, NOON + DAY, resource_uuid='n-9', properties='{"a": '),
        old.lease('l-list', NOON, NOON + DAY, resource_uuid='n-10', properties='[1]'),
        old.lease('l-nan', NOON, NOON + DAY, resource_uuid='n-11', properties='{"a": NaN}'),
        old.lease('l-empty', NOON, NOON + DAY, resource_uuid='n-12', properties=''),
        old.lease('l-null', NOON, NOON + DAY, resource_uuid='n-13', properties=None),
        old.lease('l-cancelled', NOON, NOON + DAY, resource_uuid='n-2', status='cancelled'),
        old.lease('l-pending', NOON, NOON + DAY, resource_uuid='n-14', status='fulfilled'),
        old.lease(
            'l-test',
            NOON,
            NOON + DAY,
            resource_type='test_node',
            resource_uuid='1',
            status='active',
        ),
        old.lease('l-last', old.FOREVER, old.FOREVER, resource_uuid='n-15', status='expired'),
    ],
    'events': [
        old.event(1, object_type=None, object_uuid=None, resource_type=None, resource_uuid=None)
    ],
}


@pytest.fixture(params=old.FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty(open_database: Callable[..., Database], database_url: str) -> Database:
    return open_database(database_url)


def uuids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f'00000000-0000-4000-8000-{next(numbers):012d}'


def filled(
    database: Database,
    content: Mapping[str, Any],
    form: str = 'created',
    *,
    stamped: bool = True,
) -> Database:
    with database.writer() as connection:
        old.make(connection, content, form, stamped=stamped)
    return database


def taken_over(database: Database) -> takeover.Report | None:
    return takeover.upgrade(database, NOW, uuids())


def booked(database: Database) -> dict[str, Offer | Lease]:
    with database.reader() as connection:
        found = [rows.booking(row) for row in connection.execute(sa.select(bookings))]
    return {each.uuid: each for each in found}


def node(database: Database, uuid: str) -> Node:
    with database.reader() as connection:
        found = connection.execute(sa.select(nodes).where(nodes.c.resource_uuid == uuid))
        return rows.node(found.one())


def column(database: Database, name: sa.Column[Any]) -> list[Any]:
    with database.reader() as connection:
        return list(connection.execute(sa.select(name).order_by(name)).scalars())


def rows_of(database: Database, prefix: str = '') -> dict[str, list[Any]]:
    with database.reader() as connection:
        return {
            name: [dict(each) for page in existing.batches(connection, table) for each in page]
            for name, table in existing.tables(connection, prefix).items()
        }


class TestRows:
    @pytest.mark.parametrize('stamped', [True, False])
    def test_each_is_there_with_what_it_said(
        self, empty: Database, form: str, *, stamped: bool
    ) -> None:
        taken_over(filled(empty, ORDERLY, form, stamped=stamped))
        found = booked(empty)
        assert set(found) == {
            each['uuid'] for name in ('offers', 'leases') for each in ORDERLY[name]
        }
        for row in [*ORDERLY['offers'], *ORDERLY['leases']]:
            value = found[row['uuid']]
            owner = row.get('owner_id', row['project_id'])
            assert (value.name, str(value.status), value.owner_id) == (
                row.get('name'),
                row['status'],
                owner,
            )
            assert value.window.start == row['start_time'].replace(tzinfo=UTC)
            end = row['end_time'].replace(tzinfo=UTC)
            assert value.window.end == (FOREVER if end.year == 9999 else end)
        for row in ORDERLY['leases']:
            lease = found[row['uuid']]
            assert isinstance(lease, Lease)
            assert (lease.lessee_id, lease.purpose) == (row['project_id'], row['purpose'])
            assert lease.properties == {'note': 'ü'}
            times = [row['fulfill_time'], row['expire_time']]
            assert [lease.fulfill_time, lease.expire_time] == [
                each and each.replace(tzinfo=UTC) for each in times
            ]
        assert found['o-available'].lessee_id == 'p-tenant'
        assert found['o-error'].properties == {'rack': {'row': 7}}

    def test_each_can_be_listed_with_its_node_and_its_contract(self, empty: Database) -> None:
        taken_over(filled(empty, ORDERLY))
        store = Store(empty)
        offers = store.offers(EVERYTHING, Query(), NOW)
        assert [each.offer.uuid for each in offers] == [each['uuid'] for each in ORDERLY['offers']]
        leases = store.leases(EVERYTHING, Query())
        assert [each.lease.uuid for each in leases] == [each['uuid'] for each in ORDERLY['leases']]
        assert {each.node.resource_uuid for each in leases} == {f'n-{x}' for x in LEASE_STATUSES}
        agreed = store.contracts(EVERYTHING, Query())
        assert [list(each.leases) for each in agreed] == [[f'l-{x}'] for x in LEASE_STATUSES]
        assert {each.contract.uuid for each in agreed} == {each.lease.contract for each in leases}

    def test_events_keep_their_ids_and_later_ones_follow(self, empty: Database) -> None:
        taken_over(filled(empty, ORDERLY))
        assert column(empty, events.c.position) == [3, 4, 17]
        with empty.reader() as connection:
            last = sa.select(chores.c.position).where(chores.c.name == 'events')
            assert connection.execute(last).scalar_one() == 17

    def test_what_they_were_made_of_is_kept_as_it_was(self, empty: Database, form: str) -> None:
        filled(empty, {name: [*ORDERLY[name], *ODD.get(name, [])] for name in ORDERLY}, form)
        before = rows_of(empty)
        taken_over(empty)
        assert rows_of(empty) == {}
        assert rows_of(empty, takeover.PREFIX) == before

    def test_the_schema_is_ours(self, empty: Database, form: str) -> None:
        taken_over(filled(empty, ORDERLY, form))
        assert schema.version(empty) == schema.newest()
        assert differences(empty, but=THEIRS) == []

    def test_more_than_a_page_of_them(
        self, empty: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(existing, '_BATCH', 2)
        report = taken_over(filled(empty, ORDERLY))
        assert report is not None
        assert report.copied == {'offers': 4, 'leases': 8, 'events': 3}
        assert len(booked(empty)) == 12

    def test_columns_that_an_older_schema_lacks(self, empty: Database) -> None:
        filled(empty, {'leases': [old.lease('l', NOON, NOON + DAY)]})
        with empty.writer() as connection:
            for name in ('purpose', 'fulfill_time', 'expire_time'):
                connection.execute(sa.text(f'ALTER TABLE leases DROP COLUMN {name}'))
        taken_over(empty)
        lease = booked(empty)['l']
        assert isinstance(lease, Lease)
        assert (lease.purpose, lease.fulfill_time) == (None, None)

    def test_a_database_with_migrated_tables_only(self, empty: Database) -> None:
        """Its own `upgrade` of an empty database makes but two tables."""
        described = old.schema('migrated')
        with empty.writer() as connection:
            for name in ('events', 'console_auth_tokens'):
                described.tables[name].create(connection)
            connection.execute(described.tables['events'].insert().values(old.event(9)))
        taken_over(empty)
        assert column(empty, events.c.position) == [9]


@pytest.fixture(scope='module', params=KINDS)
def odd(request: pytest.FixtureRequest, all_databases: Databases) -> Iterator[Database]:
    """One that was taken over with all that is odd, for tests that only read."""
    with all_databases.empty(request.param) as url:
        made = filled(Database(url), ODD)
        taken_over(made)
        yield made
        made.close()


class TestOddities:
    def test_none_is_lost(self, odd: Database) -> None:
        assert len(booked(odd)) == len(ODD['offers']) + len(ODD['leases'])

    def test_for_ever_is_for_ever(self, empty: Database, form: str) -> None:
        taken_over(filled(empty, ODD, form))
        assert booked(empty)['o-wide'].window.end == FOREVER

    @pytest.mark.parametrize(
        ('uuid', 'parent'),
        [
            ('l-claimed', 'o-wide'),
            ('l-child', 'l-parent'),
            ('o-sub', 'l-parent'),
            ('l-grandchild', 'o-sub'),
            ('l-beyond', None),
            ('l-parent', None),
        ],
    )
    def test_the_tree(self, odd: Database, uuid: str, parent: str | None) -> None:
        assert booked(odd)[uuid].parent == parent

    def test_sub_leases_know_their_lease(self, odd: Database) -> None:
        found = booked(odd)
        below = {uuid for uuid, each in found.items() if each.parent_lease == 'l-parent'}
        assert below == {'l-child', 'l-grandchild', 'o-sub'}

    def test_holders_side_by_side_are_marked_and_the_furthest_stands(self, odd: Database) -> None:
        with odd.reader() as connection:
            found = connection.execute(sa.select(bookings.c.uuid, bookings.c.overlaps_uuid))
            marked = {uuid: beside for uuid, beside in found if beside}
        assert marked == {
            'o-shrunk': 'l-beyond',
            'l-own': 'l-again',
            'l-third': 'l-again',
            'o-beside': 'l-again',
        }

    def test_an_own_lease_lies_in_an_own_open_offer(self, empty: Database) -> None:
        inside = old.lease('l', NOON, NOON + DAY, status='wait fulfill')
        taken_over(
            filled(empty, {'offers': [old.offer('o', NOON, NOON + DAY)], 'leases': [inside]})
        )
        assert booked(empty)['l'].parent == 'o'

    def test_what_lies_in_itself_is_cut(self, empty: Database) -> None:
        knot = [
            old.lease('l-self', NOON, NOON + DAY, parent_lease_uuid='l-self'),
            old.lease('l-offer', NOON, NOON + DAY, resource_uuid='n-2', offer_uuid='o'),
        ]
        inside = old.offer('o', NOON, NOON + DAY, resource_uuid='n-2', parent_lease_uuid='l-offer')
        report = taken_over(filled(empty, {'offers': [inside], 'leases': knot}))
        found = booked(empty)
        assert {uuid: each.parent for uuid, each in found.items()} == dict.fromkeys(found)
        assert found['l-self'].parent_lease is None
        assert report is not None
        assert sorted(report.oddities[Oddity.OUTSIDE]) == ['l-offer', 'l-self', 'o']

    def test_windows_that_are_none(self, odd: Database) -> None:
        found = booked(odd)
        assert found['o-none'].window.start == datetime(2024, 1, 1, 12, tzinfo=UTC)
        assert found['o-none'].window.end == FOREVER
        inverted = found['l-inverted']
        assert inverted.window.end - inverted.window.start == timedelta(microseconds=1)
        assert '2031-04-30 12:00:00' in (inverted.reason or '')
        assert found['l-last'].window.end == FOREVER

    def test_unknown_statuses(self, odd: Database) -> None:
        found = booked(odd)
        assert [str(found[uuid].status) for uuid in ('o-open', 'l-pending', 'l-cancelled')] == [
            'error',
            'error',
            'deleted',
        ]
        assert "'fulfilled'" in (found['l-pending'].reason or '')

    @pytest.mark.parametrize('uuid', ['l-broken', 'l-list', 'l-nan', 'l-empty', 'l-null'])
    def test_properties_that_are_none(self, odd: Database, uuid: str) -> None:
        assert booked(odd)[uuid].properties == {}

    def test_nodes_wait_for_a_look_if_something_is_held_on_them(self, odd: Database) -> None:
        assert node(odd, 'n-2').is_inherited
        assert node(odd, 'n-2').retry_at == NOW
        assert not node(odd, 'n-15').is_inherited
        assert not node(odd, '1').is_inherited  # nobody could look at a test_node
        assert Agenda(odd).due(NOW, 100)

    @pytest.mark.parametrize('content', [ORDERLY, ODD])
    def test_the_survey_says_before_what_the_report_says_after(
        self, empty: Database, content: Mapping[str, Any]
    ) -> None:
        filled(empty, content)
        with empty.reader() as connection:
            before = takeover.survey(connection)
        after = taken_over(empty)
        assert before is not None
        assert after is not None
        assert (before.counts, before.oddities) == (after.counts, after.oddities)
        with empty.reader() as connection:
            assert takeover.survey(connection) is None

    def test_the_survey_names_each(self, empty: Database) -> None:
        filled(empty, ODD)
        with empty.reader() as connection:
            report = takeover.survey(connection)
        assert report is not None
        assert report.oddities == {
            Oddity.STATUS: ['o-open', 'l-cancelled', 'l-pending'],
            Oddity.NO_START: ['o-none'],
            Oddity.NO_END: ['o-none'],
            Oddity.WINDOW: ['l-inverted', 'l-last'],
            Oddity.PROPERTIES: ['l-broken', 'l-list', 'l-nan'],
            Oddity.OUTSIDE: ['l-beyond'],
            Oddity.OVERLAP: ['o-shrunk', 'o-beside', 'l-own', 'l-third'],
            Oddity.TYPE: ['l-test'],
        }
        said = '\n'.join(report.lines())
        assert 'offers: 6 (available 4, error 1, open 1)' in said
        assert f'4 x {Oddity.OVERLAP}: o-shrunk, o-beside, l-own, l-third' in said

    @pytest.mark.parametrize('form', ['migrated'])
    def test_a_long_text_of_an_event_is_cut(self, empty: Database, form: str) -> None:
        filled(empty, {'events': [old.event(1, event_type='x' * 40)]}, form)
        report = taken_over(empty)
        assert report is not None
        assert report.oddities == {Oddity.TEXT: ['1']}
        assert column(empty, events.c.event_type) == ['x' * 36]


class TestAgain:
    def test_ours_are_never_taken_for_theirs(self, database: Database) -> None:
        with database.reader() as connection:
            assert existing.tables(connection) == {}

    def test_once_is_enough(self, empty: Database) -> None:
        filled(empty, ORDERLY)
        assert taken_over(empty) is not None
        before = booked(empty)
        assert taken_over(empty) is None
        assert booked(empty) == before

    def test_an_empty_database_and_one_of_ours_have_nothing_to_take_over(
        self, empty: Database
    ) -> None:
        for _ in range(2):
            assert taken_over(empty) is None
        assert schema.version(empty) == schema.newest()

    def test_at_once_on_several_hosts(
        self, empty: Database, open_database: Callable[..., Database]
    ) -> None:
        filled(empty, ORDERLY)
        hosts = [open_database(empty.url) for _ in range(3)]
        with ThreadPoolExecutor(len(hosts)) as pool:
            reports = list(pool.map(taken_over, hosts))
        assert len([each for each in reports if each is not None]) == 1
        assert len(booked(empty)) == 12

    @MARIADB
    def test_the_other_service_was_started_again(self, empty: Database) -> None:
        """It makes the tables that it misses: the empty ones do no harm.

        On the others it cannot, because the names of its indexes are taken.
        """
        taken_over(filled(empty, ORDERLY))
        with empty.writer() as connection:
            old.schema('created').create_all(connection)  # events are ours, and stay
        assert taken_over(empty) is None
        assert column(empty, events.c.position) == [3, 4, 17]

    @MARIADB
    def test_the_other_service_went_on(self, empty: Database) -> None:
        taken_over(filled(empty, ORDERLY))
        described = old.schema('created')
        with empty.writer() as connection:
            described.create_all(connection)
            connection.execute(described.tables['offers'].insert().values(ORDERLY['offers'][0]))
        with pytest.raises(takeover.TakeoverError, match='went on after'):
            taken_over(empty)

    def test_tables_of_both_with_rows_are_refused(self, empty: Database) -> None:
        schema.upgrade(empty)
        with empty.writer() as connection:
            connection.execute(
                events.insert().values(
                    event_type='x',
                    event_time=NOW,
                    object_type='lease',
                    object_uuid='l',
                    resource_type='ironic_node',
                    resource_uuid='n',
                )
            )
            for name in ('offers', 'leases'):
                old.schema('created').tables[name].create(connection)
        with pytest.raises(takeover.TakeoverError, match='cannot be made one'):
            taken_over(empty)
        assert len(column(empty, events.c.id)) == 1

    def test_an_empty_one_of_ours_takes_an_old_dump(self, empty: Database) -> None:
        schema.upgrade(empty)
        with empty.writer() as connection:
            for name in ('console_auth_tokens', 'events'):
                connection.execute(sa.text(f'DROP TABLE {name}'))
        taken_over(filled(empty, ORDERLY))
        assert len(booked(empty)) == 12
        assert differences(empty, but=THEIRS) == []


class KilledError(Exception):
    """The process ended here."""


class TestGuide:
    """The statements of the migration guide are these, and do what it says."""

    @pytest.fixture
    def statements(self) -> list[list[str]]:
        guide = Path(__file__).parents[3] / 'doc/source/install/migration.rst'
        blocks = guide.read_text(encoding='utf-8').split('.. code-block:: sql\n\n')[1:]
        code = (
            itertools.takewhile(lambda line: line[:4] in {'    ', ''}, each.splitlines())
            for each in blocks
        )
        return [[line.strip().rstrip(';') for line in lines if line] for lines in code]

    def test_going_back_and_coming_again(
        self, empty: Database, statements: list[list[str]]
    ) -> None:
        filled(empty, {name: [*ORDERLY[name], *ODD.get(name, [])] for name in ORDERLY})
        before = rows_of(empty)
        taken_over(empty)
        first = booked(empty)
        with empty.writer() as connection:
            for each in statements[0]:
                connection.exec_driver_sql(each)
            assert set(sa.inspect(connection).get_table_names()) == {*before, 'alembic_version'}
        assert rows_of(empty) == before
        taken_over(empty)
        assert booked(empty).keys() == first.keys()

    def test_dropping_what_was_kept(self, empty: Database, statements: list[list[str]]) -> None:
        taken_over(filled(empty, ORDERLY))
        ((drop,),) = statements[1:]
        kind = empty.engine.dialect.name
        with empty.engine.connect() as connection:
            if kind == 'mysql':
                connection.exec_driver_sql('SET FOREIGN_KEY_CHECKS = 0')
            if kind == 'sqlite':
                connection.exec_driver_sql('PRAGMA foreign_keys = OFF')
                connection.commit()
            tables = drop.removeprefix('DROP TABLE ').split(', ')
            for each in tables if kind == 'sqlite' else [', '.join(tables)]:
                connection.exec_driver_sql(f'DROP TABLE {each}')
            connection.commit()
        assert taken_over(empty) is None
        assert len(booked(empty)) == 12


_CHANGES = frozenset({'ALTER', 'COMMENT', 'CREATE', 'DELETE', 'DROP', 'INSERT', 'UPDATE'})


class TestCrashes:
    def test_before_any_change_it_is_run_again(self, empty: Database) -> None:
        """One change further each time, on what the runs before have left."""
        content = {name: [*ORDERLY[name], *ODD.get(name, [])] for name in ORDERLY}
        filled(empty, content)
        before = rows_of(empty)
        left = [0]

        def spend(_: object, __: object, statement: str, *___: object) -> None:
            if statement.lstrip().split()[0] not in _CHANGES:
                return
            left[0] -= 1
            if left[0] < 0:
                raise KilledError('killed')

        for number in itertools.chain(range(10), itertools.count(10, 5)):
            left[0] = number
            sa.event.listen(empty.engine, 'before_cursor_execute', spend)
            try:
                report = taken_over(empty)
                break
            except KilledError:
                pass
            except db_errors.DBError as error:  # oslo.db wraps what it does not know
                if not isinstance(error.inner_exception, KilledError):
                    raise
            finally:
                sa.event.remove(empty.engine, 'before_cursor_execute', spend)
            with empty.reader() as connection:
                assert sum(_sizes(connection)) == 0
        assert number > 40
        assert report is not None
        assert report.copied == {name: len(content[name]) for name in report.copied}
        assert set(report.copied) == {'offers', 'leases', 'events'}
        assert rows_of(empty, takeover.PREFIX) == before
        assert len(booked(empty)) == len(content['offers']) + len(content['leases'])
        assert len(column(empty, contracts.c.id)) == len(content['leases'])
        assert differences(empty, but=THEIRS) == []


def _sizes(connection: sa.Connection) -> Iterator[int]:
    """Count the rows in each of our tables that is there."""
    theirs = existing.tables(connection)
    for table in (bookings, contracts, events, nodes, chores):
        if sa.inspect(connection).has_table(table.name) and table.name not in theirs:
            size = sa.select(sa.func.count()).select_from(table)
            yield connection.execute(size).scalar_one()
