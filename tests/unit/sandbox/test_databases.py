"""The throw-away database servers: what a test may rely on."""

from collections.abc import Iterator

import pytest
import sqlalchemy

from sandbox import databases, ports
from tests.conftest import require


@pytest.fixture(scope='module', params=sorted(databases.KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[databases.Server]:
    kind = databases.KINDS[request.param]
    require(kind)
    with kind() as running:
        running.create_database('esi')
        yield running


def _run(server: databases.Server, *statements: str) -> list[tuple[object, ...]]:
    engine = sqlalchemy.create_engine(server.url('esi'))
    try:
        with engine.begin() as connection:
            for statement in statements:
                result = connection.execute(sqlalchemy.text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def test_data_and_port_survive_stop_and_start(server: databases.Server) -> None:
    _run(server, 'CREATE TABLE kept (n INTEGER)', 'INSERT INTO kept VALUES (7)')
    port = server.port

    server.stop()
    assert ports.is_free(port)
    server.start()

    assert server.port == port
    assert _run(server, 'SELECT n FROM kept') == [(7,)]


def test_a_database_goes_although_someone_is_connected(server: databases.Server) -> None:
    server.create_database('short-lived')
    engine = sqlalchemy.create_engine(server.url('short-lived'))
    with engine.connect():
        server.drop_database('short-lived')
        server.create_database('short-lived')
    engine.dispose()
    server.drop_database('short-lived')


def test_many_connections_are_allowed(server: databases.Server) -> None:
    shown = (
        _run(server, "SHOW VARIABLES LIKE 'max_connections'")
        if (isinstance(server, databases.MariaDB))
        else _run(server, 'SHOW max_connections')
    )
    assert int(str(shown[0][-1])) >= 200


def test_the_owner_of_a_postgresql_database_may_create_btree_gist(
    server: databases.Server,
) -> None:
    if isinstance(server, databases.MariaDB):
        return  # it has no such extension, and needs none
    _run(server, 'CREATE EXTENSION IF NOT EXISTS btree_gist')
    assert _run(server, "SELECT count(*) FROM pg_extension WHERE extname = 'btree_gist'") == [(1,)]
