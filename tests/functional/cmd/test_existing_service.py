"""Our programs where those of the existing service ran: its configuration, scripts and data."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from oslo_config import cfg

from esi_leap import conf as configuration
from esi_leap.cmd import dbsync
from esi_leap.conf import existing
from esi_leap.core.errors import UnavailableError, UnknownProjectError
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import Query, Scope
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.wiring import parts
from esi_leap.wiring.api import make_application
from sandbox import ports
from tests.certificates import certificate
from tests.functional.db import existing_service as old
from tests.patience import PATIENCE

BIN = Path(sys.executable).parent
NOON = datetime.now(UTC).replace(tzinfo=None)
DAY = timedelta(days=1)

#: The sample of its README, with everything that its other pages name.
CONFIGURATION = """
[DEFAULT]
log_dir =
transport_url = rabbit://bus.example
[api]
host_ip = 127.0.0.1
port = {port}
api_workers = 1
max_limit = 1000
public_endpoint = https://leases.example
[pecan]
auth_enable = true
debug = false
[database]
connection = sqlite:///{folder}/esi-leap.sqlite
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:{nobody}
auth_type = password
auth_url = http://127.0.0.1:{nobody}
username = admin
password = very-secret
user_domain_name = Default
project_name = admin
project_domain_name = Default
[keystone]
api_endpoint = http://127.0.0.1:{nobody}
auth_type = password
auth_url = http://127.0.0.1:{nobody}
username = esi-leap
password = very-secret
user_domain_name = Default
project_name = service
project_domain_name = Default
[oslo_concurrency]
lock_path = {folder}
[oslo_messaging_notifications]
driver = messagingv2
transport_url = rabbit://bus.example
[ironic]
auth_type = password
api_endpoint = http://127.0.0.1:{nobody}
auth_url = http://127.0.0.1:{nobody}
project_name = service
project_domain_name = Default
user_domain_name = Default
username = ironic
password = very-secret
[notification]
notification_level = info
[serialconsoleproxy]
host_address = 0.0.0.0
"""

IDLE = [
    '[api] public_endpoint',
    '[pecan] debug',
    '[ironic] api_endpoint',
    '[keystone] api_endpoint',
    '[oslo_concurrency] lock_path',
]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    port = ports.pick()
    text = CONFIGURATION.format(port=port, nobody=ports.pick(frozenset({port})), folder=tmp_path)
    (tmp_path / 'esi-leap.conf').write_text(text, encoding='utf-8')
    return tmp_path / 'esi-leap.conf'


@pytest.fixture
def database(settings: Path, open_database: Callable[..., Database]) -> Database:
    """A database of the existing service, with an offer, a lease and an event."""
    found = open_database(f'sqlite:///{settings.parent}/esi-leap.sqlite')
    content = {
        'offers': [old.offer('o', NOON - DAY, old.FOREVER)],
        'leases': [old.lease('l', NOON, NOON + DAY, status='active', offer_uuid='o')],
        'events': [old.event(7)],
    }
    with found.writer() as connection:
        old.make(connection, content)
    return found


def run(program: str, settings: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [BIN / program, '--config-file', settings, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def read(settings: Path) -> cfg.ConfigOpts:
    return configuration.load(['--config-file', str(settings)], 'esi-leap')


class TestConfiguration:
    def test_options_without_effect_are_warned_of(self, settings: Path) -> None:
        said = list(existing.warnings(read(settings)))
        assert [each.split(' has no effect')[0] for each in said] == IDLE

    def test_own_sample_gives_no_warning(self, tmp_path: Path) -> None:
        (tmp_path / 'empty.conf').touch()
        assert list(existing.warnings(read(tmp_path / 'empty.conf'))) == []

    def test_disabled_authentication_is_warned_of(self, settings: Path) -> None:
        text = settings.read_text(encoding='utf-8')
        settings.write_text(text.replace('auth_enable = true', 'auth_enable = false'))
        assert any(
            'every request needs a token' in each for each in existing.warnings(read(settings))
        )

    def test_api_starts_with_its_configuration(self, settings: Path, database: Database) -> None:
        assert run('esi-leap-dbsync', settings, 'upgrade').returncode == 0
        conf = read(settings)
        assert callable(make_application(conf, database))

    def test_manager_names_the_missing_option(self, settings: Path) -> None:
        ended = run('esi-leap-manager', settings)
        assert ended.returncode == 1
        last = ended.stderr.splitlines()[-1]
        assert last.startswith('esi-leap-manager: [manager] holding_project is not set')

    @pytest.mark.parametrize(
        ('database_kind', 'named', 'driver'),
        [
            ('mariadb', 'mysql', 'mysql+pymysql'),
            ('mariadb', 'mysql+mysqlconnector', 'mysql+pymysql'),
            ('postgresql', 'postgresql', 'postgresql+psycopg'),
        ],
        indirect=['database_kind'],
    )
    def test_missing_drivers_are_replaced(
        self, database_url: str, named: str, driver: str, open_database: Callable[..., Database]
    ) -> None:
        url = sa.make_url(database_url).set(drivername=named)
        found = open_database(url.render_as_string(hide_password=False))
        assert found.engine.url.drivername == driver
        with found.reader() as connection:
            assert connection.execute(sa.select(1)).scalar() == 1

    def test_api_serves_tls_with_its_certificate(self, settings: Path, database: Database) -> None:
        shown = certificate(settings.parent)
        text = settings.read_text(encoding='utf-8').replace('[api]', '[api]\nenable_ssl_api = true')
        settings.write_text(
            f'{text}[ssl]\ncert_file = {shown.public}\nkey_file = {shown.private}\n'
        )
        url = f'https://127.0.0.1:{read(settings).api.port}/'
        with (settings.parent / 'log').open('wb') as log:
            command = [BIN / 'esi-leap-api', '--config-file', settings]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    answer = requests.get(url, verify=shown.public, timeout=PATIENCE)
                    break
                except requests.ConnectionError:
                    assert time.monotonic() < deadline
                    time.sleep(0.2)
        finally:
            process.terminate()
            process.wait(PATIENCE)
        assert answer.json()['name'] == 'ESI Leap API'

    def test_tls_without_a_certificate_is_refused(self, settings: Path) -> None:
        text = settings.read_text(encoding='utf-8')
        settings.write_text(text.replace('[api]', '[api]\nenable_ssl_api = true'))
        ended = run('esi-leap-api', settings)
        assert (ended.returncode, 'cert_file and key_file' in ended.stderr) == (1, True)

    def test_wsgi_file_makes_the_application(self, settings: Path) -> None:
        # In a process of its own: the file sets up the log of whoever runs it.
        file = str(BIN / 'esi-leap-api-wsgi')
        code = f"import runpy; print(callable(runpy.run_path({file!r})['application']))"
        ended = subprocess.run(
            [sys.executable, '-c', code],
            env={**os.environ, 'ESI_LEAP_CONFIG_FILE': str(settings)},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert (ended.returncode, ended.stdout) == (0, 'True\n'), ended.stderr


class TestScripts:
    def test_commands_of_its_container_can_be_repeated(
        self, settings: Path, database: Database
    ) -> None:
        """It makes the schema and stamps it at every start."""
        for _ in range(2):
            for arguments in (
                ['create_schema'],
                ['stamp', '--revision', 'head'],
                ['stamp', 'head'],
            ):
                ended = run('esi-leap-dbsync', settings, *arguments)
                assert ended.returncode == 0, ended.stderr
        assert len(Store(database).leases(Scope(everything=True), Query())) == 1

    @pytest.mark.parametrize('arguments', [[], ['--revision', 'head'], ['--revision']])
    def test_upgrade_prints_counts(
        self, settings: Path, database: Database, arguments: list[str]
    ) -> None:
        ended = run('esi-leap-dbsync', settings, 'upgrade', *arguments)
        assert ended.returncode == 0
        lines = ended.stdout.splitlines()
        assert '  offers: 1 (available 1), copied 1' in lines
        assert '  leases: 1 (active 1), copied 1' in lines
        assert '  events: 1, copied 1' in lines
        assert run('esi-leap-dbsync', settings, 'upgrade').stdout == ''

    @pytest.mark.parametrize(
        ('arguments', 'said'),
        [
            (['downgrade', '--revision', 'base'], 'restore the backup'),
            (['revision', '-m', 'x', '--autogenerate'], 'checkout of the project'),
        ],
    )
    def test_missing_command_prints_what_to_do_instead(
        self, settings: Path, arguments: list[str], said: str
    ) -> None:
        ended = run('esi-leap-dbsync', settings, *arguments)
        assert (ended.returncode, said in ended.stderr) == (1, True)

    def test_database_that_cannot_be_taken_over_is_refused(
        self, settings: Path, database: Database
    ) -> None:
        run('esi-leap-dbsync', settings, 'upgrade')
        with database.writer() as connection:
            connection.execute(sa.text('CREATE TABLE leases (id INTEGER, updated_at DATETIME)'))
            connection.execute(sa.text('INSERT INTO leases VALUES (1, NULL)'))
        ended = run('esi-leap-dbsync', settings, 'upgrade')
        assert ended.returncode == 1
        assert 'went on after its database was taken over' in ended.stderr


class TestCheck:
    def test_status_prints_counts_before_the_upgrade_only(
        self, settings: Path, database: Database
    ) -> None:
        before = run('esi-leap-status', settings, 'upgrade', 'check').stdout
        assert 'leases: 1 (active 1)\n' in before
        assert 'Whether the nodes exist could not be checked: ' in before
        assert 'run esi-leap-dbsync upgrade' in before
        assert '[api] public_endpoint has no effect' in before
        run('esi-leap-dbsync', settings, 'upgrade')
        assert 'leases: 1' not in run('esi-leap-status', settings, 'upgrade', 'check').stdout


class Keystone:
    """One project is known, one is gone, and the service may be away."""

    def __init__(self, *, away: bool) -> None:
        self._away = away

    def project(self, ident: str, domain_id: str | None) -> Project:
        del domain_id
        if self._away:
            raise UnavailableError('Keystone does not answer; try again.')
        if ident != 'p-owner':
            raise UnknownProjectError.of(ident, 'anywhere')
        return Project(ident, 'the lender')

    def ancestors(self, project_id: str) -> frozenset[str]:
        raise NotImplementedError(project_id)


class TestNames:
    def test_names_are_stored_as_soon_as_keystone_answers(
        self,
        settings: Path,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(sys, 'argv', ['x', '--config-file', str(settings), 'upgrade'])
        for away in (True, False):
            monkeypatch.setattr(parts, 'make_keystone', lambda conf, away=away: Keystone(away=away))
            assert dbsync.main() == 0
            said = '2 projects are shown without their names until this is run again'
            assert (said in capsys.readouterr().err) is away
        (found,) = Store(database).leases(Scope(everything=True), Query())
        assert found.names == {'p-owner': 'the lender'}
