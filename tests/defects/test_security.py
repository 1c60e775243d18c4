"""B1 to B13, without those that need a cloud."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.functional.api.world import ADMIN, LESSEE, OWNER, STRANGER

from .conftest import OPTIONS


def test_b05_deleting_a_lease_asks_the_rule_for_deleting(make_world, tmp_path, day):
    rules = tmp_path / 'policy.json'
    rules.write_text(json.dumps({'esi_leap:lease:delete': '!', 'esi_leap:lease:get': '@'}))
    world = make_world(options={**OPTIONS, 'oslo_policy': {'policy_file': str(rules)}})
    path = f'/v1/leases/{world.lend(start_time=day(1), end_time=day(2))["uuid"]}'
    assert world.call(LESSEE, 'GET', path).status_code == 200
    refused = world.call(LESSEE, 'DELETE', path)
    assert refused.status_code == 403
    assert refused.json()['faultstring'] == 'Access was denied to esi_leap:lease:delete.'


@pytest.mark.parametrize(
    ('method', 'path', 'body'),
    [
        ('GET', '/v1/offers/{offer}', None),
        ('DELETE', '/v1/offers/{offer}', None),
        ('POST', '/v1/offers/{offer}/claim', {}),
        ('GET', '/v1/leases/{lease}', None),
        ('DELETE', '/v1/leases/{lease}', None),
        ('PATCH', '/v1/leases/{lease}', {'name': 'mine now'}),
        ('GET', '/v1/contracts/{contract}', None),
        ('DELETE', '/v1/contracts/{contract}', None),
    ],
)
def test_b07_object_of_another_project_answers_like_a_missing_one(world, day, method, path, body):
    offer = world.offer(lessee_id='lessee', name='hidden')
    lease = world.lend(start_time=day(1), end_time=day(2), name='hidden')
    there = {
        'offer': offer['uuid'],
        'lease': lease['uuid'],
        'contract': lease['contract_uuid'],
    }
    nowhere = dict.fromkeys(there, '11111111-2222-4333-8444-555555555555')
    answers = []
    for idents in (there, nowhere):
        answer = world.call(STRANGER, method, path.format(**idents), body)
        text = answer.text.replace(answer.headers['x-openstack-request-id'], 'REQUEST')
        for ident in idents.values():
            text = text.replace(ident, 'IDENT')
        answers.append((answer.status_code, text))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_b08_answer_never_contains_sql(make_world):
    world = make_world(manager=False)
    with world.service._database.engine.begin() as connection:  # noqa: SLF001 - to break it
        connection.execute(sa.text('ALTER TABLE bookings RENAME TO elsewhere'))
    answer = world.call(LESSEE, 'GET', '/v1/leases')
    assert answer.status_code == 500
    for word in ('SELECT', 'bookings', 'sqlite', 'Error:', 'Traceback'):
        assert word not in answer.text
    assert answer.headers['x-openstack-request-id'] in answer.text


@pytest.mark.parametrize(
    'ident', ['../secret', '..', '/etc/passwd', 'a/../../secret', '.hidden', '%2e%2e%2fsecret']
)
def test_b10_name_of_a_dummy_node_with_a_path_is_not_found(world, ident):
    folder = Path(world.service.nodes)
    (folder.parent / 'secret').write_text(json.dumps({'project_owner_id': 'owner'}))
    (folder / '.hidden').write_text(json.dumps({'project_owner_id': 'owner'}))
    for who in (OWNER, ADMIN):
        body = {'resource_uuid': ident, 'resource_type': 'dummy_node'}
        answer = world.call(who, 'POST', '/v1/offers', body)
        assert answer.status_code == 404
    assert json.loads((folder.parent / 'secret').read_text()) == {'project_owner_id': 'owner'}


def test_b10_resource_type_test_node_does_not_exist(world):
    body = {'resource_uuid': 'x', 'resource_type': 'test_node'}
    answer = world.call(ADMIN, 'POST', '/v1/offers', body)
    assert (answer.status_code, answer.json()['error']['code']) == (400, 'resource_type.unknown')


def test_b11_lease_uuid_on_a_node_gives_no_rights(world, day):
    lease = world.lend(start_time=day(1), end_time=day(5))
    node = world.node(lease_uuid=lease['uuid'], project_id='stranger')
    other = {'resource_uuid': lease['resource_uuid'], 'project_id': 'stranger'}
    file = Path(world.service.nodes) / lease['resource_uuid']
    content = json.loads(file.read_text()) | {'project_id': 'stranger', 'lease_uuid': lease['uuid']}
    file.write_text(json.dumps(content))
    window = {'start_time': day(2), 'end_time': day(3)}
    for body in ({'resource_uuid': node}, {'resource_uuid': lease['resource_uuid']}):
        refused = world.call(STRANGER, 'POST', '/v1/offers', {**body, **window})
        assert refused.status_code in {403, 404}, refused.text
    refused = world.call(STRANGER, 'POST', '/v1/leases', {**other, **window})
    assert refused.status_code in {403, 404}, refused.text


def test_b12_quota_bounds_the_claims_of_a_project(make_world):
    world = make_world(options={**OPTIONS, 'quota': {'leases': 2}})
    offers = [world.offer()['uuid'] for _ in range(3)]
    codes = [world.call(LESSEE, 'POST', f'/v1/offers/{each}/claim', {}) for each in offers]
    assert [each.status_code for each in codes] == [201, 201, 403]
    assert codes[-1].json()['error']['code'] == 'quota.exceeded'
