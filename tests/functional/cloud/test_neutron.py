"""What is made of Neutron's answers, above all of those that a real one gives when it is ill.

tests/sandbox/test_networks.py asks a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from esi_leap import conf as configuration
from esi_leap.cloud.neutron import Neutron
from esi_leap.core.errors import NodeBusyError, UnavailableError
from esi_leap.core.handover.network import Attachment, Attachments
from esi_leap.wiring import parts
from tests.functional.peer import Request, serving

NODE, HOST = 'the-node', 'binding:host_id'
Answer = tuple[int, Any]


def port(name: str, host: str = '', owner: str = '', project: str = 'tenant') -> dict[str, str]:
    return {'id': name, 'project_id': project, 'device_owner': owner, HOST: host}


class Peer:
    """Ports, filtered as Neutron does, and what it says instead when it is ill."""

    def __init__(self) -> None:
        self.ports = [
            port('bound', NODE),
            port('ramdisk', NODE, 'baremetal:none', 'service'),
            port('pretends', NODE, 'baremetal:none'),
            port('listed', ''),
            port('elsewhere', 'another-node'),
        ]
        self.ill: Callable[[str], Answer | None] = lambda method: None
        self.written: list[tuple[str, Any]] = []

    def answer(self, request: Request) -> Answer:
        if '/ports' not in request.path:
            link = {'rel': 'self', 'href': f'{request.here}/v2.0/'}
            return 200, {'versions': [{'id': 'v2.0', 'status': 'CURRENT', 'links': [link]}]}
        ill = self.ill(request.method)
        if ill is not None:
            return ill
        if request.method == 'PUT':
            name = request.path.rsplit('/', 1)[1]
            self.written.append((name, request.body['port']))
            known = name in {each['id'] for each in self.ports}
            return (200, {'port': {}}) if known else (404, {'NeutronError': {'message': 'gone'}})
        filters = {
            name: values
            for name, values in request.query.items()
            if name not in {'fields', 'limit'}
        }
        found = [
            each
            for each in self.ports
            if all(each[name] in values for name, values in filters.items())
        ]
        fields = request.query['fields']
        return 200, {'ports': [{name: each[name] for name in fields} for each in found]}


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def neutron(peer: Peer) -> Iterator[Neutron]:
    with serving(peer) as url:
        made = _neutron(url)
        assert made is not None
        yield made


def _neutron(url: str | None) -> Neutron | None:
    conf = configuration.registered()
    conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    if url is not None:
        conf.set_override('auth_type', 'none', 'neutron')
        conf.set_override('endpoint_override', url, 'neutron')
    return parts.make_network(conf)


def test_there_is_no_network_adapter_without_credentials() -> None:
    assert _neutron(None) is None


def test_attachments_are_bound_ports_and_ports_that_ironic_lists(neutron: Neutron) -> None:
    found = neutron.ports(NODE, ['listed', 'bound', 'pretends', 'deleted'])
    assert found == Attachments(
        (
            Attachment(id='bound', project_id='tenant'),
            Attachment(id='ramdisk', project_id='service', of_ironic=True),
            # A tenant may write any owner of the device.
            Attachment(id='pretends', project_id='tenant'),
            Attachment(id='listed', project_id='tenant', bound=False),
        )
    )
    assert neutron.ports('a free node', []) == Attachments()


@pytest.mark.parametrize(
    ('ill', 'said'),
    [
        ((500, {}), 'Neutron answered 500; try again.'),
        ((401, {}), 'Neutron answered 401; try again.'),
        ((400, {'NeutronError': {'message': 'No.'}}), 'Neutron refused (400): No.'),
        ((200, {'ports': [{'id': 'a', 'project_id': 'b', 'device_owner': ''}]}), 'role service'),
    ],
)
def test_hidden_ports_are_reported_as_unseen(
    peer: Peer, neutron: Neutron, ill: Answer, said: str
) -> None:
    peer.ill = lambda method: ill
    found = neutron.ports(NODE, ['listed'])
    assert found.found == ()
    assert found.unseen is not None
    assert said in found.unseen


def test_unreachable_neutron_is_reported_as_unseen() -> None:
    neutron = _neutron('http://127.0.0.1:1')
    assert neutron is not None
    assert neutron.ports(NODE, []).unseen == 'Neutron does not answer; try again.'
    with pytest.raises(UnavailableError):
        neutron.unbind('bound')


def test_unbound_port_gives_back_the_address_of_the_node(peer: Peer, neutron: Neutron) -> None:
    neutron.unbind('bound')
    assert peer.written == [
        ('bound', {HOST: '', 'binding:profile': {}}),
        ('bound', {'mac_address': None}),
    ]


def test_missing_port_counts_as_unbound(peer: Peer, neutron: Neutron) -> None:
    neutron.unbind('deleted')
    assert len(peer.written) == 1


@pytest.mark.parametrize(
    ('status', 'error'),
    [(409, NodeBusyError), (403, UnavailableError), (503, UnavailableError)],
)
def test_refused_or_failed_unbinding_raises_an_error_to_retry(
    peer: Peer, neutron: Neutron, status: int, error: type[Exception]
) -> None:
    peer.ill = lambda method: (status, {'NeutronError': {'message': 'Not now.'}})
    with pytest.raises(error):
        neutron.unbind('bound')


def test_forbidden_unbinding_names_the_missing_role(peer: Peer, neutron: Neutron) -> None:
    """Neutron shows every port to an admin, and lets an admin bind none."""
    peer.ill = lambda method: (403, {'NeutronError': {'message': 'Not you.'}})
    with pytest.raises(UnavailableError, match=r'\(403\): Not you\..*role service'):
        neutron.unbind('bound')
