"""What a hand-over and a return do around the gate."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.gate import Answer, Barrier, Direction, Rules, Trial, Verdict
from esi_leap.core.handover.back import confine, give_back, take
from esi_leap.core.handover.give import GONE, hand_over
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.steps import (
    Act,
    AskGate,
    BeginAgain,
    Confined,
    ConsoleOff,
    EndLease,
    FreeNode,
    LoseNode,
    Maintain,
    Patch,
    Provision,
    RetryLater,
    StartLease,
    Step,
)
from esi_leap.core.node import Node, State
from esi_leap.core.retry import Pace
from tests.unit.core.given import HOLDING, STRANGER, TENANT, a_lease, a_machine, a_node, at
from tests.unit.core.metal import FIELDS, STATES, Metal, metals

RULES = Rules(max_age=timedelta(minutes=10), timeout=timedelta(hours=1))
REJECT = Verdict(answer=Answer.REJECT, reason='PCR 0 differs.', evidence={'pcr': 'bad'})
LEASE = a_lease()
TRIAL = Trial(direction=Direction.HAND_OVER, begun_at=at(9))
PREPARING = a_node(state=State.PREPARING, lease='a', remembered=(FIELDS,))
CLEANING = replace(PREPARING, state=State.CLEANING)
HELD = a_machine(lessee=HOLDING, fields=FIELDS)


def test_the_tenant_gets_the_node_only_after_the_pass() -> None:
    given_now = Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
    for barrier, step in (
        (Barrier.NONE, given_now),
        (Barrier.SHUT, AskGate()),
        (Barrier.ASKED, AskGate()),
        (Barrier.PASSED, given_now),
    ):
        assert hand_over(HELD, LEASE, (), HOLDING, barrier) == step


def test_everything_else_is_done_before_the_gate_is_asked() -> None:
    nobodys, noisy = a_machine(), replace(HELD, console=True)
    assert hand_over(nobodys, LEASE, (), HOLDING, Barrier.SHUT) == Act(Patch({LESSEE: HOLDING}))
    assert hand_over(noisy, LEASE, (), HOLDING, Barrier.SHUT) == Act(ConsoleOff())


@given(metals(lessee=HOLDING, label=None))
def test_the_driver_may_use_the_machine_while_it_is_asked(metal: Metal) -> None:
    assert hand_over(metal.machine, LEASE, (), HOLDING, Barrier.ASKED) == AskGate()
    gating = PREPARING.gated(Direction.RETURN, at(10), at(10))
    step = give_back(metal.machine, gating, (), HOLDING, require_clean=True, barrier=Barrier.ASKED)
    assert step == AskGate()


@pytest.mark.parametrize('barrier', [Barrier.ASKED, Barrier.PASSED])
@pytest.mark.parametrize('lessee', [None, STRANGER])
def test_what_was_proved_is_void_if_somebody_else_had_the_node(
    barrier: Barrier, lessee: str | None
) -> None:
    assert hand_over(replace(HELD, lessee=lessee), LEASE, (), HOLDING, barrier) == BeginAgain()


@pytest.mark.parametrize('barrier', Barrier)
def test_a_tenant_who_has_the_node_has_it(barrier: Barrier) -> None:
    """The manager died between giving it to him and writing that down."""
    machine = replace(HELD, lessee=TENANT, lease_label='a')
    assert hand_over(machine, LEASE, (), HOLDING, barrier) == StartLease()


def test_a_lease_cancelled_at_the_gate_is_taken_back() -> None:
    gating = PREPARING.gated(Direction.HAND_OVER, at(10), None)
    assert take(HELD, gating, LEASE, (), HOLDING) == EndLease()
    assert gating.to(State.RETURNING).state is State.RETURNING


def walked(barrier: Barrier, node: Node, machine: Machine) -> Step:
    return give_back(machine, node, (), HOLDING, require_clean=True, barrier=barrier)


def test_the_node_is_free_only_after_the_pass() -> None:
    free = Act(Patch({LESSEE: None}))
    gating = CLEANING.gated(Direction.RETURN, at(10), at(10))
    assert walked(Barrier.NONE, CLEANING, HELD) == free
    assert walked(Barrier.SHUT, CLEANING, HELD) == AskGate()
    assert walked(Barrier.ASKED, gating, HELD) == AskGate()
    assert walked(Barrier.PASSED, gating, HELD) == free
    assert walked(Barrier.PASSED, gating, a_machine(fields=FIELDS)) == FreeNode()
    assert isinstance(walked(Barrier.ASKED, gating, a_machine(fields=FIELDS)), LoseNode)
    assert isinstance(walked(Barrier.SHUT, CLEANING, a_machine(fields=FIELDS)), LoseNode)


@pytest.mark.parametrize('state', sorted(set(STATES) - {'available'}))
def test_a_node_is_cleaned_before_it_comes_to_the_gate(state: str) -> None:
    machine = replace(HELD, provision_state=state)
    returning = replace(PREPARING, state=State.RETURNING)
    assert walked(Barrier.SHUT, returning, machine) != AskGate()
    assert walked(Barrier.SHUT, returning, HELD) == Act(Provision('manage'))


TRIED = TRIAL.judged(REJECT, RULES, at(10))
WHY = Reason(Cause.GATE_REJECTED, 'PCR 0 differs.')
SAID = 'Rejected by the gate of the lease service: PCR 0 differs.'
REJECTED = PREPARING.gated(Direction.HAND_OVER, at(10), None).rejected(WHY, TRIED, at(10))


def test_a_rejected_node_is_put_in_maintenance_once() -> None:
    assert (REJECTED.reason, REJECTED.maintenance_reason) == (WHY, SAID)
    assert confine(HELD, REJECTED) == Act(Maintain(SAID))
    broken = replace(HELD, maintenance=True, maintenance_reason='a fan')
    assert confine(broken, REJECTED) == Confined()
    assert confine(None, REJECTED) == RetryLater(GONE)


def test_a_reset_ends_our_maintenance_and_nobody_elses() -> None:
    reset = REJECTED.to(State.RETURNING, retry_at=at(11))
    metal = Metal(HELD)
    metal.do(Maintain(SAID))
    assert walked(Barrier.SHUT, reset, metal.machine) == Act(Maintain(None))
    broken = replace(HELD, maintenance=True, maintenance_reason='a fan')
    assert walked(Barrier.SHUT, reset, broken) == RetryLater(
        Reason(Cause.NODE_MAINTENANCE, 'a fan')
    )
    other = replace(reset, trial=TRIAL)
    assert isinstance(walked(Barrier.SHUT, other, metal.machine), RetryLater)


@given(st.sampled_from([HOLDING, None]), st.sampled_from(['available', 'manageable']))
def test_a_reset_node_is_cleaned_and_tried_again_whatever_its_repair_left(
    lessee: str | None, state: str
) -> None:
    metal = Metal(replace(HELD, lessee=lessee, provision_state=state), traces=frozenset({TENANT}))
    node = REJECTED.to(State.RETURNING, retry_at=at(11))
    for _ in range(20):
        step = walked(Barrier.SHUT, node, metal.machine)
        if isinstance(step, Act):
            metal.do(step.verb)
            node = node.to(step.state or node.state)
        elif isinstance(step, RetryLater):
            assert step.pace is Pace.MOVING
            metal.tick()
        else:
            break
    assert step == AskGate()
    assert metal.machine.lessee == HOLDING
    assert not metal.traces


def test_a_rejected_node_that_somebody_else_has_is_left_alone() -> None:
    reset = REJECTED.to(State.RETURNING, retry_at=at(11))
    assert isinstance(walked(Barrier.SHUT, reset, replace(HELD, lessee=STRANGER)), LoseNode)
