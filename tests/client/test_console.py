"""`openstack esi console auth token …` and its calls from Python, against the real service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openstack import exceptions

from .conftest import lease_api

if TYPE_CHECKING:
    from collections.abc import Callable

    import openstack

    from .conftest import Cloud

    Connect = Callable[..., openstack.connection.Connection]

TOKEN = ('console', 'auth', 'token')


@pytest.fixture
def held(cloud: Cloud) -> Cloud:
    """A node that physics has."""
    cloud.service.node('n', 'lender', console='tcp://127.0.0.1:1')
    done = cloud.esi('lease', 'create', 'n', 'physics', '--wait', '-f', 'value', '-c', 'status')
    assert done.out == 'active\n'
    return cloud


@pytest.mark.parametrize('name', ['n', 'dummy-node-n'])
def test_a_token_is_made(held: Cloud, name: str) -> None:
    made = held.ok(*TOKEN, 'create', name, '--token-ttl', '60', by='physics')
    assert list(made) == ['node_uuid', 'token', 'access_url']
    assert made['node_uuid'] == 'n'
    assert made['access_url'].endswith(f'/?token={made["token"]}')
    again = held.ok(*TOKEN, 'create', name, by='physics')
    assert again['token'] != made['token']


def test_how_long_and_what_for(held: Cloud) -> None:
    asked = ('-c', 'read_only', '-c', 'expires_at')
    short, long = (
        held.ok(*TOKEN, 'create', 'n', '--token-ttl', seconds, *asked, by='physics')
        for seconds in ('60', '3600')
    )
    assert short['expires_at'] < long['expires_at']
    assert short['read_only'] is False
    watching = held.ok(*TOKEN, 'create', 'n', '--read-only', *asked, by='physics')
    assert watching['read_only'] is True


def test_tokens_are_disabled(held: Cloud) -> None:
    for name in ('n', 'dummy-node-n'):
        done = held.esi(*TOKEN, 'delete', name, by='physics')
        said = f'Disabled console auth tokens for node {name}\n'
        assert (done.status, done.out, done.err) == (0, said, '')


@pytest.mark.parametrize('deed', ['create', 'delete'])
def test_only_who_has_the_node_may(held: Cloud, deed: str) -> None:
    unknown = held.esi(*TOKEN, deed, 'nosuch', by='physics')
    said = 'Node nosuch could not be found.\n'
    assert (unknown.status, unknown.out, unknown.err) == (1, '', said)
    if deed == 'create':
        denied = held.esi(*TOKEN, deed, 'n', by='lender')
        assert (denied.status, denied.out) == (1, '')
        assert denied.err.startswith('Access was denied to ')


def test_seconds_that_are_none(held: Cloud) -> None:
    done = held.esi(*TOKEN, 'create', 'n', '--token-ttl', 'soon')
    assert done.status == 2
    assert "argument --token-ttl: 'soon' is not a whole number" in done.err
    done = held.esi(*TOKEN, 'create', 'n', '--token-ttl', '99999999', by='physics')
    assert (done.status, done.out) == (1, '')
    assert 'Give a number of seconds from 1 to 3600.' in done.err


def test_from_python(held: Cloud, connect: Connect) -> None:
    lessee = lease_api(connect, held.service, 'physics', 'member', 'reader')
    made = lessee.create_console_auth_token('n', 60, read_only=True)
    assert (made.id, made.node_uuid, made.read_only) == ('n', 'n', True)
    assert made.token in made.access_url
    named: dict[str, Any] = {'node_uuid_or_name': 'dummy-node-n', 'token_ttl': 60}
    assert lessee.create_console_auth_token(**named).node_uuid == 'n'
    assert lessee.delete_console_auth_token('n') is None
    owner = lease_api(connect, held.service, 'lender', 'member', 'reader')
    with pytest.raises(exceptions.ForbiddenException):
        owner.create_console_auth_token('n')
    stranger = lease_api(connect, held.service, 'bio', 'member', 'reader')
    for deed in (stranger.create_console_auth_token, stranger.delete_console_auth_token):
        with pytest.raises(exceptions.NotFoundException, match='Node n could not be found'):
            deed('n')
