"""A lessee does all he can to stay; nothing of it is seen by the owner or the next lessee.

He does it in states of each kind, and in every one that the installed Ironic knows if ESI_LEAP_DIRT
is set to `all`. Those that its fake hardware passes through or never enters are written into
Ironic's own database, as the conductor would; from the states in which a conductor works it is
started anew, as after a crash, because nobody else brings a node out of them.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from esi_leap.core.handover.machine import ABORTABLE, IDLE, MANAGEABLE, MOVING, UNDEPLOYABLE
from sandbox import seeds

from .conftest import Cloud, free, now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(1500)]

EVERY = ABORTABLE | IDLE | MANAGEABLE | MOVING | UNDEPLOYABLE
#: One of each kind: by the verb that leads out of it, and by how it is reached.
SOME = {
    'active',
    'clean failed',
    'cleaning',
    'deleting',
    'deploying',
    'inspect wait',
    'manageable',
    'rescue',
    'rescuing',
    'wait call-back',
}
STATES = EVERY if os.environ.get('ESI_LEAP_DIRT') == 'all' else SOME

DEPLOY, RESCUE = {'target': 'active'}, {'target': 'rescue', 'rescue_password': 'mine'}
#: The verbs with which a lessee gets into a state, on fake hardware.
WAYS: dict[str, Sequence[dict[str, str]]] = {
    'available': (),
    'manageable': ({'target': 'manage'},),
    'cleaning': ({'target': 'manage'}, {'target': 'provide'}),
    'deploying': (DEPLOY,),
    'active': (DEPLOY,),
    'rescue': (DEPLOY, RESCUE),
}
#: Those of them that last for a second: there the lease ends at once.
PASSING = {'cleaning', 'deploying'}
#: What Ironic aims at in the states that are written, where that is not None.
TARGETS = {
    'wait call-back': 'active',
    'deploy hold': 'active',
    'clean wait': 'available',
    'clean hold': 'available',
    'deleting': 'available',
    'rescuing': 'rescue',
    'rescue wait': 'rescue',
    'unrescuing': 'active',
    'servicing': 'active',
    'service wait': 'active',
    'service hold': 'active',
    'inspecting': 'manageable',
    'inspect wait': 'manageable',
    'verifying': 'manageable',
    'adopting': 'active',
}
#: States in which a conductor has to die, because none works on what was only written.
DEADLY = MOVING - PASSING
#: States that a node comes to without an image; before the others that are written it is deployed.
BARE = (
    IDLE
    | MANAGEABLE
    | {'clean hold', 'clean wait', 'cleaning', 'inspect wait', 'inspecting', 'verifying'}
)
#: What a look may show differently before and after: when something happened, not what.
MOMENTS = {
    'updated_at',
    'provision_updated_at',
    'inspection_finished_at',
    'inspection_started_at',
    'last_power_state_change',
}


class By(StrEnum):
    """Who does it."""

    LESSEE = 'the lessee'
    #: Our rules do not let him, others may: a return has to undo it all the same.
    ADMIN = 'the system admin in his place'
    NOBODY = 'nobody: our rules are in the way'


@dataclass(frozen=True)
class Deed:
    """Something that is done to stay."""

    what: str
    method: str
    path: str
    body: object
    by: By = By.LESSEE


@dataclass
class Round:
    """One node that is lent, misused in one state, and taken back.

    Attributes:
        before: what its owner saw of it.
        left: what was different afterwards.
        lost: seconds from the end of the lease until the lessee had lost the node.
        back: seconds until it was free again.
    """

    node: str
    state: str
    who: str
    lease: str = ''
    before: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    ended: float = 0
    lost: float = 0
    back: float = 0

    @property
    def how(self) -> str:
        return 'verbs' if self.state in WAYS else 'written'

    @property
    def lessee(self) -> str:
        return f'{self.who}-member'


class Dirt:
    """What people see of the nodes, and what they do to them."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def ask(
        self, user: str, method: str, path: str, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        url = f'{self.cloud.state.url("ironic")}/v1{path}'
        return self.cloud.session(user).send(method, url, body, version='1.93')

    def must(self, user: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask until nobody else is at the node, or at this Ironic's SQLite, and no longer."""
        answers: list[dict[str, Any]] = []

        def agreed() -> bool:
            code, answer = self.ask(user, method, path, body)
            in_turn = code == 409 or 'database is locked' in str(answer)
            assert code < 400 or in_turn, f'{method} {path} -> {code}: {answer}'
            answers.append(answer)
            return code < 400

        until(f'{method} {path}', agreed, 60)
        return answers[-1]

    def seen(self, user: str, node: str) -> dict[str, Any]:
        """Return all that somebody can see of a node, as far as it is not the time of day."""
        uuid = self.cloud.node(node)['uuid']
        looks = {
            path: self.ask(user, 'GET', path)
            for path in (
                f'/nodes/{node}',
                f'/nodes/{node}/states',
                f'/nodes/{node}/vifs',
                f'/nodes/{node}/traits',
                f'/nodes/{node}/management/boot_device',
                f'/nodes/{node}/vmedia',
                f'/nodes/{node}/states/console',
                f'/ports/detail?node={uuid}',
                f'/volume/connectors?node={uuid}&detail=True',
                f'/volume/targets?node={uuid}&detail=True',
                f'/nodes/{node}/allocation',
            )
        }
        assert [code for code, _ in looks.values() if code >= 500] == []
        return {path: _without_moments(answer) for path, answer in looks.items()}

    def media(self, user: str, node: str) -> list[str]:
        """Return the images that somebody sees in a node's drives."""
        found = self.must(user, 'GET', f'/nodes/{node}/vmedia')['value']
        return [each['image'] for each in found if each['inserted']]

    def do(self, each: Round, deed: Deed) -> None:
        """Do it as the lessee, or see that he may not."""
        who = each.lessee
        if deed.by is not By.LESSEE:
            code, answer = self.ask(who, deed.method, deed.path, deed.body)
            assert code == 403, f'{deed.what} -> {code}: {answer}'
            who = 'system-admin'
        if deed.by is not By.NOBODY:
            self.must(who, deed.method, deed.path, deed.body)
        self.rest(each.node)

    def send(self, each: Round, verb: dict[str, str]) -> None:
        self.must(each.lessee, 'PUT', f'/nodes/{each.node}/states/provision', verb)

    def rest(self, node: str) -> None:
        """Wait until nobody is at the node, and it is not on its way to anything."""

        def rests() -> bool:
            found = self.cloud.node(node)
            ways = ('reservation', 'target_power_state', 'target_provision_state')
            return not any(found[way] for way in ways)

        until(f'{node} is at rest', rests, 60, every=0.05)

    def stay(self, each: Round) -> None:
        """Do all that can be thought of."""
        uuid = self.cloud.node(each.node)['uuid']
        for deed in early(each.node, uuid):
            self.do(each, deed)
        # A tear-down removes the allocation by itself; if that fails at SQLite, Ironic gives it up
        # and leaves the node where it is.
        if each.state in BARE:
            self.do(each, allocation(uuid))
            until('it is allocated', lambda: bool(self.cloud.node(each.node)['allocation_uuid']))

    def reach(self, each: Round) -> None:
        """Bring the node to the state by verbs, or to where the way by verbs ends."""
        verbs = WAYS.get(each.state, () if each.state in BARE else (DEPLOY,))
        for verb in verbs[:-1] if each.state in PASSING else verbs:
            self.send(each, verb)
            self.rest(each.node)

    def stay_on(self, each: Round) -> None:
        """Do what is done at the last second."""
        deployed = self.cloud.node(each.node)['provision_state'] in {'active', 'rescue'}
        for deed in late(each.node, deployed=deployed):
            self.do(each, deed)
        found = self.cloud.node(each.node)
        assert (found['console_enabled'], found['power_state']) == (True, 'power on')

    def end(self, each: Round) -> None:
        """End the lease in the state."""
        if each.state not in DEADLY:
            if each.state in PASSING:
                self.send(each, WAYS[each.state][-1])
            assert self.cloud.node(each.node)['provision_state'] == each.state
        each.ended = time.monotonic()
        self.cloud.must('owner-member', 'DELETE', f'/v1/leases/{each.lease}')

    def come_back(self, each: Round) -> None:
        """Wait until the lessee has lost the node, and until it is free; look at it then."""
        what = f'{each.node} after {each.state}'
        until(f'{what} is lost', lambda: self.cloud.status(each.lease) == 'deleted')
        each.lost = time.monotonic() - each.ended
        assert self.ask(each.lessee, 'GET', f'/nodes/{each.node}')[0] == 404
        until(f'{what} is back', lambda: self.cloud.is_back(each.node))
        each.back = time.monotonic() - each.ended
        seen = self.seen('owner-manager', each.node)
        each.left += (f'owner: {what}' for what in differences(each.before, seen))

    def write(self, rounds: Sequence[Round]) -> None:
        """Write states into Ironic's database, in which an inspection lasts 15 s more.

        It may last half an hour, and this one cannot be aborted.
        """
        for each in rounds:
            self.cloud.write(
                'UPDATE nodes SET provision_state = ?, target_provision_state = ?,'
                " inspection_started_at = datetime('now', '-1785 seconds') WHERE name = ?",
                each.state,
                TARGETS.get(each.state),
                each.node,
            )


def early(name: str, uuid: str) -> Sequence[Deed]:
    """Return what is done before the node enters a state."""
    node = f'/nodes/{name}'
    connector = {'node_uuid': uuid, 'type': 'iqn', 'connector_id': f'iqn.2026-01.org:{name}'}
    target = {
        'node_uuid': uuid,
        'volume_type': 'iscsi',
        'boot_index': 0,
        'volume_id': '6f0a1b3e-0000-4000-8000-000000000001',
        'properties': {'auth_password': 'mine'},
    }
    return [
        Deed('extra', 'PATCH', node, [_add('extra', {'mine': True})]),
        Deed('instance_info', 'PATCH', node, [_add('instance_info', {'mine': True})]),
        Deed('description', 'PATCH', node, [_add('description', 'mine')], By.ADMIN),
        Deed('properties', 'PATCH', node, [_add('properties/mine', value=True)], By.ADMIN),
        Deed('resource class', 'PATCH', node, [_add('resource_class', 'mine')], By.ADMIN),
        Deed('traits', 'PUT', f'{node}/traits', {'traits': ['CUSTOM_MINE']}, By.ADMIN),
        Deed('maintenance', 'PUT', f'{node}/maintenance', {'reason': 'mine'}, By.NOBODY),
        Deed('connector', 'POST', '/volume/connectors', connector),
        Deed('volume', 'POST', '/volume/targets', target),
    ]


def allocation(uuid: str) -> Deed:
    """Return what makes an instance of a node on which nothing is deployed."""
    claim = {'resource_class': 'mine', 'candidate_nodes': [uuid]}
    return Deed('allocation', 'POST', '/allocations', claim)


def late(name: str, *, deployed: bool) -> Iterator[Deed]:
    """Return what is done at the last second; only what is deployed can be protected."""
    node = f'/nodes/{name}'
    if deployed:
        yield Deed('protected', 'PATCH', node, [_add('protected', value=True)], By.ADMIN)
    yield Deed('console', 'PUT', f'{node}/states/console', {'enabled': True})
    yield Deed('power', 'PUT', f'{node}/states/power', {'target': 'power on'})


def _add(name: str, value: object) -> dict[str, object]:
    return {'op': 'add', 'path': f'/{name}', 'value': value}


def _without_moments(answer: Any) -> Any:  # noqa: ANN401 - JSON
    """Leave out when things happened, and Ironic's links, which repeat the address."""
    if isinstance(answer, list | tuple):
        return [_without_moments(each) for each in answer]
    if isinstance(answer, dict):
        return {
            key: _without_moments(value)
            for key, value in answer.items()
            if key not in MOMENTS and key != 'links'
        }
    return answer


def differences(before: Any, after: Any, where: str = '') -> Iterator[str]:  # noqa: ANN401 - JSON
    """Say in what two looks differ."""
    if isinstance(before, list) and isinstance(after, list):
        before, after = dict(enumerate(before)), dict(enumerate(after))
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), f'{where} {key}')
    elif before != after:
        yield f'{where}: {json.dumps(before)} -> {json.dumps(after)}'


@pytest.fixture
def dirt(cloud: Cloud) -> Dirt:
    return Dirt(cloud)


@pytest.fixture
def furnished(cloud: Cloud, nodes: list[str], dirt: Dirt) -> Iterator[list[str]]:
    """Nodes on which their owner has written something of his own."""
    connectors = []
    for node in nodes:
        name = f'iqn.2026-01.owner:{node}'
        of_node = {'node_uuid': cloud.node(node)['uuid'], 'type': 'iqn', 'connector_id': name}
        his = [_add('extra', {'rack': 7}), _add('description', 'his')]
        dirt.must('owner-member', 'PATCH', f'/nodes/{node}', his)
        dirt.must('owner-manager', 'PUT', f'/nodes/{node}/traits', {'traits': ['CUSTOM_HIS']})
        made = dirt.must('owner-member', 'POST', '/volume/connectors', of_node)
        connectors.append(made['uuid'])
        dirt.must('owner-member', 'PUT', f'/nodes/{node}/states/power', {'target': 'power off'})
        dirt.rest(node)
    yield nodes
    free(cloud, nodes)
    for node, connector in zip(nodes, connectors, strict=True):
        nothing = [_add('extra', {}), {'op': 'remove', 'path': '/description'}]
        dirt.must('owner-member', 'PATCH', f'/nodes/{node}', nothing)
        dirt.must('owner-manager', 'PUT', f'/nodes/{node}/traits', {'traits': []})
        dirt.must('owner-member', 'DELETE', f'/volume/connectors/{connector}')


@pytest.fixture
def published(cloud: Cloud, dirt: Dirt) -> Iterator[str]:
    """The folder of Ironic's images on the web, from which a BMC fetches them."""
    node, folder = f'/nodes/{seeds.REDFISH_NODE}', cloud.layout.data / 'ironic' / 'http'
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_address[1]}'
        dirt.must('system-admin', 'PATCH', node, [_add('driver_info/external_http_url', url)])
        yield url
        gone = {'op': 'remove', 'path': '/driver_info/external_http_url'}
        dirt.must('system-admin', 'PATCH', node, [gone])
        server.shutdown()


def test_neither_media_nor_a_boot_device_outlive_a_lease(
    cloud: Cloud, dirt: Dirt, published: str
) -> None:
    """A BMC that speaks Redfish has these, and nothing in Ironic's database tells of them."""
    node = seeds.REDFISH_NODE
    until('the node is free', lambda: cloud.is_back(node), 120)
    path, image = f'/nodes/{node}', cloud.layout.data / 'ironic' / 'http' / 'mine.iso'
    image.write_bytes(b'CD001')
    lease = cloud.give(node, 'lessee', now(), 900)
    until('the lessee has it', lambda: cloud.status(lease) == 'active')
    attached = {'device_type': 'cdrom', 'image_url': f'{published}/mine.iso'}
    dirt.must('lessee-member', 'POST', f'{path}/vmedia', attached)
    until('the medium is in', lambda: len(dirt.media('lessee-member', node)) == 1)
    image.unlink()
    boot = {'boot_device': 'cdrom', 'persistent': True}
    dirt.must('lessee-member', 'PUT', f'{path}/management/boot_device', boot)
    dirt.must('lessee-member', 'PUT', f'{path}/states/power', {'target': 'power on'})
    until('it is on', lambda: cloud.node(node)['power_state'] == 'power on')
    cloud.must('owner-member', 'DELETE', f'/v1/leases/{lease}')
    until('he has lost it', lambda: cloud.status(lease) == 'deleted')
    until('the node is back', lambda: cloud.is_back(node), 120)
    following = cloud.give(node, 'stranger', now(), 600)
    until('the next lessee has it', lambda: cloud.status(following) == 'active')
    for user in ('owner-member', 'stranger-member'):
        assert dirt.media(user, node) == []
    found = dirt.must('stranger-member', 'GET', f'{path}/management/boot_device')
    assert found['boot_device'] == 'pxe'
    cloud.must('owner-member', 'DELETE', f'/v1/leases/{following}')
    until('the node is back', lambda: cloud.is_back(node), 120)


def test_nothing_of_a_lessee_is_left_from_any_state(
    cloud: Cloud, furnished: list[str], dirt: Dirt
) -> None:
    """The lessees take turns: each sees the nodes first as the one before has left them."""
    fresh: dict[str, Any] = {}
    rounds: list[Round] = []
    for number, states in enumerate(turns(len(furnished))):
        who = ('lessee', 'stranger')[number % 2]
        batch = [Round(*of, who) for of in zip(furnished, states, strict=False)]
        together(partial(begin, dirt, rounds, fresh), batch)
        play(dirt, batch)
        rounds += batch
    batch = [Round(node, 'none', 'lessee') for node in furnished]
    together(partial(begin, dirt, rounds, fresh), batch)
    for each in batch:
        cloud.must('owner-member', 'DELETE', f'/v1/leases/{each.lease}')
    print(table(rounds))  # noqa: T201 - it is there to be read
    assert {each.state for each in rounds} == STATES
    assert [(each.state, each.left) for each in rounds if each.left] == []


def turns(size: int) -> Iterator[Sequence[str]]:
    """Share the states out among the nodes; those in which a conductor dies come together."""
    for kind in (sorted(STATES - DEADLY), sorted(STATES & DEADLY)):
        for start in range(0, len(kind), size):
            yield kind[start : start + size]


def together(do: Callable[[Round], None], batch: Sequence[Round]) -> None:
    """Do it with all nodes side by side."""
    with ThreadPoolExecutor(len(batch)) as pool:
        list(pool.map(do, batch))


def begin(dirt: Dirt, rounds: Sequence[Round], fresh: dict[str, Any], each: Round) -> None:
    """Lend a node, and let the new lessee look at what the one before has left on it."""
    cloud, node = dirt.cloud, each.node
    until(f'{node} is free', lambda: cloud.is_back(node))
    each.before = dirt.seen('owner-manager', node)
    each.lease = cloud.give(node, each.who, now(), 900)
    until('the lessee has it', lambda: cloud.status(each.lease) == 'active')
    seen = dirt.seen(each.lessee, node)
    _, of_node = seen[f'/nodes/{node}']
    assert of_node.pop('lessee') == cloud.projects[each.who]
    assert of_node['properties'].pop('lease_uuid') == each.lease
    left = differences(fresh.setdefault(node, seen), seen)
    for earlier in [one for one in rounds if one.node == node][-1:]:
        earlier.left += (f'next: {what}' for what in left)


def play(dirt: Dirt, batch: Sequence[Round]) -> None:
    """Let the lessees do what they can, end their leases, and wait until the nodes are back."""
    for each in batch:  # one after the other: SQLite has one writer, and some of them do not retry
        dirt.stay(each)
    together(dirt.reach, batch)
    for each in batch:
        dirt.stay_on(each)
    crashes = batch[0].state in DEADLY
    if crashes:
        dirt.cloud.stop('ironic')
    dirt.write([each for each in batch if each.how == 'written'])
    together(dirt.end, batch)
    if crashes:
        dirt.cloud.start('ironic')
    together(dirt.come_back, batch)


def table(rounds: Sequence[Round]) -> str:
    """Say what was done, and of each state when its node was lost and back, and what was left."""
    deeds = [*early('', ''), allocation(''), *late('', deployed=True)]
    lines = ['', *(f'{by}: {", ".join(each.what for each in deeds if each.by is by)}' for by in By)]
    lines.append(f'{"state":<15} reached  lost [s]  back [s]  left')
    for each in sorted(rounds, key=lambda each: each.state):
        times = f'{each.lost:9.1f} {each.back:9.1f}'
        lines.append(f'{each.state:<15} {each.how:<7} {times} {len(each.left):5}')
        lines += (f'    {what}' for what in each.left)
    lines.append(f'{len(rounds)} states, {sum(len(each.left) for each in rounds)} things left')
    return '\n'.join(lines)
