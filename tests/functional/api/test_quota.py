"""What one project may claim, also when it asks many times at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from . import world as worlds
from .world import ADMIN, LESSEE, OWNER, STRANGER, Who, World

START = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture(params=['sqlite', 'mariadb', 'postgresql'])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    quota = {'leases': 3, 'days_ahead': 60, 'days_in_a_row': 10}
    folder = tmp_path_factory.mktemp('service')
    with worlds.world(
        folder, database=database_url, manager=False, options={'quota': quota}
    ) as made:
        yield made


def an_offer(world: World) -> str:
    return str(world.make(OWNER, '/v1/offers', resource_uuid=world.node())['uuid'])


def claim(world: World, who: Who, offer: str, first: float, last: float) -> requests.Response:
    """Claim the offer from one day to another."""
    window = {'start_time': START + timedelta(days=first), 'end_time': START + timedelta(days=last)}
    body = {key: moment.isoformat() for key, moment in window.items()}
    with requests.Session() as session:
        return world.call(who, 'POST', f'/v1/offers/{offer}/claim', body, session=session)


def test_many_claims_at_once_do_not_get_past_the_count(world: World) -> None:
    offers = [an_offer(world) for _ in range(12)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda offer: claim(world, LESSEE, offer, 0, 1), offers))
    assert Counter(each.status_code for each in answers) == {201: 3, 403: 9}
    refused = next(each.json()['error'] for each in answers if each.status_code == 403)
    assert refused['code'] == 'quota.exceeded'
    assert refused['details'] == {'limit': 'leases', 'allowed': 3}
    listed = world.call(LESSEE, 'GET', '/v1/leases').json()['leases']
    assert len(listed) == 3
    assert claim(world, STRANGER, offers[0], 2, 3).status_code == 201
    world.call(LESSEE, 'DELETE', f'/v1/leases/{listed[0]["uuid"]}')
    assert claim(world, LESSEE, offers[1], 4, 5).status_code == 201


def test_how_far_ahead_and_how_long_in_a_row(world: World) -> None:
    offer = an_offer(world)
    far = claim(world, LESSEE, offer, 61, 62)
    assert far.status_code == 403
    assert 'is the latest now' in far.json()['faultstring']
    assert claim(world, LESSEE, offer, 0, 6).status_code == 201
    chained = claim(world, LESSEE, offer, 6, 11)
    assert chained.status_code == 403
    assert chained.json()['error']['details'] == {'limit': 'days_in_a_row', 'allowed': 10}
    assert claim(world, STRANGER, offer, 6, 11).status_code == 201
    assert claim(world, ADMIN, offer, 100, 120).status_code == 201
