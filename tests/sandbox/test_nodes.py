"""One suite for the fleets: files that play nodes are held to what a real Ironic does."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from esi_leap import conf
from esi_leap.cloud.ironic.nodes import IronicNodes
from esi_leap.cloud.rest import Service
from esi_leap.core.errors import NodeBusyError, NodeNotFoundError, UnavailableError
from esi_leap.core.handover.leftovers import BootAsUsual, Leftovers, RemoveVolume
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.steps import (
    ConsoleOff,
    DetachVif,
    Look,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    SetTraits,
)
from esi_leap.core.inventory import Sighting
from esi_leap.core.ports.cloud import Nodes
from esi_leap.wiring import parts

from .conftest import until

pytestmark = pytest.mark.sandbox

_LEASE = '11111111-2222-4333-8444-555555555555'


@dataclass
class Fleet:
    """A service with nodes, one free node of it, and two projects that it knows."""

    service: Nodes
    uuid: str
    name: str
    owner: str
    holding: str
    tenant: str

    def see(self) -> Machine:
        return self.service.get(self.uuid)

    def do(self, *verbs: object) -> None:
        for verb in verbs:
            until('the node takes the verb', lambda verb=verb: self._took(verb), 30)
            until('the node is at rest', lambda: self.see().busy is None, 30)

    def _took(self, verb: object) -> bool:
        try:
            self.service.do(self.see(), verb)
        except NodeBusyError as error:
            if 'locked' not in error.message:
                raise
            return False
        return True


@pytest.fixture
def dummy(tmp_path: Path) -> Fleet:
    (tmp_path / 'n1').write_text(json.dumps({'project_owner_id': 'o', 'power_state': 'power off'}))
    config = conf.registered()
    config([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    config.set_override('dummy_node_dir', str(tmp_path), 'dummy_node')
    service = parts.make_fleet(config)['dummy_node']
    return Fleet(service, 'n1', 'dummy-node-n1', 'o', 'holding', 'tenant')


def _conf(cloud: Any) -> Any:  # noqa: ANN401 - what the fixtures of the cloud give
    file = cloud.layout.etc / 'esi-leap' / 'esi-leap.conf'
    return conf.load([f'--config-file={file}'], 'test')


@pytest.fixture
def ironic(request: pytest.FixtureRequest) -> Fleet:
    cloud, nodes = request.getfixturevalue('cloud'), request.getfixturevalue('nodes')
    service = parts.make_fleet(_conf(cloud))['ironic_node']
    found = cloud.node(nodes[3])
    projects = cloud.projects
    return Fleet(
        service,
        found['uuid'],
        nodes[3],
        projects['owner'],
        projects['esi-holding'],
        projects['lessee'],
    )


@pytest.fixture(params=['dummy', 'ironic'])
def fleet(request: pytest.FixtureRequest) -> Fleet:
    made: Fleet = request.getfixturevalue(request.param)
    return made


def test_a_node_is_found_by_uuid_and_by_name(fleet):
    for ident in (fleet.uuid, fleet.name):
        found = fleet.service.find(ident)
        assert (found.uuid, found.name, found.owner) == (fleet.uuid, fleet.name, fleet.owner)


@pytest.mark.parametrize('ident', ['nobody', '..', '.', 'a/b', 'a?b=c', '%2e%2e', 'x' * 300])
def test_what_is_no_node_is_not_found(fleet, ident):
    with pytest.raises(NodeNotFoundError):
        fleet.service.find(ident)


def test_a_free_node_is_free(fleet):
    seen = fleet.see()
    assert (seen.lessee, seen.lease_label, seen.busy, seen.vifs) == (None, None, None, ())
    assert seen.provision_state == 'available'
    assert seen.power_state in {'power off', None}  # None: nobody has asked it yet
    assert (seen.maintenance, seen.console, seen.cleans) == (False, False, True)


def test_what_the_pages_show_of_a_node_is_what_a_look_at_it_shows(fleet):
    found = [each for page in fleet.service.pages() for each in page]
    [seen] = [each for each in found if each.uuid == fleet.uuid]
    looked = fleet.see()
    for name in (field.name for field in fields(Sighting)):
        assert getattr(seen, name) == getattr(looked, name), name


def test_small_pages_show_the_same_nodes(request):
    fleet: Fleet = request.getfixturevalue('ironic')
    cloud = request.getfixturevalue('cloud')
    one_by_one = IronicNodes(Service.of(_conf(cloud), 'ironic', 1), page_size=1)
    found = [[each.uuid for each in page] for page in one_by_one.pages()]
    assert [len(page) for page in found] == [1] * len(found)
    whole = [each.uuid for page in fleet.service.pages() for each in page]
    assert [page[0] for page in found] == whole
    assert len(whole) >= 4


def test_the_lessee_and_the_label_are_set_and_removed(fleet):
    fleet.do(Patch({LESSEE: fleet.holding}))
    assert fleet.see().lessee == fleet.holding
    fleet.do(Patch({LESSEE: fleet.tenant, LABEL: _LEASE}))
    assert (fleet.see().lessee, fleet.see().lease_label) == (fleet.tenant, _LEASE)
    assert 'lease_uuid' not in fleet.see().properties
    fleet.do(Patch({LABEL: None, LESSEE: None}))
    assert (fleet.see().lessee, fleet.see().lease_label) == (None, None)


def test_remembered_fields_are_written_and_restored(fleet):
    before = fleet.see().fields
    fleet.do(Patch({'extra': {'a': {'b': [1]}}, 'description': 'mine', 'resource_class': 'mine'}))
    after = fleet.see().fields
    assert (after['extra'], after['description']) == ({'a': {'b': [1]}}, 'mine')
    assert after['resource_class'] == 'mine'
    fleet.do(Patch({name: value for name, value in before.items() if value != after[name]}))
    assert fleet.see().fields == before


def test_a_node_is_cleaned_by_manage_and_provide(fleet):
    fleet.do(Provision('manage'))
    assert fleet.see().provision_state == 'manageable'
    fleet.do(Provision('provide'))
    assert fleet.see().provision_state == 'available'


def test_what_is_off_can_be_switched_off_and_what_is_not_there_detached(fleet):
    fleet.do(PowerOff(), PowerOff(), ConsoleOff(), DetachVif('no-such-vif'))
    seen = fleet.see()
    assert (seen.power_state, seen.console, seen.vifs) == ('power off', False, ())


def test_traits_are_set_and_nothing_is_left_beside_a_free_node(fleet):
    fleet.do(SetTraits(('CUSTOM_A', 'CUSTOM_B')))
    assert fleet.see().fields['traits'] == ['CUSTOM_A', 'CUSTOM_B']
    fleet.do(SetTraits(()), RemoveVolume('targets/6f0a1b3e-0000-4000-8000-000000000001'))
    fleet.do(BootAsUsual())
    assert fleet.see().fields['traits'] == []
    assert fleet.see().left is None
    assert fleet.service.get(fleet.uuid, look=Look.LEFTOVERS).left == Leftovers()
    assert fleet.service.volumes(fleet.uuid) == {}


def test_the_label_goes_where_properties_are_set_as_a_whole(fleet):
    before = fleet.see().fields['properties']
    fleet.do(Patch({LABEL: _LEASE}))
    assert fleet.see().fields['properties'] == before
    fleet.do(Patch({'properties': {**before, 'a.b': 1}}))
    assert fleet.see().fields['properties'] == {**before, 'a.b': 1}
    assert fleet.see().lease_label is None
    fleet.do(Patch({'properties': before}))
    assert fleet.see().fields['properties'] == before


def test_a_node_is_put_in_maintenance_for_a_reason_and_taken_out(fleet):
    fleet.do(Maintain('a drill'), Maintain('a drill'))
    assert (fleet.see().maintenance, fleet.see().maintenance_reason) == (True, 'a drill')
    fleet.do(Maintain(None), Maintain(None))
    assert (fleet.see().maintenance, fleet.see().maintenance_reason) == (False, None)


def test_a_service_that_does_not_answer_is_said_to_be_unavailable(request):
    fleet: Fleet = request.getfixturevalue('ironic')
    cloud = request.getfixturevalue('cloud')
    see: Callable[[], Machine] = fleet.see
    see()
    cloud.stop('ironic')
    try:
        with pytest.raises(UnavailableError):
            see()
    finally:
        cloud.start('ironic')
    until('Ironic is back', lambda: _answers(see), 60)


def _answers(see: Callable[[], Machine]) -> bool:
    try:
        see()
    except UnavailableError:
        return False
    return True
