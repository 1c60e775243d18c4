"""Every parameter of every list filters: of two objects each trial lists one, and not the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from esi_leap.api.expose import ROUTES
from esi_leap.db.tables import events, nodes

from . import world as worlds
from .world import ADMIN, LESSEE, OWNER, Who, World

LANDLORD, GUEST = Who('landlord'), Who('guest')
#: Parameters that choose a part of the list, and not its content; `paging.yaml` tries them.
PAGING = {'limit', 'marker', 'sort_key', 'sort_dir'}
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two objects of a list that share no value."""

    one: Found
    two: Found


@pytest.fixture(scope='module')
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, Pair]]]:
    """Make two of each noun; the first node is of another type than the second."""
    folder = tmp_path_factory.mktemp('service')
    with worlds.world(folder, manager=False) as world:
        made = _make(world)
        yield world, made


def _make(world: World) -> dict[str, Pair]:
    first = world.node(
        'owner', name='first', resource_class='gpu', properties={'cpus': 40}, project_id='lessee'
    )
    second = world.node('landlord', name='second', resource_class='cpu', properties={'cpus': 8})
    world.service.refresh()
    early = world.make(LANDLORD, '/v1/offers', resource_uuid=second, name='early', **_in(2040))
    assert world.call(LANDLORD, 'DELETE', f'/v1/offers/{early["uuid"]}').ok
    parent = world.make(
        OWNER, '/v1/leases', resource_uuid=first, project_id='lessee', name='parent', **_in(2032)
    )
    offer = world.make(
        LESSEE,
        '/v1/offers',
        resource_uuid=first,
        lessee_id='guest',
        name='late',
        properties={'rack': 'r1'},
        **_in(2032),
    )
    claimed = world.make(
        GUEST,
        f'/v1/offers/{offer["uuid"]}/claim',
        name='claimed',
        purpose='class',
        properties={'rack': 'r1'},
        start_time='2032-01-10',
        end_time='2032-01-15',
    )
    other = world.make(
        LANDLORD, '/v1/leases', resource_uuid=second, project_id='tenant', name='x', **_in(2036)
    )
    assert world.call(LANDLORD, 'DELETE', f'/v1/leases/{other["uuid"]}').ok
    recalls = [_recall(world, OWNER), _recall(world, LANDLORD)]
    assert world.call(LANDLORD, 'DELETE', f'/v1/recalls/{recalls[1]["uuid"]}').ok
    with world.service._database.writer() as connection:  # noqa: SLF001 - the service has one type
        for table in (nodes, events):
            connection.execute(
                sa.update(table)
                .where(table.c.resource_uuid == first)
                .values(resource_type='ironic_node')
            )
    told = world.call(ADMIN, 'GET', '/v1/events').json()['events']
    by_object = {each['object_uuid']: each for each in told}
    pairs = {
        'offers': (offer, early),
        'leases': (claimed, other),
        'recalls': recalls,
    }
    found = {
        noun: Pair(*(world.call(ADMIN, 'GET', f'/v1/{noun}/{each["uuid"]}').json() for each in two))
        for noun, two in pairs.items()
    }
    contracts = [
        world.call(ADMIN, 'GET', f'/v1/contracts/{each["contract_uuid"]}').json()
        for each in (claimed, other)
    ]
    by_uuid = {each['uuid']: each for each in world.call(ADMIN, 'GET', '/v1/nodes').json()['nodes']}
    assert parent['uuid'] == claimed['parent_lease_uuid']
    return {
        **found,
        'contracts': Pair(*contracts),
        'nodes': Pair(by_uuid[first], by_uuid[second]),
        'events': Pair(by_object[claimed['uuid']], by_object[early['uuid']]),
    }


def _recall(world: World, owner: Who) -> Found:
    node = world.node(owner.project)
    world.make(owner, '/v1/leases', resource_uuid=node, project_id='tenant', **_in(2034))
    return world.make(owner, '/v1/recalls', nodes=[node], deadline='2034-01-10')


def _in(year: int) -> dict[str, str]:
    return {'start_time': f'{year}-01-01', 'end_time': f'{year}-01-20'}


def same(name: str) -> Callable[[Pair], dict[str, Any]]:
    """Ask for the value that the first object has in the field of the parameter's name."""
    return lambda pair: {name: pair.one[name]}


def value(**given: str) -> Callable[[Pair], dict[str, Any]]:
    return lambda _: given


#: The parameters of a list, and for each a query that lists the first object of its pair alone.
TRIALS: dict[str, dict[str, Callable[[Pair], dict[str, Any]]]] = {
    'offers': {
        **{
            name: same(name)
            for name in (
                *('uuid', 'name', 'project_id', 'lessee_id', 'resource_type', 'resource_uuid'),
                *('resource_class', 'parent_lease_uuid', 'status'),
            )
        },
        'lessee': value(lessee='guest'),
        'property': value(property='cpus>=40'),
        'properties': value(properties='{"rack": "r1"}'),
        'start_time': value(start_time='2032-01-02', end_time='2032-01-03'),
        'end_time': value(start_time='2032-01-16', end_time='2032-01-17'),
        'available_start_time': value(
            available_start_time='2032-01-02', available_end_time='2032-01-03'
        ),
        'available_end_time': value(
            available_start_time='2032-01-16', available_end_time='2032-01-17'
        ),
    },
    'leases': {
        **{
            name: same(name)
            for name in (
                *('uuid', 'name', 'purpose', 'project_id', 'owner_id', 'offer_uuid'),
                *('contract_uuid', 'parent_lease_uuid', 'resource_type', 'resource_uuid'),
                *('resource_class', 'status'),
            )
        },
        'property': value(property='cpus>=40'),
        'properties': value(properties='{"rack": "r1"}'),
        'start_time': value(start_time='2032-01-12', end_time='2033-01-01'),
        'end_time': value(start_time='2032-01-01', end_time='2032-01-12'),
    },
    'contracts': {
        name: same(name)
        for name in ('uuid', 'name', 'project_id', 'owner_id', 'offer_uuid', 'status')
    },
    'recalls': {name: same(name) for name in ('uuid', 'project_id', 'status')},
    'nodes': {
        **{name: same(name) for name in ('uuid', 'name', 'resource_type', 'resource_class')},
        'owner': value(owner='owner'),
        'lessee': value(lessee='lessee'),
        'property': value(property='cpus>=40'),
        'offer_uuid': value(offer_uuid='late'),
        'lease_uuid': lambda pair: {'lease_uuid': pair.one['future_leases'][0]},
    },
    'events': {
        **{name: same(name) for name in ('event_type', 'resource_type', 'resource_uuid')},
        'last_event_id': lambda pair: {'last_event_id': pair.two['id']},
        'last_event_time': lambda pair: {'last_event_time': pair.two['event_time']},
        'lessee_or_owner_id': value(lessee_or_owner_id='guest'),
    },
}
LISTS = {
    route.path.removeprefix('/v1/'): route
    for route in ROUTES
    if route.method == 'GET' and route.parameters
}


def test_every_parameter_is_tried() -> None:
    declared = {noun: {*route.parameters} - PAGING for noun, route in LISTS.items()}
    tried = {noun: {*trials} for noun, trials in TRIALS.items()}
    for noun in ('leases', 'contracts', 'recalls'):
        tried[noun].add('view')  # see below
    assert declared == tried


@pytest.mark.parametrize('noun', TRIALS)
def test_every_filter_filters(
    pairs: tuple[World, dict[str, Pair]], noun: str, subtests: pytest.Subtests
) -> None:
    world, made = pairs
    key = 'id' if noun == 'events' else 'uuid'
    ours = {made[noun].one[key], made[noun].two[key]}

    def listed(**query: str) -> set[Any]:
        every = {'status': 'any', 'view': 'all'}
        known = {name: text for name, text in every.items() if name in LISTS[noun].parameters}
        path = f'/v1/{noun}?' + '&'.join(f'{k}={v}' for k, v in ({**known, **query}).items())
        answer = world.call(ADMIN, 'GET', path)
        assert answer.ok, answer.text
        return {each[key] for each in answer.json()[noun]} & ours

    assert listed() == ours
    for name, trial in TRIALS[noun].items():
        with subtests.test(parameter=name):
            assert listed(**trial(made[noun])) == {made[noun].one[key]}


@pytest.mark.parametrize('noun', ['leases', 'contracts', 'recalls'])
def test_view_lists_the_objects_of_all_projects(
    pairs: tuple[World, dict[str, Pair]], noun: str
) -> None:
    world, _ = pairs
    path = f'/v1/{noun}?status=any'
    assert world.call(ADMIN, 'GET', path).json()[noun] == []
    assert world.call(ADMIN, 'GET', f'{path}&view=all').json()[noun] != []
