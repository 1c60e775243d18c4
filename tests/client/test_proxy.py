"""`conn.lease` from Python, against a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import openstack
import pytest
from openstack import exceptions

import esi_leap_client
from esi_leap_client import service

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.conftest import Peer


@pytest.mark.parametrize(
    'address', ['http://h:7777', 'http://h:7777/', 'http://h:7777/v1', 'http://h:7777/v1/']
)
def test_version_1_is_named_once(address: str) -> None:
    assert service.versioned(address) == 'http://h:7777/v1'


@pytest.mark.parametrize('tail', ['', '/', '/v1', '/v1/'])
def test_one_request_per_deed_whatever_the_override_looks_like(
    peer: Peer, connect: Callable[..., openstack.connection.Connection], tail: str
) -> None:
    conn = connect(
        auth_type='admin_token',
        auth={'endpoint': 'http://127.0.0.1:1', 'token': 't'},
        lease_endpoint_override=peer.url + tail,
    )
    assert conn.lease.get_offer('spare').resource_class == 'gpu'
    assert peer.asked == [('GET', '/v1/offers/spare', {}, None)]


def test_attaching_twice_does_no_harm(conn: openstack.connection.Connection) -> None:
    lease = conn.lease
    assert esi_leap_client.add_to(conn).lease is lease


def test_lists_follow_the_links_on_our_own_host(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    first = peer.things['offers'][0]
    uuids = [f'0ffe0000-0000-4000-8000-00000000000{n}' for n in range(5)]
    peer.things['offers'] = [{**first, 'uuid': uuid} for uuid in uuids]
    assert [offer.id for offer in conn.lease.offers(status='any')] == uuids
    assert [query.get('marker') for _, _, query, _ in peer.asked] == [None, uuids[1], uuids[3]]
    assert all(query['status'] == 'any' for _, _, query, _ in peer.asked)


def test_the_size_of_a_page_asks_for_no_page_beyond_the_last(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    assert len(list(conn.lease.offers(limit=1))) == 1
    assert len(peer.asked) == 1


def test_an_unknown_filter_is_not_dropped(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    with pytest.raises(exceptions.InvalidRequest, match='no filter colour on offers'):
        conn.lease.offers(colour='red')
    assert not peer.asked


def test_an_unknown_attribute_is_not_dropped(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    with pytest.raises(exceptions.InvalidRequest, match='offer has no attribute node_type'):
        conn.lease.create_offer(resource_uuid='node-1', node_type='ironic_node')
    assert not peer.asked


def test_create_sends_what_was_given_and_no_more(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    end = datetime(2030, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5)))
    offer = conn.lease.create_offer(resource_uuid='node-1', lessee_id='physics', end_time=end)
    sent = {'resource_uuid': 'node-1', 'lessee_id': 'physics', 'end_time': '2030-01-01T00:30:00'}
    assert peer.asked == [('POST', '/v1/offers', {}, sent)]
    assert offer.id == offer.uuid == peer.things['offers'][0]['uuid']


def test_claim_gives_a_lease(peer: Peer, conn: openstack.connection.Connection) -> None:
    lease = conn.lease.claim_offer('spare', purpose='tests')
    assert lease.contract_uuid == peer.things['contracts'][0]['uuid']
    assert peer.asked == [('POST', '/v1/offers/spare/claim', {}, {'purpose': 'tests'})]
    assert conn.lease.get_lease(lease).status == 'created'


def test_update_sends_the_changes_alone(peer: Peer, conn: openstack.connection.Connection) -> None:
    end = datetime(2030, 1, 9, tzinfo=UTC)
    lease = conn.lease.update_lease('mine', end_time=end, name='yours')
    body = {'end_time': '2030-01-09T00:00:00', 'name': 'yours'}
    assert peer.asked == [('PATCH', '/v1/leases/mine', {}, body)]
    assert lease.uuid == peer.things['leases'][0]['uuid']
    conn.lease.update_lease(lease, purpose='x')
    assert peer.asked[-1] == ('PATCH', f'/v1/leases/{lease.uuid}', {}, {'purpose': 'x'})


@pytest.mark.parametrize('ident', ['a b', 'ü', '50%', 'what?', 'a#b', 'a.b'])
def test_any_name_arrives_as_it_is(
    peer: Peer, conn: openstack.connection.Connection, ident: str
) -> None:
    peer.things['offers'][0]['name'] = ident
    assert conn.lease.get_offer(ident).name == ident
    conn.lease.delete_offer(ident)
    assert [path for _, path, _, _ in peer.asked] == [f'/v1/offers/{ident}'] * 2


@pytest.mark.parametrize('ident', ['', '.', '..'])
def test_what_would_be_another_url_is_no_ident(
    peer: Peer, conn: openstack.connection.Connection, ident: str
) -> None:
    with pytest.raises(exceptions.InvalidRequest, match='not the uuid or name'):
        conn.lease.delete_offer(ident)
    assert not peer.asked


def test_what_is_missing(conn: openstack.connection.Connection) -> None:
    assert conn.lease.find_offer('nosuch', ignore_missing=True) is None
    assert conn.lease.delete_lease('nosuch', ignore_missing=True) is None
    for deed in (conn.lease.get_offer, conn.lease.find_lease, conn.lease.delete_contract):
        with pytest.raises(exceptions.NotFoundException, match='nosuch not found'):
            deed('nosuch')


def test_contracts(peer: Peer, conn: openstack.connection.Connection) -> None:
    (contract,) = conn.lease.contracts(project_id='physics')
    assert contract.leases == [peer.things['leases'][0]['uuid']]
    assert conn.lease.get_contract(contract).offer_uuid == contract.offer_uuid
    conn.lease.delete_contract(contract)
    assert peer.asked[-1][:2] == ('DELETE', f'/v1/contracts/{contract.uuid}')


def test_waiting_outlives_a_restart_of_the_service(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    lease = conn.lease.get_lease('mine')
    peer.failures += [(503, 'starting', 'text/plain'), (500, {'error': {}}, 'application/json')]
    peer.script += [{'status': 'wait fulfill', 'status_reason': 'why'}, {'status': 'active'}]
    seen = []
    conn.lease.wait_for_status(lease, interval=0, progress=lambda now: seen.append(now.status))
    assert seen == ['wait fulfill', 'active']


@pytest.mark.parametrize('status', ['error', 'deleted', 'expired', 'wait cancel', 'wait expire'])
def test_waiting_ends_where_nothing_leads_on(
    peer: Peer, conn: openstack.connection.Connection, status: str
) -> None:
    lease = conn.lease.get_lease('mine')
    peer.script.append({'status': status, 'status_reason': 'no power'})
    with pytest.raises(exceptions.ResourceFailure, match=rf'`{status}` \(no power\)'):
        conn.lease.wait_for_status(lease, interval=0)


def test_waiting_has_an_end(conn: openstack.connection.Connection) -> None:
    lease = conn.lease.get_lease('mine')
    with pytest.raises(exceptions.ResourceTimeout, match='did not become active within'):
        conn.lease.wait_for_status(lease, wait=0.02, interval=0.01)


def test_gone_is_deleted_or_not_found(peer: Peer, conn: openstack.connection.Connection) -> None:
    lease = conn.lease.get_lease('mine')
    peer.script += [{'status': 'wait cancel'}, {'status': 'deleted'}]
    assert conn.lease.wait_for_delete(lease, interval=0).status == 'deleted'
    peer.things['leases'].clear()
    assert conn.lease.wait_for_delete(lease, interval=0).uuid == lease.uuid


def test_a_refusal_is_not_waited_through(peer: Peer, conn: openstack.connection.Connection) -> None:
    lease = conn.lease.get_lease('mine')
    peer.failures.append((403, {'faultstring': 'no'}, 'application/json'))
    with pytest.raises(exceptions.ForbiddenException):
        conn.lease.wait_for_status(lease, interval=0)
