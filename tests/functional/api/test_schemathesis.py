"""The API as schemathesis tries it, which knows no more of it than its OpenAPI document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from esi_leap.api.expose import ROUTES, VERSIONS

from .world import OWNER, World, world

CONFIGURATION = Path(__file__).with_name('schemathesis.toml')
THINGS = 8


def seed(made: World) -> None:
    """Make what the configuration names: nodes, half rejected, and things of every kind on them."""
    window = {'start_time': '2032-01-01', 'end_time': '2032-12-31'}
    for number in range(THINGS):
        name = f'thing-{number:02}'
        made.service.node(name, OWNER.project, resource_class='gpu')
        offer = made.make(OWNER, '/v1/offers', resource_uuid=name, name=name, **window)
        path = f'/v1/offers/{offer["uuid"]}/claim'
        made.make(OWNER, path, name=name, start_time='2032-05-01', end_time='2032-05-08')
        if number % 2:
            made.reject(name)


#: The versions differ in times and deletions only: one of them is tried in all ways.
PHASES = dict.fromkeys(VERSIONS, 'fuzzing,stateful') | {VERSIONS[-1]: 'coverage,fuzzing,stateful'}


@pytest.mark.parametrize('version', PHASES, ids='{0[0]}.{0[1]}'.format)
def test_it_is_as_it_says(
    tmp_path: Path, version: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    with world(tmp_path) as made:
        seed(made)
        url = made.service.url
        done = subprocess.run(
            [
                Path(sys.executable).with_name('schemathesis'),
                f'--config-file={CONFIGURATION}',
                'run',
                f'{url}/v1/openapi.json',
                '--header=OpenStack-API-Version: lease {}.{}'.format(*version),
                f'--phases={PHASES[version]}',
                '--no-color',
            ],
            check=False,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 0, done.stdout
    # All but the document itself, which is how it learned of the others.
    assert f'Tested: {len(ROUTES) - 1}\n' in done.stdout
    with capsys.disabled():  # what it was all for
        sys.stdout.write(f'\n{done.stdout.rstrip().splitlines()[-1]}\n')
