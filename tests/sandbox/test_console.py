"""A real serial console: typed into through the proxy, and cut when the lease ends.

Ironic's hardware type ipmi opens it with socat and ipmitool on a simulated BMC. That BMC carries
the line once (see `sandbox.machine`), so each test begins with a new one.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sandbox import machine, ports, processes, seeds
from tests.certificates import certificate

from .conftest import Cloud, now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

NODE = seeds.CONSOLE_NODE
TOKENS = '/v1/console_auth_tokens'
ASKED = {'node_uuid_or_name': NODE}
REFUSED, LOST = 4401, 4403
SOON = 20


@pytest.fixture
def free(cloud: Cloud) -> None:
    """The node is nobody's, and its BMC is new."""
    for lease in cloud.must('admin', 'GET', f'/v1/leases?view=all&resource_uuid={NODE}')['leases']:
        cloud.lease('admin', 'DELETE', f'/v1/leases/{lease["uuid"]}')
    until('the node is free', lambda: cloud.is_back(NODE), 90)
    cloud.stop('machine')
    cloud.start('machine')


def lease(cloud: Cloud) -> str:
    """Lease the node to a member, who switches its console on; return the lease's uuid."""
    made = cloud.give(NODE, 'lessee', now(), 600)
    until('the lease runs', lambda: cloud.status(made) == 'active')
    enable(cloud, 'lessee-member')
    return made


def enable(cloud: Cloud, user: str) -> None:
    path = f'{NODE}/states/console'
    until(
        'Ironic takes the order',
        lambda: cloud.ironic(user, 'PUT', path, {'enabled': True})[0] == 202,
    )
    until('the console is on', lambda: bool(cloud.node(NODE)['console_enabled']))


def token(cloud: Cloud, user: str = 'lessee-member', **more: object) -> dict[str, Any]:
    made: dict[str, Any] = cloud.must(user, 'POST', TOKENS, {**ASKED, **more})
    return made


@contextlib.contextmanager
def opened(url: str, **more: Any) -> Iterator[ClientConnection]:  # noqa: ANN401 - of the library
    with connect(url, subprotocols=['binary'], proxy=None, open_timeout=SOON, **more) as socket:  # type: ignore[list-item]
        yield socket


def types(socket: ClientConnection, text: str) -> None:
    """Type a line, and wait until the machine has said it in capitals."""
    heard, deadline = b'', time.monotonic() + SOON
    while text.upper().encode() not in heard:
        assert time.monotonic() < deadline, heard
        socket.send(f'{text}\r'.encode())  # ipmitool drops what comes before its own greeting
        with contextlib.suppress(TimeoutError):
            while text.upper().encode() not in heard:
                got = socket.recv(1)
                assert isinstance(got, bytes)
                heard += got


def ending(socket: ClientConnection, seconds: float) -> tuple[int, datetime]:
    """Return the code with which the proxy closes, and when it did."""
    with contextlib.suppress(TimeoutError):
        try:
            deadline = time.monotonic() + seconds
            while True:
                socket.recv(max(0.01, deadline - time.monotonic()))
        except ConnectionClosed as closed:
            if closed.rcvd is not None:
                return closed.rcvd.code, datetime.now(UTC)
    pytest.fail(f'not closed within {seconds} s')


def refused(url: str) -> int:
    with opened(url) as socket:
        return ending(socket, SOON)[0]


@pytest.mark.usefixtures('free')
def test_a_member_types_until_his_lease_ends(cloud: Cloud) -> None:
    of_member = lease(cloud)
    made, spare = token(cloud), token(cloud)
    short = token(cloud, token_ttl='1')
    with opened(made['access_url']) as socket:
        types(socket, 'who is there')
        assert refused(made['access_url']) == REFUSED  # used
        assert refused(short['access_url']) == REFUSED  # expired
        for user, status in {
            'lessee-reader': 403,
            'owner-member': 403,
            'owner-admin': 403,
            'system-reader': 404,
            'stranger-member': 404,
        }.items():
            for method, path in (('POST', TOKENS), ('DELETE', f'{TOKENS}/{NODE}')):
                if (method, user) == ('DELETE', 'owner-admin'):
                    continue  # an admin may close consoles
                body = ASKED if method == 'POST' else None
                assert (user, method, cloud.lease(user, method, path, body)[0]) == (
                    user,
                    method,
                    status,
                )
        types(socket, 'still here')
        end = cloud.end_soon(of_member, 8)
        code, closed = ending(socket, 75)
    late = (closed - end).total_seconds()
    print(f'the console was cut {late:.2f} s after the end of the lease')  # noqa: T201
    assert code == LOST
    assert 0 <= late < 1
    assert refused(spare['access_url']) == REFUSED
    assert cloud.lease('lessee-member', 'POST', TOKENS, ASKED)[0] == 403
    until('the console is off', lambda: not cloud.node(NODE)['console_enabled'])


@pytest.mark.usefixtures('free')
def test_the_console_is_cut_when_the_lease_is_cancelled(cloud: Cloud) -> None:
    lease(cloud)
    uuid = cloud.must('lessee-member', 'GET', f'/v1/leases?resource_uuid={NODE}')['leases'][0][
        'uuid'
    ]
    with opened(token(cloud)['access_url']) as socket:
        types(socket, 'hello')
        asked = now()
        cloud.must('owner-member', 'DELETE', f'/v1/leases/{uuid}')
        code, closed = ending(socket, SOON)
    print(f'the console was cut {(closed - asked).total_seconds():.2f} s after the DELETE')  # noqa: T201
    assert code == LOST


@pytest.mark.usefixtures('free')
def test_a_read_only_console_drops_what_is_typed(cloud: Cloud) -> None:
    lease(cloud)
    with opened(token(cloud, read_only=True)['access_url']) as socket:
        heard, deadline = b'', time.monotonic() + 12
        while time.monotonic() < deadline:
            socket.send(b'drop this\r')
            with contextlib.suppress(TimeoutError):
                got = socket.recv(0.5)
                assert isinstance(got, bytes)
                heard += got
    assert b'operational' in heard  # ipmitool's greeting: the line is there
    assert b'drop' not in heard.lower()


@pytest.mark.usefixtures('free')
def test_the_owner_uses_the_console_of_his_idle_node_until_he_lends_it(cloud: Cloud) -> None:
    enable(cloud, 'owner-member')
    assert cloud.lease('owner-reader', 'POST', TOKENS, ASKED)[0] == 403
    assert cloud.lease('lessee-member', 'POST', TOKENS, {'node_uuid_or_name': 'nonsuch'})[0] == 404
    with opened(token(cloud, 'owner-member')['access_url']) as socket:
        types(socket, 'mine')
        made = cloud.give(NODE, 'lessee', now(), 600)
        assert ending(socket, SOON)[0] == LOST
    until('the lease runs', lambda: cloud.status(made) == 'active')
    assert not cloud.node(NODE)['console_enabled']
    assert cloud.lease('owner-member', 'POST', TOKENS, ASKED)[0] == 403


@pytest.mark.usefixtures('free')
def test_pages_of_other_origins_open_no_console(cloud: Cloud) -> None:
    lease(cloud)
    url = token(cloud)['access_url']
    with pytest.raises(InvalidStatus) as answer, opened(url, origin='https://evil.example.com'):
        pass
    assert answer.value.response.status_code == 403
    with opened(url, origin='http://127.0.0.1:8080') as socket:
        types(socket, 'a page of this host')


@pytest.mark.usefixtures('free')
def test_it_speaks_tls(cloud: Cloud, tmp_path: Path) -> None:
    lease(cloud)
    shown, port = certificate(tmp_path), ports.pick()
    settings = tmp_path / 'tls.conf'
    settings.write_text(
        f'[serialconsoleproxy]\nport = {port}\n'
        f'cert_file = {shown.public}\nkey_file = {shown.private}\n'
    )
    program = cloud.layout.program('service', 'esi-leap-serial-console-proxy')
    config = cloud.layout.etc / 'esi-leap' / 'esi-leap.conf'
    proxy = processes.spawn(
        [program, f'--config-file={config}', f'--config-file={settings}'], log=tmp_path / 'log'
    )
    try:
        until('it listens', lambda: not ports.is_free(port), 30)
        url = f'wss://127.0.0.1:{port}/?token={token(cloud)["token"]}'
        with pytest.raises(ssl.SSLCertVerificationError), opened(url):
            pass
        with opened(url, ssl=shown.client()) as socket:
            types(socket, 'in secret')
    finally:
        processes.end(proxy)


def test_the_machine_is_ironics_and_no_fake(cloud: Cloud) -> None:
    node = cloud.node(NODE)
    assert (node['driver'], node['console_interface']) == ('ipmi', 'ipmitool-socat')
    assert node['driver_info']['ipmi_username'] == machine.USER
