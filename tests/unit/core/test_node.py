"""The row of a node: its states, and what it remembers."""

from dataclasses import replace

import pytest

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.gate import Direction
from esi_leap.core.node import TRANSITIONS, State

from .given import a_lease, a_node, at
from .handover.given import (
    BEFORE,
    FOR_GUEST,
    FROM_GUEST,
    HELD,
    INNER,
    LEASE,
    LEFT,
    OUTER,
    RETURNING,
)
from .metal import FIELDS

BUSY, LOCKED = Reason(Cause.NODE_BUSY, 'a'), Reason(Cause.NODE_BUSY, 'b')
WHY = Reason(Cause.NODE_STUCK, 'error: a fan')

#: Written by hand: the table that the documentation promises.
DOCUMENTED = {
    'available': {'preparing', 'returning'},  # returning: a project had it without a lease
    'preparing': {'gating', 'handed over', 'returning', 'available', 'lost'},
    'gating': {
        'handed over',
        'preparing',  # the return has passed, for a lender; or the trial is void
        'returning',  # the lease is over
        'cleaning',
        'available',  # the return has passed, or the hand-over comes to nothing
        'rejected',
        'lost',
    },
    'handed over': {'returning', 'preparing', 'lost'},  # preparing: for a sub-lease
    # preparing: for a lender
    'returning': {'cleaning', 'gating', 'available', 'preparing', 'lost'},
    # returning: back when cleaning failed, once more
    'cleaning': {'gating', 'available', 'returning', 'preparing', 'lost'},
    'rejected': {'returning'},  # an operator's reset
    'lost': {'available', 'preparing', 'returning'},  # returning: it showed up with its tenant
}


def test_the_machine_has_exactly_the_documented_transitions() -> None:
    assert {
        str(state): {str(each) for each in among} for state, among in TRANSITIONS.items()
    } == DOCUMENTED


@pytest.mark.parametrize('state', State)
@pytest.mark.parametrize('target', State)
def test_no_other_transition_can_be_made(state: State, target: State) -> None:
    node = a_node(state=state, lease='a', attempts=3, retry_at=at(1), remembered=(FIELDS,))
    if target in DOCUMENTED[state] or target is state:
        assert node.to(target, WHY) == a_node(
            state=target, lease='a', reason=WHY, remembered=(FIELDS,)
        )
    else:
        with pytest.raises(ValueError, match=f'node n1: {state} -> {target}'):
            node.to(target)


@pytest.mark.parametrize('state', State)
def test_every_state_leads_back_to_available(state: State) -> None:
    reached = {state}
    while more := set().union(*(TRANSITIONS[each] for each in reached)) - reached:
        reached |= more
    assert State.AVAILABLE in reached


@pytest.mark.parametrize('state', State)
def test_a_node_is_with_the_lease_that_gets_or_has_it(state: State) -> None:
    node = a_node(state=state, lease='a', trial=None)
    assert node.is_with(a_lease('a')) is (state in {'preparing', 'handed over'})
    assert not node.is_with(a_lease('b'))


def test_a_node_at_the_gate_is_with_a_lease_on_the_way_to_it_only() -> None:
    to, back = (BEFORE.gated(each, at(10), None) for each in Direction)
    assert (to.is_with(LEASE), to.is_coming, to.is_going) == (True, True, False)
    assert (back.is_with(LEASE), back.is_coming, back.is_going) == (False, False, True)


def test_a_freed_node_remembers_nothing() -> None:
    assert RETURNING.waiting(BUSY, at(1)).freed((), at(1)) == a_node()


def test_a_waiting_node_counts_the_tries_with_one_cause() -> None:
    node = RETURNING.waiting(BUSY, at(1)).waiting(LOCKED, at(2))
    assert (node.state, node.reason, node.retry_at) == ('returning', LOCKED, at(2))
    assert node.attempts == 2
    assert node.waiting(WHY, at(3)).attempts == 1


def test_what_is_remembered_is_a_stack() -> None:
    assert FOR_GUEST.remembered == (FIELDS, LEFT)
    assert (FOR_GUEST.state, FOR_GUEST.lease) == (State.PREPARING, 'in')
    assert FOR_GUEST.left([OUTER], at(13)) == replace(HELD, retry_at=at(13))
    assert FROM_GUEST.before([OUTER]) == LEFT
    assert FROM_GUEST.before([]) == FIELDS
    back = FROM_GUEST.freed([OUTER], at(13))
    assert back == a_node(state=State.PREPARING, lease='a', remembered=(FIELDS,), retry_at=at(13))
    assert FROM_GUEST.freed([], at(13)) == a_node()
    unknown = replace(HELD, remembered=()).prepared(INNER, [OUTER], LEFT)
    assert unknown.remembered == ({}, LEFT)
    assert replace(FROM_GUEST, remembered=()).before([OUTER]) == {}
