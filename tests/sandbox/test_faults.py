"""Each change that a hand-over and a return make in Ironic fails, in every way; none does harm.

A manager works through a proxy, in which a change is refused or broken before Ironic has it, done
and the answer lost, or not answered in time; or the manager is killed before or after it. Tenants
have the nodes in between: one who does nothing, one who leaves behind what there is to be left, and
one whose node has to be aborted, and is rejected by the gate afterwards.

In the life of a lease each of its changes fails once. In CI there are a few lives, in which every
change fails in some way. With ESI_LEAP_FAULTS=all there are as many as it takes until every change
has failed in every way, and Ironic, Keystone and the database have gone away at each of them.
"""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn, Self

import pytest

from esi_leap.core.handover import machine
from sandbox import seeds, users
from sandbox.errors import SandboxError
from tests.patience import PATIENCE
from tests.sandbox.faulty import BESIDE, Fault, Faulty, cut
from tests.sandbox.steps import Life, Step, Table, known

from .conftest import Cloud, now, until

_ALL = os.environ.get('ESI_LEAP_FAULTS') == 'all'
pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(5400 if _ALL else 1200)]

#: How long, in seconds, the manager of these tests waits for Ironic, and has a node for itself.
_TIMEOUT, _CLAIM = 3, 7
#: How long, in seconds, a service is away.
_AWAY = 3
_SERVICES = ('ironic', 'keystone', 'database')
#: How long, in seconds, something may take in which much goes wrong, there and on other nodes.
_PATIENCE = 600
_PEOPLE = ('admin', 'system-admin', 'owner-member', 'lessee-member')


class Manager:
    """A manager that knows Ironic by another address, and is started again when it was killed."""

    def __init__(self, cloud: Cloud, folder: Path, ironic: str, gate: Path) -> None:
        config = configparser.RawConfigParser()
        config.read(cloud.layout.etc / 'esi-leap' / 'esi-leap.conf')
        config.read_dict(
            {
                'ironic': {'endpoint_override': ironic, 'timeout': _TIMEOUT},
                'neutron': {'timeout': _TIMEOUT},
                'manager': {'claim_time': _CLAIM, 'retry_max': 1},
                'gate': {'driver': 'fake', 'fake_file': gate, 'call_timeout': _TIMEOUT},
            }
        )
        self._config = folder / 'esi-leap.conf'
        with self._config.open('w') as file:
            config.write(file)
        self._program = cloud.layout.program('service', 'esi-leap-manager')
        self._log = cloud.layout.log('manager-of-faults')
        self._lock = threading.Lock()
        self.kills = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        assert self._process.wait(PATIENCE) == 0

    def _start(self) -> None:
        with self._log.open('ab') as log:
            command = [self._program, f'--config-file={self._config}']
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def killed(self) -> NoReturn:
        """Kill the manager, start another one, and let the dead one's connection be cut."""
        with self._lock:
            assert self._process.poll() is None, 'it has died by itself'
            self._process.kill()
            self._process.wait()
            self.kills += 1
            self._start()
        cut()


class Outages:
    """Services that go away for some seconds, one at a time, and never while people use them."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._turn = threading.Condition()
        self._busy = 0
        self._threads: list[threading.Thread] = []
        self.failed: list[Exception] = []

    @contextmanager
    def none(self) -> Iterator[None]:
        """Let nothing go away while this lasts."""
        with self._turn:
            self._turn.wait_for(lambda: self._busy >= 0)
            self._busy += 1
        try:
            yield
        finally:
            with self._turn:
                self._busy -= 1
                self._turn.notify_all()

    def may_begin(self) -> bool:
        """Reserve the next outage, if there can be one now; `begin` has to follow."""
        with self._turn:
            if self._busy:
                return False
            self._busy = -1
            return True

    def begin(self, service: str) -> None:
        """Take a service away, and bring it back later."""
        thread = threading.Thread(target=self._end, args=(service,))
        self._threads.append(thread)
        try:
            self._cloud.stop(service)
        finally:
            thread.start()

    def _end(self, service: str) -> None:
        time.sleep(_AWAY)
        try:
            self._cloud.start(service)
        except Exception as error:  # noqa: BLE001 - the test's
            self.failed.append(error)
        with self._turn:
            self._busy = 0
            self._turn.notify_all()

    def over(self) -> None:
        """Wait until everything is back."""
        for thread in self._threads:
            thread.join()


class Gate:
    """The file with the verdicts of a gate that lets all pass but those that it is told to reject.

    Args:
        file: where it is.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._said: dict[str, object] = {'*': {'answer': 'pass'}}
        self._write()

    def rejects(self, node: str, *, yes: bool) -> None:
        """Reject a node that comes back, or do so no more."""
        with self._lock:
            self._said.pop(f'{node} return', None)
            if yes:
                self._said[f'{node} return'] = {'answer': 'reject', 'reason': 'a drill'}
            self._write()

    def _write(self) -> None:
        fresh = self.file.with_suffix('.new')
        fresh.write_text(json.dumps(self._said))
        fresh.replace(self.file)


class World:
    """The people of the cloud, and what goes wrong among them."""

    def __init__(
        self, cloud: Cloud, manager: Manager, proxy: Faulty, outages: Outages, gate: Gate
    ) -> None:
        self.cloud = cloud
        self.proxy = proxy
        self.outages = outages
        self.gate = gate
        self._faults = {
            'refused': Fault(before=lambda: HTTPStatus.CONFLICT),
            'broken': Fault(before=lambda: HTTPStatus.INTERNAL_SERVER_ERROR),
            'cut': Fault(before=cut),
            'broken after': Fault(after=lambda: HTTPStatus.INTERNAL_SERVER_ERROR),
            'cut after': Fault(after=cut),
            'no answer': Fault(after=partial(time.sleep, 2 * _TIMEOUT)),
            'killed': Fault(before=manager.killed),
            'killed after': Fault(after=manager.killed),
        }
        self._faults |= {
            name: Fault(before=partial(outages.begin, name)) for name in _SERVICES if _ALL
        }
        self.table = Table(
            tuple(self._faults), lambda way: way not in _SERVICES or outages.may_begin()
        )
        self._login = threading.Lock()
        self.lives = 0
        self.kept: list[str] = []
        self.twice: list[str] = []
        self.changed: list[str] = []
        self.stuck: list[str] = []

    def live(self, course: str, node: str, table: Table | None) -> Life:
        """Let a tenant have a node, use it and lose it again."""
        cloud, begun = self.cloud, now()
        life = Life(course, node, table, self._faults)
        begin, use = _COURSES[course]
        with self._quiet():
            before = self.wait(node, 'it was looked at', lambda: _seen(cloud, node))
            begin(self, node)
            self.proxy.watched[before['uuid']] = life.meet
            lease = self.wait(node, 'it is given', lambda: cloud.give(node, 'lessee', now(), 3600))
        where = f'{course} of {node}'
        self.wait(node, f'{where} runs', lambda: cloud.status(lease) == 'active')
        with self._quiet():
            use(self, life)
            self.wait(node, 'it ends', lambda: cloud.end_soon(lease, 1))
        self.wait(node, f'{where} is over', lambda: cloud.status(lease) == 'expired')
        if self.wait(node, f'{node} was looked at', lambda: [cloud.has(node)])[0] == 'lessee':
            self.kept.append(where)
        if course == 'rejected':
            self.wait(node, f'{where} is rejected', lambda: self._is_rejected(node))
            with self._quiet():
                self.gate.rejects(node, yes=False)
                cloud.must('admin', 'POST', f'/v1/nodes/{node}/reset')
        self.wait(node, f'{where} is back', lambda: self._is_back(node))
        ids = [cloud.projects[name] for name in (users.HOLDING, 'lessee', users.HOLDING)]
        with self._quiet():
            told = self._told(before['uuid'], lease, begun)
            after = self.wait(node, 'it was looked at', lambda: _seen(cloud, node))
        if life.lessees != [*ids, None] or told != {'fulfill.end': 1, 'delete.end': 1}:
            self.twice.append(f'{where}: {life.lessees}, {told}')
        if after != before:
            self.changed.append(f'{where}: {before} -> {after}')
        self.lives += 1
        return life

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Let nothing go away while this lasts, and people have tokens."""
        with self.outages.none():
            with self._login:  # the Keystone of the sandbox refuses those who come together
                for user in _PEOPLE:
                    self.cloud.session(user).token()
            yield

    def order(self, user: str, method: str, path: str, body: object) -> None:
        """Let Ironic do something with a node, as soon as it lets somebody."""
        self.wait(
            path.partition('/')[0],
            f'{method} {path}',
            lambda: self.cloud.ironic(user, method, path, body)[0] < HTTPStatus.BAD_REQUEST,
        )

    def deploy(self, node: str) -> None:
        """Let the tenant deploy his node."""

        def deployed() -> bool:
            found = self.cloud.node(node)
            if found['provision_state'] == 'available':
                target = {'target': 'active'}
                self.cloud.ironic('lessee-member', 'PUT', f'{node}/states/provision', target)
            return found['provision_state'] == 'active' and found['reservation'] is None

        self.wait(node, 'it is deployed', deployed)

    def wait(self, node: str, what: str, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - what was asked for
        """Wait for something about a node, from who may be away just now or busy, as SQLite is."""
        answers: list[Any] = []

        def said() -> bool:
            try:
                answers.append(ask())
            except (OSError, SandboxError, AssertionError):
                return False
            return bool(answers[-1])

        try:
            until(what, said, _PATIENCE)
        except pytest.fail.Exception:
            seen = self.cloud.lease('admin', 'GET', f'/v1/nodes/{node}')[1]
            self.stuck.append(f'{what}: {seen.get("state")}, {seen.get("reason")}')
            raise
        return answers[-1]

    def _is_rejected(self, node: str) -> bool:
        state = self.cloud.must('admin', 'GET', f'/v1/nodes/{node}')['state']
        return state == 'rejected' and self.cloud.node(node)['maintenance'] is True

    def _is_back(self, node: str) -> bool:
        state = self.cloud.must('admin', 'GET', f'/v1/nodes/{node}')['state']
        return state == 'available' and self.cloud.is_back(node)

    def _told(self, node: str, lease: str, since: datetime) -> dict[str, int]:
        """Count the events of the beginning and the end of a lease."""
        query = (
            f'/v1/events?resource_uuid={node}&last_event_time={since:%Y-%m-%dT%H:%M:%S}&limit=1000'
        )
        found = self.cloud.must('admin', 'GET', query)['events']
        types = [each['event_type'] for each in found if each['object_uuid'] == lease]
        told = Counter(each.removeprefix('esi_leap.lease.') for each in types)
        return {name: told[name] for name in ('fulfill.end', 'delete.end')}


def _seen(cloud: Cloud, node: str) -> dict[str, Any]:
    """Return what is to be after a lease what it was before."""
    found = cloud.node(node)
    names = (
        'uuid',
        *machine.REMEMBERED,
        'instance_info',
        'maintenance',
        'fault',
        'console_enabled',
    )
    volumes = _volumes(cloud, 'system-admin', 'GET', f'?node={found["uuid"]}')['connectors']
    return {**{name: found[name] for name in names}, 'volumes': volumes}


def _volumes(cloud: Cloud, user: str, method: str, query: str = '', body: object = None) -> Any:  # noqa: ANN401 - JSON
    url = f'{cloud.state.url("ironic")}/v1/volume/connectors{query}'
    return cloud.session(user).must(method, url, body, version=seeds.IRONIC_VERSION)


def _as_it_is(world: World, node: str) -> None:
    """The owner leaves his node alone."""


def _furnish(world: World, node: str) -> None:
    """The owner looks at the console, and leaves it on."""
    world.order('owner-member', 'PUT', f'{node}/states/console', {'enabled': True})
    world.wait(node, 'the console is on', lambda: world.cloud.node(node)['console_enabled'])


def _idle(world: World, life: Life) -> None:
    """The tenant does nothing."""


def _dirty(world: World, life: Life) -> None:
    """The tenant leaves behind whatever there is to be left."""
    cloud, node = world.cloud, life.node
    of_node = world.wait(node, 'it was looked at', lambda: cloud.node(node)['uuid'])
    world.deploy(node)
    world.order('lessee-member', 'PUT', f'{node}/states/console', {'enabled': True})
    iqn = {'node_uuid': of_node, 'type': 'iqn', 'connector_id': f'iqn.2026-01.org:{uuid.uuid4()}'}
    made = world.wait(
        node, 'it is connected', lambda: _volumes(cloud, 'lessee-member', 'POST', body=iqn)
    )
    world.proxy.watched[made['uuid']] = life.meet
    extra = [{'op': 'add', 'path': '/extra/mine', 'value': True}]
    world.order('lessee-member', 'PATCH', node, extra)
    protected = [{'op': 'add', 'path': '/protected', 'value': True}]
    world.order('system-admin', 'PATCH', node, protected)
    world.order('system-admin', 'PUT', f'{node}/traits', {'traits': ['CUSTOM_MINE']})
    world.order('lessee-member', 'PUT', f'{node}/states/power', {'target': 'power on'})
    world.wait(node, 'it is on', lambda: cloud.node(node)['power_state'] == 'power on')
    world.proxy.beside[of_node] |= set(BESIDE)


def _stubborn(world: World, life: Life) -> None:
    """The tenant's deployment waits, a clean of his has failed, and the gate sees something."""
    cloud, node = world.cloud, life.node
    world.deploy(node)
    change = 'provision_state = ?, target_provision_state = ?, maintenance = ?, fault = ?'
    to = ('wait call-back', 'active', True, 'clean failure')
    assert cloud.write(f'UPDATE nodes SET {change} WHERE name = ?', *to, node) == 1  # noqa: S608
    world.gate.rejects(node, yes=True)


#: What happens to a node before a lease begins, and while the tenant has it.
_COURSES: Mapping[str, tuple[Callable[[World, str], None], Callable[[World, Life], None]]] = {
    'dirty': (_furnish, _dirty),
    'rejected': (_as_it_is, _stubborn),
    'idle': (_as_it_is, _idle),
}


@pytest.fixture
def world(cloud: Cloud, nodes: list[str], tmp_path: Path) -> Iterator[World]:
    """A manager behind the proxy, in place of that of the cloud."""
    outages, gate = Outages(cloud), Gate(tmp_path / 'gate.json')
    with ExitStack() as stack:
        cloud.stop('manager')
        stack.callback(cloud.start, 'manager')
        proxy = stack.enter_context(Faulty(cloud.state.url('ironic')))
        manager = stack.enter_context(Manager(cloud, tmp_path, proxy.url, gate.file))
        stack.callback(outages.over)
        made = World(cloud, manager, proxy, outages, gate)
        try:
            yield made
        finally:
            outages.over()
            print(_summary(made, manager))  # noqa: T201 - what was shown


def test_whatever_fails_nothing_is_given_twice_kept_or_stuck(
    world: World, nodes: list[str]
) -> None:
    table, steps = world.table, dict[str, list[Step]]()

    def regular(node: str, course: str) -> None:
        steps[course] = world.live(course, node, None).steps

    def spoilt(node: str, course: str) -> None:
        world.live(course, node, table)

    if _ALL:
        _side_by_side(nodes, list(_COURSES), regular)
        _side_by_side(nodes, _wanted(table, steps), spoilt)
    else:
        _side_by_side(nodes, list(_COURSES), spoilt)
    assert (world.kept, world.twice, world.stuck, world.changed) == ([], [], [], [])
    assert {step.verb for (_, step), ways in table.failed.items() if ways} == known()
    assert set(table.used) == set(table.ways)
    assert sum(table.missing(course, regular) for course, regular in steps.items()) == 0
    assert (world.proxy.broken, world.outages.failed) == ([], [])


def _wanted(table: Table, steps: Mapping[str, Sequence[Step]]) -> Iterator[str]:
    """Name the course in which most is left to fail, until nothing is or it takes too many."""
    for _ in range(3 * len(table.ways) * len(steps)):
        missing = {course: table.missing(course, steps[course]) for course in steps}
        most = max(missing, key=missing.__getitem__)
        if not missing[most]:
            return
        yield most


def _side_by_side(
    nodes: Sequence[str], courses: Iterable[str], live: Callable[[str, str], None]
) -> None:
    """Live so many lives at a time as there are nodes."""
    waiting, lock = iter(courses), threading.Lock()
    failures: list[BaseException] = []

    def on(node: str) -> None:
        try:
            while not failures:
                with lock:
                    course = next(waiting, None)
                if course is None:
                    return
                live(node, course)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=on, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _summary(world: World, manager: Manager) -> str:
    """Say what failed, and what came of it."""
    table = world.table
    lines = [
        f'{course:8} {step!s:32} {len(ways)} of {len(table.ways)} ways'
        for (course, step), ways in table.failed.items()
    ]
    went = ', '.join(f'{way} {times}' for way, times in sorted(table.used.items()))
    changes = (
        f'{world.lives} leases, {table.used.total()} changes went wrong ({went}); the manager was '
        f'killed {manager.kills} times.'
    )
    harm = (
        f'Given twice {len(world.twice)}, ended with the lessee still on the node '
        f'{len(world.kept)}, stuck {len(world.stuck)}, '
        f'back with something of the lessee {len(world.changed)}.'
    )
    return '\n'.join(['', *lines, changes, harm])
