"""When a return counts as done: the node without a lessee is clean, judged and unlabelled."""

import pytest

from esi_leap.core.gate import Barrier
from esi_leap.core.handover.back import give_back
from esi_leap.core.handover.steps import FreeNode, LookCloser, LoseNode, Step
from esi_leap.core.node import State
from tests.unit.core.given import HOLDING, a_machine, a_node


def returned(
    state: State = State.CLEANING, barrier: Barrier = Barrier.NONE, **values: object
) -> Step:
    """Decide on a machine that has no lessee any more, as after the last PATCH of a return."""
    node = a_node(state=state, lease='a')
    machine = a_machine(**values)
    return give_back(machine, node, [], HOLDING, require_clean=True, barrier=barrier)


def test_cleaned_node_without_lessee_and_label_is_free() -> None:
    assert isinstance(returned(), FreeNode)


def test_node_that_was_not_cleaned_is_lost() -> None:
    assert isinstance(returned(State.RETURNING), LoseNode)


def test_node_that_is_not_cleaned_by_choice_is_free() -> None:
    assert isinstance(returned(State.RETURNING, cleans=False), FreeNode)


def test_node_with_a_label_is_lost() -> None:
    assert isinstance(returned(lease_label='a'), LoseNode)


@pytest.mark.parametrize('barrier', [Barrier.SHUT, Barrier.ASKED])
def test_node_that_has_not_passed_the_gate_is_lost(barrier: Barrier) -> None:
    assert isinstance(returned(barrier=barrier), LoseNode)


def test_media_are_looked_for_before_a_failed_cleaning_is_repeated() -> None:
    """The cleaning that is repeated must not boot from them."""
    machine = a_machine(lessee=HOLDING, provision_state='clean failed', left=None)
    node = a_node(state=State.CLEANING, lease='a')
    step = give_back(machine, node, [], HOLDING, require_clean=True)
    assert isinstance(step, LookCloser)
