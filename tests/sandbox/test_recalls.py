"""An emergency: an owner recalls all that he has lent, and has it back within the notice."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from .conftest import until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

_DUMMIES = 101
#: Seconds of notice, and for how long a node may come back after it.
_NOTICE, _BACK = 20, 240


@pytest.fixture
def fleet(cloud):
    """A hundred nodes of the owner, and one, that are files; they are gone afterwards."""
    made = {str(uuid.uuid4()) for _ in range(_DUMMIES)}
    content = {'project_owner_id': cloud.projects['owner'], 'provision_state': 'available'}
    for each in made:
        (cloud.layout.dummy_nodes / each).write_text(json.dumps(content), encoding='utf-8')
    yield sorted(made)
    for lease in cloud.must('admin', 'GET', '/v1/leases?view=all')['leases']:
        cloud.lease('admin', 'DELETE', f'/v1/leases/{lease["uuid"]}')
    for each in made:
        path = cloud.layout.dummy_nodes / each
        until(f'{each} is back', lambda path=path: 'lease_uuid' not in _read(path))
        path.unlink()


def _read(path):
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return {}


def test_all_nodes_come_back_within_the_notice_and_firm_ones_stay(cloud, nodes, fleet):
    cloud.session('owner-member').token()

    def lend(node, kind='dummy_node', **terms):
        body = {'resource_uuid': node, 'resource_type': kind, 'project_id': 'lessee'}
        return cloud.must('owner-member', 'POST', '/v1/leases', {**body, **terms})['uuid']

    with ThreadPoolExecutor(8) as pool:
        leased = list(pool.map(lambda node: lend(node, recall_notice=_NOTICE), fleet[1:]))
    kinds = {'kind': 'ironic_node'}
    leased += [lend(node, recall_notice=_NOTICE, **kinds) for node in nodes[:3]]
    firm = [lend(fleet[0], firm=True), lend(nodes[3], firm=True, **kinds)]

    def running():
        found = cloud.must('owner-member', 'GET', '/v1/leases?status=active')['leases']
        return {*leased, *firm} <= {each['uuid'] for each in found}

    until('the leases run', running, every=0.5)
    for node, user, target in (
        (nodes[0], 'lessee-member', 'active'),
        (nodes[1], 'system-admin', 'manage'),
    ):
        code, answer = cloud.ironic(user, 'PUT', f'{node}/states/provision', {'target': target})
        assert code == 202, answer
    until('one is deployed', lambda: cloud.node(nodes[0])['provision_state'] == 'active')
    until('one is manageable', lambda: cloud.node(nodes[1])['provision_state'] == 'manageable')

    code, _ = cloud.lease('stranger-member', 'POST', '/v1/recalls', {'nodes': [fleet[1]]})
    assert code == 404
    code, answer = cloud.ironic(
        'lessee-member', 'PUT', f'{nodes[2]}/states/provision', {'target': 'active'}
    )
    assert code == 202, answer
    recall = cloud.must('owner-member', 'POST', '/v1/recalls', {'all': True, 'reason': 'a drill'})
    here = f'/v1/recalls/{recall["uuid"]}'
    assert cloud.lease('stranger-member', 'GET', here)[0] == 404
    told = cloud.must('lessee-member', 'GET', f'/v1/leases/{leased[0]}')
    assert (told['status'], told['recall']['reason']) == ('active', 'a drill')
    assert recall['counts'] | {'refused': 2} == recall['counts']

    def complete():
        return cloud.must('owner-member', 'GET', here)['status'] == 'complete'

    until('all are back', complete, _NOTICE + _BACK, every=0.5)
    done = cloud.must('owner-member', 'GET', here)
    by_lease = {each['lease_uuid']: each for each in done['nodes']}
    assert {each for each, item in by_lease.items() if item['status'] == 'refused'} == set(firm)
    back = [by_lease[each] for each in leased]
    assert {each['status'] for each in back} == {'returned'}
    late = [_moment(each['expire_time']) - _moment(each['due']) for each in back]
    assert min(late) >= timedelta()
    assert {cloud.status(each) for each in firm} == {'active'}
    assert all(cloud.is_back(node) for node in nodes[:3])
    cleaned = [each['latency'] for each in back if each['resource'] in nodes]
    print(  # noqa: T201 - what the test is for
        f'{len(back)} nodes recalled with a notice of {_NOTICE} s: owner access latency '
        f'p50 {done["latency"]["p50"]:.1f} s, p99 {done["latency"]["p99"]:.1f} s; '
        f'real nodes {", ".join(f"{each:.1f} s" for each in cleaned)}; '
        f'the last lessee lost his node {max(late).total_seconds():.1f} s after the deadline'
    )


def _moment(text):
    return datetime.fromisoformat(text)
