"""What a request costs the database: so many statements, on an empty calendar and a full one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from . import world as worlds
from .world import LESSEE, OWNER, Who, World

NOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
DEED = tuple[Who, str, str, object]


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[World]:
    """A service without a manager, whose looks at what is due would be counted as well."""
    with worlds.world(tmp_path, manager=False) as made:
        yield made


def days(first: int, last: int) -> dict[str, str]:
    moments = {'start_time': first, 'end_time': last}
    return {name: (NOON + timedelta(days=day)).isoformat() for name, day in moments.items()}


def test_a_request_costs_as_many_statements_however_much_is_booked(
    quiet: World, subtests: pytest.Subtests
) -> None:
    node = quiet.node(OWNER.project)
    # The first ones make what later ones find: the node's row, and the names of the projects.
    offer = quiet.make(OWNER, '/v1/offers', resource_uuid=node, **days(0, 99))['uuid']
    claim = f'/v1/offers/{offer}/claim'
    lease = quiet.make(LESSEE, claim, **days(0, 1))['uuid']

    deeds: dict[str, tuple[int, Callable[[int], DEED]]] = {
        # node; its lock, what is booked, the offer, its event
        'create an offer': (
            5,
            lambda turn: (
                OWNER,
                'POST',
                '/v1/offers',
                {'resource_uuid': node, **days(100 + turn, 101 + turn)},
            ),
        ),
        # offer; the node's lock, the offer, what is booked; contract, lease, their events
        'claim an offer': (
            7,
            lambda turn: (LESSEE, 'POST', claim, days(10 + turn, 11 + turn)),
        ),
        # the page, and what is booked in its offers
        'list offers': (2, lambda turn: (LESSEE, 'GET', '/v1/offers', None)),
        'list leases': (1, lambda turn: (LESSEE, 'GET', '/v1/leases', None)),
        'show a lease': (1, lambda turn: (LESSEE, 'GET', f'/v1/leases/{lease}', None)),
    }
    for booked in (0, 20):
        for number in range(booked):
            quiet.make(LESSEE, claim, **days(40 + number, 41 + number))
        for name, (cost, deed) in deeds.items():
            with subtests.test(deed=name, booked=booked):
                who, method, path, body = deed(booked)
                with worlds.statements() as asked:
                    answer = quiet.call(who, method, path, body)
                assert answer.ok, answer.text
                assert len(asked) == cost, '\n'.join(asked)
