"""Consoles through the proxy: who gets one, what it carries, and when it ends."""

from __future__ import annotations

import logging
import os
import socket as sockets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from esi_leap.console.session import Close
from esi_leap.core.console_auth_token import digest
from esi_leap.db.tables import console_auth_tokens
from tests.functional.api.world import ADMIN, LESSEE, OWNER, STRANGER, Who
from tests.patience import PATIENCE, Metronome, again_if_late, until

from .conftest import Consoles, closing, heard, running


def test_input_reaches_the_line_and_its_output_comes_back(consoles: Consoles) -> None:
    made = consoles.token(consoles.leased())
    with consoles.open(made['access_url']) as socket:
        assert socket.subprotocol == 'binary'
        socket.send(b'login: ')
        heard(socket, b'LOGIN: ')
        socket.send('text is taken, too')
        heard(socket, b'TEXT IS TAKEN, TOO')
        every = bytes(range(256))
        socket.send(every)
        heard(socket, every.upper())
        consoles.line.say(b'\x1b[1mkernel\x00\xff')
        heard(socket, b'\x1b[1mkernel\x00\xff')


def test_large_output_arrives_whole_and_in_order(consoles: Consoles) -> None:
    made = consoles.token(consoles.leased())
    much = os.urandom(1 << 20)
    before = len(consoles.line.told)
    with consoles.open(made['access_url'], max_size=None) as socket, ThreadPoolExecutor(1) as side:
        sent = side.submit(
            lambda: [socket.send(much[at : at + 5000]) for at in range(0, len(much), 5000)]
        )
        heard(socket, much.upper())
        sent.result(PATIENCE)
    assert consoles.line.told[before:] == much


def test_client_without_a_subprotocol_gets_the_same_bytes(consoles: Consoles) -> None:
    made = consoles.token(consoles.leased())
    with connect(made['access_url'], proxy=None) as socket:
        assert socket.subprotocol is None
        socket.send(b'x')
        heard(socket, b'X')


def test_read_only_console_shows_output_and_drops_input(consoles: Consoles) -> None:
    made = consoles.token(consoles.leased(), read_only=True)
    assert made['read_only'] is True
    told = consoles.line.told
    with consoles.open(made['access_url']) as socket:
        until(lambda: bool(consoles.line.connections))
        socket.send(b'reboot\r')
        socket.send('reboot\r')
        consoles.line.say(b'still here')
        heard(socket, b'still here')
    assert consoles.line.told == told


def test_b03_token_opens_one_console(consoles: Consoles) -> None:
    url = consoles.token(consoles.leased())['access_url']
    with consoles.open(url) as socket:
        socket.send(b'x')
        heard(socket, b'X')
        with consoles.open(url) as second:
            assert closing(second)[0] == Close.TOKEN
    with consoles.open(url) as third:
        assert closing(third)[0] == Close.TOKEN


def test_one_of_many_clients_opens_a_console_with_a_token(consoles: Consoles) -> None:
    url = consoles.token(consoles.leased())['access_url']
    opened = consoles.line.opened - consoles.line.closed

    def attempt(_: int) -> int:
        with consoles.open(url) as socket:
            socket.send(b'x')
            try:
                heard(socket, b'X')
                time.sleep(1)  # so that nobody comes after
            except Exception:  # noqa: BLE001 - closed: the code says why
                return closing(socket)[0]
            return 0

    with ThreadPoolExecutor(8) as threads:
        ends = list(threads.map(attempt, range(8)))
    assert sorted(ends) == [0] + [Close.TOKEN] * 7
    until(lambda: consoles.line.opened - consoles.line.closed == opened)


@pytest.mark.parametrize('query', ['', '?token=', '?token=nonsense', '?other=x', '?token=%ff%00'])
def test_missing_or_unknown_token_is_refused(consoles: Consoles, query: str) -> None:
    with consoles.open(f'ws://127.0.0.1:{consoles.port}/{query}') as socket:
        code, reason = closing(socket)
    assert (code, reason) == (
        Close.TOKEN,
        'The token is unknown, used or expired, or the node is no longer yours.',
    )


def test_b03_expired_token_is_refused(consoles: Consoles) -> None:
    made = consoles.token(consoles.leased(), token_ttl='1')
    time.sleep(1.1)
    with consoles.open(made['access_url']) as socket:
        assert closing(socket)[0] == Close.TOKEN


def test_console_stays_open_when_its_token_expires(consoles: Consoles) -> None:
    made = consoles.token(consoles.leased())
    with consoles.open(made['access_url']) as socket:
        until(lambda: bool(consoles.line.connections))
        engine = sa.create_engine(consoles.world.service.conf.database.connection)
        with engine.begin() as connection:
            past = datetime.now(UTC) - timedelta(seconds=1)
            mine = console_auth_tokens.c.token_hash == digest(made['token'])
            expired = console_auth_tokens.update().where(mine).values(expires_at=past)
            assert connection.execute(expired).rowcount == 1
        engine.dispose()
        time.sleep(2)  # it has looked at it
        socket.send(b'x')
        heard(socket, b'X')


@pytest.mark.parametrize('database_kind', ['sqlite', 'mariadb', 'postgresql'], indirect=True)
def test_b03_console_is_closed_the_moment_the_lease_ends(tmp_path: Path, database_url: str) -> None:
    @again_if_late
    def cut(consoles: Consoles) -> None:
        node = consoles.leased()
        open_now, later = (consoles.token(node) for _ in range(2))
        with Metronome() as machine, consoles.open(open_now['access_url']) as socket:
            socket.send(b'x')
            heard(socket, b'X')
            end = consoles.end_soon(node, 3)
            code, reason = closing(socket)
            late = (datetime.now(UTC) - end).total_seconds()
        assert code == Close.LOST
        assert reason.startswith('The lease has ended')
        assert late >= 0
        machine.within(0.7, late)
        until(lambda: not consoles.line.connections)
        with consoles.open(later['access_url']) as socket:
            assert closing(socket)[0] == Close.TOKEN
        consoles.world.until(consoles.leases[node], 'expired')
        refused = consoles.world.call(
            LESSEE, 'POST', '/v1/console_auth_tokens', {'node_uuid_or_name': node}
        )
        assert refused.status_code == 403

    with running(tmp_path, database_url) as consoles:
        cut(consoles)


@again_if_late
def test_console_is_closed_when_the_lease_is_cancelled(consoles: Consoles) -> None:
    node = consoles.node()
    lease = consoles.lease(node)
    consoles.enable(node)
    url = consoles.token(node)['access_url']
    with Metronome() as machine, consoles.open(url) as socket:
        socket.send(b'x')
        heard(socket, b'X')
        assert consoles.world.call(OWNER, 'DELETE', f'/v1/leases/{lease}').status_code == 200
        begun = time.monotonic()
        code, _ = closing(socket)
        assert code == Close.LOST
        machine.within(1, time.monotonic() - begun)


@again_if_late
def test_console_is_closed_at_the_changed_end_of_the_lease(
    consoles: Consoles,
) -> None:
    node = consoles.node()
    consoles.lease(node)
    consoles.enable(node)
    url = consoles.token(node)['access_url']
    with Metronome() as machine, consoles.open(url) as socket:
        socket.send(b'x')
        heard(socket, b'X')
        time.sleep(1)  # the proxy knows of the first end by now
        end = consoles.end_soon(node)
        assert closing(socket)[0] == Close.LOST
        late = (datetime.now(UTC) - end).total_seconds()
        assert late >= 0
        machine.within(0.7, late)


def test_consoles_of_other_nodes_stay_open(consoles: Consoles) -> None:
    ending, staying = consoles.leased(), consoles.leased()
    with (
        consoles.open(consoles.token(ending)['access_url']) as one,
        consoles.open(consoles.token(staying)['access_url']) as other,
    ):
        one.send(b'x')
        heard(one, b'X')
        consoles.end_soon(ending)
        assert closing(one)[0] == Close.LOST
        time.sleep(1)
        other.send(b'x')
        heard(other, b'X')


def test_console_of_a_client_that_does_not_read_is_closed(consoles: Consoles) -> None:
    node = consoles.leased()
    made = consoles.token(node)
    port = int(made['access_url'].split(':')[2].split('/')[0])
    with sockets.create_connection(('127.0.0.1', port), PATIENCE) as raw:
        raw.sendall(
            f'GET /?token={made["token"]} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            'Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n'
            'Sec-WebSocket-Version: 13\r\n\r\n'.encode()
        )
        until(lambda: bool(consoles.line.connections))
        with ThreadPoolExecutor(1) as side:
            side.submit(consoles.line.say, b'x' * (32 << 20))  # more than all buffers hold
            consoles.end_soon(node)
            until(lambda: not consoles.line.connections)


def test_deleting_the_tokens_of_a_node_closes_its_consoles(consoles: Consoles) -> None:
    node = consoles.leased()
    first, second = (consoles.token(node) for _ in range(2))
    with consoles.open(first['access_url']) as socket:
        socket.send(b'x')
        heard(socket, b'X')
        gone = consoles.world.call(LESSEE, 'DELETE', f'/v1/console_auth_tokens/{node}')
        assert (gone.status_code, gone.json()) == (200, None)
        assert closing(socket) == (
            Close.LOST,
            'The lease has ended, or the token was deleted.',
        )
    with consoles.open(second['access_url']) as socket:
        assert closing(socket)[0] == Close.TOKEN
    third = consoles.token(node)
    assert consoles.world.call(ADMIN, 'DELETE', f'/v1/console_auth_tokens/{node}').ok
    with consoles.open(third['access_url']) as socket:
        assert closing(socket)[0] == Close.TOKEN


def test_owner_keeps_the_console_until_the_node_is_handed_over(
    consoles: Consoles,
) -> None:
    node = consoles.node()
    with consoles.open(consoles.token(node, OWNER)['access_url']) as socket:
        socket.send(b'x')
        heard(socket, b'X')
        spare = consoles.token(node, OWNER)
        consoles.lease(node)
        assert closing(socket)[0] == Close.LOST
    consoles.enable(node)
    with consoles.open(spare['access_url']) as socket:
        assert closing(socket)[0] == Close.TOKEN
    refused = consoles.world.call(
        OWNER, 'POST', '/v1/console_auth_tokens', {'node_uuid_or_name': node}
    )
    assert refused.status_code == 403


def test_hand_over_switches_off_a_console_left_open_by_the_owner(consoles: Consoles) -> None:
    node = consoles.node()
    consoles.lease(node)
    with consoles.open(consoles.token(node)['access_url']) as socket:
        code, reason = closing(socket)
    assert code == Close.CONSOLE
    assert 'no key console' in reason


@pytest.mark.parametrize(
    'who', [STRANGER, OWNER, Who('lessee', 'reader'), Who('stranger', 'esi_leap_lessee')]
)
def test_b02_only_a_member_of_the_lessee_gets_a_token(consoles: Consoles, who: Who) -> None:
    node = consoles.leased()
    refused = consoles.world.call(
        who, 'POST', '/v1/console_auth_tokens', {'node_uuid_or_name': node}
    )
    assert refused.status_code == (404 if who.project == 'stranger' else 403)


def test_switched_off_console_leaves_the_token_unused(consoles: Consoles) -> None:
    node = consoles.node()
    consoles.lease(node)
    url = consoles.token(node)['access_url']
    with consoles.open(url) as socket:
        assert closing(socket)[0] == Close.CONSOLE
    consoles.enable(node)
    with consoles.open(url) as socket:
        socket.send(b'x')
        heard(socket, b'X')


def test_unreachable_line_leaves_the_token_unused(consoles: Consoles) -> None:
    node = consoles.world.node('owner', console='tcp://127.0.0.1:1')
    url = consoles.token(node, OWNER)['access_url']
    for _ in range(2):
        with consoles.open(url) as socket:
            assert closing(socket) == (Close.UNAVAILABLE, 'The serial line cannot be reached.')


def test_line_closed_at_its_other_end_closes_the_console(consoles: Consoles) -> None:
    with consoles.open(consoles.token(consoles.leased())['access_url']) as socket:
        until(lambda: bool(consoles.line.connections))
        for connection in consoles.line.connections:
            connection.shutdown(sockets.SHUT_RDWR)
        assert closing(socket) == (Close.LINE, 'The serial line was closed at its other end.')


def test_client_that_leaves_frees_the_line(consoles: Consoles) -> None:
    until(lambda: not consoles.line.connections)
    with consoles.open(consoles.token(consoles.leased())['access_url']):
        until(lambda: len(consoles.line.connections) == 1)
    until(lambda: not consoles.line.connections)


@pytest.mark.parametrize(
    ('origin', 'status'),
    [
        ('http://127.0.0.1', 101),
        ('https://127.0.0.1:8443', 101),
        ('http://evil.example.com', 403),
        ('http://127.0.0.1.evil.example.com', 403),
        ('null', 403),
        ('', 403),
    ],
)
def test_b03_pages_of_other_hosts_cannot_open_consoles(
    consoles: Consoles, origin: str, status: int
) -> None:
    url = consoles.token(consoles.leased())['access_url']
    if status == 101:
        with consoles.open(url, origin=origin) as socket:
            socket.send(b'x')
            heard(socket, b'X')
        return
    headers = {'Origin': origin}
    with pytest.raises(InvalidStatus) as refused:
        connect(url, additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == status
    with consoles.open(url) as socket:  # and the token is not lost
        socket.send(b'x')
        heard(socket, b'X')


def test_b03_token_is_neither_stored_nor_logged(
    consoles: Consoles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = consoles.token(consoles.leased())
    with consoles.open(made['access_url'], logger=logging.getLogger('quiet')) as socket:
        socket.send(b'x')
        heard(socket, b'X')
    until(lambda: 'closed (1000' in caplog.text)
    ours = [each.getMessage() for each in caplog.records if each.name not in {'quiet', 'urllib3'}]
    assert not [each for each in ours if made['token'] in each]
    engine = sa.create_engine(consoles.world.service.conf.database.connection)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(console_auth_tokens)).mappings().all()
    engine.dispose()
    assert digest(made['token']) in {row['token_hash'] for row in rows}
    assert made['token'] not in str(rows)


def test_healthcheck_answers_ok(consoles: Consoles) -> None:
    answer = requests.get(f'http://127.0.0.1:{consoles.port}/healthcheck', timeout=PATIENCE)
    assert (answer.status_code, answer.text) == (200, 'OK\n')
