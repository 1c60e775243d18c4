"""Many callers at once: one winner for each window, quick losers, nothing left over.

SQLite and MariaDB; the store's own tests have PostgreSQL and its exclusion constraint besides.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from sandbox.databases import MariaDB

from . import world as worlds
from .world import ADMIN, OWNER, Who, World, pool, statements

THREADS = 16
CLAIMS = 400
START = datetime(2035, 1, 1, tzinfo=UTC)
DAYS = 20


@pytest.fixture(scope='module')
def mariadb() -> Iterator[MariaDB]:
    missing = MariaDB.missing_packages()
    if missing and not os.environ.get('ESI_LEAP_REQUIRE_DB'):
        pytest.skip(f'{missing} is not installed')
    with MariaDB() as server:
        yield server


@pytest.fixture(scope='module', params=['sqlite', 'mariadb'])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    url = None
    if request.param == 'mariadb':
        server: MariaDB = request.getfixturevalue('mariadb')
        server.create_database('api')
        url = server.url('api')
    folder = tmp_path_factory.mktemp('service')
    with worlds.world(folder, database=url, manager=False) as made:
        yield made


def at_once(
    deeds: list[Callable[[requests.Session], requests.Response]],
) -> list[tuple[int, float]]:
    """Do all the deeds from some threads; return status and seconds of each."""

    def some(
        mine: list[Callable[[requests.Session], requests.Response]],
    ) -> list[tuple[int, float]]:
        found = []
        with requests.Session() as session:
            for deed in mine:
                begun = time.monotonic()
                found.append((deed(session).status_code, time.monotonic() - begun))
        return found

    with ThreadPoolExecutor(THREADS) as threads:
        shares = threads.map(some, (deeds[number::THREADS] for number in range(THREADS)))
        return [each for share in shares for each in share]


def test_each_window_has_one_winner(world: World) -> None:
    offers = [
        world.make(
            OWNER,
            '/v1/offers',
            resource_uuid=world.node(),
            start_time=START.isoformat(),
            end_time=(START + timedelta(days=DAYS)).isoformat(),
        )['uuid']
        for _ in range(3)
    ]
    chance = random.Random(1)  # noqa: S311 - which windows race is no secret

    def claim(number: int) -> Callable[[requests.Session], requests.Response]:
        offer, day = chance.choice(offers), chance.randrange(DAYS)
        body = {
            'start_time': (START + timedelta(days=day)).isoformat(),
            'end_time': (START + timedelta(days=day + 1)).isoformat(),
        }
        who = Who(f'lessee-{number % 10}')
        path = f'/v1/offers/{offer}/claim'
        wanted.add((offer, day))
        return lambda session: world.call(who, 'POST', path, body, session=session)

    wanted: set[tuple[str, int]] = set()
    answers = at_once([claim(number) for number in range(CLAIMS)])

    statuses = Counter(status for status, _ in answers)
    print(f'\nslowest of {CLAIMS} claims: {max(seconds for _, seconds in answers):.3f} s')  # noqa: T201
    assert statuses == {201: len(wanted), 409: CLAIMS - len(wanted)}
    leases = world.call(ADMIN, 'GET', '/v1/leases?view=all').json()['leases']
    held = Counter((each['offer_uuid'], each['start_time']) for each in leases)
    assert len(held) == len(wanted)
    assert set(held.values()) == {1}


def test_offers_of_one_node_have_one_winner(world: World) -> None:
    node = world.node()
    body = {'resource_uuid': node, 'start_time': '2036-01-01', 'end_time': '2036-02-01'}
    answers = at_once(
        [lambda session: world.call(OWNER, 'POST', '/v1/offers', body, session=session)] * 32
    )
    assert Counter(status for status, _ in answers) == {201: 1, 409: 31}


def test_one_of_many_withdrawals_wins(world: World) -> None:
    offer = world.make(OWNER, '/v1/offers', resource_uuid=world.node())['uuid']
    answers = at_once(
        [lambda session: world.call(OWNER, 'DELETE', f'/v1/offers/{offer}', session=session)] * 16
    )
    assert Counter(status for status, _ in answers) == {200: 1, 404: 15}


def test_lists_at_once_leave_no_connection_behind(world: World) -> None:
    for _ in range(30):
        world.make(OWNER, '/v1/offers', resource_uuid=world.node())
    with pool() as watched:
        answers = at_once(
            [
                lambda session: world.call(OWNER, 'GET', '/v1/offers', session=session),
                lambda session: world.call(OWNER, 'GET', '/v1/leases', session=session),
            ]
            * 20
        )
        assert {status for status, _ in answers} == {200}
        assert watched.most > 0
        assert watched.out == 0


@pytest.mark.parametrize('noun', ['offers', 'leases', 'contracts'])
def test_a_long_list_costs_as_many_statements_as_a_short_one(world: World, noun: str) -> None:
    node, project = world.node(f'lister-{noun}'), Who(f'lister-{noun}')
    only = f'?project_id={project.project}' if noun == 'offers' else ''
    made = 0

    def count(wanted: int) -> int:
        nonlocal made
        for number in range(made, wanted):
            day = START + timedelta(days=number)
            window = {
                'resource_uuid': node,
                'start_time': day.isoformat(),
                'end_time': (day + timedelta(days=1)).isoformat(),
            }
            if noun == 'offers':
                world.make(project, '/v1/offers', **window)
            else:
                world.make(project, '/v1/leases', project_id=f'lessee-{number % 7}', **window)
        made = wanted
        with statements() as seen:
            answer = world.call(project, 'GET', f'/v1/{noun}{only}')
        assert len(answer.json()[noun]) == wanted
        return len(seen)

    few = count(10)
    many = count(1000 if noun == 'offers' else 200)
    print(f'\n{noun}: {few} statements')  # noqa: T201
    assert few == many
