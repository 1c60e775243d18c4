"""The gate on a real Ironic: pass, wait, reject and a driver that fails, on both ways of a node."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import users

from .conftest import Cloud, now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

PASS = {'answer': 'pass', 'evidence': {'pcr0': 'as enrolled'}}
WAIT = {'answer': 'wait', 'reason': 'It boots.'}
REJECT = {'answer': 'reject', 'reason': 'PCR 0 differs.', 'evidence': {'pcr0': 'another'}}


class Gate:
    """The file with the verdicts of the cloud's fake gate."""

    def __init__(self, cloud: Cloud) -> None:
        self.file = cloud.layout.data / 'gate.json'

    def says(self, verdict: object) -> None:
        fresh = self.file.with_suffix('.new')
        fresh.write_text(json.dumps({'*': verdict}))
        fresh.replace(self.file)

    def fails(self) -> None:
        self.file.write_text('{"*": {"answer": "pa')


@pytest.fixture(scope='module')
def gate(cloud: Cloud) -> Iterator[Gate]:
    """A manager with a gate, in place of that of the cloud."""
    config = cloud.layout.etc / 'esi-leap' / 'esi-leap.conf'
    before, made = config.read_text(), Gate(cloud)
    made.says(PASS)
    cloud.stop('manager')
    # Less than half of the time for which a manager of the cloud has a node.
    options = f'driver = fake\nfake_file = {made.file}\ncall_timeout = 5\n'
    config.write_text(f'{before}\n[gate]\n{options}')
    cloud.start('manager')
    yield made
    made.says(PASS)
    cloud.stop('manager')
    config.write_text(before)
    cloud.start('manager')


def seen(cloud: Cloud, node: str) -> Any:  # noqa: ANN401 - JSON
    return cloud.must('admin', 'GET', f'/v1/nodes/{node}')


def is_held(cloud: Cloud, node: str, reason: str) -> bool:
    """Tell whether a node waits at the gate, with the holding project and out of reach of all."""
    found = seen(cloud, node)
    if found['state'] != 'gating' or reason not in (found['reason'] or ''):
        return False
    assert cloud.has(node) == users.HOLDING
    off = {'target': 'power off'}
    for user, code in (('owner-member', 403), ('lessee-member', 404)):
        assert cloud.ironic(user, 'PUT', f'{node}/states/power', off)[0] == code
    return True


def test_pass_wait_and_a_failing_driver_on_both_ways(
    cloud: Cloud, nodes: list[str], gate: Gate
) -> None:
    node = nodes[0]
    gate.says(WAIT)
    lease = cloud.give(node, 'lessee', now(), 600)
    until('it waits before the hand-over', lambda: is_held(cloud, node, 'It boots.'))
    gate.fails()
    until('it waits for the driver', lambda: is_held(cloud, node, 'The gate failed'))
    gate.says(PASS)
    until('the tenant has the node', lambda: cloud.has(node) == 'lessee')
    until('the lease runs', lambda: cloud.status(lease) == 'active')
    trial = seen(cloud, node)['gate']
    assert (trial['direction'], trial['answer']) == ('hand-over', 'pass')
    assert trial['evidence'] == PASS['evidence']
    gate.fails()
    cloud.must('owner-member', 'DELETE', f'/v1/leases/{lease}')
    assert cloud.status(lease) == 'deleted'
    until('it waits for the driver', lambda: is_held(cloud, node, 'The gate failed'))
    assert cloud.node(node)['provision_state'] == 'available'  # it was cleaned before
    gate.says(WAIT)
    until('it waits before it is free', lambda: is_held(cloud, node, 'It boots.'))
    gate.says(PASS)
    until('the node is back', lambda: cloud.is_back(node))
    until('the service knows', lambda: seen(cloud, node)['state'] == 'available')


@pytest.mark.parametrize('direction', ['hand-over', 'return'])
def test_a_rejected_node_is_nobodys_until_a_reset_and_a_whole_run(
    cloud: Cloud, nodes: list[str], gate: Gate, direction: str
) -> None:
    node = nodes[1]
    gate.says(REJECT if direction == 'hand-over' else PASS)
    offer = cloud.must('owner-member', 'POST', '/v1/offers', {'resource_uuid': node})['uuid']
    claim = f'/v1/offers/{offer}/claim'
    lease = cloud.must('lessee-member', 'POST', claim, {'purpose': 'a drill'})['uuid']
    if direction == 'return':
        until('the lease runs', lambda: cloud.status(lease) == 'active')
        gate.says(REJECT)
        cloud.must('lessee-member', 'DELETE', f'/v1/leases/{lease}')
    whose: set[str | None] = set()

    def rejected() -> bool:
        whose.add(cloud.has(node))
        return bool(cloud.node(node)['maintenance'])

    until('the node is in maintenance', rejected, every=0.05)
    assert cloud.node(node)['maintenance_reason'].endswith('PCR 0 differs.')
    assert cloud.has(node) == users.HOLDING
    assert direction == 'return' or 'lessee' not in whose
    found = seen(cloud, node)
    assert (found['state'], found['gate']['evidence']) == ('rejected', REJECT['evidence'])
    assert cloud.status(lease) == ('error' if direction == 'hand-over' else 'deleted')
    offers = cloud.must('stranger-member', 'GET', '/v1/offers')['offers']
    assert offer not in {each['uuid'] for each in offers}
    code, answer = cloud.lease('stranger-member', 'POST', claim, {})
    assert (code, answer['error']['code']) == (409, 'gate.rejected')
    told = cloud.must('owner-member', 'GET', f'/v1/events?resource_uuid={found["uuid"]}')
    assert 'esi_leap.node.gate.error' in {each['event_type'] for each in told['events']}
    # There is no way around: the owner may not reset it, and a reset alone makes nothing clean.
    reset = f'/v1/nodes/{node}/reset'
    assert cloud.lease('owner-member', 'POST', reset)[0] == 403
    cloud.must('admin', 'POST', reset)
    until('it is rejected once more', lambda: rejected_again(cloud, node, found))
    assert cloud.has(node) == users.HOLDING
    gate.says(PASS)
    cloud.must('admin', 'POST', reset)
    until('the node is back', lambda: cloud.is_back(node))
    assert not cloud.node(node)['maintenance']
    offers = cloud.must('stranger-member', 'GET', '/v1/offers')['offers']
    assert offer in {each['uuid'] for each in offers}


def rejected_again(cloud: Cloud, node: str, before: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether it was tried anew: cleaned, brought to the gate, and rejected there."""
    found = seen(cloud, node)
    begun = found['gate']['begun_at'] > before['gate']['begun_at']
    return begun and found['state'] == 'rejected' and bool(cloud.node(node)['maintenance'])
