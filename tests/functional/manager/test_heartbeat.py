"""The manager's heartbeat: written now and then, and never a hindrance to its work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from esi_leap.core.errors import UnavailableError
from esi_leap.manager.deps import Deps
from esi_leap.manager.loop import Loop
from tests.patience import until

from .conftest import NOON, World

#: Rounds of the loop after which it has had the occasion.
TICKS = 10


class Agenda:
    """The real agenda, with another function for heartbeats."""

    def __init__(self, deps: Deps, beat: Callable[[], None]) -> None:
        self._agenda = deps.agenda
        self._beat = beat

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the agenda has
        return getattr(self._agenda, name)

    def beat(self, kind: str, host: str, now: datetime) -> None:
        self._beat()
        self._agenda.beat(kind, host, now)


def run(world: World, beat: Callable[[], None], true: Callable[[], bool]) -> None:
    """Run a manager until `true` holds."""
    deps = world.deps
    loop = Loop(replace(deps, agenda=Agenda(deps, beat)))
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        until(true)
    finally:
        loop.stop()
        thread.join()


def test_heartbeat_is_written_but_not_at_every_tick(world: World) -> None:
    beats: list[datetime] = []
    ticks: list[datetime] = []
    due = world.agenda.due

    def counted(now: datetime, limit: int) -> list[int]:
        ticks.append(now)
        return due(now, limit)

    def later() -> bool:
        if len(ticks) > TICKS and world.now == NOON:
            world.now += timedelta(seconds=6)
        return ticks.count(NOON + timedelta(seconds=6)) > TICKS

    world.agenda.due = counted
    run(world, lambda: beats.append(world.now), later)
    assert beats == [NOON, NOON + timedelta(seconds=6)]
    assert world.store.last_beat('manager') == NOON + timedelta(seconds=6)


def test_work_goes_on_if_the_heartbeat_cannot_be_written(world: World) -> None:
    lease = world.lease('borrower', 0, 60)
    failures = iter([UnavailableError('no database'), RuntimeError('no table')])

    def failing() -> None:
        raise next(failures, RuntimeError('still none'))

    run(world, failing, lambda: world.see(lease).status == 'active')
    assert world.store.last_beat('manager') is None


def test_two_managers_have_a_heartbeat_each(world: World) -> None:
    run(world, lambda: None, lambda: world.store.last_beat('manager') == NOON)
    world.now += timedelta(minutes=1)
    world.deps = world.manager(host='there')
    run(world, lambda: None, lambda: world.store.last_beat('manager') == world.now)
    with world.database.reader() as connection:
        hosts = connection.exec_driver_sql('SELECT host FROM heartbeats ORDER BY host').scalars()
        assert list(hosts) == ['here', 'there']
