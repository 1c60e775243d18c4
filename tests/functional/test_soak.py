"""Two managers and two APIs, of which now and then one is killed, under people who do all they can.

It lasts some seconds for each database, ESI_LEAP_SOAK lengthens that, and ESI_LEAP_SOAK_SEED
repeats what the people wanted. The nodes are looked at all the time, all events and leases in the
end.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sandbox import ports
from tests.patience import PATIENCE, until

from .api.world import ADMIN, OWNER, Who

SECONDS = float(os.environ.get('ESI_LEAP_SOAK', '20'))
SEED = os.environ.get('ESI_LEAP_SOAK_SEED') or str(time.time_ns() % 10**6)
NODES = [f'soak-{number}' for number in range(8)]
LESSEES = [Who(f'lessee-{number}') for number in range(3)]
PEOPLE = 6
BIN = Path(sys.executable).parent
#: What becomes of a request whose API is killed: before its answer, or within.
CUT_OFF = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
FINAL = {'deleted', 'expired', 'error'}
#: What may be said to somebody whose request is sound: others were faster, or time was.
LOST = {404, 409}
CONFIGURATION = """
[api]
auth_strategy = noauth
host_ip = 127.0.0.1
port = {port}
api_workers = 1
default_resource_type = dummy_node
[database]
connection = {database}
[dummy_node]
dummy_node_dir = {nodes}
[manager]
poll_interval = 0.1
claim_time = 5
retry_max = 1
[ironic]
timeout = 2
"""

pytestmark = [
    pytest.mark.timeout(SECONDS + 4 * PATIENCE),
    pytest.mark.parametrize('database_kind', ['mariadb', 'postgresql'], indirect=True),
]


class Program:
    """One of the programs, which is started again whenever it was killed."""

    def __init__(self, name: str, settings: Path, log: Path) -> None:
        self._command = [BIN / name, '--config-file', settings]
        self._log = log
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open('ab') as log:
            # A group of its own, so that workers die with the one who forked them.
            return subprocess.Popen(self._command, stdout=log, stderr=log, process_group=0)

    def kill(self) -> None:
        os.killpg(self.process.pid, 9)
        self.process.wait()
        self.process = self._start()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


@dataclass
class Sight:
    """A node with a lease, as it was seen from one look to another without a change."""

    node: str
    lease: str
    project: str
    last: datetime


class Watch:
    """Somebody who looks at all nodes all the time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seen: dict[str, list[Sight]] = defaultdict(list)
        self.looks = 0

    def look(self) -> None:
        for node in NODES:
            before = datetime.now(UTC)
            content = json.loads((self._folder / node).read_text(encoding='utf-8'))
            self.looks += 1
            lease, project = content.get('lease_uuid'), content.get('project_id')
            if lease is None or project is None:
                continue
            past = self.seen[node]
            if past and (past[-1].lease, past[-1].project) == (lease, project):
                past[-1].last = before
            else:
                past.append(Sight(node, lease, project, before))


@dataclass
class Soak:
    """The service, and what was asked of it."""

    urls: list[str]
    programs: list[Program]
    watch: Watch
    over: threading.Event = field(default_factory=threading.Event)
    answers: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    kills: int = 0

    def call(self, who: Who, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask one of the APIs; None if it was killed meanwhile or somebody else was faster."""
        deed = f'{method} {urlsplit(path).path.split("/")[2]}'
        url = random.choice(self.urls)  # noqa: S311 - no secret
        try:
            answer = requests.request(
                method, url + path, json=body, headers=who.headers, timeout=PATIENCE
            )
        except CUT_OFF:
            self.answers[f'{deed} killed'] += 1
            self.over.wait(0.2)  # it is on its way up
            return None
        self.answers[f'{deed} {answer.status_code}'] += 1
        if answer.ok:
            return answer.json() if answer.content else {}
        if answer.status_code not in LOST and 'has passed' not in answer.text:
            self.broken.append(f'{method} {path} {body}: {answer.status_code} {answer.text}')
        return None

    def every(self, kind: str) -> list[dict[str, Any]]:
        """Return all there is of a kind."""
        found: list[dict[str, Any]] = []
        query = 'status=any&limit=1000' + ('' if kind == 'offers' else '&view=all')
        while True:
            marker = f'&marker={found[-1]["uuid"]}' if found else ''
            url = f'{self.urls[0]}/v1/{kind}?{query}{marker}'
            page = requests.get(url, headers=ADMIN.headers, timeout=PATIENCE).json()[kind]
            if not page:
                return found
            found += page


class Person:
    """Somebody who offers, claims, leases, changes, recalls and cancels what comes to his mind."""

    def __init__(self, soak: Soak, number: int) -> None:
        self._soak = soak
        self._random = random.Random(f'{SEED}-{number}')  # noqa: S311 - no secret

    def run(self) -> None:
        deeds = {
            self._offer: 3,
            self._claim: 6,
            self._lease: 3,
            self._change: 3,
            self._cancel: 3,
            self._recall: 2,
            self._list: 1,
        }
        while not self._soak.over.is_set():
            self._random.choices([*deeds], weights=[*deeds.values()])[0]()

    def _window(self, longest: float) -> dict[str, str]:
        start = datetime.now(UTC) + timedelta(seconds=self._random.uniform(0, 3))
        length = timedelta(seconds=self._random.uniform(0.5, longest))
        return {'start_time': start.isoformat(), 'end_time': (start + length).isoformat()}

    def _terms(self) -> dict[str, Any]:
        return self._random.choice([{}, {'recall_notice': 1}, {'firm': True}])

    def _offer(self) -> None:
        body = {'resource_uuid': self._random.choice(NODES), **self._window(20), **self._terms()}
        self._soak.call(OWNER, 'POST', '/v1/offers', body)

    def _claim(self) -> None:
        who = self._random.choice(LESSEES)
        offers = self._soak.call(who, 'GET', '/v1/offers?status=available')
        if not offers or not offers['offers']:
            return self._offer()
        offer = self._random.choice(offers['offers'])
        free = [window for window in offer['availabilities'] if window[0] < window[1]]
        if not free:
            return None
        begin = max(datetime.now(UTC), _utc(free[0][0])) + timedelta(seconds=0.2)
        end = min(_utc(free[0][1]), begin + timedelta(seconds=self._random.uniform(0.5, 6)))
        if begin < end:
            body = {'start_time': begin.isoformat(), 'end_time': end.isoformat()}
            self._claimed(who, offer['uuid'], body)
        return None

    def _claimed(self, who: Who, offer: str, body: dict[str, str]) -> None:
        self._soak.call(who, 'POST', f'/v1/offers/{offer}/claim', body)

    def _lease(self) -> None:
        who = self._random.choice(LESSEES)
        body = {'resource_uuid': self._random.choice(NODES), 'project_id': who.project}
        self._soak.call(OWNER, 'POST', '/v1/leases', body | self._window(6) | self._terms())

    def _change(self) -> None:
        if lease := self._some('leases'):
            end = _utc(lease['end_time']) + timedelta(seconds=self._random.uniform(-2, 4))
            if end > datetime.now(UTC) + timedelta(seconds=1) and end > _utc(lease['start_time']):
                body = {'end_time': end.isoformat()}
                self._soak.call(ADMIN, 'PATCH', f'/v1/leases/{lease["uuid"]}', body)

    def _cancel(self) -> None:
        kind = self._random.choice(['leases', 'leases', 'contracts', 'offers', 'recalls'])
        if found := self._some(kind):
            self._soak.call(ADMIN, 'DELETE', f'/v1/{kind}/{found["uuid"]}')

    def _recall(self) -> None:
        nodes = self._random.sample(NODES, self._random.randint(1, 3))
        body = {'nodes': nodes, 'notice': self._random.randint(0, 3)}
        self._soak.call(OWNER, 'POST', '/v1/recalls', body)

    def _list(self) -> None:
        kind = self._random.choice(['offers', 'leases', 'contracts', 'recalls', 'nodes', 'events'])
        self._soak.call(self._random.choice([OWNER, *LESSEES]), 'GET', f'/v1/{kind}')

    def _some(self, kind: str) -> dict[str, Any] | None:
        found = self._soak.call(OWNER, 'GET', f'/v1/{kind}')
        return self._random.choice(found[kind]) if found and found[kind] else None


def _utc(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@pytest.fixture
def soak(database_url: str, tmp_path: Path) -> Iterator[Soak]:
    nodes = tmp_path / 'nodes'
    nodes.mkdir()
    for node in NODES:
        content = {'project_owner_id': OWNER.project, 'provision_state': 'available'}
        (nodes / node).write_text(json.dumps(content), encoding='utf-8')
    taken: list[int] = []
    settings = []
    for number in range(2):
        taken.append(ports.pick(frozenset(taken)))
        settings.append(tmp_path / f'{number}.conf')
        text = CONFIGURATION.format(
            port=taken[-1], database=database_url.replace('%', '%%'), nodes=nodes
        )
        settings[-1].write_text(text, encoding='utf-8')
    subprocess.run([BIN / 'esi-leap-dbsync', '--config-file', settings[0], 'upgrade'], check=True)
    programs = [
        Program(f'esi-leap-{part}', file, tmp_path / f'{part}-{file.stem}.log')
        for file in settings
        for part in ('api', 'manager')
    ]
    made = Soak([f'http://127.0.0.1:{port}' for port in taken], programs, Watch(nodes))
    try:
        until(lambda: all(_answers(url) for url in made.urls), 'an answer')
        yield made
    finally:
        made.over.set()
        for program in programs:
            program.end()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False


def test_nothing_is_given_twice_and_nothing_is_kept(soak: Soak) -> None:
    """Let it run, let it come to rest, and compare what was seen with what is told."""
    begun = time.monotonic()
    people = [Person(soak, number) for number in range(PEOPLE)]
    _run(soak, [each.run for each in people], begun + SECONDS)
    assert soak.broken == []
    leases = _at_rest(soak)
    problems = [
        *_given_twice(soak.watch),
        *_kept(soak.watch, leases),
        *_told(soak, leases),
    ]
    ended = Counter(lease['status'] for lease in leases.values())
    held = sum(map(len, soak.watch.seen.values()))
    print(  # noqa: T201 - what was shown
        f'{SECONDS:.0f} s, seed {SEED}: {len(leases)} leases {dict(ended)}, {held} hand-overs seen '
        f'in {soak.watch.looks} looks, {soak.kills} kills, {len(problems)} problems; '
        f'{dict(sorted(soak.answers.items()))}'
    )
    assert problems == []
    assert held > 0
    assert soak.kills > 0


def _run(soak: Soak, deeds: Sequence[Callable[[], None]], deadline: float) -> None:
    """Let people do their deeds, somebody watch, and programs be killed, until the deadline."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    failures: list[BaseException] = []

    def guarded(deed: Callable[[], None]) -> None:
        try:
            deed()
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)
            soak.over.set()

    def watched() -> None:
        while not soak.over.is_set():
            soak.watch.look()
            time.sleep(0.02)

    threads = [threading.Thread(target=guarded, args=(deed,)) for deed in (*deeds, watched)]
    for thread in threads:
        thread.start()
    while time.monotonic() < deadline and not soak.over.wait(chance.uniform(1, 5)):
        chance.choice(soak.programs).kill()
        soak.kills += 1
    soak.over.set()
    for thread in threads:
        thread.join()
    assert failures == []


def _at_rest(soak: Soak) -> dict[str, dict[str, Any]]:
    """Cancel what is left, and wait until every node is free; return all leases by uuid."""
    until(lambda: all(_answers(url) for url in soak.urls), 'an answer')
    for kind in ('offers', 'leases'):
        for each in soak.every(kind):
            if each['status'] not in FINAL:
                soak.call(ADMIN, 'DELETE', f'/v1/{kind}/{each["uuid"]}')

    def is_over() -> bool:
        soak.watch.look()
        return all(lease['status'] in FINAL for lease in soak.every('leases'))

    until(is_over, 'the end of all leases')
    leases = {lease['uuid']: lease for lease in soak.every('leases')}
    until(lambda: all(not _taken(soak, node) for node in NODES), 'free nodes')

    def all_back() -> bool:
        return all(recall['status'] != 'pending' for recall in soak.every('recalls'))

    until(all_back, 'the end of all recalls')
    return leases


def _taken(soak: Soak, node: str) -> bool:
    answer = requests.get(
        f'{soak.urls[0]}/v1/nodes/{node}', headers=ADMIN.headers, timeout=PATIENCE
    ).json()
    return bool(answer['lessee'] or 'lease_uuid' in answer or answer['state'] != 'available')


def _given_twice(watch: Watch) -> Iterator[str]:
    """Leases that had their node, lost it to another, and had it again."""
    for node, seen in watch.seen.items():
        leases = [before.lease for before, after in pairwise(seen) if before.lease != after.lease]
        leases += [each.lease for each in seen[-1:]]
        for lease, times in Counter(leases).items():
            if times > 1:
                yield f'{node} was given to {lease} {times} times'


def _kept(watch: Watch, leases: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Lessees who were seen with a node that was not theirs, or not any more."""
    for each in (sight for seen in watch.seen.values() for sight in seen):
        lease = leases[each.lease]
        if each.project not in {lease['project_id'], 'esi-leap-holding'}:
            yield f'{each} is of {lease["project_id"]}'
        if lease['resource_uuid'] != each.node:
            yield f'{each} is of {lease["resource_uuid"]}'
        gone = lease['expire_time']
        if each.project == lease['project_id'] and gone and each.last > _utc(gone):
            yield f'{each} ended at {gone}'


def _told(soak: Soak, leases: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Leases of which the events are not those of a life."""
    told: dict[str, list[str]] = defaultdict(list)
    last = 0
    while True:
        url = f'{soak.urls[0]}/v1/events?last_event_id={last}&limit=1000'
        page = requests.get(url, headers=ADMIN.headers, timeout=PATIENCE).json()['events']
        if not page:
            break
        last = page[-1]['id']
        for event in page:
            if event['object_type'] == 'lease':
                told[event['object_uuid']].append(event['event_type'].split('.', 2)[-1])
    for uuid, lease in leases.items():
        life = [each for each in told[uuid] if each.split('.')[0] not in BESIDE]
        if life not in LIVES:
            yield f'{uuid} ({lease["status"]}): {life}'
        if lease['firm'] and 'recall.start' in told[uuid]:
            yield f'{uuid} is firm and was recalled'


#: What may be said of a lease at any time of its life.
BESIDE = {'update', 'recall', 'override'}
#: A lease is made; it comes to its node, and perhaps has it, and then loses it; it ends.
LIVES = [
    ['create.end', 'delete.end'],
    ['create.end', 'fulfill.start', 'delete.start', 'delete.end'],
    ['create.end', 'fulfill.start', 'fulfill.end', 'delete.start', 'delete.end'],
]
