"""All nodes of an Ironic that shows no more than 1,000 at once, whatever is asked for.

The peer speaks Ironic's list: `limit` under its own `max_limit`, `marker`, `fields`, and 404 for a
marker that does not exist. tests/sandbox/test_nodes.py reads pages of a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from keystoneauth1 import adapter, noauth, session

from esi_leap.cloud.ironic.nodes import IronicNodes
from esi_leap.cloud.rest import Service
from esi_leap.core.errors import NodeNotFoundError, UnavailableError
from tests.functional.peer import Request, serving

MAX_LIMIT = 1000


class Ironic:
    """The list of nodes of an Ironic."""

    def __init__(self, number: int) -> None:
        self.nodes = [self.node(n) for n in range(number)]
        self.asked: list[dict[str, str]] = []
        self.before: Callable[[int], None] = lambda turn: None
        self.broken = False
        self.hidden = 0

    @staticmethod
    def node(n: int) -> dict[str, Any]:
        return {
            'uuid': f'00000000-0000-4000-8000-{n:012}',
            'name': f'node-{n}' if n % 2 else None,
            'owner': 'owner' if n % 3 else None,
            'lessee': None,
            'properties': {'cpus': n, 'lease_uuid': 'x', 'capabilities': 'y'},
            'resource_class': 'metal',
            'provision_state': 'available',
            'target_provision_state': None,
            'power_state': None,
            'target_power_state': None,
            'maintenance': False,
            'driver_info': {'password': 'secret'},
        }

    def answer(self, request: Request) -> tuple[int, object]:
        if request.path.endswith('/nodes'):
            return self.page({name: values[0] for name, values in request.query.items()})
        if '/nodes/' in request.path:
            return self.one(request.path.rpartition('/')[2])
        version = {
            'id': 'v1',
            'status': 'CURRENT',
            'min_version': '1.1',
            'version': '1.95',
            'links': [{'href': f'{request.here}/v1/', 'rel': 'self'}],
        }
        return 200, {
            'id': 'v1',
            'default_version': version,
            'version': version,
            'versions': [version],
        }

    def one(self, uuid: str) -> tuple[int, dict[str, Any]]:
        self.hidden -= 1
        if self.hidden >= 0 or all(each['uuid'] != uuid for each in self.nodes):
            return 404, {'error_message': f'Node {uuid} could not be found.'}
        return 200, {'uuid': uuid}

    def page(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.before(len(self.asked))
        self.asked.append(query)
        if self.broken:
            return 500, {'error_message': 'the database is away'}
        uuids = [each['uuid'] for each in self.nodes]
        first = 0
        if 'marker' in query:
            if query['marker'] not in uuids:
                return 404, {'error_message': f'Node {query["marker"]} could not be found.'}
            first = uuids.index(query['marker']) + 1
        limit = min(int(query.get('limit', MAX_LIMIT)), MAX_LIMIT)
        fields = query['fields'].split(',') if 'fields' in query else ['uuid']
        found = self.nodes[first : first + limit]
        return 200, {'nodes': [{name: each[name] for name in fields} for each in found]}


@pytest.fixture
def ironic() -> Ironic:
    return Ironic(2345)


@pytest.fixture
def nodes(ironic: Ironic) -> Iterator[IronicNodes]:
    with serving(ironic) as url, requests.Session() as http:
        talk = session.Session(auth=noauth.NoAuth(endpoint=f'{url}/v1'), session=http)
        yield IronicNodes(Service(adapter.Adapter(talk, service_type='baremetal', min_version='1')))


@pytest.mark.parametrize(('hidden', 'said'), [(1, UnavailableError), (2, NodeNotFoundError)])
def test_node_hidden_for_a_moment_is_not_reported_gone(
    nodes: IronicNodes, ironic: Ironic, hidden: int, said: type[Exception]
) -> None:
    # Ironic 39 does so while it starts: it answers before it has read the files of its rules.
    ironic.hidden = hidden
    with pytest.raises(said):
        nodes.find(ironic.nodes[0]['uuid'])


def numbers(nodes: IronicNodes) -> list[int]:
    return [int(each.uuid[-12:]) for page in nodes.pages() for each in page]


def test_a20_pages_have_all_of_more_than_a_thousand_nodes(
    nodes: IronicNodes, ironic: Ironic
) -> None:
    pages = list(nodes.pages())

    assert [len(page) for page in pages] == [1000, 1000, 345]
    assert [int(each.uuid[-12:]) for page in pages for each in page] == list(range(2345))
    assert {'lessee', 'properties', 'maintenance'} <= set(ironic.asked[0]['fields'].split(','))
    assert 'driver_info' not in ironic.asked[0]['fields']
    unnamed, named, owned_by_nobody = pages[0][0], pages[0][1], pages[0][3]
    assert unnamed.name == unnamed.uuid
    assert (named.name, named.owner, owned_by_nobody.owner) == ('node-1', 'owner', None)
    assert named.properties == {'cpus': 1}


def test_ironic_without_nodes_has_no_pages(nodes: IronicNodes, ironic: Ironic) -> None:
    ironic.nodes.clear()
    assert list(nodes.pages()) == []


def test_pages_have_every_node_while_others_come_and_go(nodes: IronicNodes, ironic: Ironic) -> None:
    def change(turn: int) -> None:
        if turn == 1:  # the last two of the first page, one of it, and one of the next
            for n in (1500, 999, 998, 3):
                del ironic.nodes[n]
            ironic.nodes.append(Ironic.node(9999))

    ironic.before = change
    found = numbers(nodes)
    assert found == [n for n in [*range(2345), 9999] if n != 1500]


def test_lost_place_in_the_list_is_an_error(nodes: IronicNodes, ironic: Ironic) -> None:
    def change(turn: int) -> None:
        if turn == 1:
            del ironic.nodes[990:1000]

    ironic.before = change
    with pytest.raises(UnavailableError):
        numbers(nodes)


def test_error_on_any_page_is_an_error(nodes: IronicNodes, ironic: Ironic) -> None:
    def change(turn: int) -> None:
        ironic.broken = turn == 2

    ironic.before = change
    with pytest.raises(UnavailableError):
        numbers(nodes)
