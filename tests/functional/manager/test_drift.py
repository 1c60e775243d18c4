"""Changes outside the service: found by the inventory, reported, and repaired if configured."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from esi_leap.core.change import put
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from esi_leap.core.offer import NOT_HIS, Offer
from esi_leap.core.offer import Status as OfferStatus
from esi_leap.core.query import Query

from .conftest import EVERYTHING, NOON, World, refresh


def node_events(world: World) -> list[str]:
    with world.database.reader() as connection:
        rows = connection.exec_driver_sql(
            "SELECT event_type FROM events WHERE object_type = 'node' ORDER BY id"
        )
        return [row[0].removeprefix('esi_leap.node.') for row in rows]


def offered(world: World) -> Any:  # noqa: ANN401 - an Offer
    return world.store.offers(EVERYTHING, Query())[0].offer


@pytest.fixture
def repairing(world: World) -> World:
    deps = world.deps
    world.deps = replace(deps, settings=replace(deps.settings, repair=True))
    return world


@pytest.fixture
def leased(world: World) -> str:
    """Lease the node for longer than the tests take, with the next check far away."""
    world.deps = replace(world.deps, settings=replace(world.deps.settings, check_interval=86_400))
    uuid = world.lease('tenant', 0, 600)
    world.tick()
    assert world.see(uuid).status is Status.ACTIVE
    return uuid


def test_node_without_drift_is_not_read_from_its_service(world, leased):
    world.machine('n2')
    assert refresh(world) == 0
    assert refresh(world) == 0
    assert world.events(leased) == ['create.end', 'fulfill.start', 'fulfill.end']


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        ({'project_id': 'other'}, "The node's lessee was changed outside this service."),
        ({'project_id': None}, "The node's lessee was cleared outside this service."),
    ],
)
def test_changed_lessee_is_reported_once(world, leased, content, reason):
    world.change(**content)
    for _ in range(3):
        assert refresh(world) == 1  # a look at this one node, no more
    assert world.see(leased).reason == reason
    assert world.row().reason == reason
    assert world.events(leased).count('drift') == 1
    assert world.file().get('project_id') == content['project_id']
    world.change(project_id='tenant')
    assert refresh(world) == 1
    assert (world.see(leased).reason, world.row().reason) == (None, None)
    assert refresh(world) == 0
    assert world.events(leased).count('drift') == 1


@pytest.mark.parametrize('lessee', ['other', None])
def test_changed_lessee_is_written_again_with_repair(repairing, leased, lessee):
    world = repairing
    world.change(project_id=lessee)
    refresh(world)
    assert (world.file()['project_id'], world.file()['lease_uuid']) == ('tenant', leased)
    assert world.events(leased).count('drift') == 1
    assert (world.see(leased).reason, world.row().reason) == (None, None)
    assert world.row().state is State.HANDED_OVER


def test_missing_leased_node_is_reported(world, leased):
    world.machine('n2')  # a service that shows nothing at all rather hides it
    (world.folder / 'n1').unlink()
    refresh(world)
    assert world.see(leased).reason == 'The node does not exist any more.'
    assert world.events(leased).count('drift') == 1


def test_lessee_without_a_lease_is_reported_once(world):
    world.lease('tenant', 100, 200)
    world.change(project_id='squatter')
    for _ in range(3):
        refresh(world)
    assert world.row().reason == 'The node has a lessee that this service did not set.'
    assert world.row().state is State.AVAILABLE
    assert world.file()['project_id'] == 'squatter'
    assert node_events(world) == ['drift']
    world.change(project_id=None)
    assert refresh(world) == 1
    assert world.row().reason is None
    assert refresh(world) == 0
    assert node_events(world) == ['drift']


def test_lessee_without_a_lease_loses_the_node_with_repair_and_it_is_cleaned(repairing):
    world = repairing
    world.lease('tenant', 100, 200)
    world.change(project_id='squatter', provision_state='active', instance_info={'image': 'x'})
    refresh(world)
    world.wait(seconds=30)
    assert world.row().state is State.AVAILABLE
    assert 'project_id' not in world.file()
    assert world.file()['provision_state'] == 'available'
    assert 'instance_info' not in world.file()
    targets = [each.target for each in world.nodes.verbs if hasattr(each, 'target')]
    assert targets == ['deleted']
    assert node_events(world) == ['drift']


def test_offers_are_suspended_while_another_project_owns_the_node(world):
    machine = world.nodes.find('n1')
    node = world.store.node(machine, 'dummy_node', world.now)
    window = Interval(NOON, NOON + timedelta(days=30))
    offer = Offer(
        uuid='o', name=None, node_id=node.id, owner_id='lender', lessee_id=None, window=window
    )
    with world.store.booking(node.id, world.now) as book:
        book.put(put(offer))
    assert refresh(world) == 0
    world.change(project_owner_id='heir')
    refresh(world)
    assert (offered(world).status, offered(world).reason) == (OfferStatus.ERROR, NOT_HIS)
    refresh(world)
    assert offered(world).status is OfferStatus.ERROR
    world.change(project_owner_id='lender')
    refresh(world)
    assert (offered(world).status, offered(world).reason) == (OfferStatus.AVAILABLE, None)
