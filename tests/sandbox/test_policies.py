"""Who may do what to a node, by real tokens: under Ironic's own rules, and under those we bring.

An Ironic of the tests' own plays it, beside that of the cloud and with the cloud's Keystone. Nobody
else sees its nodes, and its rules change while the tests go on, from Ironic's own to all that we
have: the order of the tests is that of the story.
"""

from __future__ import annotations

import configparser
import dataclasses
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from esi_leap import conf
from esi_leap.core.handover.machine import LESSEE
from esi_leap.core.handover.steps import ConsoleOff, DetachVif, Patch, PowerOff, Provision
from esi_leap.wiring import parts
from sandbox import configs, ports, seeds, services, users
from sandbox.layout import PROJECT, Layout

from .conftest import Cloud, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(900)]

FOLDER = PROJECT / 'policies' / 'ironic'
SOURCE, OPTION = FOLDER / '50-esi.yaml', FOLDER / '60-esi-owner-power-off.yaml'
CALLS = yaml.safe_load((FOLDER / 'calls.yaml').read_text(encoding='utf-8'))['calls']
STATES = ('free', 'lent', 'deployed')
ADMIN = users.SYSTEM_ADMIN.name
VERSION = '1.93'

_SYSTEM_MEMBER = users.User('system-member', 'member', '')
_OTHER_SERVICE = users.User('other-service', 'service', users.SERVICE)
_OURS = {user.name: user for user in (_SYSTEM_MEMBER, _OTHER_SERVICE)}
_ROLES = ('reader', 'member', 'manager', 'admin')
COLUMNS = (
    ('system-reader', 'system-member', 'system-admin'),
    ('esi-leap', 'other-service'),
    *(tuple(f'{whose}-{role}' for role in _ROLES) for whose in ('owner', 'lessee')),
    ('stranger-admin',),
)


@dataclasses.dataclass
class Node:
    """A node of these tests, by all that is put into requests about it."""

    node: str
    port: str
    address: str

    def request(self, call: Mapping[str, Any]) -> tuple[str, str, Any]:
        method, path = self._filled(call['request']).split(' ')
        return method, path, json.loads(self._filled(json.dumps(call.get('body'))))

    def _filled(self, text: str) -> str:
        return re.sub(r'\{(\w+)\}', lambda match: getattr(self, match[1]), text)


class Ironic:
    """An Ironic beside that of the cloud, with rules and nodes of its own."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.layout = Layout(folder)
        (folder / 'venvs').symlink_to(cloud.layout.root / 'venvs')
        taken = frozenset(cloud.state.ports.values())
        self.state = dataclasses.replace(
            cloud.state,
            path=folder / 'state.json',
            ironic_policy='default',
            console=False,
            redfish=False,
            neutron=False,
            ports={**cloud.state.ports, 'ironic': ports.pick(taken)},
            processes={},
        )
        self.projects = cloud.projects
        configs.write(self.layout, self.state, 'sqlite://')
        self.configure('fake', bios_delay='0', deploy_delay='0')
        file = self.layout.etc / 'ironic' / 'ironic.conf'
        dbsync = self.layout.program('ironic', 'ironic-dbsync')
        subprocess.run(
            [dbsync, f'--config-file={file}', 'create_schema'], check=True, capture_output=True
        )
        identity = seeds.Identity(self.state)
        for user in _OURS.values():
            identity.ensure_user(user)
        self._sessions = {
            name: seeds.session(self.state, _OURS.get(name) or users.find(name))
            for name in itertools.chain(*COLUMNS)
        }

    def configure(self, group: str, **options: str) -> None:
        """Set options, for the next start."""
        file = self.layout.etc / 'ironic' / 'ironic.conf'
        parser = configparser.RawConfigParser()
        parser.read(file)
        parser[group].update(options)
        with file.open('w') as output:
            parser.write(output)

    @property
    def rules(self) -> Path:
        return self.layout.etc / 'ironic' / 'policy.d'

    def install(self, file: Path) -> None:
        """Install rules, as policies/README.rst says: Ironic reads them at the next request."""
        shutil.copy(file, self.rules)

    def start(self) -> None:
        services.start(self.layout, self.state, 'ironic')

    def stop(self) -> None:
        services.stop(self.layout, self.state, 'ironic')

    def send(self, who: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        url = f'{self.state.url("ironic")}/v1{path}'
        return self._sessions[who].send(method, url, body, version=VERSION)

    def code(self, who: str, method: str, path: str, body: object = None) -> int:
        return self.send(who, method, path, body)[0]

    def must(self, who: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        code, answer = self.send(who, method, path, body)
        assert code < 400, f'{who} {method} {path}: {code} {answer}'
        return answer

    def see(self, node: Node) -> Any:  # noqa: ANN401 - as Ironic shows it
        return self.must(ADMIN, 'GET', f'/nodes/{node.node}')

    def settle(self, node: Node) -> None:
        until('the node is at rest', lambda: self._rests(node), 90, every=0.02)

    def _rests(self, node: Node) -> bool:
        found = self.see(node)
        aims = (found['reservation'], found['target_provision_state'], found['target_power_state'])
        return not any(aims)

    def provision(self, who: str, node: Node, target: str, then: str) -> None:
        self.must(who, 'PUT', f'/nodes/{node.node}/states/provision', {'target': target})
        self.settle(node)
        assert self.see(node)['provision_state'] == then

    def patch(self, who: str, node: Node, field: str, value: object) -> int:
        change = [{'op': 'add', 'path': f'/{field}', 'value': value}]
        return self.code(who, 'PATCH', f'/nodes/{node.node}', change)

    def lend(self, who: str, node: Node) -> int:
        return self.patch(who, node, 'lessee', self.projects['lessee'])

    def make(self, number: int) -> Node:
        """Make a free node of the owner's project."""
        fields = {
            'name': f'of-policies-{number}',
            'driver': 'fake-hardware',
            'resource_class': 'baremetal',
            'owner': self.projects['owner'],
            'driver_info': {'address': '192.0.2.1'},
        }
        uuid = self.must(ADMIN, 'POST', '/nodes', fields)['uuid']
        address = f'52:54:02:00:00:{number:02x}'
        port = self.must(ADMIN, 'POST', '/ports', {'node_uuid': uuid, 'address': address})['uuid']
        node = Node(uuid, port, address)
        self.provision(ADMIN, node, 'manage', 'manageable')
        self.provision(ADMIN, node, 'provide', 'available')
        return node

    def replay(self, node: Node, state: str) -> dict[str, list[str]]:
        """Do every call that the table has for this state, as everybody."""
        return {
            call['call']: [
                ''.join(self._verdict(who, node, call) for who in column) for column in COLUMNS
            ]
            for call in CALLS
            if state in call
        }

    def _verdict(self, who: str, node: Node, call: Mapping[str, Any]) -> str:
        code, answer = self.send(who, *node.request(call))
        if code == 401 or code >= 500:
            return str(code)  # which no table has
        if code == 202:
            self.settle(node)
        if code in {403, 404}:
            return '-' if code == 403 else '.'
        if 'lists' in call:
            uuids = {each['uuid'] for each in answer[call['lists']]}
            return 'Y' if uuids & {node.node, node.port} else '.'
        if 'shows' in call:
            return '-' if 'edacted' in json.dumps(answer[call['shows']]) else 'Y'
        return 'Y'


@pytest.fixture(scope='module')
def ironic(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ironic]:
    made = Ironic(cloud, tmp_path_factory.mktemp('ironic'))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def nodes(ironic: Ironic) -> dict[str, Node]:
    """A node in each state. Under Ironic's own rules owners write lessees, and managers deploy."""
    made = {state: ironic.make(number) for number, state in enumerate(STATES)}
    assert ironic.lend('owner-member', made['lent']) == 200
    assert ironic.lend('owner-member', made['deployed']) == 200
    ironic.provision('lessee-manager', made['deployed'], 'active', 'active')
    for node in made.values():  # nobody deletes a node of an instance by the way
        assert ironic.patch(ADMIN, node, 'instance_uuid', node.node) == 200
    return made


Replay = dict[str, dict[str, dict[str, list[str]]]]


@pytest.fixture(scope='module')
def replay(ironic: Ironic, nodes: dict[str, Node]) -> Replay:
    """What came of it: before or after, state, call. From here on our rules are there."""

    def played() -> dict[str, dict[str, list[str]]]:
        return {state: ironic.replay(node, state) for state, node in nodes.items()}

    before = played()
    ironic.install(SOURCE)
    return {'before': before, 'after': played()}


@pytest.mark.parametrize('call', CALLS, ids=lambda call: call['call'])
def test_everybody_gets_the_answer_of_the_table(replay: Replay, call: Mapping[str, Any]) -> None:
    for state in STATES:
        for when in ('before', 'after') if state in call else ():
            assert replay[when][state][call['call']] == call[state][when], (when, state)


def test_the_table_has_every_state() -> None:
    assert {state for call in CALLS for state in STATES if state in call} == set(STATES)


@pytest.mark.usefixtures('replay')
def test_a_lease_by_the_tokens_of_those_who_have_to_do_with_it(ironic: Ironic) -> None:
    node = ironic.make(10)
    path = f'/nodes/{node.node}'
    power, off = f'{path}/states/power', {'target': 'power off'}

    assert ironic.code('owner-member', 'PUT', power, off) == 202
    ironic.settle(node)
    assert ironic.code('lessee-admin', 'GET', path) == 404
    assert ironic.lend('owner-admin', node) == 403
    assert ironic.lend('esi-leap', node) == 200

    for who in ('owner-member', 'owner-admin'):
        assert ironic.code(who, 'GET', path) == 200
        assert ironic.code(who, 'PUT', power, off) == 403
        assert ironic.patch(who, node, 'lessee', None) == 403
        assert ironic.patch(who, node, 'description', 'mine') == 403
        assert ironic.code(who, 'DELETE', path) == 403
    assert ironic.code('stranger-admin', 'GET', path) == 404

    assert (
        ironic.patch(
            'lessee-member', node, 'instance_info', {'capabilities': {'boot_option': 'local'}}
        )
        == 200
    )
    assert ironic.patch('lessee-member', node, 'extra', {'mine': True}) == 200
    assert ironic.code('lessee-member', 'POST', f'{path}/vifs', {'id': node.node}) == 204
    ironic.provision('lessee-member', node, 'active', 'active')
    console = f'{path}/states/console'
    assert ironic.code('lessee-member', 'PUT', console, {'enabled': True}) == 202
    ironic.settle(node)
    for who in ('lessee-member', 'lessee-admin'):
        assert ironic.patch(who, node, 'protected', value=True) == 403
        assert ironic.patch(who, node, 'lessee', None) == 403

    # The service takes it back, and has what it needs for it.
    assert ironic.patch('esi-leap', node, 'lessee', ironic.projects['esi-holding']) == 200
    assert ironic.code('lessee-admin', 'GET', path) == 404
    assert ironic.code('owner-admin', 'PUT', power, off) == 403
    assert ironic.code('esi-leap', 'PUT', console, {'enabled': False}) == 202
    ironic.settle(node)
    ironic.provision('esi-leap', node, 'deleted', 'available')
    assert ironic.code('esi-leap', 'PUT', power, off) == 202
    ironic.settle(node)
    assert ironic.patch('esi-leap', node, 'extra', {}) == 200
    assert ironic.patch('esi-leap', node, 'lessee', None) == 200
    assert ironic.code('owner-admin', 'DELETE', path) == 204


@pytest.mark.usefixtures('replay')
def test_steps_that_outlive_a_lease_are_not_for_lessees(
    ironic: Ironic, nodes: dict[str, Node]
) -> None:
    path = f'/nodes/{nodes["lent"].node}/states/provision'
    step = {'interface': 'bios', 'step': 'factory_reset', 'args': {}, 'priority': 5}
    deploy, clean = ({'target': to, f'{kind}_steps': [step]} for to, kind in _KINDS)
    # 500: Ironic 39 stumbles over every rule for a step.
    assert ironic.code('lessee-admin', 'PUT', path, deploy) in {403, 500}
    assert ironic.code('lessee-admin', 'PUT', path, clean) == 403
    assert ironic.see(nodes['lent'])['provision_state'] == 'available'


_KINDS = (('active', 'deploy'), ('clean', 'clean'))


@pytest.mark.usefixtures('replay')
def test_what_rules_cannot_do(ironic: Ironic, nodes: dict[str, Node]) -> None:
    """As policies/README.rst says; the day one of these fails, the sentence there can go."""
    fields = {'driver': 'fake-hardware', 'lessee': ironic.projects['lessee']}
    made = ironic.must('owner-admin', 'POST', '/nodes', fields)
    assert made['lessee'] == ironic.projects['lessee']
    ironic.must(ADMIN, 'DELETE', f'/nodes/{made["uuid"]}')

    node = ironic.make(11)
    assert ironic.lend('esi-leap', node) == 200
    # Allocations pass by nodes whose power nobody has looked at.
    ironic.must(ADMIN, 'PUT', f'/nodes/{node.node}/states/power', {'target': 'power off'})
    ironic.settle(node)
    asked = {'resource_class': 'baremetal', 'candidate_nodes': [node.node]}
    allocation = ironic.must('owner-member', 'POST', '/allocations', asked)['uuid']
    path = f'/allocations/{allocation}'
    until('it is decided', lambda: ironic.must(ADMIN, 'GET', path)['state'] != 'allocating', 60)
    assert ironic.see(node)['instance_uuid'] == allocation


@pytest.mark.usefixtures('replay')
def test_the_option_gives_the_power_of_a_lent_node_to_its_owners_managers(
    ironic: Ironic, nodes: dict[str, Node]
) -> None:
    node = nodes['deployed']
    path, off = f'/nodes/{node.node}/states', {'target': 'power off'}
    assert ironic.code('owner-admin', 'PUT', f'{path}/power', off) == 403
    ironic.install(OPTION)
    for who in ('owner-manager', 'owner-admin', 'lessee-member', 'esi-leap'):
        assert ironic.code(who, 'PUT', f'{path}/power', off) == 202
        ironic.settle(node)
    assert ironic.see(node)['power_state'] == 'power off'
    for who in ('owner-member', 'owner-reader', 'lessee-reader'):
        assert ironic.code(who, 'PUT', f'{path}/power', off) == 403
    assert ironic.code('stranger-admin', 'PUT', f'{path}/power', off) == 404
    undeploy = {'target': 'deleted'}
    assert ironic.code('owner-admin', 'PUT', f'{path}/provision', undeploy) == 403
    assert ironic.code('owner-admin', 'GET', f'{path}/console') == 403


@pytest.fixture(scope='module')
def without_our_rules(ironic: Ironic) -> Ironic:
    """The same Ironic with its own rules again, and elevated service roles."""
    ironic.stop()
    for file in (SOURCE, OPTION):
        (ironic.rules / file.name).unlink(missing_ok=True)
    ironic.configure('DEFAULT', rbac_service_role_elevated_access='true')
    ironic.start()
    return ironic


@pytest.mark.parametrize('user', _OURS.values(), ids=lambda user: user.name)
def test_the_other_two_ways_give_the_service_what_it_needs(
    without_our_rules: Ironic, user: users.User, tmp_path: Path
) -> None:
    ironic = without_our_rules
    node = ironic.make(20 + list(_OURS).index(user.name))
    file = tmp_path / 'esi-leap.conf'
    options = {
        'auth_type': 'password',
        'auth_url': ironic.state.url('keystone'),
        'endpoint_override': ironic.state.url('ironic'),
        **user.options(),
    }
    lines = (f'{name} = {value}' for name, value in options.items())
    file.write_text('\n'.join(['[ironic]', *lines, '']))
    service = parts.make_fleet(conf.load([f'--config-file={file}'], 'test'))['ironic_node']

    assert node.node in {each.uuid for page in service.pages() for each in page}
    holding, lessee = ironic.projects['esi-holding'], ironic.projects['lessee']
    ironic.must(ADMIN, 'POST', f'/nodes/{node.node}/vifs', {'id': node.node})
    for verb in (
        Patch({LESSEE: holding}),
        Patch({LESSEE: lessee}),
        Patch({LESSEE: holding}),
        ConsoleOff(),
        DetachVif(node.node),
        PowerOff(),
        Provision('manage'),
        Provision('provide'),
        Patch({'extra': {'was': 'here'}, LESSEE: None}),
    ):
        service.do(service.get(node.node), verb)
        ironic.settle(node)
    found = ironic.see(node)
    assert (found['lessee'], found['provision_state']) == (None, 'available')
    assert found['extra'] == {'was': 'here'}
