"""The service keeps UTC wherever it stands: it runs in a process with another TZ."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.patience import PATIENCE

from .world import LESSEE, OWNER

SERVE = """
import sys, warnings
from pathlib import Path
warnings.simplefilter('ignore', DeprecationWarning)
from esi_leap.fixture import Service
with Service(Path(sys.argv[1])) as service:
    service.node('one', 'owner')
    service.node('two', 'owner')
    service.node('three', 'owner')
    print(service.url, flush=True)
    sys.stdin.read()
"""
SLACK = timedelta(seconds=5)


@pytest.fixture(scope='module', params=['Asia/Tokyo', 'America/New_York', 'Asia/Kathmandu'])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = [sys.executable, '-c', SERVE, tmp_path_factory.mktemp('service')]
    with subprocess.Popen(
        command,
        env={**os.environ, 'TZ': request.param},
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate(timeout=PATIENCE)  # closes its input, which ends it
    assert process.returncode == 0


def made(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == requests.codes.created, answer.text
    body: dict[str, str] = answer.json()
    return body


def utc(text: str) -> datetime:
    assert not text.endswith('Z')
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_lease_without_a_start_starts_now(url: str) -> None:
    body = {'resource_uuid': 'one', 'project_id': 'lessee'}
    lease = made(
        requests.post(f'{url}/v1/leases', json=body, headers=OWNER.headers, timeout=PATIENCE)
    )
    assert abs(utc(lease['start_time']) - datetime.now(UTC)) < SLACK
    assert utc(lease['end_time']) - utc(lease['start_time']) == timedelta(days=7)


def test_an_offset_names_the_same_instant(url: str) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    end = start + timedelta(hours=2)
    offered = {
        'resource_uuid': 'two',
        'start_time': _as_in_tokyo(start),
        'end_time': end.replace(tzinfo=None).isoformat(),
    }
    offer = made(
        requests.post(f'{url}/v1/offers', json=offered, headers=OWNER.headers, timeout=PATIENCE)
    )
    assert (utc(offer['start_time']), utc(offer['end_time'])) == (start, end)
    claimed = {'start_time': _as_in_tokyo(start)}
    lease = made(
        requests.post(
            f'{url}/v1/offers/{offer["uuid"]}/claim',
            json=claimed,
            headers=LESSEE.headers,
            timeout=PATIENCE,
        )
    )
    assert (utc(lease['start_time']), utc(lease['end_time'])) == (start, end)


def test_what_is_free_starts_now(url: str) -> None:
    body = {'resource_uuid': 'three', 'start_time': '2020-01-01'}
    offer = made(
        requests.post(f'{url}/v1/offers', json=body, headers=OWNER.headers, timeout=PATIENCE)
    )
    assert abs(utc(offer['availabilities'][0][0]) - datetime.now(UTC)) < SLACK  # type: ignore[arg-type]


def _as_in_tokyo(moment: datetime) -> str:
    return (moment + timedelta(hours=9)).replace(tzinfo=None).isoformat() + '+09:00'
