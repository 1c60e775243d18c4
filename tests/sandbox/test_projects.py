"""Names of projects, domains and subtrees, with a real Keystone."""

import pytest

from sandbox.rest import Session
from sandbox.users import User

pytestmark = pytest.mark.sandbox


@pytest.fixture
def keystone(cloud):
    """Calls Keystone as the system's admin."""

    def call(method, path, body=None):
        url = f'{cloud.state.url("keystone")}/v3/{path}'
        return cloud.session('system-admin').must(method, url, body)

    return call


def _ensure(keystone, kind, name, **fields):
    """Return the id of an object in its domain, made if it is missing."""
    query = ''.join(f'&{key}={value}' for key, value in fields.items() if key == 'domain_id')
    found = keystone('GET', f'{kind}?name={name}{query}')[kind]
    single = kind.removesuffix('s')
    made = found[0] if found else keystone('POST', kind, {single: {'name': name, **fields}})[single]
    return made['id']


def _leased_to(cloud, node, project):
    body = {
        'resource_uuid': node,
        'project_id': project,
        'start_time': '2032-01-01',
        'end_time': '2032-01-02',
    }
    code, answer = cloud.lease('owner-member', 'POST', '/v1/leases', body)
    if code == 201:
        cloud.must('owner-member', 'DELETE', f'/v1/leases/{answer["uuid"]}')
    return code, answer


def test_a_project_is_found_by_id_by_name_and_by_domain_and_name(cloud, nodes):
    lessee = cloud.projects['lessee']
    for ident in (lessee, 'lessee', 'Default/lessee'):
        code, answer = _leased_to(cloud, nodes[0], ident)
        assert (code, answer['project_id'], answer['project']) == (201, lessee, 'lessee')


@pytest.mark.parametrize('ident', ['nobody', 'f' * 32, 'Default/nobody', 'nowhere/lessee', '../x'])
def test_an_unknown_project_is_refused_in_a_sentence(cloud, nodes, ident):
    code, answer = _leased_to(cloud, nodes[0], ident)
    assert (code, answer['error']['code']) == (400, 'project.unknown')
    assert answer['faultstring'].startswith(f'No project named {ident}.')


def test_b04_a_name_means_the_project_of_the_callers_own_domain(cloud, nodes, keystone):
    other = _ensure(keystone, 'domains', 'elsewhere')
    here = _ensure(keystone, 'projects', 'twin', domain_id='default')
    there = _ensure(keystone, 'projects', 'twin', domain_id=other)
    only_there = _ensure(keystone, 'projects', 'faraway', domain_id=other)
    assert here != there
    assert _leased_to(cloud, nodes[0], 'twin')[1]['project_id'] == here
    assert _leased_to(cloud, nodes[0], 'elsewhere/twin')[1]['project_id'] == there
    assert _leased_to(cloud, nodes[0], 'faraway')[0] == 400
    assert _leased_to(cloud, nodes[0], only_there)[1]['project_id'] == only_there


def test_an_offer_for_a_project_is_for_its_subtree_and_nobody_else(cloud, nodes, keystone):
    child = _ensure(
        keystone,
        'projects',
        'lessee-child',
        domain_id='default',
        parent_id=cloud.projects['lessee'],
    )
    member = _ensure(keystone, 'roles', 'member')
    user = _ensure(keystone, 'users', 'lessee-member')
    keystone('PUT', f'projects/{child}/users/{user}/roles/{member}')
    offer = cloud.must(
        'owner-member', 'POST', '/v1/offers', {'resource_uuid': nodes[0], 'lessee_id': 'lessee'}
    )['uuid']
    inside = Session(
        cloud.state.url('keystone'), User('lessee-member', 'member', 'lessee-child').auth()
    )
    url = f'{cloud.state.url("api")}/v1/offers'
    assert offer in {each['uuid'] for each in inside.must('GET', url)['offers']}
    for who in ('stranger-member', 'stranger-manager', 'lessee-reader', 'lessee-legacy'):
        sees = who.startswith('lessee')
        listed = {each['uuid'] for each in cloud.must(who, 'GET', '/v1/offers')['offers']}
        assert (offer in listed) is sees, who
        code, _ = cloud.lease(who, 'GET', f'/v1/offers/{offer}')
        assert code == (200 if sees else 404), who
    assert cloud.lease('stranger-member', 'POST', f'/v1/offers/{offer}/claim', {})[0] == 404
    code, lease = inside.send('POST', f'{url}/{offer}/claim', {'start_time': '2032-01-01'})
    assert (code, lease['project_id'], lease['project']) == (201, child, 'lessee-child')
    cloud.must('owner-member', 'DELETE', f'/v1/offers/{offer}')
    code, lease = inside.send('GET', f'{cloud.state.url("api")}/v1/leases/{lease["uuid"]}')
    assert (code, lease['status']) == (200, 'deleted')
