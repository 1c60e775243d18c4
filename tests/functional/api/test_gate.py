"""What is seen of a node that the gate has rejected, and how it comes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import world as worlds
from .world import ADMIN, LESSEE, OWNER, STRANGER, Who, World

OFFER = {'start_time': '2032-01-01', 'end_time': '2032-12-31'}
LEASE = {'start_time': '2032-01-02', 'end_time': '2032-01-12'}


class Case:
    """A node on offer that the gate has rejected, and another one that it has not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.node, self.other = world.node(), world.node()
        self.offer, self.open = (
            world.make(OWNER, '/v1/offers', resource_uuid=node, **OFFER)['uuid']
            for node in (self.node, self.other)
        )
        world.reject(self.node)

    def get(self, who: Who, path: str) -> Any:  # noqa: ANN401 - JSON
        answer = self.world.call(who, 'GET', path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def offers(self, who: Who) -> set[str]:
        return {each['uuid'] for each in self.get(who, '/v1/offers')['offers']}

    def nodes(self, who: Who) -> set[str]:
        return {each['uuid'] for each in self.get(who, '/v1/nodes')['nodes']}


@pytest.fixture(scope='module')
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with worlds.world(tmp_path_factory.mktemp('gate'), manager=False) as world:
        yield Case(world)


@pytest.mark.parametrize('who', [LESSEE, STRANGER])
def test_it_is_absent_from_what_others_may_claim(case: Case, who: Who) -> None:
    assert case.offers(who) == {case.open}
    assert case.nodes(who) == {case.other}


@pytest.mark.parametrize('who', [OWNER, ADMIN])
def test_its_owner_sees_it_and_why(case: Case, who: Who) -> None:
    assert case.offers(who) == {case.offer, case.open}
    offer = case.get(who, f'/v1/offers/{case.offer}')
    assert (offer['status'], offer['status_reason']) == ('available', 'A drill.')
    assert case.get(who, f'/v1/offers/{case.open}')['status_reason'] is None
    node = case.get(who, f'/v1/nodes/{case.node}')
    assert (node['state'], node['reason']) == ('rejected', 'A drill.')
    gate = node['gate']
    assert (gate['direction'], gate['answer'], gate['reason']) == (
        'hand-over',
        'reject',
        'A drill.',
    )
    assert (gate['evidence'], gate['phase']) == ({'pcr': 'bad'}, None)
    assert gate['begun_at'] == gate['answered_at']
    assert case.get(who, f'/v1/nodes/{case.other}')['gate'] is None


def test_a_claim_of_it_is_refused_and_says_why(case: Case) -> None:
    path = f'/v1/offers/{case.offer}/claim'
    answer = case.world.call(LESSEE, 'POST', path, LEASE)
    assert answer.status_code == 409
    assert answer.json()['error']['code'] == 'gate.rejected'
    assert 'was rejected by the gate' in answer.json()['error']['message']
    assert 'pcr' not in answer.text


def test_what_the_gate_saw_is_not_for_those_who_only_may_claim(case: Case) -> None:
    seen = case.get(STRANGER, f'/v1/nodes/{case.node}')
    assert (seen['gate'], seen['state'], seen['reason']) == (None, None, None)


def test_its_owner_cannot_reset_it_himself(case: Case) -> None:
    answer = case.world.call(OWNER, 'POST', f'/v1/nodes/{case.node}/reset')
    assert answer.status_code == 403


def test_a_reset_begins_a_whole_return(tmp_path: Path) -> None:
    with worlds.world(tmp_path, manager=False) as world:
        case = Case(world)
        answer = world.call(ADMIN, 'POST', f'/v1/nodes/dummy-node-{case.node}/reset')
        assert answer.status_code == 200
        assert (answer.json()['uuid'], answer.json()['state']) == (case.node, 'returning')
        assert answer.json()['gate']['answer'] == 'reject'  # until it is tried again
        again = world.call(ADMIN, 'POST', f'/v1/nodes/{case.node}/reset')
        assert again.status_code == 409
        assert again.json()['error']['code'] == 'gate.not_rejected'
        assert case.offers(STRANGER) == {case.offer, case.open}
        told = case.get(OWNER, f'/v1/events?resource_uuid={case.node}')['events']
        assert [each['event_type'] for each in told if each['object_type'] == 'node'] == [
            'esi_leap.node.gate.error',
            'esi_leap.node.reset.end',
        ]
        assert {each['owner_id'] for each in told} == {'owner'}
        strangers = case.get(STRANGER, f'/v1/events?resource_uuid={case.node}')['events']
        assert strangers == []
