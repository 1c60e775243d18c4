"""`openstack esi …` before anything is asked, and where the service is not what it should be."""

from __future__ import annotations

import shlex
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from .conftest import LEASE

if TYPE_CHECKING:
    from .conftest import Esi, Peer

#: Every command, as one types it after `openstack`.
COMMANDS = {
    point.name.replace('_', ' '): point
    for point in sorted(metadata.entry_points(group='openstack.lease.v1'))
}


def test_update_of_nothing(esi: Esi, peer: Peer) -> None:
    done = esi('lease', 'update', 'mine')
    nothing = 'Nothing to change: give --end-time, --name, --purpose or --properties.\n'
    assert (done.status, done.out, done.err) == (1, '', nothing)
    assert (
        'openstack esi lease delete mine' in esi('lease', 'update', 'mine', '--end-time', 'now').err
    )
    assert not peer.asked


def test_a_lease_that_fails_ends_the_wait(esi: Esi, peer: Peer) -> None:
    peer.script += [{}, {'status': 'error', 'status_reason': 'the node is gone'}]
    done = esi('lease', 'create', 'node-1', 'physics', '--wait')
    assert (done.status, done.out) == (1, '')
    assert done.err.splitlines()[-1] == (
        f'Lease {LEASE["uuid"]} is in status `error` (the node is gone); it will not be active.'
    )


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        (
            'offer claim o --end-time tomorrow',
            "argument --end-time: 'tomorrow' is not a time; write",
        ),
        ('lease list --time-range now x', "argument --time-range: 'x' is not a time; write"),
        ('offer create n --properties 7', "argument --properties: '7' is not a JSON object; write"),
        ('lease list --limit 0', "argument --limit: '0' is not a whole number above zero; write"),
        ('offer list --now --availability-range now +1d', 'not allowed with argument'),
        ('offer claim', 'the following arguments are required: <offer>'),
    ],
)
def test_bad_values_are_named(esi: Esi, peer: Peer, argv: str, said: str) -> None:
    done = esi(*argv.split())
    assert (done.status, done.out) == (2, '')
    assert said in done.err
    assert not peer.asked


def test_an_end_beyond_the_calendar(esi: Esi) -> None:
    done = esi('offer', 'claim', 'o', '--start-time', '9999-12-31', '--end-time', '+7d')
    assert done.err == (
        'argument --end-time: 7 days, 0:00:00 after 9999-12-31T00:00:00 lies beyond 9999\n'
    )


FAULT = {'error': {'message': 'Time conflict for ironic_node n:\n taken.'}, 'faultstring': 'old'}


@pytest.mark.parametrize(
    ('failure', 'said'),
    [
        ((409, FAULT, 'application/json'), 'Time conflict for ironic_node n: taken.'),
        ((403, {'faultstring': 'Access was denied.'}, 'application/json'), 'Access was denied.'),
        ((401, {'error': {'code': 401, 'message': 'Sign in.'}}, 'application/json'), 'Sign in.'),
        ((500, {'faultstring': 'Broken.'}, 'application/json'), 'Broken. (request req-1)'),
        ((502, '<html>Bad</html>', 'text/html'), 'answered 502 Bad Gateway without saying why'),
        ((404, [], 'application/json'), 'is this the address of the lease service?'),
        ((200, '<html>Hi</html>', 'text/html'), 'is not a lease service.'),
    ],
)
def test_errors_are_one_sentence(
    esi: Esi, peer: Peer, failure: tuple[int, object, str], said: str
) -> None:
    for argv in ('offer list', 'lease show x', 'offer claim x'):
        peer.answers.append(failure)
        done = esi(*argv.split())
        assert (done.status, done.out) == (1, '')
        assert said in done.err
        assert done.err.count('\n') == 1
        assert 'Error for url' not in done.err
        assert 'Traceback' not in done.err


def test_nobody_answers(run: Esi) -> None:
    done = run('offer', 'list', OS_AUTH_TYPE='none', OS_ENDPOINT='http://127.0.0.1:1')
    assert (done.status, done.out) == (1, '')
    assert done.err == (
        'The lease service at http://127.0.0.1:1/v1 cannot be reached (connection refused). '
        'Check that it runs, or set `lease_endpoint_override` (OS_LEASE_ENDPOINT_OVERRIDE) to its '
        'address.\n'
    )


@pytest.mark.parametrize('name', COMMANDS)
def test_help_shows_an_example_that_works(esi: Esi, name: str) -> None:
    done = esi(*name.split()[1:], '--help')
    assert done.status == 0
    command = COMMANDS[name].load()(None, None)
    # Whatever the lines are broken at.
    assert ''.join(f'Example: {command.example}'.split()) in ''.join(done.out.split())
    parser = command.get_parser(name)
    words = shlex.split(command.example)
    typed = ['openstack', *name.split()]
    assert words[: len(typed)] == typed
    parser.parse_args(words[len(typed) :])
    assert parser.description
    assert [action.dest for action in parser._actions if not action.help] == []  # noqa: SLF001
