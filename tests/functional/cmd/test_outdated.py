"""On a database that was not upgraded the API and the manager say what to run."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import webob

from esi_leap import clock
from esi_leap import conf as configuration
from esi_leap.db import revision, schema, takeover
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.wiring import parts
from esi_leap.wiring.api import make_application
from esi_leap.wiring.manager import make_loop
from tests.functional.db import existing_service as old
from tests.patience import until

CONFIGURATION = """
[api]
auth_strategy = noauth
host_ip = 127.0.0.1
[database]
connection = {database}
[dummy_node]
dummy_node_dir = {folder}
"""
SAID = 'The database has not been upgraded; run esi-leap-dbsync upgrade.'


def of_the_existing_service(database: Database) -> None:
    with database.writer() as connection:
        old.make(connection, {})


BEFORE: dict[str, Callable[[Database], None]] = {
    'empty': lambda database: None,
    'older': lambda database: schema.upgrade(database, '0001'),
    'existing': of_the_existing_service,
}


@pytest.fixture(params=BEFORE)
def settings(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database_url: str,
    open_database: Callable[..., Database],
) -> Path:
    BEFORE[request.param](open_database(database_url))
    file = tmp_path / 'esi-leap.conf'
    text = CONFIGURATION.format(database=database_url.replace('%', '%%'), folder=tmp_path)
    file.write_text(text, encoding='utf-8')
    return file


def test_api_asks_for_the_upgrade_until_it_is_done(settings: Path) -> None:
    conf = configuration.load(['--config-file', str(settings)], 'esi-leap-api')
    database = parts.open_database(conf)
    api = make_application(conf, database)
    for path in ('/v1/offers', '/v1/leases', '/v1/nodes'):
        answer = webob.Request.blank(path).get_response(api)
        assert answer.status_int == 503
        assert answer.json['error']['code'] == 'database.outdated'
        assert answer.json['error']['message'] == SAID
    takeover.upgrade(database, clock.now(), parts.new_uuid)
    # It works from here on, without a new start.
    assert webob.Request.blank('/v1/contracts').get_response(api).status_int == 200
    database.close()


def test_manager_asks_for_the_upgrade_until_it_is_done(
    settings: Path, caplog: pytest.LogCaptureFixture
) -> None:
    conf = configuration.load(['--config-file', str(settings)], 'esi-leap-manager')
    database = parts.open_database(conf)
    manager = make_loop(conf, database)
    running = threading.Thread(target=manager.run)
    running.start()
    try:
        until(lambda: f'looking for due tasks: {SAID}' in caplog.messages)
        takeover.upgrade(database, clock.now(), parts.new_uuid)
        until(lambda: Store(database).last_beat('manager') is not None)
    finally:
        manager.stop()
        running.join()
        database.close()


def test_required_revision_is_the_newest() -> None:
    assert schema.newest() == revision.NEEDED
