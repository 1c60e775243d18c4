"""`/v1/nodes`: who sees which node, how much of it, and that no filter tells more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from esi_leap import clock
from tests.patience import until

from . import world as worlds
from .world import ADMIN, LESSEE, OWNER, STRANGER, Who, World

OTHER = Who('other')
HIDDEN = (
    'provision_state',
    'target_provision_state',
    'power_state',
    'target_power_state',
    'maintenance',
    'state',
    'reason',
)


def at(days: float) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


class Fleet:
    """Nodes in every position: free, offered to all or to one, leased now or later, others'."""

    def __init__(self, world: World) -> None:
        self.world = world
        for name, content in {
            'free': {'resource_class': 'gpu', 'properties': {'cpus': '40', 'arch': 'arm'}},
            'offered': {'resource_class': 'cpu', 'properties': {'cpus': 8}},
            'restricted': {'resource_class': 'cpu', 'properties': {'cpus': 128}},
            'leased': {'maintenance': True},
            'later': {},
        }.items():
            world.service.node(name, 'owner', **content)
        world.service.node('others', 'other', power_state='power on', target_power_state='reboot')
        world.service.node('held', 'other', project_id='lessee')
        world.service.nodes.joinpath('nobodys').write_text('{"project_owner_id": null}')
        make = world.make
        self.offers = {
            'now': make(OWNER, '/v1/offers', resource_uuid='offered', end_time=at(9))['uuid'],
            'soon': make(
                OWNER, '/v1/offers', resource_uuid='offered', start_time=at(9), end_time=at(10)
            )['uuid'],
            'restricted': make(
                OWNER, '/v1/offers', resource_uuid='restricted', lessee_id='lessee', end_time=at(9)
            )['uuid'],
        }
        self.leases = {
            'later': make(
                OWNER,
                '/v1/leases',
                resource_uuid='later',
                project_id='lessee',
                start_time=at(1),
                end_time=at(2),
            )['uuid'],
            'claimed': make(
                LESSEE,
                f'/v1/offers/{self.offers["restricted"]}/claim',
                start_time=at(3),
                end_time=at(4),
            )['uuid'],
        }
        world.service.refresh()

    def list(self, who: Who, query: str = '') -> dict[str, dict[str, Any]]:
        answer = self.world.call(who, 'GET', f'/v1/nodes{query}')
        assert answer.status_code == 200, answer.text
        return {each['uuid']: each for each in answer.json()['nodes']}


@pytest.fixture(scope='module')
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    # Without a manager nothing but the refresh of the test changes what is known.
    with worlds.world(tmp_path_factory.mktemp('nodes'), manager=False) as made:
        yield Fleet(made)


@pytest.fixture(params=['few', 'many'], autouse=True)
def bookings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for is the same whether the caller may see few or many bookings."""
    if request.param == 'many':
        monkeypatch.setattr('esi_leap.db.nodes._FEW', 0)


OWNED = {'free', 'offered', 'restricted', 'leased', 'later'}


@pytest.mark.parametrize(
    ('who', 'seen'),
    [
        (OWNER, OWNED),
        (Who('owner', 'reader'), OWNED),
        (Who('owner', 'esi_leap_lessee'), OWNED),
        (LESSEE, {'held', 'offered', 'restricted', 'later'}),
        (OTHER, {'others', 'held', 'offered'}),
        (STRANGER, {'offered'}),
        (ADMIN, {*OWNED, 'others', 'held', 'nobodys'}),
    ],
)
def test_who_sees_which_nodes(fleet: Fleet, who: Who, seen: set[str]) -> None:
    assert set(fleet.list(who)) == seen
    for node in fleet.list(ADMIN):
        answer = fleet.world.call(who, 'GET', f'/v1/nodes/{node}')
        named = fleet.world.call(who, 'GET', f'/v1/nodes/dummy-node-{node}')
        assert answer.status_code == named.status_code == (200 if node in seen else 404)
        if node in seen:
            assert answer.json() == named.json() == fleet.list(who)[node]


def test_a_token_of_the_system_that_may_read_sees_all_nodes_and_only_open_offers(
    fleet: Fleet,
) -> None:
    headers = {'OpenStack-System-Scope': 'all', 'X-Roles': 'reader', 'X-Project-Id': ''}
    answer = fleet.world.call(Who('', 'reader'), 'GET', '/v1/nodes', headers=headers)
    found = {each['uuid']: each for each in answer.json()['nodes']}
    assert set(found) == {*OWNED, 'others', 'held', 'nobodys'}
    assert 'offer_uuid' in found['offered']
    assert 'offer_uuid' not in found['restricted']
    assert found['later']['future_leases'] == []


def test_a_node_is_shown_whole_to_its_owner(fleet: Fleet) -> None:
    found = fleet.list(OWNER)['free']
    moment = found.pop('refreshed_at')
    assert moment > '2026'
    assert found == {
        'uuid': 'free',
        'name': 'dummy-node-free',
        'owner': 'owner-name',
        'lessee': '',
        'resource_type': 'dummy_node',
        'resource_class': 'gpu',
        'properties': {'cpus': '40', 'arch': 'arm'},
        'provision_state': 'available',
        'target_provision_state': None,
        'power_state': None,
        'target_power_state': None,
        'maintenance': 'False',
        'future_offers': [],
        'future_leases': [],
        'state': 'available',
        'reason': None,
        'gate': None,
    }
    assert fleet.list(OWNER)['leased']['maintenance'] == 'True'


def test_of_a_node_that_is_only_offered_there_is_what_its_offer_says(fleet: Fleet) -> None:
    found = fleet.list(STRANGER)['offered']
    assert [found[name] for name in HIDDEN] == [None] * len(HIDDEN)
    assert (found['owner'], found['lessee'], found['resource_class']) == ('owner-name', '', 'cpu')
    assert found['properties'] == {'cpus': 8}
    assert (found['offer_uuid'], found['future_offers']) == (
        fleet.offers['now'],
        [fleet.offers['soon']],
    )
    assert 'lease_uuid' not in found


def test_b06_only_bookings_that_the_caller_may_see_stand_beside_a_node(fleet: Fleet) -> None:
    later, claimed = fleet.leases['later'], fleet.leases['claimed']
    for who in (OWNER, LESSEE, ADMIN):
        found = fleet.list(who)
        assert found['later']['future_leases'] == [later]
        assert found['restricted']['future_leases'] == [claimed]
        assert found['restricted']['offer_uuid'] == fleet.offers['restricted']
    assert fleet.list(LESSEE)['held']['lessee'] == 'lessee-name'
    assert fleet.list(OTHER)['held']['lessee'] == 'lessee-name'


@pytest.mark.parametrize(
    ('query', 'seen'),
    [
        ('resource_class=gpu', {'free'}),
        ('resource_class=gpu&resource_class=cpu', {'free', 'offered', 'restricted'}),
        ('owner=other', {'others', 'held'}),
        ('lessee=lessee', {'held'}),
        ('owner=other&lessee=lessee', {'held'}),
        ('property=cpus%3E%3D40', {'free', 'restricted'}),
        ('property=cpus%3E%3D40&property=arch+exists', {'free'}),
        ('property=cpus!%3D8', {'free', 'restricted'}),
        ('name=dummy-node-held', {'held'}),
        ('uuid=held', {'held'}),
        ('resource_type=ironic_node', set()),
        ('offer_uuid={now}', {'offered'}),
        ('offer_uuid={soon}', {'offered'}),
        ('lease_uuid={later}', {'later'}),
        ('lease_uuid={now}', set()),
    ],
)
def test_filters(fleet: Fleet, query: str, seen: set[str]) -> None:
    idents = {**fleet.offers, **fleet.leases}
    assert set(fleet.list(ADMIN, '?' + query.format(**idents))) == seen


def test_no_filter_tells_what_the_row_does_not(fleet: Fleet) -> None:
    world = fleet.world
    world.service.node('secret', 'other', project_id='lessee', provision_state='available')
    world.service.refresh()
    # The lessee's node is offered by its owner: everybody sees the offer, nobody who has the node.
    offer = world.make(
        OTHER, '/v1/offers', resource_uuid='secret', start_time=at(20), end_time=at(21)
    )
    assert fleet.list(STRANGER)['secret']['lessee'] == ''
    assert fleet.list(STRANGER, '?owner=other') == {'secret': fleet.list(STRANGER)['secret']}
    assert fleet.list(STRANGER, '?lessee=lessee') == {}
    assert fleet.list(STRANGER, f'?lease_uuid={fleet.leases["later"]}') == {}
    hidden = world.call(STRANGER, 'GET', f'/v1/nodes?offer_uuid={fleet.offers["restricted"]}')
    assert hidden.json() == {'nodes': []}
    for key in HIDDEN:
        assert world.call(STRANGER, 'GET', f'/v1/nodes?sort_key={key}').status_code == 400
    world.call(OTHER, 'DELETE', f'/v1/offers/{offer["uuid"]}')
    assert 'secret' not in fleet.list(STRANGER)


@pytest.mark.parametrize('query', ['owner=', 'property=cpus', 'property=a%3Eb', 'colour=red'])
def test_what_cannot_be_asked_is_refused(fleet: Fleet, query: str) -> None:
    assert fleet.world.call(OWNER, 'GET', f'/v1/nodes?{query}').status_code == 400


def test_pages(fleet: Fleet) -> None:
    found, path = [], '/v1/nodes?limit=2&sort_key=name&sort_dir=desc'
    while path:
        answer = fleet.world.call(OWNER, 'GET', path).json()
        assert len(answer['nodes']) <= 2
        found += [each['uuid'] for each in answer['nodes']]
        links = answer.get('nodes_links')
        path = links[0]['href'].removeprefix(fleet.world.service.url) if links else ''
    assert found == sorted(OWNED, reverse=True)


def test_a_lease_that_has_its_node_stands_beside_it(tmp_path: Path) -> None:
    with worlds.world(tmp_path) as world:
        world.service.node('n', 'owner')
        lease = world.make(
            OWNER, '/v1/leases', resource_uuid='n', project_id='lessee', end_time=at(1)
        )['uuid']

        def seen(who: Who) -> dict[str, Any]:
            answer: dict[str, Any] = world.call(who, 'GET', '/v1/nodes/n').json()
            return answer

        until(lambda: seen(LESSEE)['state'] == 'handed over')
        # What the manager saw last is known at once, without a refresh.
        until(lambda: seen(LESSEE)['lessee'] == 'lessee')
        for who in (OWNER, LESSEE):
            assert (seen(who)['lease_uuid'], seen(who)['future_leases']) == (lease, [])
        world.call(LESSEE, 'DELETE', f'/v1/leases/{lease}')
        until(lambda: seen(OWNER)['state'] == 'available')
        until(lambda: seen(OWNER)['lessee'] == '')
        assert 'lease_uuid' not in seen(OWNER)
        assert world.call(LESSEE, 'GET', '/v1/nodes/n').status_code == 404


def test_what_a_hand_over_waits_for_is_told_of_the_node_to_who_sees_the_lease(
    tmp_path: Path,
) -> None:
    with worlds.world(tmp_path) as world:
        trouble = {'maintenance': True, 'maintenance_reason': 'a fan'}
        world.service.node('n', 'owner', **trouble)
        lease = world.make(
            OWNER, '/v1/leases', resource_uuid='n', project_id='lessee', end_time=at(1)
        )
        world.make(OWNER, '/v1/offers', resource_uuid='n', start_time=at(2), end_time=at(3))

        def seen(who: Who) -> dict[str, Any]:
            found: dict[str, Any] = world.call(who, 'GET', '/v1/nodes/n').json()
            return found

        said = 'The node is in maintenance: a fan.'
        until(lambda: seen(OWNER)['reason'] == said)
        assert [seen(who)['reason'] for who in (LESSEE, ADMIN, STRANGER)] == [said, said, None]
        assert seen(LESSEE)['state'] is None
        assert world.call(LESSEE, 'GET', '/v1/nodes').json()['nodes'][0]['reason'] == said
        world.call(OWNER, 'DELETE', f'/v1/leases/{lease["uuid"]}')
        assert seen(OWNER)['reason'] is None


def test_a_node_that_is_gone_stays_while_something_is_booked_on_it(tmp_path: Path) -> None:
    with worlds.world(tmp_path, manager=False) as world:
        for name in ('stays', 'booked', 'gone'):
            world.service.node(name, 'owner')
        lease = world.make(
            OWNER,
            '/v1/leases',
            resource_uuid='booked',
            project_id='lessee',
            start_time=at(1),
            end_time=at(2),
        )

        def seen() -> dict[str, dict[str, Any]]:
            world.service.refresh()
            answer = world.call(OWNER, 'GET', '/v1/nodes').json()['nodes']
            return {each['uuid']: each for each in answer}

        assert set(seen()) == {'stays', 'booked', 'gone'}
        for name in ('booked', 'gone'):
            (world.service.nodes / name).unlink()
        assert set(seen()) == {'stays', 'booked'}
        assert seen()['booked']['reason'] == 'The node does not exist any more.'
        assert seen()['stays']['reason'] is None
        world.call(OWNER, 'DELETE', f'/v1/leases/{lease["uuid"]}')
        assert set(seen()) == {'stays'}
        world.service.node('gone', 'owner')
        assert set(seen()) == {'stays', 'gone'}


def test_a_node_that_an_admin_offers_and_nobody_owns_stays_nobodys(tmp_path: Path) -> None:
    with worlds.world(tmp_path, manager=False) as world:
        (world.service.nodes / 'n').write_text('{"project_owner_id": null}')
        offer = world.make(ADMIN, '/v1/offers', resource_uuid='n', end_time=at(9))
        lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim', end_time=at(1))
        assert (offer['project_id'], lease['owner_id']) == ('operator', 'operator')
        node = world.call(ADMIN, 'GET', '/v1/nodes/n').json()
        assert (node['owner'], node['offer_uuid']) == ('', offer['uuid'])
        # It is not the admin's project's either.
        plain = world.call(Who('operator'), 'GET', '/v1/nodes/n').json()
        assert plain['state'] is None
