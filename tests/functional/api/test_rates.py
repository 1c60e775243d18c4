"""How often one project may call."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest
from limits.storage import MemoryStorage

from esi_leap import clock
from esi_leap.api.rates import Rates
from esi_leap.conf.checks import ConfigurationError
from esi_leap.core.errors import TooManyRequestsError

from . import world as worlds
from .world import LESSEE, OWNER


def test_who_calls_too_often_is_told_when_to_go_on_and_others_are_not_held_up(
    tmp_path: Path,
) -> None:
    options = {'api': {'rate_limit': '5/hour'}}
    with worlds.world(tmp_path, manager=False, options=options) as world:
        with ThreadPoolExecutor(4) as threads:
            answers = list(
                threads.map(
                    lambda _: worlds.World(world.service).call(LESSEE, 'GET', '/v1/leases'),
                    range(12),
                )
            )
        assert Counter(each.status_code for each in answers) == {200: 5, 429: 7}
        refused = next(each for each in answers if each.status_code == 429)
        error = refused.json()['error']
        assert error['code'] == 'rate.exceeded'
        assert error['details']['limit'] == '5 per 1 hour'
        assert 0 < int(refused.headers['Retry-After']) <= 3600
        assert int(refused.headers['Retry-After']) == error['details']['retry_after']
        assert world.call(OWNER, 'GET', '/v1/leases').status_code == 200
        # Whoever looks whether the service is well has no project.
        assert all(world.call(LESSEE, 'GET', '/').status_code == 200 for _ in range(9))


def test_all_limits_hold() -> None:
    rates = Rates('3/second;4/hour', 'memory://', clock.now)
    for _ in range(3):
        rates.count('physics')
    with pytest.raises(TooManyRequestsError, match='3 per 1 second'):
        rates.count('physics')


class Broken(MemoryStorage):
    """A storage whose server is away; `limits` finds it by its scheme."""

    STORAGE_SCHEME: ClassVar = ['broken']

    def acquire_sliding_window_entry(self, *_: object, **__: object) -> bool:
        raise ConnectionRefusedError


def test_a_storage_that_does_not_answer_limits_nobody(caplog: pytest.LogCaptureFixture) -> None:
    rates = Rates('1/hour', 'broken://', clock.now)
    for _ in range(3):
        rates.count('physics')
    assert 'calls are not limited' in caplog.text


@pytest.mark.parametrize(
    ('wanted', 'where'), [('often', 'memory://'), ('1/hour', 'tape://'), ('', 'memory://')]
)
def test_what_cannot_be_read_is_said_at_the_start(tmp_path: Path, wanted: str, where: str) -> None:
    options = {'api': {'rate_limit': wanted, 'rate_limit_storage': where}}
    with (
        pytest.raises(ConfigurationError, match='rate_limit'),
        worlds.world(tmp_path, manager=False, options=options),
    ):
        pass
