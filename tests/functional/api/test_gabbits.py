"""The requests and answers in `gabbits/`, played in their order against a service for each file."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from gabbi import case, handlers, reporter, suitemaker

from .world import World, world

FILES = sorted((Path(__file__).parent / 'gabbits').glob('*.yaml'))
NODES = 40


def _requests() -> Iterator[object]:
    for file in FILES:
        suite = suitemaker.test_suite_from_dict(
            loader=unittest.TestLoader(),
            test_base_name=file.stem,
            suite_dict=_suite(file),
            test_directory=str(file.parent),
            host='127.0.0.1',
            port=0,
            fixture_module=None,
            intercept=None,
            handlers=[each() for each in handlers.RESPONSE_HANDLERS],
            test_loader_name=__name__,
        )
        for each in suite:
            yield pytest.param(file.stem, each, id=f'{file.stem}: {each.test_data["name"]}')


def _suite(file: Path) -> dict[str, Any]:
    suite: dict[str, Any] = yaml.safe_load(file.read_text(encoding='utf-8'))
    suite['defaults']['cert_validate'] = False  # it is plain HTTP, and reading them takes a while
    return suite


@pytest.fixture(scope='module')
def service_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], World]]:
    """Give each file a service of its own, with nodes of the projects owner and other."""
    with ExitStack() as running:
        made: dict[str, World] = {}

        def service(file: str) -> World:
            if file not in made:
                running.close()
                made[file] = running.enter_context(world(tmp_path_factory.mktemp(file)))
                _fleet(made[file])
            return made[file]

        yield service


def _fleet(made: World) -> None:
    for number in range(1, NODES + 1):
        made.service.node(
            f'node-{number:02}',
            'owner',
            resource_class='gpu' if number % 2 else 'cpu',
            properties={'cpus': str(number), 'arch': 'x86_64'},
        )
    made.service.node('others-node', 'other', resource_class='gpu')


@pytest.mark.parametrize(('file', 'asked'), list(_requests()))
def test_answer(service_of: Callable[[str], World], file: str, asked: case.HTTPTestCase) -> None:
    port = int(service_of(file).service.url.rsplit(':', 1)[1])
    each = asked
    while each is not None and each.port != port:  # those before it, which it may have to run first
        type(each).port = port
        each = each.prior
    if not asked.has_run:
        asked(reporter.PyTestResult())
