"""What a deletion says while the node cannot be taken from the lessee, and afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.patience import Metronome, again_if_late

from . import world as worlds
from .world import LESSEE, OWNER, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    options = {'api': {'delete_wait': 0.5}, 'manager': {'retry_max': 1}}
    with worlds.world(tmp_path, options=options) as made:
        yield made


def lent(world: World, **window: str) -> tuple[dict[str, Any], Path]:
    """Return a lease whose lessee has the node, and the node's file."""
    node = world.node()
    lease = world.make(OWNER, '/v1/leases', resource_uuid=node, project_id='lessee', **window)
    return world.until(lease['uuid'], 'active'), world.service.nodes / node


def broken(file: Path) -> str:
    content = file.read_text(encoding='utf-8')
    file.write_text('no node', encoding='utf-8')
    return content


@again_if_late
def test_a_cancelled_lease_waits_with_the_reason(world: World) -> None:
    lease, file = lent(world)
    content = broken(file)
    path = f'/v1/leases/{lease["uuid"]}'

    with Metronome() as machine:
        begun = time.monotonic()
        assert world.call(LESSEE, 'DELETE', path).status_code == requests.codes.ok
        took = time.monotonic() - begun
    assert took >= 0.5  # it waits
    machine.within(3, took)  # and not for ever
    shown = world.call(LESSEE, 'GET', path).json()
    assert shown['status'] == 'wait cancel'
    assert shown['status_reason']
    assert shown['expire_time'] is None

    again = world.call(LESSEE, 'DELETE', path)
    assert (again.status_code, again.text) == (requests.codes.ok, 'null')
    assert world.call(LESSEE, 'GET', path).json()['status'] == 'wait cancel'
    taken = {'resource_uuid': file.name, 'project_id': 'stranger'}
    file.write_text(content, encoding='utf-8')
    assert world.call(LESSEE, 'DELETE', path).status_code in {200, 404}
    assert world.until(lease['uuid'], 'deleted')['expire_time']
    assert world.call(LESSEE, 'DELETE', path).status_code == requests.codes.not_found
    assert world.call(OWNER, 'POST', '/v1/leases', taken).status_code == requests.codes.created


def test_what_waits_holds_its_contract_open(world: World) -> None:
    lease, file = lent(world)
    content = broken(file)
    path = f'/v1/contracts/{lease["contract_uuid"]}'
    assert world.call(LESSEE, 'DELETE', path).status_code == requests.codes.ok
    assert world.call(OWNER, 'GET', path).json()['status'] == 'wait cancel'
    assert world.call(OWNER, 'DELETE', path).status_code == requests.codes.ok
    file.write_text(content, encoding='utf-8')
    world.until(lease['uuid'], 'deleted')
    assert world.call(OWNER, 'GET', path).json()['status'] == 'deleted'


def test_an_expired_lease_that_waits_can_be_asked_for_again(world: World) -> None:
    lease, file = lent(world)
    content = broken(file)
    path = f'/v1/leases/{lease["uuid"]}'
    world.end_soon(lease['uuid'])
    assert world.until(lease['uuid'], 'wait expire')['status_reason']
    assert world.call(OWNER, 'DELETE', path).status_code == requests.codes.ok
    assert world.call(OWNER, 'GET', path).json()['status'].startswith('wait ')
    file.write_text(content, encoding='utf-8')
    world.until(lease['uuid'], 'expired')
    assert world.call(OWNER, 'DELETE', path).status_code == requests.codes.not_found


def test_withdrawing_an_offer_waits_for_its_lease(world: World) -> None:
    node = world.node()
    offer = world.make(OWNER, '/v1/offers', resource_uuid=node)
    lease = world.make(LESSEE, f'/v1/offers/{offer["uuid"]}/claim')
    world.until(lease['uuid'], 'active')
    file = world.service.nodes / node
    content = broken(file)
    answer = world.call(OWNER, 'DELETE', f'/v1/offers/{offer["uuid"]}')
    assert answer.status_code == requests.codes.ok
    shown = world.call(OWNER, 'GET', f'/v1/offers/{offer["uuid"]}').json()
    assert shown['status'] == 'deleted'
    assert world.until(lease['uuid'], 'wait cancel')
    file.write_text(content, encoding='utf-8')
    world.until(lease['uuid'], 'deleted')
