"""`openstack esi mdc …` over several real services, with addresses between them that fail."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE, Metronome

from .conftest import Cloud, Outcome, lease_api, serving

if TYPE_CHECKING:
    from pathlib import Path

    import openstack

    from .conftest import Esi

    Connect = Callable[..., openstack.connection.Connection]

#: Seconds within which the main thread has heard of a signal.
HEARD = 1
NOBODY = 'http://127.0.0.1:1'
WINDOW = ('2040-01-02', '2040-01-03')
BEGIN, END = '2040-01-02T00:00:00', '2040-01-03T00:00:00'
CLAIM = ('mdc', 'offer', 'claim')
DEAD = (
    f'No answer from cloud dead: The lease service at {NOBODY}/v1 cannot be reached (connection '
    'refused). Check that it runs, or set `lease_endpoint_override` (OS_LEASE_ENDPOINT_OVERRIDE) '
    'to its address.\n'
)

Reply = tuple[int, bytes]
#: Told method, path and how to pass the request on; returns the reply.
Meddler = Callable[[str, str, Callable[[], Reply]], Reply]


def pass_on(_method: str, _path: str, forward: Callable[[], Reply]) -> Reply:
    return forward()


@dataclass
class Relay:
    """Stands between the client and a service."""

    service: str
    url: str = ''
    meddle: Meddler = pass_on
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def relay() -> Iterator[Callable[[str], Relay]]:
    """Place a relay before a service."""
    with ExitStack() as stack:

        def place(service: str) -> Relay:
            made = Relay(service)

            class Handler(BaseHTTPRequestHandler):
                def answer(self) -> None:
                    body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                    made.asked.append((self.command, self.path))

                    def forward() -> Reply:
                        request = urllib.request.Request(  # noqa: S310 - our own loopback service
                            made.service + self.path, body or None, dict(self.headers)
                        )
                        request.method = self.command
                        try:
                            with urllib.request.urlopen(request) as reply:  # noqa: S310
                                return reply.status, reply.read()
                        except urllib.error.HTTPError as error:
                            with error:
                                return error.code, error.read()

                    try:
                        status, said = made.meddle(self.command, self.path, forward)
                    except ConnectionError:  # the client hears nothing
                        self.close_connection = True
                        return
                    self.send_response(status)
                    self.send_header('Content-Type', 'application/json')
                    self.send_header('Content-Length', str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)

                do_GET = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

                def log_message(self, *_args: object) -> None:
                    """Stay silent."""

            server = stack.enter_context(ThreadingHTTPServer(('127.0.0.1', 0), Handler))
            made.url = f'http://127.0.0.1:{server.server_port}'
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return made

        yield place


class World:
    """Two clouds, `north` and `south`, with a service each, and what else clouds.yaml names."""

    def __init__(self, folder: Path, north: Cloud, south: Cloud) -> None:
        self.north, self.south = north, south
        self._file = folder / 'clouds.yaml'
        self._clouds: dict[str, dict[str, Any]] = {}
        self.add('north', north.service.url, region_name='RegionOne')
        self.add('south', south.service.url)

    def add(self, name: str, url: str, **more: object) -> None:
        """Name a cloud, or give it another address."""
        self._clouds[name] = {
            'auth_type': 'v3tokenlessauth',
            'auth': {'auth_url': NOBODY, 'project_id': 'physics'},
            'lease_endpoint_override': url,
            **more,
        }
        self._file.write_text(json.dumps({'clouds': self._clouds}))

    def esi(self, *argv: str) -> Outcome:
        """Run a command with this clouds.yaml and no cloud chosen."""
        return self.north.run(*argv, OS_CLIENT_CONFIG_FILE=str(self._file))

    def rows(self, *argv: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Run a command that must go well without a word, and return the JSON it prints."""
        done = self.esi(*argv, '-f', 'json')
        assert (done.status, done.err) == (0, '')
        return done.json

    def nodes(self, *argv: str) -> list[tuple[str, str]]:
        """Run a command that must go well, and return cloud and node of each row."""
        return [(row['Cloud'], row['Resource']) for row in self.rows(*argv)]

    def held(self, status: str = 'created') -> list[str]:
        """Ask both services which nodes are leased."""
        found = [
            cloud.ok('lease', 'list', '--all', '--status', status)
            for cloud in (self.north, self.south)
        ]
        return sorted(row['Resource'] for rows in found for row in rows)


def offer(cloud: Cloud, node: str, start: str = '2040-01-01', end: str = '2040-02-01') -> str:
    kind = 'gpu' if node.startswith('gpu') else 'cpu'
    cloud.service.node(node, 'lender', resource_class=kind)
    window = ('--start-time', start, '--end-time', end)
    made: str = cloud.ok('offer', 'create', node, *window, by='lender')['uuid']
    return made


@pytest.fixture
def world(tmp_path: Path, run: Esi) -> Iterator[World]:
    with serving(tmp_path / 'north') as north, serving(tmp_path / 'south') as south:
        yield World(tmp_path, Cloud(north, run), Cloud(south, run))


@pytest.fixture
def stocked(world: World) -> World:
    """Three nodes on offer in each cloud."""
    for place, cloud in (('n', world.north), ('s', world.south)):
        for number in (1, 2, 3):
            offer(cloud, f'{place}{number}')
    return world


def test_lists_name_cloud_and_region(world: World) -> None:
    first, second = offer(world.north, 'cpu-1'), offer(world.south, 'gpu-1')
    rows = world.rows('mdc', 'offer', 'list')
    columns = ['UUID', 'Resource', 'Resource Class', 'Lessee', 'Start Time', 'End Time']
    assert [list(row) for row in rows] == [
        ['Cloud', 'Region', *columns, 'Status', 'Availabilities']
    ] * 2
    assert [(row['Cloud'], row['Region'], row['UUID']) for row in rows] == [
        ('north', 'RegionOne', first),
        ('south', '', second),
    ]
    world.north.ok('offer', 'claim', first, '--start-time', BEGIN, '--purpose', 'a', by='physics')
    (row,) = world.rows('mdc', 'lease', 'list')
    columns = ['UUID', 'Resource', 'Resource Class', 'Project', 'Start Time', 'End Time']
    assert list(row) == ['Cloud', 'Region', *columns, 'Offer UUID', 'Status', 'Purpose']
    assert (row['Cloud'], row['Offer UUID']) == ('north', first)


@pytest.mark.parametrize(
    ('argv', 'found'),
    [
        ('offer list', 'dummy-node-cpu-1 dummy-node-gpu-1'),
        ('offer list --clouds south north', 'dummy-node-gpu-1 dummy-node-cpu-1'),
        ('offer list --clouds south', 'dummy-node-gpu-1'),
        ('offer list --clouds south south', 'dummy-node-gpu-1'),
        ('offer list --resource-class cpu', 'dummy-node-cpu-1'),
        ('offer list --resource-type ironic_node', ''),
        ('offer list --status deleted', ''),
        ('offer list --time-range 2040-01-15 2040-01-16', 'dummy-node-cpu-1'),
        ('offer list --availability-range 2040-01-02 +1d', 'dummy-node-gpu-1'),
        ('lease list', 'dummy-node-cpu-1'),
        ('lease list --purpose tests --status created', 'dummy-node-cpu-1'),
        ('lease list --purpose other', ''),
        ('lease list --resource-class gpu', ''),
        ('lease list --resource-type dummy_node', 'dummy-node-cpu-1'),
        ('lease list --time-range 2040-01-03 +1d', ''),
    ],
)
def test_lists_filter(world: World, argv: str, found: str) -> None:
    first = offer(world.north, 'cpu-1')
    offer(world.south, 'gpu-1', end='2040-01-10')
    window = ('--start-time', BEGIN, '--end-time', END, '--purpose', 'tests')
    world.north.ok('offer', 'claim', first, *window, by='physics')
    assert [node for _, node in world.nodes('mdc', *argv.split())] == found.split()


def test_a_dead_cloud_is_told_of_and_does_no_harm(stocked: World) -> None:
    stocked.add('dead', NOBODY)
    done = stocked.esi('mdc', 'offer', 'list', '-f', 'json')
    assert (done.status, done.err, len(done.json)) == (0, DEAD, 6)
    done = stocked.esi(*CLAIM, '4', *WINDOW, '-f', 'json')
    assert (done.status, done.err, len(done.json)) == (0, DEAD, 4)
    done = stocked.esi('mdc', 'lease', 'list', '--clouds', 'dead', 'south', '-f', 'json')
    assert (done.status, done.err, len(done.json)) == (0, DEAD, 1)


def test_nobody_at_all(world: World) -> None:
    world.add('dead', NOBODY)
    for argv in (('mdc', 'offer', 'list'), ('mdc', 'lease', 'list'), (*CLAIM, '1', *WINDOW)):
        done = world.esi(*argv, '--clouds', 'dead')
        assert (done.status, done.out) == (1, '')
        assert done.err == f'{DEAD}No cloud answered.\n'


@pytest.mark.parametrize(
    ('described', 'said'),
    [
        ({'auth_type': 'nosuch'}, 'The plugin nosuch could not be found'),
        ({'auth_type': 'password', 'auth': {}}, 'parameters which were not given: auth_url'),
        (
            {'auth_type': 'password', 'auth': {'auth_url': f'{NOBODY}/v3', 'username': 'u'}},
            'password is a required attribute',
        ),
        ({'regions': [{'values': {}}]}, 'Invalid region entry'),
    ],
)
def test_a_cloud_described_badly_does_no_harm(
    stocked: World, described: dict[str, Any], said: str
) -> None:
    stocked.add('odd', NOBODY, **described)
    done = stocked.esi('mdc', 'offer', 'list', '-f', 'json')
    assert (done.status, len(done.json)) == (0, 6)
    assert 'No answer from cloud odd' in done.err
    assert said in done.err


def test_every_region_is_asked(stocked: World) -> None:
    stocked.add('south', stocked.south.service.url, regions=['east', 'west'])
    rows = stocked.rows('mdc', 'offer', 'list', '--clouds', 'south')
    assert [row['Region'] for row in rows] == ['east'] * 3 + ['west'] * 3


def test_clouds_that_are_not_there(world: World, run: Esi, tmp_path: Path) -> None:
    done = world.esi('mdc', 'offer', 'list', '--clouds', 'north', 'west')
    said = 'Unknown cloud: west. Known in clouds.yaml: north, south.\n'
    assert (done.status, done.out, done.err) == (1, '', said)
    done = run('mdc', 'offer', 'list', HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    said = 'There is no cloud: no clouds.yaml was found.\n'
    assert (done.status, done.out, done.err) == (1, '', said)


def test_without_a_file_the_cloud_of_the_variables_is_asked(world: World) -> None:
    uuid = offer(world.north, 'n1')
    (row,) = world.north.ok('mdc', 'offer', 'list', by='physics')
    assert (row['Cloud'], row['UUID']) == ('envvars', uuid)


def test_all_are_asked_at_the_same_time(stocked: World, relay: Callable[[str], Relay]) -> None:
    meeting = threading.Barrier(2)

    def met(_method: str, _path: str, forward: Callable[[], Reply]) -> Reply:
        meeting.wait(PATIENCE)
        return forward()

    for name, cloud in (('north', stocked.north), ('south', stocked.south)):
        between = relay(cloud.service.url)
        between.meddle = met
        stocked.add(name, between.url)
    assert [len(stocked.rows('mdc', what, 'list')) for what in ('offer', 'lease')] == [
        6, 0,
    ]  # fmt: skip


@pytest.mark.parametrize('patience', ['command', 'file'])
def test_a_cloud_that_is_slow_is_waited_for_so_long(
    stocked: World, relay: Callable[[str], Relay], patience: str
) -> None:
    over = threading.Event()

    def asleep(_method: str, _path: str, _forward: Callable[[], Reply]) -> Reply:
        over.wait(PATIENCE)
        raise ConnectionError

    slow = relay(NOBODY)
    slow.meddle = asleep
    in_file = {'api_timeout': 0.5} if patience == 'file' else {}
    stocked.add('slow', slow.url, **in_file)
    argv = ('--timeout', str(PATIENCE) if in_file else '5', '-f', 'json')
    with Metronome() as machine:
        began = time.monotonic()
        done = stocked.esi('mdc', 'offer', 'list', *argv)
        took = time.monotonic() - began
    over.set()
    assert (done.status, len(done.json)) == (0, 6)
    assert done.err.startswith('No answer from cloud slow: ')
    machine.within(10, took)


def test_a_claim_empties_the_first_cloud_first(stocked: World) -> None:
    rows = stocked.rows(*CLAIM, '4', *WINDOW)
    columns = ['UUID', 'Resource', 'Resource Class', 'Project', 'Start Time', 'End Time']
    assert list(rows[0]) == ['Cloud', 'Region', *columns, 'Offer UUID', 'Status', 'Purpose']
    assert {(row['Project'], row['Start Time'], row['End Time']) for row in rows} == {
        ('physics', BEGIN, END)
    }
    assert [row['Cloud'] for row in rows] == ['north'] * 3 + ['south']
    assert sorted(row['Resource'] for row in rows) == stocked.held()
    window = ('2040-01-10', '+1d')
    there = stocked.nodes(*CLAIM, '2', *window, '--clouds', 'south', 'north')
    assert [cloud for cloud, _ in there] == ['south'] * 2


def test_a_claim_takes_what_fits_most_tightly(world: World) -> None:
    offer(world.north, 'whole', end='2041-01-01')
    offer(world.north, 'tight', end='2040-01-04')
    offer(world.north, 'middle', end='2040-02-01')
    taken = [node for _, node in world.nodes(*CLAIM, '2', *WINDOW)]
    assert taken == ['dummy-node-tight', 'dummy-node-middle']


def test_a_claim_of_one_class_from_now_on(world: World) -> None:
    offer(world.north, 'cpu-1', start='now')
    offer(world.south, 'gpu-1', start='now')
    argv = ('1', 'now', '+2h', '--resource-class', 'gpu', '--resource-type', 'dummy_node')
    assert world.nodes(*CLAIM, *argv) == [('south', 'dummy-node-gpu-1')]


def test_two_entries_for_one_cloud_offer_a_node_once(world: World) -> None:
    offer(world.north, 'n1')
    world.add('again', world.north.service.url)
    done = world.esi(*CLAIM, '2', *WINDOW)
    said = '2 nodes requested, 1 on offer; none was claimed.\n'
    assert (done.status, done.out, done.err) == (1, '', said)
    assert world.nodes(*CLAIM, '1', *WINDOW) == [('north', 'dummy-node-n1')]


def test_more_than_there_are_takes_nothing(stocked: World) -> None:
    done = stocked.esi(*CLAIM, '7', *WINDOW)
    said = '7 nodes requested, 6 on offer; none was claimed.\n'
    assert (done.status, done.out, done.err) == (1, '', said)
    assert stocked.held('any') == []


Thief = Callable[[Cloud, int], Meddler]


@pytest.fixture
def thief(connect: Connect) -> Thief:
    """Claim so many offers the moment before the client does."""

    def of(cloud: Cloud, nodes: int) -> Meddler:
        api = lease_api(connect, cloud.service, 'thief', 'member', 'reader')
        lock = threading.Lock()
        left = nodes

        def steal(method: str, path: str, forward: Callable[[], Reply]) -> Reply:
            nonlocal left
            with lock:
                if method == 'POST' and left:
                    left -= 1
                    api.claim_offer(path.split('/')[3], start_time=BEGIN, end_time=END)
            return forward()

        return steal

    return of


def test_what_somebody_else_takes_is_replaced(
    stocked: World, relay: Callable[[str], Relay], thief: Thief
) -> None:
    between = relay(stocked.north.service.url)
    between.meddle = thief(stocked.north, 2)
    stocked.add('north', between.url)
    there = stocked.nodes(*CLAIM, '4', *WINDOW)
    assert [cloud for cloud, _ in there] == ['north', 'south', 'south', 'south']
    mine = stocked.rows('mdc', 'lease', 'list')
    assert sorted(row['Resource'] for row in mine) == sorted(node for _, node in there)


def test_what_cannot_be_completed_is_given_back(
    stocked: World, relay: Callable[[str], Relay], thief: Thief
) -> None:
    between = relay(stocked.north.service.url)
    between.meddle = thief(stocked.north, 1)
    stocked.add('north', between.url)
    done = stocked.esi(*CLAIM, '6', *WINDOW)
    assert (done.status, done.out) == (1, '')
    *returned, last = done.err.splitlines()
    assert last == 'Only 5 of 6 nodes could be claimed.'
    gone = [
        (row['UUID'], row['Resource'], place)
        for cloud, place in (
            (stocked.north, 'cloud north'),
            (stocked.south, 'cloud south'),
        )
        for row in cloud.ok('lease', 'list', '--all', '--status', 'deleted')
    ]
    assert len(gone) == 5
    assert sorted(returned) == sorted(
        f'Given back: lease {uuid} of {node} in {place}.' for uuid, node, place in gone
    )
    assert len(stocked.held()) == 1  # the thief's


def test_what_cannot_be_given_back_is_told(
    stocked: World, relay: Callable[[str], Relay], thief: Thief
) -> None:
    steal = thief(stocked.north, 1)
    between = relay(stocked.north.service.url)
    wanted: list[str] = []

    def stuck(method: str, path: str, forward: Callable[[], Reply]) -> Reply:
        if method == 'DELETE':
            wanted.append(path)
            if wanted[0] == path:
                return 503, b'{"faultstring": "Closed."}'
        return steal(method, path, forward)

    between.meddle = stuck
    stocked.add('north', between.url, region_name='RegionOne')
    done = stocked.esi(*CLAIM, '3', *WINDOW, '--clouds', 'north')
    assert (done.status, done.out) == (1, '')
    (kept,) = stocked.north.ok('lease', 'list', '--project', 'physics')
    (gone,) = stocked.north.ok('lease', 'list', '--project', 'physics', '--status', 'deleted')
    where = 'cloud north (RegionOne)'
    assert sorted(done.err.splitlines()) == [
        f'Given back: lease {gone["UUID"]} of {gone["Resource"]} in {where}.',
        (
            f'Not given back: lease {kept["UUID"]} of {kept["Resource"]} in {where} (Closed.). '
            'Do it with: openstack --os-cloud north --os-region-name RegionOne esi lease delete '
            f'{kept["UUID"]}'
        ),
        'Only 2 of 3 nodes could be claimed.',
    ]
    assert wanted.count(f'/v1/leases/{kept["UUID"]}') == 3


def test_a_claim_that_was_not_answered_is_found_and_given_back(
    stocked: World, relay: Callable[[str], Relay]
) -> None:
    between = relay(stocked.north.service.url)
    stocked.add('north', between.url)

    def lost(method: str, _path: str, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if method == 'POST':
            raise ConnectionError
        return reply

    between.meddle = lost
    done = stocked.esi(*CLAIM, '3', *WINDOW, '-f', 'json')
    assert done.status == 0
    assert {row['Cloud'] for row in done.json} == {'south'}
    assert stocked.held() == ['dummy-node-s1', 'dummy-node-s2', 'dummy-node-s3']
    assert done.err.count('Given back: ') == 3
    assert done.err.count('Trouble in cloud north: ') == 1


def test_a_refusal_is_told_and_the_next_cloud_tried(
    stocked: World, relay: Callable[[str], Relay]
) -> None:
    between = relay(stocked.north.service.url)
    stocked.add('north', between.url)

    def closed(method: str, _path: str, forward: Callable[[], Reply]) -> Reply:
        return (403, b'{"faultstring": "Too long."}') if method == 'POST' else forward()

    between.meddle = closed
    done = stocked.esi(*CLAIM, '3', *WINDOW, '-f', 'json')
    assert (done.status, done.err) == (0, 'Trouble in cloud north: Too long.\n')
    assert [row['Cloud'] for row in done.json] == ['south'] * 3
    done = stocked.esi(*CLAIM, '3', '2040-01-05', '+1d', '--clouds', 'north')
    said = 'Trouble in cloud north: Too long.\nOnly 0 of 3 nodes could be claimed.\n'
    assert (done.status, done.out, done.err) == (1, '', said)


@pytest.mark.parametrize(
    ('answer', 'said'),
    [
        ((200, b'[]'), 'is not a lease service.'),
        ((201, b'{}'), 'is not a lease service.'),
        ((200, b'<html>'), 'is not a lease service.'),
        ((502, b'<html>'), 'answered 502'),
    ],
)
def test_what_answers_may_be_anything(
    stocked: World, relay: Callable[[str], Relay], answer: Reply, said: str
) -> None:
    between = relay(stocked.north.service.url)
    between.meddle = lambda method, _, forward: answer if method == 'POST' else forward()
    stocked.add('north', between.url)
    done = stocked.esi(*CLAIM, '2', *WINDOW, '-f', 'json')
    assert (done.status, {row['Cloud'] for row in done.json}) == (0, {'south'})
    assert done.err.startswith('Trouble in cloud north: ')
    assert said in done.err
    between.meddle = lambda *_: answer
    done = stocked.esi('mdc', 'offer', 'list', '-f', 'json')
    assert (done.status, len(done.json)) == (0, 3)
    assert done.err.startswith('No answer from cloud north: ')
    assert said in done.err


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, also where a shell began the tests in its background and shut it out."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('interruptible')
def test_an_interrupt_gives_back(stocked: World, relay: Callable[[str], Relay]) -> None:
    between = relay(stocked.north.service.url)
    stocked.add('north', between.url)

    def interrupted(method: str, _path: str, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if method == 'POST':
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(HEARD)
        return reply

    between.meddle = interrupted
    done = stocked.esi(*CLAIM, '2', *WINDOW)
    assert (done.status, done.out) == (130, '')
    assert 'Given back: ' in done.err
    assert stocked.held() == []


@pytest.mark.usefixtures('interruptible')
def test_a_second_interrupt_tells_what_is_left(world: World, relay: Callable[[str], Relay]) -> None:
    for number in range(10):
        offer(world.north, f'n{number}')
    between = relay(world.north.service.url)
    world.add('north', between.url)
    seen = {'POST': 0, 'DELETE': 0}

    def interrupted(method: str, _path: str, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if method in seen:
            seen[method] += 1
            if seen[method] == {'POST': 10, 'DELETE': 1}[method]:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(HEARD)
        return reply

    between.meddle = interrupted
    done = world.esi(*CLAIM, '10', *WINDOW)
    assert (done.status, done.out) == (130, '')
    told = done.err.splitlines()
    kept = [line for line in told if line.startswith('Not given back: ')]
    assert len(told) == 10
    assert kept
    left = world.north.ok('lease', 'list', '--all')
    assert sorted(row['UUID'] for row in left) == sorted(line.split()[-1] for line in kept)
    assert all('(it was not tried)' in line for line in kept)
