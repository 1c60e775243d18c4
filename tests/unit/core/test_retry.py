"""The table of delays in the docstring of `core.retry` is true, and complete."""

import re
from typing import Any

import pytest

from esi_leap.core import retry
from esi_leap.core.retry import BackOff

#: Rows of both tables: name to the last column.
ROWS = dict(re.findall(r'^(\w+) {2,}.* {2,}(\d.*)$', retry.__doc__ or '', re.MULTILINE))
LONGEST = 30.0
CONSTANTS: dict[str, Any] = {
    name: value
    for name, value in vars(retry).items()
    if isinstance(value, BackOff | float) and not name.startswith('_')
}


def shown(name: str) -> BackOff:
    found = retry.obstructed(LONGEST) if name == 'OBSTRUCTED' else CONSTANTS[name]
    assert isinstance(found, BackOff)
    return found


def test_table_has_every_delay() -> None:
    assert set(ROWS) == {*CONSTANTS, 'OBSTRUCTED'}


@pytest.mark.parametrize('name', [each for each in ROWS if ',' in ROWS[each]])
def test_delays_of_back_off_are_those_of_the_table(name: str) -> None:
    found = shown(name)
    parts = ROWS[name].split(', ')
    numbers = [float(each) for each in parts if re.fullmatch(r'[\d.]+', each)]
    assert numbers
    assert [round(found.delay(number), 3) for number in range(1, len(numbers) + 1)] == numbers
    match parts[-1]:
        case '…':  # the last number is the longest
            assert found.longest == numbers[-1]
        case '… `retry_max`':
            assert found.longest == LONGEST
        case last if last.startswith('… '):
            assert found.longest == float(last.removeprefix('… '))
        case _:  # so many delays lie between the tries
            assert len(numbers) == retry.WRITE_TRIES - 1


@pytest.mark.parametrize('name', [each for each in ROWS if ',' not in ROWS[each]])
def test_period_is_that_of_the_table(name: str) -> None:
    assert CONSTANTS[name] == float(ROWS[name])


@pytest.mark.parametrize('name', [each for each in ROWS if ',' in ROWS[each]])
def test_delay_grows_to_its_bound_however_many_attempts(name: str) -> None:
    delays = [shown(name).delay(attempts) for attempts in (0, 1, 2, 3, 10, 100, 10**6)]
    assert delays == sorted(delays)
    assert delays[0] == delays[1] == shown(name).first
    assert delays[-1] == shown(name).longest
