"""A1 to A25, without those that need a cloud."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from esi_leap.core.errors import LeapError, NodeBusyError
from esi_leap.core.event import Priority
from esi_leap.core.handover.steps import Patch, Provision
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from esi_leap.manager.loop import Loop
from tests.functional.api.world import ADMIN, LESSEE, OWNER, STRANGER, pool
from tests.functional.manager.conftest import World as Metal
from tests.patience import PATIENCE, until

from .conftest import OPTIONS


@pytest.fixture
def metal(tmp_path: Path) -> Iterator[Metal]:
    """Make one node, its managers and a clock."""
    made = Metal(tmp_path)
    made.machine()
    yield made
    made.database.close()


def test_a01_node_is_cleaned_between_leases_without_a_gap(metal):
    metal.lease('first', 0, 10)
    metal.lease('second', 10, 20)
    metal.tick()
    metal.change(provision_state='active', instance_info={'image': 'x'}, console=True, vifs=['v'])
    metal.wait(minutes=10)
    given = [
        number
        for number, verb in enumerate(metal.nodes.verbs)
        if isinstance(verb, Patch) and verb.values.get('lessee') == 'second'
    ]
    undeployed = metal.nodes.verbs.index(Provision('deleted'))
    assert given
    assert undeployed < given[0]
    assert metal.file()['provision_state'] == 'available'
    assert not metal.file()['console']
    assert not metal.file()['vifs']


@pytest.mark.parametrize('refused', range(1, 8))
def test_a02_return_refused_at_any_call_is_resumed(metal, refused):
    lease = metal.lease('tenant', 0, 10)
    metal.tick()
    metal.change(provision_state='active', instance_info={'image': 'x'}, console=True)
    done = len(metal.nodes.verbs)

    def once(_call):
        if len(metal.nodes.verbs) == done + refused:
            metal.nodes.before = lambda _call: None
            raise NodeBusyError('The node is locked.')

    metal.nodes.before = once
    metal.wait(minutes=10)
    for _ in range(10):
        metal.wait(seconds=31)
    assert metal.see(lease).status is Status.EXPIRED
    assert metal.row().state is State.AVAILABLE
    assert Provision('deleted') in metal.nodes.verbs
    assert metal.file()['provision_state'] == 'available'
    assert not metal.file()['console']


def test_a03_exception_in_the_loop_does_not_stop_the_manager(metal, caplog):
    caplog.set_level(logging.CRITICAL)
    lease = metal.lease('tenant', 0, 10)
    looked = []

    class Failing:
        """The real agenda, which raises two unexpected errors."""

        def __getattr__(self, name: str) -> object:
            return getattr(metal.agenda, name)

        def due(self, now, limit):
            looked.append(now)
            if len(looked) <= 2:
                raise [RuntimeError('what is that'), MemoryError('and that')][len(looked) - 1]
            return metal.agenda.due(now, limit)

    deps = metal.manager()
    loop = Loop(type(deps)(**{**_fields(deps), 'agenda': Failing()}))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(loop.run)
        try:
            until(lambda: metal.see(lease).status is Status.ACTIVE)
        finally:
            loop.stop()
        running.result(PATIENCE)
    assert metal.see(lease).status is Status.ACTIVE


def _fields(value):
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def test_a04_lease_that_waits_or_failed_blocks_its_window(world, day):
    node = world.node(maintenance=True)
    waiting = world.lend(node, end_time=day(5))
    world.until(waiting['uuid'], 'wait fulfill')
    body = {'resource_uuid': node, 'project_id': 'stranger', 'end_time': day(2)}
    answer = world.call(OWNER, 'POST', '/v1/leases', body)
    assert (answer.status_code, answer.json()['error']['code']) == (409, 'window.conflict')


def test_a05_lease_in_wait_cancel_blocks_its_window(world, day):
    node = world.node()
    offer = world.offer(node)
    lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim', end_time=day(2))
    world.until(lease['uuid'], 'active')
    file = world.service.nodes / node
    content = file.read_text()
    file.write_text('the node does not answer')
    try:
        world.call(LESSEE, 'DELETE', f'/v1/leases/{lease["uuid"]}')
        world.until(lease['uuid'], 'wait cancel')
        claim = world.call(
            STRANGER, 'POST', f'/v1/offers/{offer["uuid"]}/claim', {'end_time': day(1)}
        )
        assert (claim.status_code, claim.json()['error']['code']) == (409, 'offer.unavailable')
        shown = world.call(STRANGER, 'GET', f'/v1/offers/{offer["uuid"]}').json()
        assert shown['availabilities'][0][0] >= day(2)
    finally:
        file.write_text(content)
    world.until(lease['uuid'], 'deleted')


def test_a06_request_leaves_no_transaction_and_no_connection_open(world):
    for _ in range(5):
        world.offer()
    with pool() as connections, ThreadPoolExecutor(40) as threads:
        codes = list(threads.map(lambda _: _get(world, '/v1/offers'), range(40)))
        assert Counter(codes) == {200: 40}
        until(lambda: not connections.out)


def _get(world, path):
    with requests.Session() as session:
        return world.call(LESSEE, 'GET', path, session=session).status_code


@pytest.mark.parametrize(
    ('start', 'end'),
    [
        ('2040-03-01T00:00:00+05:00', '2040-03-02T09:00:00+09:00'),
        ('2040-02-29T19:00:00Z', '2040-03-01T20:00:00-04:00'),
        ('2040-02-29T19:00:00', '2040-03-02T00:00:00Z'),
        ('2040-02-29T19:00:00.000000+00:00', '2040-03-02T00:00:00'),
    ],
)
def test_a07_offsets_are_converted_and_may_be_mixed(world, start, end):
    made = world.offer(start_time=start, end_time=end)
    assert (made['start_time'], made['end_time']) == ('2040-02-29T19:00:00', '2040-03-02T00:00:00')


def test_a07_end_alone_may_have_an_offset(world, day):
    assert world.offer(end_time=f'{day(2)}Z')['end_time'] == day(2)
    assert world.lend(end_time=f'{day(2)}Z')['end_time'] == day(2)


@pytest.mark.parametrize('zone', ['Asia/Tokyo', 'America/New_York', 'Asia/Kathmandu'])
def test_a07_time_zone_of_the_server_has_no_effect(zone):
    code = (
        'from esi_leap import clock; from esi_leap.core import instant; import datetime as d;'
        'utc = d.datetime.now(d.timezone.utc);'
        'assert abs((clock.now() - utc).total_seconds()) < 5;'
        'print(instant.render(instant.parse("2040-01-01T00:00:00", "t")))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, 'TZ': zone},
    )
    assert done.stdout.strip() == '2040-01-01T00:00:00'


@pytest.mark.parametrize('database_kind', ['mariadb', 'postgresql'], indirect=True)
def test_a08_two_hosts_do_not_book_a_window_twice(make_world, database_url, day):
    hosts = [make_world(database=database_url, manager=False) for _ in range(2)]
    first = hosts[0]
    node = first.node()
    for host in hosts[1:]:
        host.service.node(node, 'owner')
    for number in range(5):
        body = {
            'resource_uuid': node,
            'project_id': 'lessee',
            'start_time': day(1 + number),
            'end_time': day(2 + number),
        }
        with ThreadPoolExecutor(8) as threads:
            codes = list(
                threads.map(
                    lambda each, body=body: _post(hosts[each % 2], '/v1/leases', body), range(8)
                )
            )
        assert Counter(codes) == {201: 1, 409: 7}


def _post(world, path, body):
    with requests.Session() as session:
        return world.call(OWNER, 'POST', path, body, session=session).status_code


@pytest.mark.parametrize(
    ('method', 'path', 'body'),
    [
        ('GET', '/v1/offers/{}', None),
        ('DELETE', '/v1/offers/{}', None),
        ('POST', '/v1/offers/{}/claim', {}),
        ('GET', '/v1/leases/{}', None),
        ('DELETE', '/v1/leases/{}', None),
        ('PATCH', '/v1/leases/{}', {'end_time': '2050-01-01T00:00:00'}),
    ],
)
def test_a10_unknown_uuid_is_not_found(world, method, path, body):
    unknown = '11111111-2222-4333-8444-555555555555'
    answer = world.call(ADMIN, method, path.format(unknown), body)
    assert answer.status_code == 404
    assert answer.json()['faultstring'].endswith(f'with name or uuid {unknown} not found.')


def test_a11_offer_is_claimed_by_its_name(world):
    offer = world.offer(name='nightly')
    lease = world.make(LESSEE, '/v1/offers/nightly/claim')
    assert lease['offer_uuid'] == offer['uuid']


def test_a12_reused_name_means_the_object_that_has_not_ended(world, day):
    old = world.lend(name='rerun', start_time=day(1), end_time=day(2))
    world.call(OWNER, 'DELETE', f'/v1/leases/{old["uuid"]}')
    new = world.lend(name='rerun', start_time=day(1), end_time=day(2))
    assert world.call(LESSEE, 'GET', '/v1/leases/rerun').json()['uuid'] == new['uuid']


def test_a12_name_in_another_project_is_not_found(world, day):
    mine = world.lend(name='shared', start_time=day(1), end_time=day(2))
    theirs = world.lend(project='stranger', name='shared', start_time=day(1), end_time=day(2))
    assert world.call(LESSEE, 'GET', '/v1/leases/shared').json()['uuid'] == mine['uuid']
    assert world.call(STRANGER, 'GET', '/v1/leases/shared').json()['uuid'] == theirs['uuid']
    both = world.call(OWNER, 'GET', '/v1/leases/shared')
    assert both.status_code == 409
    assert {mine['uuid'], theirs['uuid']} == set(both.json()['error']['details']['uuids'])


def test_a13_lease_made_by_an_admin_belongs_to_the_owner_of_the_node(world, day):
    lease = world.make(
        ADMIN, '/v1/leases', resource_uuid=world.node(), project_id='lessee', end_time=day(1)
    )
    assert lease['owner_id'] == 'owner'
    listed = world.call(OWNER, 'GET', '/v1/leases').json()['leases']
    assert lease['uuid'] in [each['uuid'] for each in listed]
    assert world.call(OWNER, 'DELETE', f'/v1/leases/{lease["uuid"]}').status_code == 200


def test_a14_lease_in_the_past_is_refused(world):
    body = {
        'resource_uuid': world.node(),
        'project_id': 'lessee',
        'start_time': '2020-01-01T00:00:00',
        'end_time': '2020-01-02T00:00:00',
    }
    answer = world.call(OWNER, 'POST', '/v1/leases', body)
    assert (answer.status_code, answer.json()['error']['code']) == (400, 'window.invalid')


def test_a14_quota_bounds_starts_and_chains_of_claims(make_world, day):
    world = make_world(options={**OPTIONS, 'quota': {'days_ahead': 30, 'days_in_a_row': 21}})
    path = f'/v1/offers/{world.offer()["uuid"]}/claim'
    far = world.call(LESSEE, 'POST', path, {'start_time': day(40), 'end_time': day(41)})
    assert (far.status_code, far.json()['error']['code']) == (403, 'quota.exceeded')
    world.make(LESSEE, path, start_time=day(1), end_time=day(21))
    chained = world.call(LESSEE, 'POST', path, {'start_time': day(21), 'end_time': day(25)})
    assert (chained.status_code, chained.json()['error']['code']) == (403, 'quota.exceeded')


def test_a15_ended_lease_cannot_be_changed(world, day):
    lease = world.lend(start_time=day(1), end_time=day(2))
    path = f'/v1/leases/{lease["uuid"]}'
    past = world.call(ADMIN, 'PATCH', path, {'end_time': '2020-01-01T00:00:00'})
    assert past.status_code == 400
    world.call(OWNER, 'DELETE', path)
    late = world.call(ADMIN, 'PATCH', path, {'end_time': day(3)})
    assert (late.status_code, late.json()['error']['code']) == (409, 'state.final')


def test_a15_lease_cannot_be_shorter_than_the_bookings_inside_it(world, day):
    node = world.node()
    parent = world.lend(node, end_time=day(5))
    world.until(parent['uuid'], 'active')
    child = {'resource_uuid': node, 'project_id': 'stranger', 'start_time': day(1)}
    made = world.make(LESSEE, '/v1/leases', **child, end_time=day(3))
    assert made['parent_lease_uuid'] == parent['uuid']
    path = f'/v1/leases/{parent["uuid"]}'
    shrunk = world.call(ADMIN, 'PATCH', path, {'end_time': day(2)})
    assert (shrunk.status_code, shrunk.json()['error']['code']) == (409, 'window.outside')
    assert world.call(ADMIN, 'PATCH', path, {'end_time': day(3)}).status_code == 200


def test_a16_manager_uses_the_configured_folder_of_dummy_nodes(world, day):
    lease = world.lend(end_time=day(1))
    world.until(lease['uuid'], 'active')
    file = world.service.nodes / lease['resource_uuid']
    assert json.loads(file.read_text())['lease_uuid'] == lease['uuid']


def test_a17_policy_check_does_not_change_the_configuration(make_world, day):
    world = make_world(options={**OPTIONS, 'api': {'max_lease_time': 2}})
    path = f'/v1/offers/{world.offer()["uuid"]}/claim'
    for _ in range(3):
        body = {'start_time': day(1), 'end_time': day(4)}
        answer = world.call(LESSEE, 'POST', path, body)
        assert answer.status_code == 403
        assert 'The max time range is 2 days.' in answer.json()['faultstring']
        assert world.service.conf.api.max_lease_time == 2


def test_a19_every_error_has_a_message_of_its_own():
    def kinds(base):
        return [base, *(each for kind in base.__subclasses__() for each in kinds(kind))]

    for kind in kinds(LeapError)[1:]:
        assert str(kind('What went wrong.')) == kind('What went wrong.').message
        assert kind.code != LeapError.code
        assert kind.title


def test_a21_missing_node_keeps_no_lease_waiting(metal):
    ending, cancelled = metal.lease('tenant', 0, 10), metal.lease('tenant', 20, 30)
    metal.tick()
    (metal.folder / 'n1').unlink()
    metal.wait(minutes=10)
    assert metal.see(ending).status is Status.EXPIRED
    assert 'does not exist' in str(metal.see(ending).reason)
    metal.cancel(cancelled)
    metal.wait(seconds=1)
    assert metal.see(cancelled).status is Status.DELETED


def test_a23_fields_of_the_operator_survive_a_lease(metal):
    metal.machine(extra={'rack': 7, 'asset': 'x-12'})
    metal.lease('tenant', 0, 10)
    metal.tick()
    metal.change(extra={'rack': 7, 'mine': 1}, provision_state='service failed')
    metal.wait(minutes=10)
    assert metal.file()['extra'] == {'rack': 7, 'asset': 'x-12'}
    assert Provision('deleted') in metal.nodes.verbs
    assert metal.file()['provision_state'] == 'available'


def test_a24_time_filter_of_offers_selects_windows_that_contain_the_range(world, day):
    node = world.node()
    offer = world.offer(node, start_time=day(10), end_time=day(20))
    for start, end, found in ((10, 20, True), (12, 15, True), (9, 15, False), (15, 21, False)):
        query = f'resource_uuid={node}&start_time={day(start)}&end_time={day(end)}'
        listed = world.call(LESSEE, 'GET', f'/v1/offers?{query}').json()['offers']
        assert [each['uuid'] for each in listed] == ([offer['uuid']] if found else [])
    help_text = subprocess.run(
        [Path(sys.executable).with_name('openstack'), 'esi', 'offer', 'list', '--help'],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert 'List offers that span this window' in ' '.join(help_text.split())


def test_a18_changes_that_follow_from_a_deletion_have_events(world, day):
    node = world.node(power_state=None)
    offer = world.offer(node)
    lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim', end_time=day(2))
    world.until(lease['uuid'], 'active')
    world.call(OWNER, 'DELETE', f'/v1/offers/{offer["uuid"]}')
    world.until(lease['uuid'], 'deleted')
    listed = world.call(OWNER, 'GET', f'/v1/events?resource_uuid={node}').json()['events']
    told = {(each['object_uuid'], each['event_type']) for each in listed}
    assert {
        (offer['uuid'], 'esi_leap.offer.delete.end'),
        (lease['uuid'], 'esi_leap.lease.fulfill.end'),
        (lease['uuid'], 'esi_leap.lease.delete.start'),
        (lease['uuid'], 'esi_leap.lease.delete.end'),
        (lease['contract_uuid'], 'esi_leap.contract.delete.end'),
    } <= told
    assert [each['id'] for each in listed] == sorted(each['id'] for each in listed)


def test_a22_node_locked_at_the_end_of_a_sub_lease_is_returned_when_unlocked(metal):
    outer = metal.lease('tenant', 0, 40)
    inner = metal.lease('guest', 10, 30, inside=outer)
    metal.tick()
    metal.wait(minutes=10)
    metal.change(provision_state='active', instance_info={'image': 'x'})

    def locked(call: int) -> None:
        if metal.row().state is not State.HANDED_OVER:
            raise NodeBusyError('The node is locked.')

    metal.nodes.before = locked
    metal.cancel(inner)
    metal.tick()
    for _ in range(20):
        metal.wait(seconds=31)
    assert (metal.see(inner).status, metal.see(outer).status) == (Status.DELETED, Status.ACTIVE)
    assert metal.file()['project_id'] == 'holding'
    assert str(metal.see(outer).reason).endswith('The node is locked.')
    metal.nodes.before = lambda call: None
    metal.wait(seconds=31)
    assert (metal.file()['project_id'], metal.file()['lease_uuid']) == ('tenant', outer)
    assert metal.file()['provision_state'] == 'available'


def test_a25_notification_has_the_status_after_the_change(metal):
    metal.notify(Priority.INFO)
    metal.deps = metal.manager()
    lease = metal.lease('tenant', 0, 10)
    metal.tick()
    metal.wait(minutes=10)
    said = {
        each.type: each.payload['esi_leap_object.data']
        for each in metal.outbox.outgoing(100)
        if each.payload['esi_leap_object.data']['uuid'] == lease
    }
    begun, over = said['esi_leap.lease.fulfill.end'], said['esi_leap.lease.delete.end']
    assert (begun['status'], begun['fulfill_time']) == ('active', '2031-05-01T12:00:00Z')
    assert (over['status'], over['expire_time']) == ('expired', '2031-05-01T12:10:00Z')
