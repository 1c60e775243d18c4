"""Links, where something before the API has put it below a path of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esi_leap.fixture import Service

from .world import OWNER, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    def below(application: Any) -> Any:  # noqa: ANN401 - of WSGI
        return lambda environ, start: application({**environ, 'SCRIPT_NAME': '/lease'}, start)

    with Service(tmp_path, around=below) as service:
        made = World(service)
        yield made
        made.close()


def test_they_begin_with_that_path(world: World) -> None:
    here = f'{world.service.url}/lease'
    for _ in range(2):
        made = world.call(OWNER, 'POST', '/v1/offers', {'resource_uuid': world.node()})
        assert made.headers['Location'] == f'{here}/v1/offers/{made.json()["uuid"]}'
    [link] = world.call(OWNER, 'GET', '/v1/offers?limit=1').json()['offers_links']
    assert link['href'].startswith(f'{here}/v1/offers?limit=1&marker=')
    for path in ('/', '/v1'):
        [version] = world.call(OWNER, 'GET', path).json()['versions']
        assert version['links'] == [{'rel': 'self', 'href': f'{here}/v1'}]
