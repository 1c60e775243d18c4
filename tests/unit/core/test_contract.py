"""The status of a contract, which its leases decide."""

from itertools import combinations

import pytest

from esi_leap.core.contract import FINAL, status_of
from esi_leap.core.lease import Status

OVER = {'expired', 'deleted'}
COMBINATIONS = [
    frozenset(among) for count in range(1, len(Status) + 1) for among in combinations(Status, count)
]


def test_every_combination_has_a_status() -> None:
    assert len({status_of(among) for among in COMBINATIONS}) == 6


def test_a_contract_is_over_exactly_when_all_its_leases_are() -> None:
    assert {str(each) for each in FINAL} == OVER
    for among in COMBINATIONS:
        assert (status_of(among) in OVER) == (among <= OVER)


def test_the_number_and_order_of_leases_do_not_matter() -> None:
    for among in COMBINATIONS:
        assert status_of([*sorted(among), *sorted(among, reverse=True)]) == status_of(among)


@pytest.mark.parametrize(
    ('among', 'status'),
    [
        ('created', 'created'),
        ('wait fulfill', 'created'),
        ('active', 'active'),
        ('wait expire', 'active'),
        ('wait cancel', 'wait cancel'),
        ('error', 'error'),
        ('expired', 'expired'),
        ('deleted', 'deleted'),
        ('error, active, wait cancel, expired', 'error'),
        ('active, wait cancel, created', 'wait cancel'),
        ('active, created, deleted', 'active'),
        ('wait fulfill, expired', 'created'),
        ('expired, deleted', 'expired'),
    ],
)
def test_the_status_of_some_leases(among: str, status: str) -> None:
    assert status_of([Status(each) for each in among.split(', ')]) == status
