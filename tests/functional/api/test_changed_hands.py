"""A node changes hands at the worst instant: while somebody books it by the right of before.

Who owns a node is read from its own service before the transaction; each of these tests lets that
answer be out of date by the time it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from esi_leap import clock
from esi_leap.cloud.dummy import DummyNodes
from esi_leap.db.store import Store

from . import world as worlds
from .world import ADMIN, LESSEE, OWNER, World


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp('service')
    with worlds.world(folder, manager=False) as made:  # nobody else looks at the nodes
        yield made


def _before(
    monkeypatch: pytest.MonkeyPatch, kind: type, name: str, deed: Callable[[], None]
) -> None:
    """Do something once, just before a method of a class is called for the next time."""
    method, left = getattr(kind, name), [deed]

    def instead(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the method takes
        if left:
            left.pop()()
        return method(*given, **named)

    monkeypatch.setattr(kind, name, instead)


def _after(
    monkeypatch: pytest.MonkeyPatch, kind: type, name: str, deed: Callable[[], None]
) -> None:
    """Do something once, just after a method of a class has found what it returns."""
    method, left = getattr(kind, name), [deed]

    def instead(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the method takes
        found = method(*given, **named)
        if left:
            left.pop()()
        return found

    monkeypatch.setattr(kind, name, instead)


def _changes_hands(world: World, node: str) -> Callable[[], None]:
    def deed() -> None:
        world.service.node(node, 'other')
        world.service.refresh()  # as another process does it that looks at the nodes

    return deed


def _booked(world: World, node: str) -> list[str]:
    """Return the uuids of the offers and leases of a node."""
    found = []
    for noun, view in (('offers', ''), ('leases', '&view=all')):
        answer = world.call(ADMIN, 'GET', f'/v1/{noun}?resource_uuid={node}{view}')
        found += [each['uuid'] for each in answer.json()[noun]]
    return found


@pytest.mark.parametrize(
    'race',
    [
        pytest.param((_after, DummyNodes, 'find'), id='after its service has answered'),
        pytest.param((_before, Store, 'booking'), id='before its row is locked'),
    ],
)
@pytest.mark.parametrize(
    ('path', 'body'), [('/v1/offers', {}), ('/v1/leases', {'project_id': 'lessee'})]
)
def test_nothing_is_booked_by_the_right_of_before(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, str],
    race: tuple[Any, type, str],
) -> None:
    node = world.node()
    when, kind, name = race
    when(monkeypatch, kind, name, _changes_hands(world, node))
    body = {'resource_uuid': node, **body}
    answer = world.call(OWNER, 'POST', path, body)
    assert answer.status_code == 409, answer.text
    assert f'The owner of node {node} is changing; try again.' in answer.text
    assert _booked(world, node) == []
    assert world.call(OWNER, 'POST', path, body).status_code == 404  # it is another's, and unseen


def test_nothing_is_claimed_of_what_is_anothers_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = world.node()
    end = (clock.now() + timedelta(days=1)).isoformat()
    offer = world.make(OWNER, '/v1/offers', resource_uuid=node, end_time=end)['uuid']
    _before(monkeypatch, Store, 'booking', _changes_hands(world, node))
    answer = world.call(LESSEE, 'POST', f'/v1/offers/{offer}/claim', {})
    assert (answer.status_code, answer.json()['error']['code']) == (409, 'offer.suspended')
    assert _booked(world, node) == [offer]
