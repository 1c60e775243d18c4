"""The bodies that the documentation shows: sent to a real service, and what it answered."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import esi_leap
from esi_leap import clock
from esi_leap.api.expose import ROUTES, VERSIONS, Route
from tests.patience import PATIENCE

from . import world as worlds
from .world import ADMIN, LESSEE, OWNER, Who, World

FOLDER = Path(esi_leap.__file__).parent / 'api' / 'samples'
NEWEST = {'OpenStack-API-Version': 'lease {}.{}'.format(*VERSIONS[-1])}
#: Their answers are too long to be shown, or are shown elsewhere.
UNTOLD = {'GET /v1/openapi.json'}
WINDOW = {'start_time': '2032-03-01T00:00:00Z', 'end_time': '2032-06-01T00:00:00Z'}
WEEK = {'start_time': '2032-03-08T12:00:00Z', 'end_time': '2032-03-15T12:00:00Z'}
_AGE = re.compile(r'"age": [\d.e-]+')
_TOKEN = re.compile(r'(token=|"token": ")[\w-]{43}')
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_MOMENT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z')


class Story:
    """Calls of the API, the first of each kept as they were sent and answered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.told: dict[str, dict[str, Any]] = {}

    def node(self, uuid: str, **content: object) -> str:
        self._world.service.node(uuid, OWNER.project, **content)
        return uuid

    def reject(self, uuid: str) -> None:
        self._world.reject(uuid)

    def call(
        self, who: Who, name: str, ident: str = '', body: object = None, query: str = ''
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        method, template = name.split(' ')
        path = re.sub(r'{\w+}', ident, template) + query
        answer = self._world.call(who, method, path, body, headers=NEWEST)
        assert answer.ok, answer.text
        found: dict[str, Any] = {} if body is None else {'body': body}
        if answer.content:
            found['answer'] = answer.json()
        self.told.setdefault(name, found)
        return found.get('answer')

    def until(self, who: Who, name: str, good: Callable[[Any], bool], ident: str = '') -> None:
        """Look again until the manager has come so far."""
        begun = time.monotonic()
        while not good(self.call(who, name, ident)):
            assert time.monotonic() - begun < PATIENCE, self.told[name]
            del self.told[name]
            time.sleep(0.05)


def documents(story: Story) -> None:
    story.call(LESSEE, 'GET /')
    story.call(LESSEE, 'GET /v1')
    story.until(LESSEE, 'GET /healthcheck', lambda seen: seen['manager']['status'] == 'ok')


def offers_and_leases(story: Story) -> None:
    node = story.node(
        'b8f3b0c4-53d3-4b6c-8ac5-2c5c5e4f7a10',
        resource_class='gpu.large',
        properties={'cpus': '64', 'memory_mb': '524288'},
    )
    made = story.call(
        OWNER,
        'POST /v1/offers',
        body={
            'name': 'spring',
            'resource_uuid': node,
            'lessee_id': LESSEE.project,
            'properties': {'rack': 'r12'},
            'recall_notice': 3600,
            **WINDOW,
        },
    )
    lease = story.call(
        LESSEE,
        'POST /v1/offers/{ident}/claim',
        made['uuid'],
        {'name': 'training', 'purpose': 'a model of the tides', **WEEK},
    )
    story.call(
        LESSEE,
        'GET /v1/offers',
        query='?available_start_time=2032-03-01&available_end_time=2032-03-02',
    )
    story.call(LESSEE, 'GET /v1/offers/{ident}', 'spring')
    story.call(LESSEE, 'PATCH /v1/leases/{ident}', 'training', {'purpose': 'tides and storms'})
    story.call(LESSEE, 'GET /v1/contracts')
    story.call(LESSEE, 'GET /v1/contracts/{ident}', lease['contract_uuid'])
    story.call(LESSEE, 'DELETE /v1/contracts/{ident}', lease['contract_uuid'])
    story.call(OWNER, 'DELETE /v1/offers/{ident}', 'spring')
    direct = story.call(
        OWNER,
        'POST /v1/leases',
        body={
            'resource_uuid': node,
            'project_id': LESSEE.project,
            'name': 'now',
            'end_time': '2032-06-01T00:00:00Z',
        },
    )
    story.until(
        LESSEE,
        'GET /v1/leases/{ident}',
        lambda seen: seen['status'] == 'active',
        direct['uuid'],
    )
    story.call(LESSEE, 'GET /v1/leases')
    story.call(
        LESSEE,
        'POST /v1/console_auth_tokens',
        body={'node_uuid_or_name': node, 'token_ttl': 60, 'read_only': True},
    )
    story.until(LESSEE, 'GET /v1/nodes/{ident}', lambda seen: seen['lessee'] != '', node)
    story.call(LESSEE, 'GET /v1/nodes', query='?property=cpus%3E%3D40')
    recall = story.call(
        OWNER,
        'POST /v1/recalls',
        body={'nodes': [node], 'deadline': '2032-03-02T06:00:00Z', 'reason': 'a paper deadline'},
    )
    story.call(OWNER, 'GET /v1/recalls')
    story.call(OWNER, 'GET /v1/recalls/{ident}', recall['uuid'])
    story.call(OWNER, 'DELETE /v1/recalls/{ident}', recall['uuid'])
    story.call(LESSEE, 'DELETE /v1/leases/{ident}', direct['uuid'])


def what_happened(story: Story) -> None:
    story.call(OWNER, 'GET /v1/events', query='?limit=4')


def a_rejected_node(story: Story) -> None:
    node = story.node('4d0e6b1a-8c57-4f39-b2a6-90f1e7c35d28', resource_class='gpu.large')
    story.reject(node)
    story.call(ADMIN, 'POST /v1/nodes/{ident}/reset', node)


CHAPTERS: tuple[Callable[[Story], None], ...] = (
    documents,
    offers_and_leases,
    what_happened,
    a_rejected_node,
)


class Settled:
    """Makes what differs from run to run the same: ids, the present, the host."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._uuids: dict[str, str] = {}
        self._moments: dict[str, str] = {}

    def text(self, text: str) -> str:
        text = text.replace(self._host, 'https://leases.example.com:7777')
        text = _AGE.sub('"age": 2.5', text)
        text = _TOKEN.sub(r'\1c2VjcmV0-and-good-for-one-connection', text)
        return _MOMENT.sub(self._moment, _UUID.sub(self._uuid, text))

    def _uuid(self, found: re.Match[str]) -> str:
        if found[0].startswith('b8f3b0c4'):  # a node of ours
            return found[0]
        number = len(self._uuids) + 1
        return self._uuids.setdefault(found[0], f'1ea5e000-0000-4000-8000-{number:012}')

    def _moment(self, found: re.Match[str]) -> str:
        """The present is the last day of February 2032; other times are as they were sent."""
        moment = datetime.fromisoformat(found[0])
        if abs(moment - clock.now()) > timedelta(days=1):
            return found[0]
        number = len(self._moments)
        return self._moments.setdefault(found[0], f'2032-02-29T09:00:{number:02}.250000Z')


@pytest.fixture(scope='module')
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what was told, by noun and call."""
    long = {
        'api': {'max_lease_time': 10_000},
        'serialconsoleproxy': {'public_url': 'wss://consoles.example.com'},
    }
    with worlds.world(tmp_path_factory.mktemp('story'), options=long) as world:
        story = Story(world)
        for chapter in CHAPTERS:
            chapter(story)
        settled = Settled(world.service.url)
    told = {
        name: json.loads(settled.text(json.dumps(bodies))) for name, bodies in story.told.items()
    }
    found: dict[str, dict[str, Any]] = {each.noun: {} for each in _shown()}
    for each in _shown():
        if each.name in told:
            found[each.noun][each.name] = told[each.name]
    return found


def _shown() -> list[Route]:
    """Return the calls that have something to show."""
    return [
        each
        for each in ROUTES
        if each.name not in UNTOLD and (each.body or each.outcome(VERSIONS[-1])[1] is not None)
    ]


def test_every_call_has_a_sample(samples: dict[str, dict[str, Any]]) -> None:
    assert {name for noun in samples.values() for name in noun} == {each.name for each in _shown()}


@pytest.mark.parametrize('noun', sorted({each.noun for each in _shown()}))
def test_the_samples_are_fresh(
    samples: dict[str, dict[str, Any]], noun: str, kept: Callable[[Path, str], None]
) -> None:
    kept(FOLDER / f'{noun}.json', json.dumps(samples[noun], indent=2, ensure_ascii=False) + '\n')


def test_no_sample_is_left_over() -> None:
    assert {file.stem for file in FOLDER.glob('*.json')} == {each.noun for each in _shown()}
