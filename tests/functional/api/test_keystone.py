"""`auth_strategy = keystone`, before any token is checked: the real program, and no Keystone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from esi_leap.api.expose import ROUTES
from sandbox import ports
from tests.patience import PATIENCE

BIN = Path(sys.executable).parent
CONFIGURATION = """
[DEFAULT]
debug = true
[api]
host_ip = 127.0.0.1
port = {port}
api_workers = 1
[cors]
allowed_origin = https://dashboard.example.com
[database]
connection = sqlite:///{folder}/esi-leap.sqlite
[dummy_node]
dummy_node_dir = {folder}
[keystone]
auth_type = password
auth_url = http://127.0.0.1:{nobody}/v3
username = esi-leap
password = very-secret
user_domain_id = default
system_scope = all
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:{nobody}/v3
www_authenticate_uri = http://keystone.example/v3
username = esi-leap
password = very-secret
project_name = service
user_domain_id = default
project_domain_id = default
http_connect_timeout = 1
http_request_max_retries = 0
"""


#: A caller's token, and what would look like a line of the log if it got there as it is.
TOKEN = 'gAAAA-a-token-of-mine'
FORGED = '2026-01-01 00:00:00.000 1 CRITICAL'


@pytest.fixture(scope='module')
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp('service')
    port = ports.pick()
    settings = folder / 'esi-leap.conf'
    settings.write_text(
        CONFIGURATION.format(port=port, folder=folder, nobody=ports.pick(frozenset({port}))),
        encoding='utf-8',
    )
    options = ['--config-file', settings]
    subprocess.run([BIN / 'esi-leap-dbsync', *options, 'upgrade'], check=True)
    with (folder / 'log').open('wb') as log:
        process = subprocess.Popen([BIN / 'esi-leap-api', *options], stdout=log, stderr=log)
    try:
        found = f'http://127.0.0.1:{port}'
        _wait(found, process, folder / 'log')
        yield found
        told = (folder / 'log').read_text(encoding='utf-8')
        assert 'keystonemiddleware' in told  # it says all that it has to say
        assert 'very-secret' not in told
        assert TOKEN not in told
        assert not any(line.startswith(FORGED) for line in told.splitlines())
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        assert process.poll() is None, log.read_text(encoding='utf-8')
        try:
            requests.get(f'{url}/healthcheck', timeout=PATIENCE).raise_for_status()
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(log.read_text(encoding='utf-8'))


@pytest.mark.parametrize('route', ROUTES, ids=lambda route: f'{route.method} {route.path}')
@pytest.mark.parametrize('forged', [{}, {'X-Identity-Status': 'Confirmed', 'X-Roles': 'admin'}])
def test_without_a_token(url: str, route: object, forged: dict[str, str]) -> None:
    path = route.path.replace('{ident}', 'one')  # type: ignore[attr-defined]
    method = route.method  # type: ignore[attr-defined]
    answer = requests.request(method, url + path, json={}, headers=forged, timeout=PATIENCE)
    assert answer.headers['X-Openstack-Request-Id'].startswith('req-')
    if route.public:  # type: ignore[attr-defined]
        assert answer.status_code == requests.codes.ok
        return
    assert answer.status_code == requests.codes.unauthorized
    assert answer.headers['WWW-Authenticate'] == 'Keystone uri="http://keystone.example/v3"'
    assert answer.json()['error'] == {
        'code': 'token.missing',
        'status': 401,
        'title': 'Unauthorized',
        'message': 'The request you have made requires authentication.',
        'details': {},
        'request_id': answer.headers['X-Openstack-Request-Id'],
    }
    assert answer.json()['faultstring'] == 'The request you have made requires authentication.'


def test_while_keystone_is_away(url: str) -> None:
    answer = requests.get(f'{url}/v1/offers', headers={'X-Auth-Token': 'a' * 32}, timeout=PATIENCE)
    assert answer.status_code == requests.codes.service_unavailable
    assert answer.json()['error']['message'] == 'Keystone does not answer; try again.'
    assert answer.headers['X-Openstack-Request-Id'].startswith('req-')
    assert 'secret' not in answer.text
    health = requests.get(
        f'{url}/healthcheck', headers={'X-Auth-Token': 'a' * 32}, timeout=PATIENCE
    )
    assert health.status_code == requests.codes.ok


def test_what_a_caller_says_is_neither_a_secret_in_the_log_nor_a_line_of_it(url: str) -> None:
    """The fixture reads the log when all are done."""
    path = f'{url}/v1/offers/%0A{FORGED}?name=%0A{FORGED}&token={TOKEN}'
    for headers in (
        {'X-Auth-Token': TOKEN},
        {'X-Auth-Token': TOKEN, 'User-Agent': f'x\\n{FORGED}'},
    ):
        answer = requests.get(path, headers=headers, timeout=60)
        assert answer.status_code == requests.codes.service_unavailable


def test_noauth_is_for_loopback_only(tmp_path: Path) -> None:
    settings = tmp_path / 'esi-leap.conf'
    settings.write_text(
        CONFIGURATION.format(port=1, folder=tmp_path, nobody=1).replace(
            'host_ip = 127.0.0.1', 'host_ip = 0.0.0.0\nauth_strategy = noauth'
        ),
        encoding='utf-8',
    )
    done = subprocess.run(
        [BIN / 'esi-leap-api', '--config-file', settings],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert 'host_ip must be a loopback address; it is 0.0.0.0' in done.stderr


def test_a_browser_may_ask_before_it_has_a_token(url: str) -> None:
    origin = {'Origin': 'https://dashboard.example.com'}
    asked = {**origin, 'Access-Control-Request-Method': 'POST'}
    answer = requests.options(f'{url}/v1/leases', headers=asked, timeout=PATIENCE)
    assert answer.status_code == requests.codes.ok
    assert answer.headers['Access-Control-Allow-Origin'] == origin['Origin']
    answer = requests.post(f'{url}/v1/leases', headers=origin, json={}, timeout=PATIENCE)
    assert answer.status_code == requests.codes.unauthorized  # and the page can read so
    assert answer.headers['Access-Control-Allow-Origin'] == origin['Origin']
