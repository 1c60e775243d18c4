"""`conn.lease` from Python, where the server is not what the real one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openstack
import pytest
from openstack import exceptions

import esi_leap_client
from esi_leap_client import service

from .conftest import JSON, LEASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Peer


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
    assert conn.lease.get_offer('spare').name == LEASE['name']
    assert peer.asked == [('GET', '/v1/offers/spare', {}, None)]


def test_attaching_twice_does_no_harm(conn: openstack.connection.Connection) -> None:
    lease = conn.lease
    assert esi_leap_client.add_to(conn).lease is lease


def test_lists_follow_the_links_on_our_own_host(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    more = 'http://name-behind-a-proxy:1/v1/offers?status=any&limit=1&marker=u1'
    first = {'offers': [{**LEASE, 'uuid': 'u1'}], 'offers_links': [{'rel': 'next', 'href': more}]}
    peer.answers += [(200, first, JSON), (200, {'offers': [{**LEASE, 'uuid': 'u2'}]}, JSON)]
    assert [offer.id for offer in conn.lease.offers(status='any', limit=1)] == ['u1', 'u2']
    first_page = {'status': 'any', 'limit': '1'}
    assert [query for _, _, query, _ in peer.asked] == [first_page, {**first_page, 'marker': 'u1'}]


def test_an_unknown_filter_is_not_dropped(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    with pytest.raises(exceptions.InvalidRequest, match='Unknown filter of offers: colour'):
        conn.lease.offers(colour='red')
    assert not peer.asked


def test_an_unknown_attribute_is_not_dropped(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    with pytest.raises(exceptions.InvalidRequest, match='offer has no attribute node_type'):
        conn.lease.create_offer(resource_uuid='node-1', node_type='ironic_node')
    assert not peer.asked


@pytest.mark.parametrize('ident', ['', '.', '..', '/', 'a/', 'a/b', '../leases/a'])
def test_what_would_be_another_url_is_no_ident(
    peer: Peer, conn: openstack.connection.Connection, ident: str
) -> None:
    with pytest.raises(
        exceptions.InvalidRequest, match=r'not the uuid or name|use the uuid instead'
    ):
        conn.lease.delete_offer(ident)
    assert not peer.asked


def test_waiting_outlives_a_restart_of_the_service(
    peer: Peer, conn: openstack.connection.Connection
) -> None:
    lease = conn.lease.get_lease('mine')
    peer.answers += [(503, 'starting', 'text/plain'), (500, {'error': {}}, JSON)]
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


def test_gone_is_deleted_or_not_found(peer: Peer, conn: openstack.connection.Connection) -> None:
    lease = conn.lease.get_lease('mine')
    peer.script += [{'status': 'wait cancel'}, {'status': 'deleted'}]
    assert conn.lease.wait_for_delete(lease, interval=0).status == 'deleted'
    peer.answers.append((404, {'faultstring': 'not found'}, JSON))
    assert conn.lease.wait_for_delete(lease, interval=0).uuid == lease.uuid


def test_a_refusal_is_not_waited_through(peer: Peer, conn: openstack.connection.Connection) -> None:
    lease = conn.lease.get_lease('mine')
    peer.answers.append((403, {'faultstring': 'no'}, JSON))
    with pytest.raises(exceptions.ForbiddenException):
        conn.lease.wait_for_status(lease, interval=0)
