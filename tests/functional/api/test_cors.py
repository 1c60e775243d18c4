"""Pages of other origins: their browsers ask first, without a token; only those named may call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from . import world as worlds
from .world import LESSEE, World

FRIEND = 'https://dashboard.example.com'
FOE = 'https://elsewhere.example.org'
PREFLIGHT = {
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'x-auth-token, content-type, openstack-api-version',
}


@pytest.fixture(scope='module')
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    options = {'cors': {'allowed_origin': [FRIEND, 'https://other.example.com']}}
    with worlds.world(tmp_path_factory.mktemp('service'), options=options) as made:
        yield made


def ask(world: World, method: str, path: str, **headers: str) -> requests.Response:
    return requests.request(method, world.service.url + path, headers=headers, timeout=60)


@pytest.mark.parametrize('path', ['/v1/leases', '/v1/offers/some/claim', '/healthcheck'])
def test_a_browser_may_ask_before_it_has_a_token(shared: World, path: str) -> None:
    answer = ask(shared, 'OPTIONS', path, Origin=FRIEND, **PREFLIGHT)
    assert answer.status_code == requests.codes.ok
    assert answer.headers['Access-Control-Allow-Origin'] == FRIEND
    assert answer.headers['Access-Control-Allow-Methods'] == 'POST'
    allowed = answer.headers['Access-Control-Allow-Headers']
    assert allowed == 'x-auth-token,content-type,openstack-api-version'
    assert answer.headers['Vary'] == 'Origin'


def test_a_foreign_page_learns_nothing(shared: World) -> None:
    answers = [
        ask(shared, 'OPTIONS', '/v1/leases', Origin=FOE, **PREFLIGHT),
        ask(shared, 'GET', '/v1/offers', Origin=FOE, **LESSEE.headers),
    ]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith('Access-Control-')]


def test_a_header_that_we_do_not_know_is_not_allowed(shared: World) -> None:
    asked = {**PREFLIGHT, 'Access-Control-Request-Headers': 'x-roles'}
    answer = ask(shared, 'OPTIONS', '/v1/leases', Origin=FRIEND, **asked)
    assert 'Access-Control-Allow-Origin' not in answer.headers


@pytest.mark.parametrize(('path', 'status'), [('/v1/offers', 200), ('/v1/offers/nothing', 404)])
def test_answers_and_errors_can_be_read(shared: World, path: str, status: int) -> None:
    answer = ask(shared, 'GET', path, Origin=FRIEND, **LESSEE.headers)
    assert answer.status_code == status
    assert answer.headers['Access-Control-Allow-Origin'] == FRIEND
    assert 'X-Openstack-Request-Id' in answer.headers['Access-Control-Expose-Headers']
    assert answer.headers['Vary'] == 'OpenStack-API-Version,Origin'


@pytest.mark.parametrize('headers', [{}, {'Origin': FRIEND}, {'Origin': FOE}])
def test_what_is_no_question_of_a_browser_is_answered_as_ever(
    shared: World, headers: dict[str, str]
) -> None:
    for method in ('OPTIONS', 'HEAD', 'PUT'):
        answer = ask(shared, method, '/v1/offers', **headers)
        assert answer.status_code == requests.codes.method_not_allowed
        assert answer.headers['Allow'] == 'GET, POST'


def test_without_a_name_in_the_configuration_nobody_is_let_in(world: World) -> None:
    answer = ask(world, 'OPTIONS', '/v1/leases', Origin=FRIEND, **PREFLIGHT)
    assert answer.status_code == requests.codes.method_not_allowed
    answer = ask(world, 'GET', '/v1/offers', Origin=FRIEND, **LESSEE.headers)
    assert not [name for name in answer.headers if name.startswith('Access-Control-')]
