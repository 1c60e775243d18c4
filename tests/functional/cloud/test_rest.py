"""How another service is called: where it is found, that nothing is tried twice, what it says."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from esi_leap import conf as configuration
from esi_leap.cloud.rest import AnswerError, Service, SilenceError
from tests.functional.peer import Peer, serving


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def url(peer: Peer) -> Iterator[str]:
    with serving(peer) as found:
        yield found


def _service(url: str) -> Service:
    conf = configuration.registered()
    conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    conf.set_override('auth_type', 'none', 'ironic')
    conf.set_override('endpoint_override', url, 'ironic')
    return Service.of(conf, 'ironic', 1)


@pytest.mark.parametrize('below', ['', '/', '/v1', '/v1/'])
def test_version_is_found_below_the_address_once(peer: Peer, url: str, below: str) -> None:
    service = _service(url + below)
    assert service.get('/thing') == {'a': 1}
    looked = len(peer.asked)
    assert service.get('/thing') == {'a': 1}
    assert peer.asked[looked:] == ['/v1/thing']


@pytest.mark.parametrize('status', [409, 429, 500, 503])
def test_failed_request_is_not_repeated(peer: Peer, url: str, status: int) -> None:
    peer.status = status
    with pytest.raises(AnswerError) as refused:
        _service(url).get('/thing')
    assert refused.value.status == status
    assert peer.asked.count('/v1/thing') == 1


@pytest.mark.parametrize(
    ('body', 'reason'),
    [
        ({'error_message': json.dumps({'faultstring': 'Node is locked.'})}, 'Node is locked.'),
        ({'error_message': {'faultstring': 'Node is locked.'}}, 'Node is locked.'),
        ({'error': {'code': 409, 'message': 'Conflict of names.'}}, 'Conflict of names.'),
        ({'error_message': '{no JSON'}, ''),
        ({'something': 'else'}, ''),
        (['a list'], ''),
    ],
)
def test_reason_is_the_sentence_of_the_error(peer: Peer, url: str, body: Any, reason: str) -> None:  # noqa: ANN401 - any JSON
    peer.status, peer.sent = 409, json.dumps(body).encode()
    with pytest.raises(AnswerError) as refused:
        _service(url).get('/thing')
    assert refused.value.reason == reason


def test_answer_without_json_counts_as_silence(peer: Peer, url: str) -> None:
    peer.sent = b'<html>'
    with pytest.raises(SilenceError):
        _service(url).get('/thing')


def test_version_is_looked_for_again_after_a_failure(peer: Peer, url: str) -> None:
    del peer
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    service = _service(f'http://127.0.0.1:{port}')
    for _ in range(2):
        with pytest.raises(SilenceError):
            service.get('/thing')
    service._adapter.endpoint_override = url  # noqa: SLF001 - as if it were there now
    assert service.get('/thing') == {'a': 1}


@pytest.mark.parametrize('program', ['api', 'manager', 'serial_console_proxy'])
def test_programs_do_not_load_unused_packages(program: str) -> None:
    """Each of these is megabytes in every process."""
    unused = ['openstack', 'alembic', 'oslo_messaging', 'jinja2', 'bcrypt']
    if program == 'api':  # its middleware comes with the last two
        unused = unused[:-2]
    code = (
        f'import sys, esi_leap.cmd.{program}, esi_leap.conf as c; c.registered(); '
        f'print([each for each in {unused} if each in sys.modules])'
    )
    found = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code], check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == '[]'
