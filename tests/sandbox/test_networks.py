"""Nodes and the ports of a real Neutron: whose are on a node, and when nobody's are."""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from esi_leap import conf
from esi_leap.cloud.neutron import Neutron
from esi_leap.core.errors import UnavailableError
from esi_leap.core.handover.network import Attachment, Attachments
from esi_leap.wiring import parts
from sandbox import users

from .conftest import Cloud, now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(900)]

_HOST = 'binding:host_id'
AWAY = 'Neutron does not answer; try again.'


class Networks:
    """What people do with networks, and what the system sees of it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._made: list[str] = []

    def ask(
        self, user: str, method: str, path: str, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        url = f'{self.cloud.state.url("neutron")}/v2.0{path}'
        return self.cloud.session(user).send(method, url, body)

    def must(self, user: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        code, answer = self.ask(user, method, path, body)
        assert code < 300, answer
        return answer

    def port(self, project: str) -> str:
        """Let a member of a project make a port in its network."""
        who = f'{project}-member'
        [network] = self.must(who, 'GET', f'/networks?name={project}-network')['networks']
        made = self.must(who, 'POST', '/ports', {'port': {'network_id': network['id']}})
        self._made.append(made['port']['id'])
        return self._made[-1]

    def bind(self, port: str, node: str) -> None:
        """Bind a port past Ironic, as an admin of Neutron can."""
        values = {_HOST: node, 'binding:vnic_type': 'baremetal'}
        self.must('admin', 'PUT', f'/ports/{port}', {'port': values})

    def bound(self, node: str) -> frozenset[str]:
        found = self.must('admin', 'GET', f'/ports?{_HOST}={node}')['ports']
        return frozenset(each['id'] for each in found)

    def attached(self, node: str) -> frozenset[str]:
        code, answer = self.cloud.ironic('system-admin', 'GET', f'{node}/vifs')
        assert code == 200, answer
        return frozenset(each['id'] for each in answer['vifs'])

    def attach(self, user: str, node: str, port: str) -> None:
        self.cloud.order(user, 'POST', f'{node}/vifs', {'id': port})

    def detach(self, user: str, node: str, port: str) -> None:
        self.cloud.order(user, 'DELETE', f'{node}/vifs/{port}', None)

    def provision(self, user: str, node: str, target: str, reached: str) -> None:
        self.cloud.order(user, 'PUT', f'{node}/states/provision', {'target': target})
        until(
            f'{node} is {reached}', lambda: self.cloud.node(node)['provision_state'] == reached, 60
        )

    def forget(self) -> None:
        for port in self._made:
            self.ask('admin', 'DELETE', f'/ports/{port}')


@dataclass(frozen=True)
class Sample:
    """Who has a node, and a moment later which ports are on it."""

    begun: float
    lessee: str | None
    attached: frozenset[str]
    bound: frozenset[str]

    @property
    def ports(self) -> frozenset[str]:
        """What is on the node, by Ironic's list or by Neutron's bindings."""
        return self.attached | self.bound


class Watch:
    """Looks every 0.2 s."""

    def __init__(self, networks: Networks, node: str) -> None:
        self._networks, self._node = networks, node
        self._uuid = networks.cloud.node(node)['uuid']
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.samples: list[Sample] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            # The lessee first: a port of before that is seen after him was on his node.
            lessee = self._networks.cloud.has(self._node)
            attached, bound = (
                self._networks.attached(self._node),
                self._networks.bound(self._uuid),
            )
            self.samples.append(Sample(begun, lessee, attached, bound))
            self._over.wait(max(0.0, 0.2 - (time.monotonic() - begun)))

    @property
    def sets(self) -> list[frozenset[str]]:
        """What was on the node, one set after the other."""
        return [ports for ports, _ in itertools.groupby(sample.ports for sample in self.samples)]

    def report(self, names: dict[str, str]) -> str:
        """Say what was seen: how often, and when whose ports were on whose node."""
        begun = [sample.begun for sample in self.samples]
        gaps = sorted(after - before for before, after in itertools.pairwise(begun))
        said = [f'{len(gaps)} looks, {gaps[len(gaps) // 2]:.2f} s apart, at most {gaps[-1]:.2f} s']
        told = itertools.groupby(self.samples, lambda each: (each.lessee, each.ports))
        for (lessee, ports), samples in told:
            whose = ', '.join(sorted(names.get(each, each) for each in ports))
            said.append(f'{next(samples).begun - begun[0]:5.1f} s: {lessee} {{{whose}}}')
        return '\n'.join(said)


@pytest.fixture
def networks(cloud: Cloud) -> Iterator[Networks]:
    made = Networks(cloud)
    yield made
    made.forget()


@pytest.fixture
def neutron(cloud: Cloud) -> Neutron:
    """Neutron with the rights of the service."""
    found = parts.make_network(_configuration(cloud))
    assert found is not None
    return found


def _configuration(cloud: Cloud, *more: Path) -> Any:  # noqa: ANN401 - a ConfigOpts
    files = (cloud.layout.etc / 'esi-leap' / 'esi-leap.conf', *more)
    return conf.load([f'--config-file={file}' for file in files], 'test')


def _lent(cloud: Cloud, node: str, project: str) -> str:
    lease = cloud.give(node, project, now(), 3600)
    until(f'{project} has {node}', lambda: cloud.status(lease) == 'active', 120)
    return lease


def _deployed(networks: Networks, node: str, port: str) -> None:
    """He uses it as it is meant to be used."""
    networks.attach('lessee-member', node, port)
    networks.provision('lessee-member', node, 'active', 'active')


def _detached_in_passing(networks: Networks, node: str, port: str) -> None:
    """Ironic takes a port off its list in any state, and has it unbound in some."""
    networks.attach('lessee-member', node, port)
    networks.provision('lessee-member', node, 'manage', 'manageable')
    networks.detach('lessee-member', node, port)
    assert networks.attached(node) == frozenset()
    assert networks.bound(networks.cloud.node(node)['uuid']) == {port}


@pytest.mark.parametrize('used', [_deployed, _detached_in_passing])
def test_a_node_goes_from_one_project_to_the_next_with_nothing_on_it(cloud, nodes, networks, used):
    node = nodes[0]
    his, next_ones = networks.port('lessee'), networks.port('stranger')
    first = _lent(cloud, node, 'lessee')
    used(networks, node, his)
    with Watch(networks, node) as watch:
        until('it is seen', lambda: len(watch.samples) > 2, 60)
        end = cloud.end_soon(first)
        second = cloud.give(node, cloud.projects['stranger'], end, 3600)
        until('the next one has it', lambda: cloud.status(second) == 'active', 240)
        until('that is seen', lambda: watch.samples[-1].lessee == 'stranger', 60)
        networks.attach('stranger-member', node, next_ones)
        until('so is his port', lambda: next_ones in watch.samples[-1].attached, 60)
    print(watch.report({his: 'A', next_ones: 'B'}))  # noqa: T201 - what the test is for
    assert watch.sets == [frozenset({his}), frozenset(), frozenset({next_ones})]
    lessees = [sample.lessee for sample in watch.samples]
    assert lessees[0] == 'lessee'
    assert 'esi-holding' in lessees
    given = lessees.index('stranger')
    assert watch.samples[given - 1].ports == frozenset()  # the last look before the next one has it
    assert all(his not in sample.ports for sample in watch.samples[given:])
    # His port is as he made it: it can be used elsewhere, and has not the address of the node.
    port = networks.must('lessee-member', 'GET', f'/ports/{his}')['port']
    assert (port['status'], port['device_id']) == ('DOWN', '')
    taken = networks.must('stranger-member', 'GET', f'/ports/{next_ones}')['port']['mac_address']
    assert port['mac_address'] != taken


def test_a_foreign_port_on_a_leased_node_is_told_and_never_survives_its_return(
    cloud, nodes, networks
):
    node = nodes[1]
    uuid = cloud.node(node)['uuid']
    foreign, his = networks.port('stranger'), networks.port('lessee')
    lease = _lent(cloud, node, 'lessee')
    networks.attach('lessee-member', node, his)
    # Ironic asks with the token of whoever asks it, so a member of the project sees no such port;
    # an admin of any project is an admin of Neutron, too.
    attach = ('POST', f'{node}/vifs', {'id': foreign})
    code, _ = cloud.ironic('lessee-member', *attach)
    assert code == 400
    networks.detach('lessee-member', node, his)
    networks.attach('lessee-admin', node, foreign)
    said = f'Network ports of others are on the node: {foreign}.'
    until('it is told', lambda: _lease(cloud, lease)['status_reason'] == said, 90)
    assert _reason(cloud, node) == said
    told = cloud.must('lessee-member', 'GET', f'/v1/events?resource_uuid={uuid}')['events']
    of_lease = [each['event_type'] for each in told if each['object_uuid'] == lease]
    assert of_lease.count('esi_leap.lease.drift') == 1
    # It comes off Ironic's list in a state in which Ironic leaves it bound.
    networks.provision('lessee-admin', node, 'manage', 'manageable')
    networks.detach('lessee-admin', node, foreign)
    assert (networks.attached(node), networks.bound(uuid)) == (frozenset(), {foreign})
    cloud.end_soon(lease, 1)
    until('it is back', lambda: cloud.is_back(node), 240)
    assert networks.bound(uuid) == networks.attached(node) == frozenset()


def test_while_neutron_is_away_a_tenant_loses_his_node_and_nobody_gets_it(cloud, nodes, networks):
    node, port = nodes[2], networks.port('lessee')
    first = _lent(cloud, node, 'lessee')
    _deployed(networks, node, port)
    cloud.stop('neutron')
    try:
        end = cloud.end_soon(first)
        second = cloud.give(node, cloud.projects['stranger'], end, 3600)
        until('he has lost it', lambda: cloud.status(first) == 'expired', 120)
        until('it is said why it waits', lambda: AWAY in _reason(cloud, node), 240)
        assert cloud.has(node) == 'esi-holding'
        assert cloud.status(second) != 'active'
    finally:
        cloud.start('neutron')
    until('the next one has it', lambda: cloud.status(second) == 'active', 240)
    assert networks.bound(cloud.node(node)['uuid']) == frozenset()


def _reason(cloud: Cloud, node: str) -> str:
    return cloud.must('admin', 'GET', f'/v1/nodes/{node}')['reason'] or ''


def _lease(cloud: Cloud, lease: str) -> Any:  # noqa: ANN401 - as the API shows it
    return cloud.must('owner-member', 'GET', f'/v1/leases/{lease}')


def test_the_service_sees_and_unbinds_ports_of_every_project(cloud, nodes, networks, neutron):
    uuid, port, other = (
        cloud.node(nodes[3])['uuid'],
        networks.port('lessee'),
        networks.port('owner'),
    )
    project = cloud.projects['lessee']
    neutron.check()
    assert neutron.ports(uuid, []) == Attachments()
    assert neutron.ports(uuid, [port]) == Attachments(
        (Attachment(id=port, project_id=project, bound=False),)
    )
    networks.bind(port, uuid)
    assert neutron.ports(uuid, [port]) == Attachments((Attachment(id=port, project_id=project),))
    for _ in range(2):
        neutron.unbind(port)
        assert neutron.ports(uuid, []) == Attachments()
    networks.must('owner-member', 'DELETE', f'/ports/{other}')
    neutron.unbind(other)
    assert neutron.ports(uuid, [other]) == Attachments()


@pytest.mark.parametrize('name', ['lessee-member', 'lessee-manager'])
def test_a_user_without_the_role_is_told_that_he_sees_too_little(cloud, networks, tmp_path, name):
    networks.port('lessee')
    options = users.find(name).options().items()
    other = tmp_path / 'other.conf'
    lines = (f'{option} = {value}' for option, value in options)
    other.write_text('\n'.join(['[neutron]', *lines]))
    blind = parts.make_network(_configuration(cloud, other))
    with pytest.raises(UnavailableError, match='role service'):
        blind.check()
    assert 'role service' in blind.ports('a-node', []).unseen
