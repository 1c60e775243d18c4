"""Who may have a token for a console, and for how long."""

from datetime import timedelta

import pytest

from esi_leap.core.console_auth_token import TokenLimits, digest, holder
from esi_leap.core.errors import InvalidError
from esi_leap.core.lease import Status
from esi_leap.core.node import State

from .given import DAY, OWNER, TENANT, a_lease, a_node, at

TERMS = TokenLimits(600, 3600, 'wss://consoles.example.com')


def test_the_lessee_has_the_node_from_its_hand_over_to_the_end_of_his_lease() -> None:
    lease = a_lease('l', 10, 20, status=Status.ACTIVE)
    node = a_node(state=State.HANDED_OVER, lease='l')
    assert [holder(node, lease, at(hour)) for hour in (9.9, 10, 19.9, 20, 21)] == [
        None,
        TENANT,
        TENANT,
        None,
        None,
    ]


@pytest.mark.parametrize('status', [each for each in Status if each is not Status.ACTIVE])
def test_a_lease_that_does_not_run_gives_nobody_the_node(status: Status) -> None:
    lease = a_lease('l', 10, 20, status=status)
    assert holder(a_node(state=State.HANDED_OVER, lease='l'), lease, at(15)) is None


@pytest.mark.parametrize(
    'state', [each for each in State if each not in {State.HANDED_OVER, State.AVAILABLE}]
)
def test_nobody_has_a_node_that_is_on_its_way(state: State) -> None:
    lease = a_lease('l', 10, 20, status=Status.ACTIVE)
    assert holder(a_node(state=state, lease='l'), lease, at(15)) is None


def test_the_owner_has_a_node_that_nobody_has_or_gets() -> None:
    assert holder(a_node(), None, at(0)) == OWNER


def test_the_lease_must_be_the_one_that_has_the_node() -> None:
    parent = a_lease('parent', 0, 100, status=Status.ACTIVE)
    assert holder(a_node(state=State.HANDED_OVER, lease='child'), parent, at(15)) is None
    assert holder(a_node(state=State.HANDED_OVER, lease='child'), None, at(15)) is None


@pytest.mark.parametrize(('asked', 'seconds'), [(None, 600), (1, 1), (599, 599), (3600, 3600)])
def test_a_token_lives_as_long_as_was_asked_for(asked: int | None, seconds: int) -> None:
    assert TERMS.expiry(DAY, asked) == DAY + timedelta(seconds=seconds)


@pytest.mark.parametrize('asked', [0, -1, 3601, 99_999_999, 10**11])
def test_no_token_lives_for_ever_or_not_at_all(asked: int) -> None:
    with pytest.raises(InvalidError) as caught:
        TERMS.expiry(DAY, asked)
    assert caught.value.message == (
        f"Invalid input for field/attribute token_ttl. Value: '{asked}'. "
        'Give a number of seconds from 1 to 3600.'
    )
    assert caught.value.details == {'field': 'token_ttl'}


def test_the_url_has_the_token_and_what_is_kept_has_not() -> None:
    assert TERMS.access_url('a-b_c') == 'wss://consoles.example.com/?token=a-b_c'
    # NIST's example of SHA-256
    assert digest('abc') == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
