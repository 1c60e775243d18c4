"""Errors: each has its code and status for ever, none tells what is nobody's business."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esi_leap.api import errors as table
from esi_leap.api.expose import ROUTES
from esi_leap.core import errors
from tests.patience import PATIENCE

from . import world as worlds
from .world import ADMIN, OWNER, World

#: Programs match these codes. A line here never changes; a new error gets a new line.
CODES = {
    'InvalidError': ('request.invalid', 400),
    'InvalidTimeError': ('time.invalid', 400),
    'InvalidWindowError': ('window.invalid', 400),
    'UnknownProjectError': ('project.unknown', 400),
    'UnknownResourceTypeError': ('resource_type.unknown', 400),
    'UnauthenticatedError': ('token.missing', 401),
    'DeniedError': ('policy.denied', 403),
    'TooLongError': ('lease.too_long', 403),
    'NotHeldError': ('window.not_held', 403),
    'SubletError': ('lease.sublet', 403),
    'QuotaError': ('quota.exceeded', 403),
    'NotFoundError': ('not_found', 404),
    'OfferNotFoundError': ('offer.not_found', 404),
    'LeaseNotFoundError': ('lease.not_found', 404),
    'ContractNotFoundError': ('contract.not_found', 404),
    'NodeNotFoundError': ('node.not_found', 404),
    'ConflictError': ('conflict', 409),
    'AmbiguousNameError': ('name.ambiguous', 409),
    'WindowConflictError': ('window.conflict', 409),
    'OfferWindowError': ('offer.unavailable', 409),
    'OutsideError': ('window.outside', 409),
    'RejectedError': ('gate.rejected', 409),
    'NotRejectedError': ('gate.not_rejected', 409),
    'SuspendedError': ('offer.suspended', 409),
    'FinalStateError': ('state.final', 409),
    'NodeBusyError': ('node.busy', 409),
    'NoConsoleError': ('console.unavailable', 409),
    'StaleClaimError': ('manager.stale_claim', 500),  # the manager's own; no request meets it
    'TooManyRequestsError': ('rate.exceeded', 429),
    'UnavailableError': ('service.unavailable', 503),
    'OutdatedError': ('database.outdated', 503),
    'NothingToRecallError': ('recall.empty', 409),
    'RecallNotFoundError': ('recall.not_found', 404),
    'RecalledError': ('lease.recalled', 409),
    'TermsBindError': ('recall.required', 409),
    'TermsError': ('terms.not_held', 403),
}


def kinds(base: type[errors.LeapError] = errors.LeapError) -> Iterator[type[errors.LeapError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_codes_and_statuses_are_for_ever() -> None:
    found = {kind.__name__: (kind.code, int(table.status_of(kind('why')))) for kind in kinds()}
    assert found == CODES


def test_no_two_errors_share_a_code() -> None:
    codes = [code for code, _ in CODES.values()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize('kind', list(kinds()), ids=lambda kind: kind.__name__)
def test_an_error_answers_in_both_shapes(kind: type[errors.LeapError]) -> None:
    answer = table.response(kind('It is so.', field='name'), {'openstack.request_id': 'req-1'})
    code, status = CODES[kind.__name__]
    assert answer.status_int == status
    assert answer.json == {
        'error': {
            'code': code,
            'status': status,
            'title': kind.title,
            'message': 'It is so.',
            'details': {'field': 'name'},
            'request_id': 'req-1',
        },
        'faultcode': 'Client' if status < HTTPStatus.INTERNAL_SERVER_ERROR else 'Server',
        'faultstring': 'It is so.',
        'debuginfo': None,
    }


def test_an_unknown_error_says_only_the_request_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        error = RuntimeError("SELECT 'secret' FROM bookings")
        answer = table.response(error, {'openstack.request_id': 'req-1'})
    assert answer.status_int == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.json['error']['code'] == 'internal'
    assert answer.json['faultcode'] == 'Server'
    assert 'secret' not in answer.text
    assert 'bookings' not in answer.text
    assert 'req-1' in answer.json['faultstring']
    assert 'secret' in caplog.text  # the operator sees it


def test_a_broken_database_says_only_the_request_id(tmp_path: Path) -> None:
    with worlds.world(tmp_path, manager=False) as world:
        (tmp_path / 'esi-leap.sqlite').write_bytes(b'this is no database' * 1000)
        for ending in ('-wal', '-shm'):
            (tmp_path / f'esi-leap.sqlite{ending}').unlink(missing_ok=True)
        answer = world.call(OWNER, 'GET', '/v1/offers')
    assert answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    for secret in ('sqlite', 'SELECT', 'bookings', str(tmp_path), 'Traceback', 'esi_leap'):
        assert secret not in answer.text
    error = answer.json()['error']
    assert error['request_id'] == answer.headers['X-Openstack-Request-Id']


def test_a_body_that_is_too_long(world: World) -> None:
    body = {'resource_uuid': world.node(), 'properties': {'text': 'x' * 200_000}}
    answer = world.call(OWNER, 'POST', '/v1/offers', body)
    assert answer.status_code == requests.codes.request_entity_too_large
    assert answer.headers['X-Openstack-Request-Id'].startswith('req-')
    assert answer.json()['error']['status'] == requests.codes.request_entity_too_large


def test_a_catalog_whose_url_ends_in_a_slash(world: World) -> None:
    assert world.call(OWNER, 'GET', '//v1/offers').status_code == requests.codes.ok


@pytest.mark.parametrize('path', ['/', '/v1', '/v1/offers', '/v1/offers/x', '/healthcheck'])
def test_head_and_options_are_refused_in_form(world: World, path: str) -> None:
    for method in ('HEAD', 'OPTIONS'):
        answer = world.call(OWNER, method, path)
        assert answer.status_code == requests.codes.method_not_allowed
        assert 'GET' in answer.headers['Allow']
        assert answer.headers['X-Openstack-Request-Id'].startswith('req-')


@pytest.mark.parametrize('name', ['ident', 'request', 'response', 'self', 'args', 'found'])
def test_no_parameter_becomes_an_argument_of_the_code(world: World, name: str) -> None:
    answer = world.call(OWNER, 'GET', f'/v1/offers?{name}=x')
    assert answer.json()['faultstring'].startswith(f'Unknown argument: "{name}".')
    answer = world.call(OWNER, 'POST', '/v1/offers', {'resource_uuid': 'x', name: 'x'})
    assert answer.json()['faultstring'].startswith(
        f'Unknown attribute for argument new_offer: {name}.'
    )
    answer = world.call(OWNER, 'POST', '/v1/offers/x/claim', {name: 'x'})
    assert answer.json()['faultstring'].startswith(
        f'Unknown attribute for argument new_lease: {name}.'
    )


def test_every_attribute_that_is_ignored_may_be_anything(world: World) -> None:
    made = world.make(
        OWNER,
        '/v1/offers',
        resource_uuid=world.node(resource_class='real'),
        resource_class=['not', 'real'],
        resource_properties=7,
    )
    assert made['resource_class'] == 'real'


# What nobody would send. Whatever it is, it is the client's mistake and never ours.

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**30, max_value=10**40)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(['\0', '\ud800', '2032-01-01', '9999-12-31T23:59:59.999999-14:00', '']),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = sorted({key for route in ROUTES for key in (route.body or {}).get('properties', ())})
PARAMETERS = sorted({key for route in ROUTES for key in route.query})
BODIES = st.one_of(
    ANYTHING,
    st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), ANYTHING, max_size=4),
).map(lambda value: json.dumps(value).encode())
PATHS = st.one_of(
    st.sampled_from([route.path for route in ROUTES]),
    st.lists(st.sampled_from(['v1', 'offers', 'leases', 'claim', '{ident}']), max_size=5).map(
        lambda parts: '/' + '/'.join(parts)
    ),
)
TEXTS = st.binary(max_size=12) | st.text(max_size=12).map(
    lambda text: text.encode('utf-8', 'surrogatepass')
)
QUERIES = st.lists(st.tuples(st.sampled_from(PARAMETERS) | st.text(max_size=4), TEXTS), max_size=3)
#: Longer searches are for those who changed something here.
FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def send(world: World, method: str, target: str, body: bytes | None) -> requests.Response:
    headers = {**ADMIN.headers, 'Content-Type': 'application/json'}
    request = requests.Request(method, world.service.url, headers=headers, data=body).prepare()
    request.url = world.service.url + target  # as it is: nothing is tidied up on the way
    with requests.Session() as session:
        return session.send(request, timeout=PATIENCE)


def in_form(answer: requests.Response) -> None:
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, answer.text
    assert re.fullmatch(r'req-[0-9a-f-]{36}', answer.headers['X-Openstack-Request-Id'])
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        assert answer.json()['error']['status'] == answer.status_code
        assert answer.json()['faultstring']


def _query(pairs: list[tuple[str, bytes]]) -> str:
    return '&'.join(
        f'{quote_from_bytes(key.encode("utf-8", "surrogatepass"))}={quote_from_bytes(value)}'
        for key, value in pairs
    )


@FUZZ
@given(path=PATHS, ident=TEXTS, method=st.sampled_from(['POST', 'PATCH', 'PUT']), body=BODIES)
def test_no_body_breaks_it(world: World, path: str, ident: bytes, method: str, body: bytes) -> None:
    in_form(send(world, method, path.replace('{ident}', quote_from_bytes(ident)), body))


@FUZZ
@given(path=PATHS, ident=TEXTS, method=st.sampled_from(['GET', 'DELETE']), query=QUERIES)
def test_no_path_or_query_breaks_it(
    world: World, path: str, ident: bytes, method: str, query: list[tuple[str, bytes]]
) -> None:
    target = path.replace('{ident}', quote_from_bytes(ident, safe=''))
    in_form(send(world, method, f'{target}?{_query(query)}', None))


@FUZZ
@given(key=st.sampled_from(PARAMETERS), value=TEXTS, noun=st.sampled_from(['offers', 'leases']))
def test_no_value_of_a_parameter_breaks_it(world: World, key: str, value: bytes, noun: str) -> None:
    in_form(send(world, 'GET', f'/v1/{noun}?{_query([(key, value)])}', None))


@FUZZ
@given(wanted=st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3))
def test_no_property_breaks_a_list(world: World, wanted: dict[str, str]) -> None:
    pairs = [('properties', json.dumps(wanted).encode())]
    in_form(send(world, 'GET', f'/v1/offers?{_query(pairs)}', None))


@FUZZ
@given(properties=st.dictionaries(st.text(max_size=8), ANYTHING, max_size=4), name=st.text())
def test_what_is_accepted_comes_back(
    world: World, properties: dict[str, object], name: str
) -> None:
    body = json.dumps({'resource_uuid': world.node(), 'name': name, 'properties': properties})
    made = send(world, 'POST', '/v1/offers', body.encode())
    in_form(made)
    if made.status_code == requests.codes.created:
        assert made.json()['properties'] == properties
        assert made.json()['name'] == name
        uuid = made.json()['uuid']
        assert send(world, 'DELETE', f'/v1/offers/{uuid}', None).status_code == requests.codes.ok


@pytest.mark.parametrize('depth', [20, 29, 30, 31, 32, 100, 900, 990, 5000, 30000])
@pytest.mark.parametrize(('opening', 'closing'), [('[', ']'), ('{"a":', '}')])
def test_nesting(world: World, depth: int, opening: str, closing: str) -> None:
    value = opening * depth + '1' + closing * depth
    body = f'{{"resource_uuid": "{world.node()}", "properties": {{"a": {value}}}}}'
    answer = send(world, 'POST', '/v1/offers', body.encode())
    in_form(answer)
    expected = 201 if depth < 30 else 400
    assert answer.status_code == (expected if len(body) < 100_000 else 413)


@pytest.mark.parametrize('number', ['1' * 4000, '1' * 5000, '-1e400', '1e308', '0.1e-400'])
def test_numbers(world: World, number: str) -> None:
    body = f'{{"resource_uuid": "{world.node()}", "properties": {{"a": {number}}}}}'
    in_form(send(world, 'POST', '/v1/offers', body.encode()))


@pytest.mark.parametrize(
    'head',
    [
        b'GET /v1/offers\xff HTTP/1.1\r\nHost: x\r\n',
        b'GET /v1/offers?name=\xff\xfe HTTP/1.1\r\nHost: x\r\n',
        b'GET /v1/offers/%zz HTTP/1.1\r\nHost: x\r\n',
        b'GET / HTTP/1.0\r\n',
        b'POST /v1/offers HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n',
        b'POST /v1/offers HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n',
        b'GET /v1/offers HTTP/1.1\r\nHost: x\r\nX-Roles: \xff\xfe\r\n',
        b'GET /v1/offers HTTP/1.1\r\nHost: x\r\nOpenStack-API-Version: \xff\r\n',
        b'GET /v1/offers HTTP/1.1\r\nHost: x\r\nOpenStack-API-Version: lease\r\n',
        b'GET /v1/offers HTTP/1.1\r\nHost: x\r\nX-Openstack-Request-Id: req-<script>\r\n',
        b'GET / HTTP/1.1\r\nHost: \r\n',
    ],
)
def test_raw_bytes(world: World, head: bytes) -> None:
    port = int(world.service.url.rsplit(':', 1)[1])
    with socket.create_connection(('127.0.0.1', port), timeout=PATIENCE) as wire:
        wire.sendall(head + b'Connection: close\r\n\r\n')
        wire.shutdown(socket.SHUT_WR)
        first = wire.makefile('rb').readline()
    assert int(first.split(b' ')[1]) < HTTPStatus.INTERNAL_SERVER_ERROR, first
