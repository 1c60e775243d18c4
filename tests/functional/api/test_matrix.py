"""The policy matrix, replayed; and that nothing is open or known to those it does not name."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from esi_leap import policy
from esi_leap.api.expose import ROUTES
from tests.patience import PATIENCE

from .world import ADMIN, LESSEE, NOBODY, OWNER, STRANGER, Who, World, policy_questions

MATRIX = yaml.safe_load(
    (Path(__file__).parents[3] / 'policies/esi_leap/matrix.yaml').read_text(encoding='utf-8')
)
ROLES = [NOBODY.role if each == 'nobody' else each for each in MATRIX['roles']]
PROJECTS = ('owner', 'lessee', 'stranger')
#: What a token without any of our roles may read: it says nothing of anybody.
DOCUMENTS = {('GET', '/v1')}
OFFER = {'start_time': '2032-01-01', 'end_time': '2032-12-31'}
LEASE = {'start_time': '2032-01-02', 'end_time': '2032-01-12'}


class Things:
    """Makes what a deed is done to; each is a new one on a node of its own."""

    def __init__(self, world: World) -> None:
        self.world = world

    def make(self, name: str) -> str:
        maker: Callable[[], str] = getattr(self, name)
        return maker()

    def node(self) -> str:
        return self.world.node('owner')

    def open_offer(self) -> str:
        return self._offer(self.node())

    def restricted_offer(self) -> str:
        return self._offer(self.node(), lessee_id='lessee')

    def offered_node(self) -> str:
        node = self.node()
        self._offer(node)
        return node

    def rejected_node(self) -> str:
        """A node of the owner of which nobody knows, and that the gate has rejected."""
        node = self.node()
        self.world.reject(node)
        return node

    def leased_node(self) -> str:
        return str(self._lease()['resource_uuid'])

    @cached_property
    def _held(self) -> str:
        """A node that the lessee has now; nothing that is done to it takes it from him."""
        node = self.node()
        made = self.world.make(OWNER, '/v1/leases', resource_uuid=node, project_id='lessee')
        path, deadline = f'/v1/leases/{made["uuid"]}', time.monotonic() + PATIENCE
        while self.world.call(OWNER, 'GET', path).json()['status'] != 'active':
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return node

    def held_node(self) -> str:
        return self._held

    def lease(self) -> str:
        return str(self._lease()['uuid'])

    def noticed_lease(self) -> str:
        return str(self._lease(recall_notice=60)['uuid'])

    def recall(self) -> str:
        """A recall of which something is still to come."""
        made = self.world.make(
            OWNER, '/v1/recalls', nodes=[self.leased_node()], deadline='2032-01-05'
        )
        return str(made['uuid'])

    def contract(self) -> str:
        return str(self._lease()['contract_uuid'])

    def claimed_lease(self) -> str:
        offer = self.restricted_offer()
        return str(self.world.make(LESSEE, f'/v1/offers/{offer}/claim', **LEASE)['uuid'])

    def sublease(self) -> str:
        """A lease that the lessee has made to a guest, inside his own."""
        made = self.world.make(
            LESSEE,
            '/v1/leases',
            resource_uuid=self.leased_node(),
            project_id='guest',
            start_time='2032-01-05',
            end_time='2032-01-06',
        )
        return str(made['uuid'])

    def _offer(self, node: str, **more: str) -> str:
        made = self.world.make(OWNER, '/v1/offers', resource_uuid=node, **OFFER, **more)
        return str(made['uuid'])

    def _lease(self, **more: object) -> dict[str, Any]:
        node = self.node()
        return self.world.make(
            OWNER, '/v1/leases', resource_uuid=node, project_id='lessee', **LEASE, **more
        )


@dataclass
class Replay:
    """What came out: deed to project to status codes, and the policy's rules that were asked."""

    asked: set[str]
    answers: dict[str, dict[str, list[int]]] = field(default_factory=dict)


@pytest.fixture(scope='module')
def things(world: World) -> Things:
    return Things(world)


@pytest.fixture(scope='module')
def replay(world: World, things: Things) -> Replay:
    with policy_questions() as asked:
        played = Replay(asked)
        for row in MATRIX['deeds']:
            played.answers[row['deed']] = {
                project: [_status(world, things, row, Who(project, role)) for role in ROLES]
                for project in PROJECTS
            }
    return played


def _status(world: World, things: Things, row: dict[str, Any], who: Who) -> int:
    method, path = row['request'].split(' ')
    made: dict[str, str] = {}

    def thing(match: re.Match[str]) -> str:
        return made.setdefault(match[1], things.make(match[1]))

    body = row.get('body')
    if body is not None:
        body = {key: _filled(value, thing) for key, value in body.items()}
    return world.call(who, method, _filled(path, thing), body).status_code


def _filled(value: object, thing: Callable[[re.Match[str]], str]) -> object:
    if isinstance(value, list):
        return [_filled(each, thing) for each in value]
    return re.sub(r'\{(\w+)\}', thing, value) if isinstance(value, str) else value


@pytest.mark.parametrize('row', MATRIX['deeds'], ids=lambda row: row['deed'])
def test_everybody_gets_the_answer_of_the_matrix(replay: Replay, row: dict[str, Any]) -> None:
    expected = {project: row[project] for project in PROJECTS}
    assert replay.answers[row['deed']] == expected


def test_every_rule_is_asked(replay: Replay) -> None:
    assert {rule.name for rule in policy.RULES} - replay.asked == set()


def test_every_route_is_in_the_matrix() -> None:
    played = {
        (method, re.sub(r'\{\w+\}', '{ident}', path).split('?')[0])
        for method, path in (row['request'].split(' ') for row in MATRIX['deeds'])
    }
    assert played == {(each.method, each.path) for each in ROUTES}


@pytest.mark.parametrize('route', ROUTES, ids=lambda route: f'{route.method} {route.path}')
def test_no_route_is_open_to_a_token_without_our_roles(things: Things, route: Any) -> None:  # noqa: ANN401
    world = things.world
    noun = route.path.split('/')[2] if route.path.count('/') > 1 else ''
    ident = {
        'offers': things.open_offer,
        'leases': things.lease,
        'contracts': things.contract,
        'recalls': things.recall,
        'console_auth_tokens': things.held_node,
        'nodes': things.offered_node,
    }
    path = route.path.replace('{ident}', ident[noun]()) if '{ident}' in route.path else route.path
    body = {'resource_uuid': things.node(), 'project_id': 'nobody'} if noun == 'leases' else None
    if route.body is not None and body is None:
        body = {} if path.endswith('/claim') else {'resource_uuid': things.node()}
    if route.method == 'PATCH':
        body = {'name': 'mine'}
    if noun == 'recalls' and route.method == 'POST':
        body = {'nodes': [things.node()]}
    if noun == 'console_auth_tokens':
        body = {'node_uuid_or_name': things.held_node()}
    status = world.call(NOBODY, route.method, path, body).status_code
    if route.public or (route.method, route.path) in DOCUMENTS:
        assert status < 400
    else:
        hidden = '{ident}' in route.path or noun == 'console_auth_tokens'
        assert status == (404 if hidden else 403)


@pytest.mark.parametrize(
    ('method', 'path', 'hidden', 'body'),
    [
        ('GET', '/v1/offers/{}', 'restricted_offer', None),
        ('DELETE', '/v1/offers/{}', 'restricted_offer', None),
        ('POST', '/v1/offers/{}/claim', 'restricted_offer', {}),
        ('GET', '/v1/leases/{}', 'lease', None),
        ('PATCH', '/v1/leases/{}', 'lease', {'name': 'mine'}),
        ('PATCH', '/v1/leases/{}', 'lease', {'end_time': '2099-01-01'}),
        ('DELETE', '/v1/leases/{}', 'lease', None),
        ('GET', '/v1/contracts/{}', 'contract', None),
        ('DELETE', '/v1/contracts/{}', 'contract', None),
        ('GET', '/v1/nodes/{}', 'leased_node', None),
        ('GET', '/v1/nodes/dummy-node-{}', 'leased_node', None),
        ('GET', '/v1/nodes?marker={}', 'leased_node', None),
        ('POST', '/v1/offers', 'node', {'resource_uuid': '{}'}),
        ('POST', '/v1/offers', 'node', {'resource_uuid': 'dummy-node-{}'}),
        ('POST', '/v1/leases', 'leased_node', {'resource_uuid': '{}', 'project_id': 'stranger'}),
        ('POST', '/v1/console_auth_tokens', 'held_node', {'node_uuid_or_name': '{}'}),
        ('POST', '/v1/console_auth_tokens', 'node', {'node_uuid_or_name': 'dummy-node-{}'}),
        ('DELETE', '/v1/console_auth_tokens/{}', 'held_node', None),
        ('GET', '/v1/recalls/{}', 'recall', None),
        ('DELETE', '/v1/recalls/{}', 'recall', None),
        ('POST', '/v1/recalls', 'leased_node', {'nodes': ['{}']}),
        ('POST', '/v1/recalls', 'node', {'nodes': ['dummy-node-{}']}),
        ('GET', '/v1/recalls?marker={}', 'recall', None),
        ('GET', '/v1/offers?marker={}', 'restricted_offer', None),
        ('GET', '/v1/leases?marker={}', 'lease', None),
        ('GET', '/v1/contracts?marker={}', 'contract', None),
    ],
)
def test_what_may_not_be_seen_is_answered_as_what_does_not_exist(
    things: Things, method: str, path: str, hidden: str, body: dict[str, Any] | None
) -> None:
    answers = []
    there = things.make(hidden)
    absent = there[:-5] + '99999' if hidden.endswith('node') else _another(there)
    for ident in (there, absent):
        sent = body and json.loads(json.dumps(body).replace('{}', ident))
        answer = things.world.call(STRANGER, method, path.format(ident), sent)
        answers.append(
            (
                answer.status_code,
                _anonymous(answer.text, ident),
                _anonymous(
                    str({k: v for k, v in answer.headers.items() if k.lower() != 'date'}), ident
                ),
            )
        )
    assert answers[0][0] == (400 if 'marker' in path else 404)
    assert answers[0] == answers[1]


def test_an_admin_tells_them_apart(things: Things) -> None:
    there = things.lease()
    assert things.world.call(ADMIN, 'GET', f'/v1/leases/{there}').status_code == 200
    assert things.world.call(ADMIN, 'GET', f'/v1/leases/{_another(there)}').status_code == 404


def _another(uuid: str) -> str:
    return uuid[:-4] + ('0000' if uuid[-4:] != '0000' else '1111')


def _anonymous(text: str, ident: str) -> str:
    return re.sub(r'req-[0-9a-f-]{36}', 'REQUEST', text).replace(ident, 'IDENT')
