"""The schema that migrations make: what the models say, on every database, from any revision."""

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import script
from oslo_db import exception as db_errors

from esi_leap.core import lease, node, offer
from esi_leap.core.handover.machine import Machine
from esi_leap.core.interval import Interval
from esi_leap.core.query import Query, Scope
from esi_leap.db import contracts, leases, offers, schema
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import BLOCKING, NO_OVERLAP, bookings, metadata

from .given import differences

SERVERS = pytest.mark.parametrize('database_kind', ['mariadb', 'postgresql'], indirect=True)
POSTGRESQL = pytest.mark.parametrize('database_kind', ['postgresql'], indirect=True)
#: MariaDB's driver calls a failed CHECK an operational error.
REFUSED = (db_errors.DBError, sa.exc.DBAPIError)
NOW = datetime(2032, 1, 31, 9, 30, tzinfo=UTC)

_FOLDER = str(Path(schema.__file__).parent / 'migrations')
REVISIONS = [
    each.revision for each in reversed(list(script.ScriptDirectory(_FOLDER).walk_revisions()))
]


@pytest.fixture
def unmade(open_database: Callable[..., Database], database_url: str) -> Database:
    """An empty database, without a schema."""
    return open_database(database_url)


class TestUpgrade:
    def test_an_empty_database_has_no_revision(self, unmade: Database) -> None:
        assert schema.version(unmade) is None

    def test_up_from_empty(self, unmade: Database) -> None:
        schema.upgrade(unmade)
        assert schema.version(unmade) == schema.newest() == REVISIONS[-1]
        assert Store(unmade).last_beat('manager') is None
        assert Store(unmade).leases(Scope(everything=True), Query()) == []

    @pytest.mark.parametrize('revision', REVISIONS)
    def test_up_from_every_revision_and_once_more(self, unmade: Database, revision: str) -> None:
        schema.upgrade(unmade, revision)
        assert schema.version(unmade) == revision
        for _ in range(2):
            schema.upgrade(unmade)
            assert schema.version(unmade) == schema.newest()
        assert differences(unmade) == []

    def test_a_database_of_another_history_is_not_mistaken_for_ours(self, unmade: Database) -> None:
        with unmade.engine.begin() as connection:
            connection.execute(sa.text('CREATE TABLE alembic_version (version_num VARCHAR(32))'))
            connection.execute(sa.text("INSERT INTO alembic_version VALUES ('e0d2e4a5fd2b')"))
        schema.upgrade(unmade)
        with unmade.engine.begin() as connection:
            theirs = connection.execute(sa.text('SELECT version_num FROM alembic_version'))
            assert theirs.scalars().all() == ['e0d2e4a5fd2b']

    def test_revisions_are_one_line(self) -> None:
        assert script.ScriptDirectory(_FOLDER).get_heads() == [REVISIONS[-1]]


class TestModels:
    def test_they_are_in_sync_with_the_migrated_schema(self, database: Database) -> None:
        assert differences(database) == []

    def test_every_table_and_column_has_a_comment(self) -> None:
        for table in metadata.tables.values():
            assert table.comment
            assert [column.name for column in table.columns if not column.comment] == []

    @SERVERS
    def test_the_comments_are_in_the_database(self, database: Database) -> None:
        inspector = sa.inspect(database.engine)
        for table in metadata.tables.values():
            assert inspector.get_table_comment(table.name)['text'] == table.comment
            found = {each['name']: each['comment'] for each in inspector.get_columns(table.name)}
            assert found == {column.name: column.comment for column in table.columns}

    def test_primary_keys_foreign_keys_and_unique_constraints(self, database: Database) -> None:
        inspector = sa.inspect(database.engine)
        for table in metadata.tables.values():
            keys = inspector.get_pk_constraint(table.name)['constrained_columns']
            assert keys == [column.name for column in table.primary_key]
            found = {
                (tuple(each['constrained_columns']), each['referred_table'])
                for each in inspector.get_foreign_keys(table.name)
            }
            expected = {
                (tuple(each.column_keys), each.referred_table.name)
                for each in table.foreign_key_constraints
            }
            assert found == expected

    def test_checks_are_those_of_the_models(self, database: Database) -> None:
        inspector = sa.inspect(database.engine)
        for table in metadata.tables.values():
            found = {
                str(each['name']): _words(each['sqltext'])
                for each in inspector.get_check_constraints(table.name)
                if 'json_valid' not in each['sqltext']
            }
            expected = {
                str(each.name): _words(str(each.sqltext))
                for each in table.constraints
                if isinstance(each, sa.CheckConstraint)
            }
            assert found == expected

    @pytest.mark.parametrize('database_kind', ['mariadb'], indirect=True)
    def test_tables_keep_and_compare_every_text(self, database: Database) -> None:
        query = sa.text(
            'SELECT table_name, engine, table_collation FROM information_schema.tables '
            'WHERE table_schema = DATABASE()'
        )
        with database.reader() as connection:
            found = {name: rest for name, *rest in connection.execute(query)}
        assert {name: found[name] for name in metadata.tables} == {
            name: ['InnoDB', 'utf8mb4_bin'] for name in metadata.tables
        }


class TestHolding:
    def test_it_is_all_but_the_final_states(self) -> None:
        assert set(BLOCKING) == ({*map(str, lease.Status), *map(str, offer.Status)}) - {
            'deleted',
            'expired',
        }

    @POSTGRESQL
    def test_the_exclusion_constraint_holds_what_the_planner_holds(
        self, database: Database
    ) -> None:
        query = sa.text(
            'SELECT pg_get_expr(i.indpred, i.indrelid), pg_get_constraintdef(c.oid) '
            'FROM pg_constraint c JOIN pg_index i ON i.indexrelid = c.conindid '
            'WHERE c.conname = :name'
        )
        with database.reader() as connection:
            where, definition = connection.execute(query, {'name': NO_OVERLAP}).one()
        assert set(re.findall(r"'([^']+)'", where)) == set(BLOCKING)
        assert definition.startswith('EXCLUDE USING gist (node_id WITH =, ')
        assert 'tsrange(start_time, end_time) WITH &&' in definition
        assert definition.endswith('DEFERRABLE INITIALLY DEFERRED')

    def test_the_database_takes_every_status_of_the_core_and_no_other(
        self, database: Database
    ) -> None:
        node = _node(database)
        for kind, statuses in (('offer', offer.Status), ('lease', lease.Status)):
            for status in {*map(str, lease.Status), *map(str, offer.Status), 'x', ''}:
                values = _row(node, kind, status)
                if status in set(map(str, statuses)):
                    _insert(database, values)
                else:
                    with pytest.raises(REFUSED):
                        _insert(database, values)

    def test_the_database_takes_every_state_of_a_node_and_no_other(
        self, database: Database
    ) -> None:
        _node(database)
        update = sa.text('UPDATE nodes SET state = :state')
        for state in node.State:
            with database.writer() as connection:
                connection.execute(update, {'state': str(state)})
        with pytest.raises(REFUSED), database.writer() as connection:
            connection.execute(update, {'state': 'x'})


class TestGuards:
    """What the database refuses, should a plan ever be wrong."""

    @pytest.mark.parametrize(
        'wrong',
        [
            {'start_time': NOW, 'end_time': NOW},
            {'start_time': NOW.replace(year=9000)},
            {'due_at': None},
            {'status': 'expired'},
            {'contract_uuid': None},
            {'lessee_id': None},
            {'contract_uuid': 'no such'},
            {'parent_uuid': 'no such'},
            {'node_id': 2**31 - 1},
            {'owner_id': None},
            {'kind': 'bid'},
        ],
        ids=str,
    )
    def test_a_row_that_makes_no_sense(self, database: Database, wrong: dict[str, object]) -> None:
        values = _row(_node(database), 'lease', 'created')
        with pytest.raises(REFUSED):
            _insert(database, {**values, **wrong})
        _insert(database, values)

    @POSTGRESQL
    def test_an_overlap_that_was_written_past_the_lock(self, database: Database) -> None:
        node = _node(database)
        first = _row(node, 'lease', 'error', 'a')
        _insert(database, first)
        for values in (
            {},
            {'start_time': NOW.replace(hour=10), 'end_time': NOW.replace(hour=10, microsecond=1)},
            {'start_time': NOW.replace(hour=1), 'end_time': NOW.replace(microsecond=1)},
        ):
            with pytest.raises(db_errors.DBError, match=NO_OVERLAP):
                _insert(database, {**_row(node, 'lease', 'created', 'b'), **values})
        for number, values in enumerate(
            (
                {'start_time': NOW.replace(hour=1), 'end_time': NOW},
                {'start_time': NOW.replace(hour=11), 'end_time': NOW.replace(hour=23)},
                {'parent_uuid': 'a'},
                {'status': 'expired', 'due_at': None},
                {'node_id': _node(database, 'n2')},
            )
        ):
            _insert(database, {**_row(node, 'lease', 'created', f'fine-{number}'), **values})
        with pytest.raises(db_errors.DBError, match=NO_OVERLAP):
            _insert(database, {**_row(node, 'lease', 'created', 'c'), 'parent_uuid': 'a'})

    @POSTGRESQL
    def test_it_is_refused_to_who_changes_a_row_too(self, database: Database) -> None:
        node = _node(database)
        _insert(database, _row(node, 'lease', 'created', 'a'))
        gone = _row(node, 'offer', 'expired', 'b')
        _insert(database, gone)
        back = bookings.update().where(bookings.c.uuid == 'b')
        with pytest.raises(db_errors.DBError, match=NO_OVERLAP), database.writer() as connection:
            connection.execute(back.values(status='available', due_at=NOW))


class TestIndexes:
    #: Filters without an index: JSON has none that serves all three databases, and the kind of a
    #: node or the second of two times would choose half of all rows.
    WITHOUT = frozenset({'properties', 'created_at', 'end_time', 'resource_type'})

    @pytest.mark.parametrize(
        ('table', 'columns'),
        [
            ('bookings', offers.COLUMNS),
            ('bookings', leases.COLUMNS),
            (
                'contracts',
                {key: each for key, each in contracts.COLUMNS.items() if key != 'status'},
            ),
        ],
        ids=['offers', 'leases', 'contracts'],
    )
    def test_every_filter_of_a_list_has_one(
        self, database: Database, table: str, columns: dict[str, sa.Column[object]]
    ) -> None:
        leading = _leading(database)
        for key, column in columns.items():
            if key in self.WITHOUT or (table == 'contracts' and key == 'start_time'):
                continue
            assert column.name in leading[column.table.name], key

    @pytest.mark.parametrize('column', ['due_at', 'parent_uuid', 'contract_uuid', 'node_id'])
    def test_what_the_manager_and_the_calendar_ask_has_one(
        self, database: Database, column: str
    ) -> None:
        assert column in _leading(database)['bookings']

    def test_the_nodes_that_are_looked_at_have_one(self, database: Database) -> None:
        assert 'retry_at' in _leading(database)['nodes']

    def test_events_are_found_by_who_and_what(self, database: Database) -> None:
        wanted = {'event_time', 'lessee_id', 'owner_id', 'event_type', 'resource_uuid'}
        assert wanted <= _leading(database)['events']


class TestDbsync:
    @pytest.fixture
    def dbsync(self, database_url: str, tmp_path: Path) -> Callable[..., str]:
        """The program, in a process of its own, with a configuration file."""
        config = tmp_path / 'esi-leap.conf'
        config.write_text(f'[database]\nconnection = {database_url.replace("%", "%%")}\n')
        program = Path(sys.executable).with_name('esi-leap-dbsync')

        def run(*words: str, code: int = 0) -> str:
            done = subprocess.run(
                [program, '--config-file', config, *words],
                check=False,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == code, done.stderr
            assert 'Traceback' not in done.stderr
            return done.stdout if code == 0 else done.stderr

        return run

    def test_upgrade_twice_and_version(self, dbsync: Callable[..., str]) -> None:
        assert dbsync('version').splitlines()[-1] != schema.newest()
        for _ in range(2):
            dbsync('upgrade')
            assert dbsync('version').splitlines()[-1] == schema.newest()

    @pytest.mark.parametrize('database_kind', ['sqlite'], indirect=True)
    def test_create_schema(self, dbsync: Callable[..., str], unmade: Database) -> None:
        dbsync('create_schema')
        assert schema.version(unmade) == schema.newest()
        dbsync('create_schema')


def _words(sql: str) -> list[str]:
    """The words of a condition: names, texts and operators, without what databases add to it."""
    sql = re.sub(r'::[a-z ]+(\[\])?|_utf8mb4|`|COLLATE \w+', '', sql)
    sql = re.sub(r'= ANY \(+ARRAY\[([^]]*)\]\)*', r' IN (\1)', sql)
    return [each.lower() for each in re.findall(r"'[^']*'|\w+|[<>=]+", sql)]


def _leading(database: Database) -> dict[str, set[str]]:
    """The columns by which each table finds rows: the first of an index, or after `kind`."""
    inspector = sa.inspect(database.engine)
    found: dict[str, set[str]] = {}
    for table in metadata.tables:
        keys = [each['column_names'] for each in inspector.get_indexes(table)]
        keys += [each['column_names'] for each in inspector.get_unique_constraints(table)]
        found[table] = {key[1] if key[0] == 'kind' else key[0] for key in keys if key[0]}
    return found


def _node(database: Database, uuid: str = 'n1') -> int:
    machine = Machine(
        uuid=uuid,
        name=uuid,
        owner='p',
        lessee=None,
        lease_label=None,
        provision_state='available',
        power_state=None,
    )
    return Store(database).node(machine, 'ironic_node', NOW).id


def _row(node: int, kind: str, status: str, uuid: str | None = None) -> dict[str, object]:
    """The columns of a booking, of a window of its own unless it has a given uuid."""
    number = next(_HOURS)
    window = Interval(NOW, NOW.replace(hour=11))
    if uuid is None:
        window = Interval(NOW.replace(year=2100 + number), NOW.replace(year=2101 + number))
    final = status in {'expired', 'deleted'}
    return {
        'uuid': uuid or f'{kind}-{number}',
        'kind': kind,
        'node_id': node,
        'owner_id': 'p',
        'lessee_id': 'p',
        'start_time': window.start,
        'end_time': window.end,
        'status': status,
        'properties': {},
        'due_at': None if final else NOW,
        'attempts': 0,
        'created_at': NOW,
        'contract_uuid': 'c' if kind == 'lease' else None,
    }


_HOURS = itertools.count()


def _insert(database: Database, values: dict[str, object]) -> None:
    contract = metadata.tables['contracts']
    with database.writer() as connection:
        if not connection.execute(sa.select(contract.c.id)).first():
            connection.execute(
                contract.insert().values(
                    uuid='c',
                    owner_id='p',
                    lessee_id='p',
                    start_time=NOW,
                    end_time=NOW.replace(hour=11),
                    created_at=NOW,
                )
            )
        connection.execute(bookings.insert().values(values))
