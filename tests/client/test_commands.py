"""`openstack esi …` against a server: what is asked, what is printed, what goes wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.client.conftest import Esi, Peer

OFFER_COLUMNS = [
    'UUID',
    'Resource',
    'Resource Class',
    'Lessee',
    'Start Time',
    'End Time',
    'Status',
    'Availabilities',
]
LEASE_COLUMNS = [
    'UUID',
    'Resource',
    'Resource Class',
    'Project',
    'Start Time',
    'End Time',
    'Offer UUID',
    'Status',
    'Purpose',
]
LONG_OFFER = [
    'UUID',
    'Resource',
    'Resource Class',
    'Resource Properties',
    'Lessee',
    'Start Time',
    'End Time',
    'Status',
    'Availabilities',
    'Project',
    'Parent Lease UUID',
]
LONG_LEASE = [
    'UUID',
    'Resource',
    'Resource Class',
    'Resource Properties',
    'Project',
    'Start Time',
    'End Time',
    'Expire Time',
    'Fulfill Time',
    'Offer UUID',
    'Owner',
    'Parent Lease UUID',
    'Status',
    'Purpose',
]
CONTRACT_COLUMNS = [
    'UUID',
    'Name',
    'Status',
    'Owner',
    'Project',
    'Offer UUID',
    'Start Time',
    'End Time',
]
OFFER_ROWS = [
    'uuid',
    'resource',
    'resource_class',
    'lessee',
    'start_time',
    'end_time',
    'status',
    'availabilities',
]
LEASE_ROWS = [
    'uuid',
    'resource',
    'resource_class',
    'project',
    'start_time',
    'end_time',
    'offer_uuid',
    'status',
    'purpose',
]
OFFER_DETAIL = [
    'availabilities',
    'end_time',
    'lessee',
    'lessee_id',
    'name',
    'parent_lease_uuid',
    'project',
    'project_id',
    'properties',
    'resource',
    'resource_class',
    'resource_properties',
    'resource_type',
    'resource_uuid',
    'start_time',
    'status',
    'uuid',
]
LEASE_DETAIL = [
    'end_time',
    'expire_time',
    'fulfill_time',
    'name',
    'offer_uuid',
    'owner',
    'owner_id',
    'parent_lease_uuid',
    'project',
    'project_id',
    'properties',
    'purpose',
    'resource',
    'resource_class',
    'resource_properties',
    'resource_type',
    'resource_uuid',
    'start_time',
    'status',
    'uuid',
]
CONTRACT_DETAIL = [
    'end_time',
    'leases',
    'name',
    'offer_uuid',
    'owner',
    'owner_id',
    'project',
    'project_id',
    'start_time',
    'status',
    'uuid',
]


@pytest.mark.parametrize(
    ('argv', 'columns'),
    [
        ('offer list', OFFER_COLUMNS),
        ('offer list --long', LONG_OFFER),
        ('lease list', LEASE_COLUMNS),
        ('lease list --long', LONG_LEASE),
        ('contract list', CONTRACT_COLUMNS),
    ],
)
def test_columns_of_lists(esi: Esi, argv: str, columns: list[str]) -> None:
    done = esi(*argv.split(), '-f', 'json')
    assert (done.status, done.err) == (0, '')
    assert [list(row) for row in done.json] == [columns]


@pytest.mark.parametrize(
    ('argv', 'rows'),
    [
        ('offer create node-1', OFFER_ROWS),
        ('offer claim spare', LEASE_ROWS),
        ('lease create node-1 physics', LEASE_ROWS),
        ('lease update mine --name x', LEASE_ROWS),
        ('offer show spare', OFFER_DETAIL),
        ('lease show mine', LEASE_DETAIL),
        ('contract show c0000000-0000-4000-8000-000000000001', CONTRACT_DETAIL),
    ],
)
def test_rows_of_one(esi: Esi, argv: str, rows: list[str]) -> None:
    done = esi(*argv.split(), '-f', 'json')
    assert (done.status, done.err) == (0, '')
    assert list(done.json) == rows


@pytest.mark.parametrize('noun', ['offer', 'lease'])
def test_a_name_may_be_asked_for_in_a_list(esi: Esi, noun: str) -> None:
    assert esi(noun, 'list', '-f', 'value', '-c', 'UUID', '-c', 'Name').status == 0


def test_further_columns_on_request(esi: Esi, peer: Peer) -> None:
    peer.things['leases'][0]['status_reason'] = 'node-1 is in maintenance'
    done = esi('lease', 'list', '-f', 'value', '-c', 'UUID', '-c', 'Status Reason')
    assert done.out == f'{peer.things["leases"][0]["uuid"]} node-1 is in maintenance\n'
    done = esi('lease', 'show', 'mine', '-f', 'value', '-c', 'contract_uuid')
    assert done.out == f'{peer.things["contracts"][0]["uuid"]}\n'
    assert done.err.endswith(': created (node-1 is in maintenance)\n')


def test_every_format_is_clean(esi: Esi) -> None:
    windows = [
        ['2030-01-01T00:00:00', '2030-02-01T00:00:00'],
        ['2030-03-01T00:00:00', '9999-12-31T23:59:59.999999'],
    ]
    assert esi('offer', 'list', '-f', 'json').json[0]['Availabilities'] == windows
    shown = esi('offer', 'show', 'spare', '-f', 'json').json
    assert shown['resource_properties'] == {'memory_mb': '65536', 'cpu_arch': 'x86_64'}
    assert shown['properties'] == {}
    table = esi('offer', 'list').out
    assert '| 2030-01-01T00:00:00 to 2030-02-01T00:00:00 ' in table
    for kind in ('csv', 'value', 'yaml', 'table'):
        done = esi('offer', 'list', '-f', kind)
        assert (done.status, done.err) == (0, '')
        assert '0ffe0000-0000-4000-8000-000000000001' in done.out
    assert esi('offer', 'list', '-f', 'csv').out.splitlines()[0] == ','.join(
        f'"{column}"' for column in OFFER_COLUMNS
    )


@pytest.mark.parametrize(
    ('argv', 'query'),
    [
        ('offer list', {}),
        ('offer list --status any --project p', {'status': 'any', 'project_id': 'p'}),
        (
            'offer list --resource-type dummy_node --resource-uuid n --resource-class c',
            {'resource_type': 'dummy_node', 'resource_uuid': 'n', 'resource_class': 'c'},
        ),
        (
            'offer list --time-range 2030-01-01T02:00+02:00 +1d',
            {'start_time': '2030-01-01T00:00:00', 'end_time': '2030-01-02T00:00:00'},
        ),
        (
            'offer list --availability-range 2030-01-01 2030-01-02',
            {
                'available_start_time': '2030-01-01T00:00:00',
                'available_end_time': '2030-01-02T00:00:00',
            },
        ),
        ('lease list --all', {'view': 'all'}),
        ('lease list --purpose tests --owner o', {'purpose': 'tests', 'owner_id': 'o'}),
        ('lease list --offer-uuid o --project p', {'offer_uuid': 'o', 'project_id': 'p'}),
        ('lease list --sort start_time:desc', {'sort_key': 'start_time', 'sort_dir': 'desc'}),
        ('lease list --limit 1', {'limit': '1'}),
        ('contract list --status active --owner o', {'status': 'active', 'owner_id': 'o'}),
    ],
)
def test_filters_are_sent(esi: Esi, peer: Peer, argv: str, query: dict[str, str]) -> None:
    assert esi(*argv.split()).status == 0
    assert peer.asked == [('GET', f'/v1/{argv.split(maxsplit=1)[0]}s', query, None)]


def test_now_asks_for_this_instant(esi: Esi, peer: Peer) -> None:
    before = datetime.now(UTC).replace(tzinfo=None)
    assert esi('offer', 'list', '--now').status == 0
    query = peer.asked[0][2]
    start = datetime.fromisoformat(query['available_start_time'])
    end = datetime.fromisoformat(query['available_end_time'])
    assert before <= start <= datetime.now(UTC).replace(tzinfo=None)
    assert end - start < timedelta(seconds=1)


def test_conditions_and_limit_work_together(esi: Esi, peer: Peer) -> None:
    first = peer.things['offers'][0]
    peer.things['offers'] = [
        {**first, 'uuid': f'u{n}', 'resource_properties': {'memory_mb': str(n)}} for n in range(20)
    ]
    done = esi('offer', 'list', '--property', 'memory_mb>=9', '--limit', '2', '-f', 'json')
    assert [row['UUID'] for row in done.json] == ['u9', 'u10']
    assert esi('offer', 'list', '--limit', '3', '-f', 'value', '-c', 'UUID').out == 'u0\nu1\nu2\n'
    assert len(esi('offer', 'list', '-f', 'json').json) == 20


def test_create_and_claim_send_every_option(esi: Esi, peer: Peer) -> None:
    window = ['--start-time', '2030-01-01', '--end-time', '+1d12h']
    extra = ['--properties', '{"rack": 7}', '--name', 'n']
    placed = {'start_time': '2030-01-01T00:00:00', 'end_time': '2030-01-02T12:00:00'}
    common = {**placed, 'properties': {'rack': 7}, 'name': 'n'}
    kind = ['--resource-type', 'dummy_node']
    esi('offer', 'create', 'node-1', '--lessee', 'physics', *window, *extra, *kind)
    esi('offer', 'claim', 'spare', '--purpose', 'p', *window, *extra)
    esi('lease', 'create', 'node-1', 'physics', '--purpose', 'p', *window, *extra, *kind)
    node = {'resource_uuid': 'node-1', 'resource_type': 'dummy_node'}
    assert [(path, body) for _, path, _, body in peer.asked] == [
        ('/v1/offers', {**common, **node, 'lessee_id': 'physics'}),
        ('/v1/offers/spare/claim', {**common, 'purpose': 'p'}),
        ('/v1/leases', {**common, **node, 'project_id': 'physics', 'purpose': 'p'}),
    ]


def test_a_start_now_is_the_services_now(esi: Esi, peer: Peer) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    esi('offer', 'claim', 'spare', '--start-time', 'now', '--end-time', '+2h')
    body = peer.asked[0][3]
    assert list(body) == ['end_time']
    end = datetime.fromisoformat(body['end_time'])
    assert timedelta(hours=2) - (end - now) < timedelta(seconds=2)


def test_update(esi: Esi, peer: Peer) -> None:
    done = esi(
        *[
            'lease',
            'update',
            'mine',
            '--end-time',
            '2030-01-09T00:00:00Z',
            '--name',
            'yours',
            '--purpose',
            'p',
        ],
        *('--properties', '{}', '-f', 'json'),
    )
    assert done.json['end_time'] == '2030-01-09T00:00:00'
    body = {'end_time': '2030-01-09T00:00:00', 'name': 'yours', 'purpose': 'p', 'properties': {}}
    assert peer.asked == [('PATCH', '/v1/leases/mine', {}, body)]


def test_update_of_nothing(esi: Esi, peer: Peer) -> None:
    done = esi('lease', 'update', 'mine')
    nothing = 'Nothing to change: give --end-time, --name, --purpose or --properties.\n'
    assert (done.status, done.out, done.err) == (1, '', nothing)
    assert (
        'openstack esi lease delete mine' in esi('lease', 'update', 'mine', '--end-time', 'now').err
    )
    assert not peer.asked


@pytest.mark.parametrize('noun', ['offer', 'lease', 'contract'])
def test_delete_goes_on_after_a_failure(esi: Esi, peer: Peer, noun: str) -> None:
    uuid = peer.things[f'{noun}s'][0]['uuid']
    done = esi(noun, 'delete', 'nosuch', uuid)
    assert (done.status, done.out) == (1, f'Deleted {noun} {uuid}\n')
    assert done.err == (
        f'{noun.capitalize()} with name or uuid nosuch not found.\n'
        f'1 of 2 {noun}s could not be deleted.\n'
    )
    done = esi(noun, 'delete', uuid)
    assert (done.status, done.out, done.err) == (0, f'Deleted {noun} {uuid}\n', '')


def test_claim_waits_and_tells(esi: Esi, peer: Peer) -> None:
    peer.script += [
        {'status': 'wait fulfill', 'status_reason': 'node-1 is in maintenance'},
        {'status': 'active', 'status_reason': None},
    ]
    done = esi('offer', 'claim', 'spare', '--wait', '-f', 'json')
    assert done.json['status'] == 'active'
    uuid = peer.things['leases'][0]['uuid']
    assert done.err.splitlines() == [
        f'Lease {uuid}: wait fulfill (node-1 is in maintenance)',
        f'Lease {uuid}: active',
    ]


def test_a_lease_that_fails_ends_the_wait(esi: Esi, peer: Peer) -> None:
    peer.script.append({'status': 'error', 'status_reason': 'the node is gone'})
    done = esi('lease', 'create', 'node-1', 'physics', '--wait')
    assert (done.status, done.out) == (1, '')
    assert done.err.splitlines()[-1] == (
        f'Lease {peer.things["leases"][0]["uuid"]} is in status `error` (the node is gone); '
        'it will not be active.'
    )


def test_a_wait_has_an_end(esi: Esi) -> None:
    done = esi('offer', 'claim', 'spare', '--wait', '--timeout', '1')
    assert (done.status, done.out) == (1, '')
    assert 'is in status `created`; it did not become active within 1 seconds.' in done.err


def test_delete_waits_for_the_very_object(esi: Esi, peer: Peer) -> None:
    peer.script += [{}, {'status': 'wait cancel', 'status_reason': 'why'}, {'status': 'deleted'}]
    done = esi('lease', 'delete', 'mine', '--wait')
    uuid = peer.things['leases'][0]['uuid']
    assert (done.status, done.out) == (0, 'Deleted lease mine\n')
    assert f'Lease {uuid}: wait cancel (why)\n' in done.err
    assert [path for _, path, _, _ in peer.asked] == [
        '/v1/leases/mine',
        *[f'/v1/leases/{uuid}'] * 3,
    ]


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        (
            'offer claim o --end-time tomorrow',
            "argument --end-time: 'tomorrow' is not a time; write",
        ),
        ('lease list --time-range now x', "argument --time-range: 'x' is not a time; write"),
        ('offer create n --properties 7', "argument --properties: '7' is not a JSON object; write"),
        ('offer list --property x', "argument --property: 'x' is not a condition; write"),
        ('lease list --limit 0', "argument --limit: '0' is not a whole number above zero; write"),
        ('offer list --now --availability-range now +1d', 'not allowed with argument'),
        ('offer claim', 'the following arguments are required: <offer_uuid>'),
    ],
)
def test_bad_values_are_named(esi: Esi, peer: Peer, argv: str, said: str) -> None:
    done = esi(*argv.split())
    assert (done.status, done.out) == (2, '')
    assert said in done.err
    assert not peer.asked


def test_an_end_beyond_the_calendar(esi: Esi) -> None:
    done = esi('offer', 'claim', 'o', '--start-time', '9999-12-31', '--end-time', '+7d')
    assert done.err == (
        'argument --end-time: 7 days, 0:00:00 after 9999-12-31T00:00:00 lies beyond 9999\n'
    )


FAULT = {'error': {'message': 'Time conflict for ironic_node n:\n taken.'}, 'faultstring': 'old'}


@pytest.mark.parametrize(
    ('failure', 'said'),
    [
        ((409, FAULT, 'application/json'), 'Time conflict for ironic_node n: taken.'),
        ((403, {'faultstring': 'Access was denied.'}, 'application/json'), 'Access was denied.'),
        ((401, {'error': {'code': 401, 'message': 'Sign in.'}}, 'application/json'), 'Sign in.'),
        ((500, {'faultstring': 'Broken.'}, 'application/json'), 'Broken. (request req-1)'),
        ((502, '<html>Bad</html>', 'text/html'), 'answered 502 Bad Gateway without saying why'),
        ((404, [], 'application/json'), 'is this the address of the lease service?'),
        ((200, '<html>Hi</html>', 'text/html'), 'is not a lease service.'),
    ],
)
def test_errors_are_one_sentence(
    esi: Esi, peer: Peer, failure: tuple[int, object, str], said: str
) -> None:
    for argv in ('offer list', 'lease show x', 'offer claim x'):
        peer.failures.append(failure)
        done = esi(*argv.split())
        assert (done.status, done.out) == (1, '')
        assert said in done.err
        assert done.err.count('\n') == 1
        assert 'Error for url' not in done.err
        assert 'Traceback' not in done.err


def test_nobody_answers(esi: Esi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OS_ENDPOINT', 'http://127.0.0.1:1')
    done = esi('offer', 'list')
    assert (done.status, done.out) == (1, '')
    assert done.err == (
        'The lease service at http://127.0.0.1:1/v1 cannot be reached (connection refused). '
        'Check that it runs, or set `lease_endpoint_override` (OS_LEASE_ENDPOINT_OVERRIDE) to its '
        'address.\n'
    )


def test_every_command_shows_an_example(esi: Esi) -> None:
    listed = esi('--help').out + json.dumps(
        [esi(*command.split(), '--help').out for command in COMMANDS]
    )
    for command in COMMANDS:
        assert f'Example: openstack esi {command}' in listed


COMMANDS = [
    *(f'offer {deed}' for deed in ('create', 'list', 'show', 'claim', 'delete')),
    *(f'lease {deed}' for deed in ('create', 'list', 'show', 'update', 'delete')),
    *(f'contract {deed}' for deed in ('list', 'show', 'delete')),
]
