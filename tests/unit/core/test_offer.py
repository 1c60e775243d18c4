"""The offer and its state machine."""

import pytest

from esi_leap.core.offer import BLOCKING, FINAL, NOT_HIS, TRANSITIONS, Status

from .given import an_offer, at

#: Written by hand: the table that the documentation promises.
DOCUMENTED = {
    'available': {'error', 'expired', 'deleted'},
    'error': {'available', 'expired', 'deleted'},  # available: its owner has the node again
    'expired': set(),
    'deleted': set(),
}


def test_the_machine_has_exactly_the_documented_transitions() -> None:
    assert {
        str(status): {str(each) for each in among} for status, among in TRANSITIONS.items()
    } == DOCUMENTED


def test_holding_and_final_share_out_the_statuses() -> None:
    assert {str(each) for each in FINAL} == {'expired', 'deleted'}
    assert {str(each) for each in BLOCKING} == {'available', 'error'}


@pytest.mark.parametrize('status', Status)
def test_an_offer_holds_its_window_and_is_due_at_its_end_until_it_is_over(status: Status) -> None:
    offer = an_offer(status=status)
    over = status in {'expired', 'deleted'}
    assert offer.blocks is not over
    assert offer.due_at == (None if over else at(100))


def test_an_offer_stands_while_its_provider_owns_the_node() -> None:
    offer = an_offer(owner_id='his')
    assert offer.for_owner('his') is offer
    assert offer.for_owner('') is offer  # nobody's: an admin offers it
    suspended = offer.for_owner('anothers')
    assert (suspended.status, suspended.reason) == (Status.ERROR, NOT_HIS)
    assert suspended.for_owner('anothers') is suspended
    assert suspended.for_owner('his') == offer
    sublet = an_offer(owner_id='his', parent_lease='l')
    assert sublet.for_owner('anothers') is sublet


@pytest.mark.parametrize('status', sorted(set(Status) - {Status.AVAILABLE}))
def test_an_offer_that_failed_or_is_over_is_left_as_it_is(status: Status) -> None:
    offer = an_offer(owner_id='his', status=status, reason='another')
    assert offer.for_owner('his') is offer
    assert offer.for_owner('anothers') is offer
