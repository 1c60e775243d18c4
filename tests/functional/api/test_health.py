"""Is the service well? It says so to anybody, and says of its manager what it knows."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import webob

from esi_leap import clock
from esi_leap import conf as configuration
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.wiring.api import make_application
from tests.patience import PATIENCE, until

from . import world as worlds

HEALTH = '/healthcheck'


def health(world: worlds.World) -> dict[str, object]:
    answer = requests.get(world.service.url + HEALTH, timeout=PATIENCE)
    assert answer.status_code == requests.codes.ok
    assert answer.json()['status'] == 'ok'
    manager: dict[str, object] = answer.json()['manager']
    return manager


@pytest.fixture
def agenda(tmp_path: Path) -> Agenda:
    database = Database(f'sqlite:///{tmp_path}/esi-leap.sqlite')
    yield Agenda(database)
    database.close()


def test_without_a_manager(tmp_path: Path, agenda: Agenda) -> None:
    with worlds.world(tmp_path, manager=False) as world:
        assert health(world) == {'status': 'never', 'last_tick': None, 'age': None}
        agenda.beat('manager', 'one', clock.now() - timedelta(minutes=10))
        seen = health(world)
        assert seen['status'] == 'late'
        assert 600 <= float(str(seen['age'])) < 660
        agenda.beat('manager', 'two', clock.now() - timedelta(seconds=1))
        assert health(world)['status'] == 'ok'  # of two, one is enough


def test_with_a_manager(tmp_path: Path) -> None:
    with worlds.world(tmp_path) as world:
        until(lambda: health(world)['status'] == 'ok')


def test_no_host_is_named_to_strangers(tmp_path: Path, agenda: Agenda) -> None:
    with worlds.world(tmp_path, manager=False) as world:
        agenda.beat('manager', 'a-secret-host', clock.now())
        assert 'a-secret-host' not in json.dumps(health(world))


def test_a_database_that_is_away(tmp_path: Path) -> None:
    conf = configuration.registered()
    conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    for group, name, value in (
        ('api', 'auth_strategy', 'noauth'),
        ('api', 'host_ip', '127.0.0.1'),
        ('dummy_node', 'dummy_node_dir', str(tmp_path)),
        ('database', 'connection', 'postgresql+psycopg://nobody@127.0.0.1:1/nothing'),
    ):
        conf.set_override(name, value, group)
    answer = webob.Request.blank(HEALTH).get_response(make_application(conf))
    assert answer.status_int == requests.codes.service_unavailable
    assert answer.json['error']['code'] == 'service.unavailable'
