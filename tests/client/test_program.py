"""The program `openstack` as people start it, beside the newest python-openstackclient."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Cloud

    Keystone = Callable[[list[dict[str, Any]]], dict[str, str]]

PROGRAM = Path(sys.executable).with_name('openstack')


def openstack(*argv: str, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith('OS_')}
    return subprocess.run(
        [PROGRAM, *argv],
        env={**clean, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.fixture
def keystone() -> Iterator[Keystone]:
    """A server that signs anybody in, with a catalog to be chosen."""
    catalog: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get('Content-Length') or 0))
            link = [{'rel': 'self', 'href': f'{url}/v3'}]
            version = {'id': 'v3.14', 'status': 'stable', 'links': link}
            token = {
                'methods': ['password'],
                'expires_at': '2999-01-01T00:00:00.000000Z',
                'issued_at': '2020-01-01T00:00:00.000000Z',
                'user': {'id': 'u', 'name': 'u', 'domain': {'id': 'default', 'name': 'Default'}},
                'project': {'id': 'p', 'name': 'p', 'domain': {'id': 'default', 'name': 'Default'}},
                'roles': [{'id': 'r', 'name': 'member'}],
                'catalog': catalog,
            }
            body = {'token': token} if self.command == 'POST' else {'version': version}
            data = json.dumps(body).encode()
            self.send_response(201 if self.command == 'POST' else 200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(data)))
            self.send_header('X-Subject-Token', 'token')
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer  # noqa: N815 - http.server's names

        def log_message(self, *_args: object) -> None:
            """Stay silent."""

    def settings(services: list[dict[str, Any]]) -> dict[str, str]:
        catalog[:] = services
        return {
            'OS_AUTH_URL': f'{url}/v3',
            'OS_USERNAME': 'u',
            'OS_PASSWORD': 'x',
            'OS_PROJECT_NAME': 'p',
            'OS_USER_DOMAIN_ID': 'default',
            'OS_PROJECT_DOMAIN_ID': 'default',
        }

    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        url = f'http://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield settings
        server.shutdown()
        thread.join()


def service(kind: str, url: str, region: str = 'RegionOne') -> dict[str, Any]:
    endpoint = {'id': 'e', 'interface': 'public', 'region': region, 'region_id': region, 'url': url}
    return {'id': kind, 'type': kind, 'name': kind, 'endpoints': [endpoint]}


def test_it_is_found_in_the_catalog(cloud: Cloud, keystone: Keystone) -> None:
    cloud.service.node('n', 'lender')
    settings = keystone([service('lease', cloud.service.url)])
    made = openstack('esi', 'offer', 'create', 'n', '--name', 'spare', **settings)
    assert (made.returncode, made.stderr) == (0, '')
    done = openstack('esi', 'offer', 'list', '-f', 'json', **settings)
    assert (done.returncode, done.stderr) == (0, '')
    made = cloud.ok('offer', 'show', 'spare')
    assert [row['UUID'] for row in json.loads(done.stdout)] == [made['uuid']]


@pytest.mark.parametrize('catalog', [[], [service('compute', 'http://127.0.0.1:1')]])
def test_a_cloud_without_the_service_is_told_what_to_do(
    keystone: Keystone, catalog: list[dict[str, Any]]
) -> None:
    done = openstack('esi', 'lease', 'list', **keystone(catalog))
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == (
        'This cloud has no endpoint of service type `lease` for this region and interface. '
        'Ask its operator to register one, or set `lease_endpoint_override` in clouds.yaml '
        '(OS_LEASE_ENDPOINT_OVERRIDE) to the address of the lease service.\n'
    )


def test_an_override_needs_no_catalog(cloud: Cloud, keystone: Keystone) -> None:
    settings = {**keystone([]), 'OS_LEASE_ENDPOINT_OVERRIDE': f'{cloud.service.url}/v1/'}
    done = openstack('esi', 'lease', 'list', **settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, '\n', '')


def test_clouds_yaml_without_keystone(cloud: Cloud, tmp_path: Path) -> None:
    cloud.service.node('n', 'admin')
    url = cloud.service.url
    nobody = 'http://127.0.0.1:1'
    clouds = {
        'bare': {
            'auth_type': 'admin_token',
            'auth': {'endpoint': nobody, 'token': 't'},
            'lease_endpoint_override': url,
        },
        'none': {'auth_type': 'none', 'auth': {'endpoint': f'{url}/'}},
    }
    config = tmp_path / 'clouds.yaml'
    config.write_text(json.dumps({'clouds': clouds}))
    for name in clouds:
        settings = {'OS_CLIENT_CONFIG_FILE': str(config), 'OS_CLOUD': name}
        argv = ('-f', 'value', '-c', 'project', '--name', name)
        start = ('--start-time', '2040-01-01') if name == 'none' else ('--end-time', '2039-01-01')
        done = openstack('esi', 'lease', 'create', 'n', 'physics', *start, *argv, **settings)
        assert (done.returncode, done.stdout, done.stderr) == (0, 'physics\n', '')
    rows = cloud.ok('lease', 'list', '--owner', 'admin', '--sort', 'name')
    assert [row['Project'] for row in rows] == ['physics', 'physics']


def test_the_plugin_stays_out_of_the_way_of_others() -> None:
    done = openstack('--help')
    assert done.returncode == 0
    assert '--os-esileap-api-version' in done.stdout
    assert 'WARNING' not in done.stderr
    loaded = 'import esi_leap_client.osc.plugin, sys; print("osc_lib" in sys.modules)'
    code = subprocess.run([sys.executable, '-c', loaded], capture_output=True, check=True)
    assert code.stdout == b'False\n'
