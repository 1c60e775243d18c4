"""Terms and recalls over HTTP: who is bound, who is told, and what comes back."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from esi_leap import clock

from .world import ADMIN, LESSEE, OWNER, STRANGER, Who, World

FAR = {'start_time': '2032-01-01', 'end_time': '2032-01-15'}
CLAIM = {'start_time': '2032-01-02', 'end_time': '2032-01-12'}


def soon(seconds: float) -> str:
    return (clock.now() + timedelta(seconds=seconds)).isoformat()


def see(world: World, who: Who, path: str) -> dict[str, Any]:
    answer = world.call(who, 'GET', path)
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()
    return found


def until(world: World, who: Who, path: str, **wanted: object) -> dict[str, Any]:
    begun = time.monotonic()
    while (found := see(world, who, path)) | wanted != found:
        assert time.monotonic() - begun < 60, found
        time.sleep(0.05)
    return found


def leased(world: World, **terms: object) -> dict[str, Any]:
    """A lease that the lessee has now."""
    made = world.make(OWNER, '/v1/leases', resource_uuid=world.node(), project_id='lessee', **terms)
    return until(world, LESSEE, f'/v1/leases/{made["uuid"]}', status='active')


def events(world: World, who: Who, uuid: str) -> list[str]:
    found = see(world, who, '/v1/events')['events']
    return [each['event_type'] for each in found if each['object_uuid'] == uuid]


class TestTerms:
    def test_they_go_from_the_offer_to_the_lease_and_the_contract(self, world: World) -> None:
        noticed = {'recall_notice': 1800, 'firm': False}
        for terms in (noticed, {'recall_notice': None, 'firm': True}):
            offer = world.make(OWNER, '/v1/offers', resource_uuid=world.node(), **FAR, **terms)
            lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim', **CLAIM)
            contract = see(world, LESSEE, f'/v1/contracts/{lease["contract_uuid"]}')
            for each in (offer, lease, contract):
                assert {key: each[key] for key in terms} == terms
            assert see(world, LESSEE, f'/v1/leases/{lease["uuid"]}')['recall'] is None

    def test_without_any_the_owner_cancels_at_once(self, world: World) -> None:
        lease = leased(world)
        assert (lease['recall_notice'], lease['firm']) == (None, False)
        assert world.call(OWNER, 'DELETE', f'/v1/leases/{lease["uuid"]}').ok

    def test_not_both(self, world: World) -> None:
        body = {'resource_uuid': world.node(), 'firm': True, 'recall_notice': 0}
        assert world.call(OWNER, 'POST', '/v1/offers', body).status_code == 400
        for wrong in (-1, 1.5, '30m', True):
            body = {'resource_uuid': world.node(), 'recall_notice': wrong}
            assert world.call(OWNER, 'POST', '/v1/offers', body).status_code == 400

    def test_they_bind_the_owner_and_neither_the_lessee_nor_an_admin(self, world: World) -> None:
        for terms in ({'recall_notice': 0}, {'firm': True}):
            lease = leased(world, **terms)
            path = f'/v1/leases/{lease["uuid"]}'
            contract = f'/v1/contracts/{lease["contract_uuid"]}'
            for method, where, body in (
                ('DELETE', path, None),
                ('DELETE', contract, None),
                ('PATCH', path, {'end_time': soon(60)}),
            ):
                answer = world.call(OWNER, method, where, body)
                error = answer.json()['error']
                assert (answer.status_code, error['code']) == (409, 'recall.required')
                assert ('recall create' in error['message']) is not lease['firm']
            assert see(world, LESSEE, path)['end_time'] == lease['end_time']
            assert world.call(LESSEE, 'PATCH', path, {'end_time': soon(600)}).ok
            assert world.call(ADMIN, 'PATCH', path, {'end_time': soon(300)}).ok
            assert 'esi_leap.lease.override' in events(world, LESSEE, lease['uuid'])
            assert world.call(LESSEE, 'DELETE', path).ok

    def test_an_admin_ends_it_against_them_and_that_is_told(self, world: World) -> None:
        lease = leased(world, firm=True)
        assert world.call(ADMIN, 'DELETE', f'/v1/contracts/{lease["contract_uuid"]}').ok
        assert 'esi_leap.lease.override' in events(world, LESSEE, lease['uuid'])

    def test_withdrawn_offer_with_terms_keeps_its_claimed_leases(self, world: World) -> None:
        offer = world.make(OWNER, '/v1/offers', resource_uuid=world.node(), **FAR, firm=True)
        lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim', **CLAIM)
        assert world.call(OWNER, 'DELETE', f'/v1/offers/{offer["uuid"]}').ok
        assert see(world, LESSEE, f'/v1/leases/{lease["uuid"]}')['status'] == 'created'
        assert see(world, OWNER, f'/v1/offers/{offer["uuid"]}')['status'] == 'deleted'

    def test_nobody_promises_more_than_was_promised_to_him(self, world: World) -> None:
        lease = leased(world, recall_notice=600)
        node = lease['resource_uuid']
        for terms in ({'firm': True}, {'recall_notice': 601}):
            answer = world.call(LESSEE, 'POST', '/v1/offers', {'resource_uuid': node, **terms})
            assert (answer.status_code, answer.json()['error']['code']) == (403, 'terms.not_held')
        world.make(LESSEE, '/v1/offers', resource_uuid=node, recall_notice=600)

    def test_a_lessee_who_has_sub_let_on_terms_recalls_that_first(self, world: World) -> None:
        lease = leased(world, firm=True)
        inside = world.make(
            LESSEE,
            '/v1/leases',
            resource_uuid=lease['resource_uuid'],
            project_id='guest',
            recall_notice=3600,
        )
        path = f'/v1/leases/{lease["uuid"]}'
        answer = world.call(LESSEE, 'DELETE', path)
        assert (answer.status_code, inside['uuid'] in answer.text) == (409, True)
        recall = world.make(LESSEE, '/v1/recalls', nodes=[lease['resource_uuid']])
        assert recall['nodes'][0]['lease_uuid'] == inside['uuid']
        assert see(world, LESSEE, path)['recall'] is None


class TestRecalls:
    def test_lessee_is_told_of_a_recall_and_loses_the_node_at_the_deadline(
        self, world: World
    ) -> None:
        other = world.make(OWNER, '/v1/offers', resource_uuid=world.node(resource_class='x'))
        node = world.node(resource_class='x')
        offer = world.make(OWNER, '/v1/offers', resource_uuid=node, recall_notice=2)
        lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim')
        path = f'/v1/leases/{lease["uuid"]}'
        until(world, LESSEE, path, status='active')
        recall = world.make(OWNER, '/v1/recalls', nodes=[node], reason='a deadline')
        here = f'/v1/recalls/{recall["uuid"]}'

        assert recall['status'] == 'pending'
        [item] = recall['nodes']
        assert (item['status'], item['lease_uuid']) == ('pending', lease['uuid'])
        due = datetime.fromisoformat(item['due'])
        noticed = due - datetime.fromisoformat(recall['created_at'])
        assert timedelta(seconds=2) <= noticed < timedelta(seconds=20)  # as it was told
        told = see(world, LESSEE, path)
        assert told['recall'] == {
            'uuid': recall['uuid'],
            'deadline': item['due'],
            'reason': 'a deadline',
            'offers': [other['uuid']],
        }
        assert (told['status'], told['end_time']) == ('active', item['due'])
        assert world.call(LESSEE, 'GET', here).status_code == 404
        answer = world.call(ADMIN, 'PATCH', path, {'end_time': soon(3600)})
        assert (answer.status_code, answer.json()['error']['code']) == (409, 'lease.recalled')

        done = until(world, OWNER, here, status='complete')
        [item] = done['nodes']
        assert item['status'] == 'returned'
        lost = datetime.fromisoformat(item['expire_time'])
        assert due <= lost <= datetime.fromisoformat(item['returned_at'])
        assert item['latency'] >= 2
        assert done['latency'] == {'p50': item['latency'], 'p99': item['latency']}
        assert see(world, LESSEE, path)['status'] == 'expired'
        assert 'esi_leap.lease.recall.start' in events(world, LESSEE, lease['uuid'])
        assert world.call(OWNER, 'DELETE', here).status_code == 409
        assert see(world, OWNER, '/v1/recalls?status=complete')['recalls']

    def test_he_may_hand_it_over_early_and_nobody_gets_it_then(self, world: World) -> None:
        offer = world.make(OWNER, '/v1/offers', resource_uuid=world.node(), recall_notice=3600)
        claim = f'/v1/offers/{offer["uuid"]}/claim'
        lease = world.make(LESSEE, claim)
        until(world, LESSEE, f'/v1/leases/{lease["uuid"]}', status='active')
        recall = world.make(OWNER, '/v1/recalls', nodes=[lease['resource_uuid']])
        assert world.call(LESSEE, 'DELETE', f'/v1/leases/{lease["uuid"]}').ok
        done = until(world, OWNER, f'/v1/recalls/{recall["uuid"]}', status='complete')
        assert done['counts']['returned'] == 1
        assert world.call(STRANGER, 'POST', claim, {}).status_code == 404
        assert see(world, OWNER, f'/v1/offers/{offer["uuid"]}')['status'] == 'deleted'

    def test_what_is_only_offered_is_back_at_once(self, world: World) -> None:
        offer = world.make(OWNER, '/v1/offers', resource_uuid=world.node())
        recall = world.make(
            OWNER, '/v1/recalls', nodes=[offer['resource_uuid']], deadline='2032-01-03'
        )
        assert (recall['status'], recall['latency']['p50'] < 60) == ('complete', True)
        assert see(world, OWNER, f'/v1/offers/{offer["uuid"]}')['status'] == 'deleted'

    def test_a_cancelled_recall_gives_the_time_back(self, world: World) -> None:
        offer = world.make(OWNER, '/v1/offers', resource_uuid=world.node(), **FAR)
        lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim', **CLAIM)
        recall = world.make(
            OWNER, '/v1/recalls', nodes=[offer['resource_uuid']], deadline='2032-01-03T00:00:00'
        )
        for path in (f'/v1/offers/{offer["uuid"]}', f'/v1/leases/{lease["uuid"]}'):
            assert see(world, OWNER, path)['end_time'] == '2032-01-03T00:00:00'
        assert world.call(OWNER, 'DELETE', f'/v1/recalls/{recall["uuid"]}').ok
        found = see(world, OWNER, f'/v1/recalls/{recall["uuid"]}')
        assert (found['status'], found['nodes'][0]['status']) == ('cancelled', 'cancelled')
        for before, path in ((offer, 'offers'), (lease, 'leases')):
            after = see(world, OWNER, f'/v1/{path}/{before["uuid"]}')
            assert after['end_time'] == before['end_time']
        assert see(world, LESSEE, f'/v1/leases/{lease["uuid"]}')['recall'] is None
        assert 'esi_leap.lease.recall.cancel' in events(world, LESSEE, lease['uuid'])

    def test_a_node_of_others_or_with_a_firm_lease_is_listed_and_left(self, world: World) -> None:
        firm = leased(world, firm=True)
        mine = world.node()
        world.service.refresh()
        foreign = world.node('stranger')
        world.make(STRANGER, '/v1/offers', resource_uuid=foreign, **FAR)
        nodes = [firm['resource_uuid'], mine, foreign]
        recall = world.make(OWNER, '/v1/recalls', nodes=nodes)
        found = {each['resource_uuid']: each for each in recall['nodes']}
        assert [found[each]['status'] for each in nodes] == ['refused', 'returned', 'refused']
        assert 'firm' in found[nodes[0]]['reason']
        assert found[foreign]['reason'] == 'The node belongs to another project.'
        assert recall['status'] == 'complete'
        after = see(world, LESSEE, f'/v1/leases/{firm["uuid"]}')
        assert after['end_time'] == firm['end_time']

    def test_a_stranger(self, world: World) -> None:
        lease = leased(world)
        answer = world.call(STRANGER, 'POST', '/v1/recalls', {'nodes': [lease['resource_uuid']]})
        assert answer.status_code == 404
        answer = world.call(LESSEE, 'POST', '/v1/recalls', {'nodes': [lease['resource_uuid']]})
        assert answer.status_code == 403
        assert see(world, LESSEE, f'/v1/leases/{lease["uuid"]}')['recall'] is None

    def test_all_or_some_of_a_class(self, world: World) -> None:
        who = Who('lender')
        long, short = (
            world.make(
                who,
                '/v1/leases',
                resource_uuid=world.node('lender', resource_class='quick'),
                project_id='lessee',
                end_time=soon(seconds),
            )
            for seconds in (7200, 3600)
        )
        few = {'resource_class': 'quick', 'count': 1, 'deadline': soon(600)}
        first = world.make(who, '/v1/recalls', **few)
        assert [each['lease_uuid'] for each in first['nodes']] == [short['uuid']]
        second = world.make(who, '/v1/recalls', **few)
        assert [each['lease_uuid'] for each in second['nodes']] == [long['uuid']]
        rest = world.make(who, '/v1/recalls', all=True)
        assert rest['counts'] | {'refused': 2} == rest['counts']
        answer = world.call(who, 'POST', '/v1/recalls', few)
        assert (answer.status_code, answer.json()['error']['code']) == (409, 'recall.empty')
        assert len(see(world, who, '/v1/recalls')['recalls']) == 2
        assert len(see(world, ADMIN, '/v1/recalls?view=all&project_id=lender')['recalls']) == 2

    def test_invalid_recall_request_is_refused(self, world: World) -> None:
        node = world.node()
        for body in (
            {},
            {'nodes': []},
            {'all': False},
            {'all': True, 'nodes': [node]},
            {'resource_class': 'x'},
            {'count': 1},
            {'nodes': [node], 'count': 1, 'resource_class': 'x'},
            {'nodes': [node], 'deadline': soon(60), 'notice': 60},
            {'nodes': [node], 'notice': -1},
            {'nodes': [node], 'deadline': '2020-01-01'},
        ):
            answer = world.call(OWNER, 'POST', '/v1/recalls', body)
            assert answer.status_code == 400, answer.text
