"""The table of tasks: what is decided for a lost node."""

from dataclasses import replace

import pytest

from esi_leap.core.duty import due
from esi_leap.core.duty.duties import decide_search
from esi_leap.core.duty.rules import Rules
from esi_leap.core.duty.settle import Situation
from esi_leap.core.handover.machine import LESSEE, Machine
from esi_leap.core.handover.steps import Act, FreeNode, Patch, RetryLater, Step
from esi_leap.core.node import State
from esi_leap.core.tree import BookingTree
from tests.unit.core.given import HOLDING, STRANGER, TENANT, a_lease, a_machine, a_node, at

FORMER = a_lease('a')
AT = Situation(
    node=a_node(state=State.LOST, lease='a', retry_at=at(21)),
    tree=BookingTree([]),
    now=at(21),
    rules=Rules(holding_project=HOLDING),
    former=FORMER,
)
WITH_TENANT = a_machine(lessee=TENANT, lease_label='a', provision_state='active')


def decide(machine: Machine | None) -> Step:
    return decide_search(due.Search(), machine, AT)


def test_lost_node_that_its_former_lessee_has_still_is_taken() -> None:
    assert decide(WITH_TENANT) == Act(Patch({LESSEE: HOLDING}))


@pytest.mark.parametrize(
    'machine',
    [
        None,
        replace(WITH_TENANT, lease_label='another'),
        replace(WITH_TENANT, lease_label=None),
        replace(WITH_TENANT, lessee=STRANGER),
    ],
)
def test_lost_node_of_another_lease_or_project_is_left_alone(machine: Machine | None) -> None:
    assert isinstance(decide(machine), RetryLater)


def test_lost_node_that_is_in_order_is_free() -> None:
    assert isinstance(decide(a_machine()), FreeNode)
