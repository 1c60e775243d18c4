"""The proxy as its operator sets it: TLS, origins, limits, its end, a database that goes away."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from esi_leap import conf as configuration
from esi_leap.conf.checks import ConfigurationError
from esi_leap.console.session import Close
from esi_leap.wiring.console import make_proxy
from sandbox import databases, ports
from tests.certificates import certificate
from tests.patience import PATIENCE, Metronome, until

from .conftest import closing, heard, running


def test_b03_proxy_serves_tls(tmp_path: Path) -> None:
    shown = certificate(tmp_path)
    files = {'cert_file': str(shown.public), 'key_file': str(shown.private)}
    with running(tmp_path, options=files) as consoles:
        url = consoles.token(consoles.leased())['access_url']
        assert url.startswith('wss://127.0.0.1:')
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(url, proxy=None)
        with consoles.open(url, ssl=shown.client()) as socket:
            socket.send(b'x')
            heard(socket, b'X')
        with pytest.raises(InvalidMessage):
            connect(url.replace('wss:', 'ws:'), proxy=None)


def test_b03_clients_are_given_the_public_url(tmp_path: Path) -> None:
    options = {'public_url': 'wss://consoles.example.com/line/'}
    with running(tmp_path, options=options) as consoles:
        made = consoles.token(consoles.leased())
        assert made['access_url'] == f'wss://consoles.example.com/line/?token={made["token"]}'
        behind = f'ws://127.0.0.1:{consoles.port}/?token={made["token"]}'
        with pytest.raises(InvalidStatus):
            consoles.open(behind, origin='http://127.0.0.1')
        with consoles.open(behind, origin='https://consoles.example.com') as socket:
            socket.send(b'x')
            heard(socket, b'X')


def test_only_allowed_origins_open_consoles(tmp_path: Path) -> None:
    options = {'allowed_origins': ['https://Dashboard.example.com']}
    with running(tmp_path, options=options) as consoles:
        url = consoles.token(consoles.leased())['access_url']
        for origin in ('http://127.0.0.1', 'http://dashboard.example.com', 'https://a.example.com'):
            with pytest.raises(InvalidStatus):
                consoles.open(url, origin=origin)
        with consoles.open(url, origin='https://dashboard.example.com') as socket:
            socket.send(b'x')
            heard(socket, b'X')


def test_idle_console_is_closed_and_a_busy_one_is_not(tmp_path: Path) -> None:
    with running(tmp_path, options={'timeout': 4}) as consoles, ExitStack() as stack:
        idle, shows, types = (
            stack.enter_context(consoles.open(consoles.token(consoles.leased())['access_url']))
            for _ in range(3)
        )
        until(lambda: len(consoles.line.connections) == 3)
        *_, shown, _ = consoles.line.connections
        for _ in range(10):
            shown.sendall(b'.')
            types.send(b'x')
            time.sleep(0.5)
        assert closing(idle) == (Close.IDLE, 'Nothing came or went for 4 seconds.')
        types.send(b'y')
        for socket in (shows, types):
            assert closing(socket)[0] == Close.IDLE


def test_number_of_open_consoles_is_limited(tmp_path: Path) -> None:
    with running(tmp_path, options={'max_connections': 1}) as consoles:
        node = consoles.leased()
        first, second = (consoles.token(node)['access_url'] for _ in range(2))
        with consoles.open(first) as socket:
            socket.send(b'x')
            heard(socket, b'X')
            with consoles.open(second) as other:
                assert closing(other)[0] == Close.BUSY
        until(lambda: not consoles.line.connections)
        with consoles.open(second) as socket:
            socket.send(b'x')
            heard(socket, b'X')


def test_stopped_proxy_closes_every_console(tmp_path: Path) -> None:
    with running(tmp_path) as consoles, ExitStack() as stack:
        open_now = [
            stack.enter_context(consoles.open(consoles.token(consoles.leased())['access_url']))
            for _ in range(3)
        ]
        until(lambda: len(consoles.line.connections) == 3)
        with Metronome() as machine:
            begun = time.monotonic()
            consoles.proxy.stop()
            assert [closing(socket)[0] for socket in open_now] == [1001] * 3
            took = time.monotonic() - begun
        machine.within(5, took)
        until(lambda: not consoles.line.connections)


def test_consoles_do_not_outlive_their_leases_without_the_database(tmp_path: Path) -> None:
    kind = databases.KINDS['postgresql']
    if kind.missing_packages():
        if os.environ.get('ESI_LEAP_REQUIRE_DB') == '1':
            pytest.fail('needs PostgreSQL')
        pytest.skip('needs PostgreSQL')
    with kind() as server:
        server.create_database('consoles')
        with running(tmp_path, server.url('consoles')) as consoles, ExitStack() as stack:
            ending, running_on = consoles.leased(), consoles.leased()
            one, other = (
                stack.enter_context(consoles.open(consoles.token(node)['access_url']))
                for node in (ending, running_on)
            )
            until(lambda: len(consoles.line.connections) == 2)
            consoles.end_soon(ending, 6)
            time.sleep(2.5)  # it has looked at both, and knows of the end
            server.stop()
            assert closing(one) == (Close.LOST, 'The lease has ended.')
            other.send(b'x')
            heard(other, b'X')
            sick = requests.get(f'http://127.0.0.1:{consoles.port}/healthcheck', timeout=PATIENCE)
            assert sick.status_code == 503
            assert closing(other) == (Close.UNAVAILABLE, 'The lease cannot be checked.')
            server.start()


def test_program_serves_until_it_gets_a_signal(tmp_path: Path) -> None:
    with running(tmp_path) as consoles:
        port = ports.pick()
        config = tmp_path / 'esi-leap.conf'
        service = consoles.world.service
        config.write_text(f"""
[database]
connection = {service.conf.database.connection}
[dummy_node]
dummy_node_dir = {service.nodes}
[serialconsoleproxy]
host_address = 127.0.0.1
port = {port}
""")
        program = Path(sys.executable).with_name('esi-leap-serial-console-proxy')
        command = [program, f'--config-file={config}']
        health = f'http://127.0.0.1:{port}/healthcheck'
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: _is_up(health))
            second = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=PATIENCE
            )
            assert second.returncode == 1
            assert f'cannot listen on 127.0.0.1:{port}: ' in second.stderr
            assert 'Traceback' not in second.stderr
            token = consoles.token(consoles.leased())['token']
            with consoles.open(f'ws://127.0.0.1:{port}/?token={token}') as socket:
                socket.send(b'x')
                heard(socket, b'X')
                process.send_signal(signal.SIGTERM)
                assert closing(socket)[0] == 1001
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            _, said = process.communicate(timeout=PATIENCE)
        assert 'Traceback' not in said
        assert token not in said


def _is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'token_ttl': 600, 'token_ttl_max': 60},
            r'token_ttl \(600 s\) must not be more than token_ttl_max \(60 s\)',
        ),
        ({'cert_file': '/does/not/exist'}, 'cert_file and key_file cannot be used'),
    ],
)
def test_wrong_configuration_is_refused_with_one_sentence(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    conf = configuration.registered()
    conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    conf.set_override('dummy_node_dir', str(tmp_path), 'dummy_node')
    conf.set_override('connection', 'sqlite://', 'database')
    for name, value in options.items():
        conf.set_override(name, value, 'serialconsoleproxy')
    with pytest.raises(ConfigurationError, match=message):
        make_proxy(conf)
