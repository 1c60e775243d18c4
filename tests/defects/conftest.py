"""The known defects of the existing service, by number: this service has none of them.

`A` numbers are about correctness, `B` numbers about security. More of them are beside the
code that they need: `grep -rE 'def test_[ab][0-9]{2}_' tests` finds them all.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

with warnings.catch_warnings():
    # WebOb imports a module that Python 3.13 leaves to a package of its own.
    warnings.filterwarnings('ignore', "'cgi' is deprecated", DeprecationWarning)
    from tests.functional.api import world as worlds

OPTIONS = {'api': {'delete_wait': 0.2}, 'manager': {'retry_max': 1}}


class World(worlds.World):
    """A service, with helpers for these tests."""

    def lend(self, node: str | None = None, project: str = 'lessee', **more: object) -> Any:  # noqa: ANN401
        """Let the owner lease a node to a project."""
        return self.make(
            worlds.OWNER,
            '/v1/leases',
            resource_uuid=node or self.node(),
            project_id=project,
            **more,
        )

    def offer(self, node: str | None = None, **more: object) -> Any:  # noqa: ANN401
        """Let the owner offer a node."""
        return self.make(worlds.OWNER, '/v1/offers', resource_uuid=node or self.node(), **more)


@pytest.fixture
def make_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start services with the options of the test; stop them after it."""
    made: list[tuple[Any, World]] = []

    def make(**settings: Any) -> World:  # noqa: ANN401 - of the fixture of the service
        service = worlds.Service(tmp_path_factory.mktemp('service'), **settings)
        service.__enter__()
        made.append((service, World(service)))
        return made[-1][1]

    yield make
    for service, world in made:
        world.close()
        service.__exit__(None, None, None)


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with worlds.Service(tmp_path_factory.mktemp('service'), options=OPTIONS) as service:
        made = World(service)
        yield made
        made.close()


@pytest.fixture
def day() -> Any:  # noqa: ANN401 - a function
    """Return a function from a number of days from now to a time on the wire."""
    begun = datetime.now(UTC).replace(microsecond=0)

    def text(number: float) -> str:
        return (begun + timedelta(days=number)).strftime('%Y-%m-%dT%H:%M:%S')

    return text
