"""`/metrics` of the real program: all its workers in one answer, in words that are ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from esi_leap.api.expose import ROUTES
from sandbox import ports
from tests.patience import PATIENCE

BIN = Path(sys.executable).parent
CONFIGURATION = """
[api]
auth_strategy = noauth
host_ip = 127.0.0.1
port = {port}
api_workers = 3
default_resource_type = dummy_node
[database]
connection = sqlite:///{folder}/esi-leap.sqlite
[dummy_node]
dummy_node_dir = {folder}
[metrics]
api_port = {metrics}
"""


@dataclass
class Program:
    url: str
    metrics: str
    process: subprocess.Popen[bytes]

    def read(self) -> dict[tuple[str, ...], float]:
        """Return the samples: name and values of the labels to value."""
        answer = requests.get(f'{self.metrics}/metrics', timeout=PATIENCE)
        assert answer.status_code == requests.codes.ok
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def until(self, good: Callable[[], bool]) -> None:
        begun = time.monotonic()
        while not good():
            assert time.monotonic() - begun < PATIENCE, self.read()
            time.sleep(0.05)

    def up(self) -> bool:
        assert self.process.poll() is None
        try:
            return requests.get(f'{self.url}/healthcheck', timeout=PATIENCE).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope='module')
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp('service')
    port = ports.pick()
    beside = ports.pick(frozenset({port}))
    settings = folder / 'esi-leap.conf'
    settings.write_text(
        CONFIGURATION.format(port=port, folder=folder, metrics=beside), encoding='utf-8'
    )
    options = ['--config-file', settings]
    subprocess.run([BIN / 'esi-leap-dbsync', *options, 'upgrade'], check=True)
    with (folder / 'log').open('wb') as log:
        process = subprocess.Popen(
            [BIN / 'esi-leap-api', *options],
            stdout=log,
            stderr=log,
            env={**os.environ, 'TMPDIR': str(folder)},
        )
    made = Program(f'http://127.0.0.1:{port}', f'http://127.0.0.1:{beside}', process)
    try:
        made.until(made.up)
        yield made
    finally:
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
    assert list(folder.glob('esi-leap-metrics-*')) == []


def test_requests_are_counted_in_all_workers(program: Program) -> None:
    key = ('esi_leap_requests_total', 'GET', '/v1/offers/{ident}', '404')
    before = program.read()
    with ThreadPoolExecutor(6) as threads:
        url = f'{program.url}/v1/offers/nothing-'
        for answer in threads.map(lambda number: requests.get(f'{url}{number}'), range(60)):  # noqa: S113 - on loopback
            assert answer.status_code == requests.codes.not_found
    # A worker counts an answer when it has been sent.
    program.until(lambda: program.read()[key] - before.get(key, 0) >= 60)
    after = program.read()
    assert after[key] - before.get(key, 0) == 60
    seconds = ('esi_leap_request_seconds_count', '/v1/offers/{ident}')
    assert after[seconds] - before.get(seconds, 0) == 60
    code = ('esi_leap_errors_total', 'offer.not_found')
    assert after[code] - before.get(code, 0) == 60


def test_only_this_host_can_read_them(program: Program) -> None:
    assert program.read()
    with pytest.raises(requests.ConnectionError):  # what listens everywhere answers there, too
        requests.get(program.metrics.replace('127.0.0.1', '127.0.0.2'), timeout=PATIENCE)


def test_nothing_that_callers_choose_is_a_label(program: Program) -> None:
    for method, path in (
        ('GET', '/v1/offers/a-name'),
        ('GET', '/v1/such-a-path'),
        ('BREW', '/v1/offers'),
        ('GET', '/v1/offers?a-parameter=1'),
        ('GET', '/%FF'),
    ):
        requests.request(method, program.url + path, timeout=PATIENCE)
    labels = {value for key in program.read() for value in key[1:]}
    assert not {'a-name', 'such-a-path', 'BREW', 'a-parameter'}.intersection(labels)
    routes = {key[2] for key in program.read() if key[0] == 'esi_leap_requests_total'}
    assert 'none' in routes
    assert routes <= {'none', *(each.path for each in ROUTES)}


def test_connections_that_are_given_back_are_not_in_use(program: Program) -> None:
    assert requests.get(f'{program.url}/v1/offers', timeout=PATIENCE).ok
    program.until(lambda: program.read()[('esi_leap_database_connections',)] == 0)


def test_what_a_worker_counted_outlives_it(program: Program) -> None:
    key = ('esi_leap_requests_total', 'GET', '/', '200')
    known = program.read().get(key, 0)
    for _ in range(20):
        assert requests.get(program.url, timeout=PATIENCE).ok
    program.until(lambda: program.read().get(key, 0) == known + 20)
    before = known + 20
    listed = subprocess.run(
        ['/bin/ps', '-o', 'pid=', '--ppid', str(program.process.pid)],
        check=True,
        capture_output=True,
        text=True,
    )
    worker = int(listed.stdout.split()[0])
    os.kill(worker, signal.SIGKILL)
    program.until(lambda: _gone(worker))
    program.until(program.up)
    assert program.read()[key] == before
    program.until(lambda: program.read()[('esi_leap_database_connections',)] == 0)


def _gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_each_address_has_its_own(program: Program) -> None:
    assert requests.get(f'{program.url}/metrics', timeout=PATIENCE).status_code == 404
    for path in ('/', '/v1/offers', '/metrics/', '/healthcheck'):
        assert requests.get(program.metrics + path, timeout=PATIENCE).status_code == 404
    spoofed = {'Host': program.metrics.removeprefix('http://'), 'X-Forwarded-Port': '1'}
    answer = requests.get(f'{program.url}/metrics', headers=spoofed, timeout=PATIENCE)
    assert answer.status_code == 404
