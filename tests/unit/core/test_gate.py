"""The gate: what opens it, and what a hand-over and a return do around it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.gate import Answer, Barrier, Direction, Rules, Trial, Verdict
from esi_leap.core.handover.back import confine, give_back, take
from esi_leap.core.handover.give import hand_over
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.steps import (
    Act,
    Ask,
    ConsoleOff,
    Done,
    Lost,
    Maintain,
    Patch,
    Provision,
    Restart,
    Step,
    Wait,
)
from esi_leap.core.node import Node, State

from .given import HOLDING, STRANGER, TENANT, a_lease, a_machine, a_node, at
from .metal import FIELDS, STATES, Metal, metals

RULES = Rules(max_age=timedelta(minutes=10), timeout=timedelta(hours=1))
PASS = Verdict(answer=Answer.PASS, evidence={'pcr': 'ok'}, phase='quoted')
WAIT = Verdict(answer=Answer.WAIT, reason='It boots.', phase='booting')
REJECT = Verdict(answer=Answer.REJECT, reason='PCR 0 differs.', evidence={'pcr': 'bad'})
LEASE = a_lease()
TRIAL = Trial(direction=Direction.HAND_OVER, begun_at=at(9))
PREPARING = a_node(state=State.PREPARING, lease='a', remembered=(FIELDS,))
CLEANING = replace(PREPARING, state=State.CLEANING)
HELD = a_machine(lessee=HOLDING, fields=FIELDS)


@pytest.mark.parametrize(
    'values',
    [
        {'answer': Answer.PASS},
        {'answer': Answer.PASS, 'reason': 'It is nice.'},
        {'answer': Answer.WAIT},
        {'answer': Answer.REJECT, 'evidence': {'pcr': 'bad'}},
    ],
)
def test_a_verdict_that_shows_or_says_nothing_is_none(values: Mapping[str, object]) -> None:
    with pytest.raises(ValueError, match='needs'):
        Verdict(**values)  # type: ignore[arg-type]


def test_a_trial_keeps_the_last_answer() -> None:
    waits = TRIAL.judged(WAIT, RULES, at(10))
    assert (waits.answer, waits.reason, waits.phase) == ('wait', 'It boots.', 'booting')
    assert (waits.answered_at, waits.waiting_since) == (at(10), at(10))
    passed = waits.judged(PASS, RULES, at(10.5))
    assert (passed.answer, passed.reason, passed.evidence) == ('pass', None, {'pcr': 'ok'})
    assert (passed.phase, passed.answered_at, passed.waiting_since) == ('quoted', at(10.5), None)
    assert (passed.direction, passed.begun_at) == (TRIAL.direction, TRIAL.begun_at)


@given(
    answers=st.lists(st.sampled_from([PASS, WAIT, REJECT, None]), max_size=9), stale=st.booleans()
)
def test_only_a_fresh_pass_as_the_last_word_opens_the_gate(
    answers: list[Verdict | None], *, stale: bool
) -> None:
    trial = TRIAL
    for answer in answers:
        trial = trial.unanswered() if answer is None else trial.judged(answer, RULES, at(10))
    said = [each for each in answers if each is not None]
    now = at(10) + (RULES.max_age + timedelta(seconds=1) if stale else RULES.max_age)
    assert trial.passed(RULES, now) is (said[-1:] == [PASS] and not stale)


def test_a_wait_that_is_too_long_is_a_rejection_if_there_is_a_limit() -> None:
    trial = TRIAL.judged(WAIT, RULES, at(10))
    assert trial.judged(WAIT, RULES, at(10.9)).answer is Answer.WAIT
    late = trial.judged(WAIT, RULES, at(11))
    assert (late.answer, late.reason) == ('reject', 'No verdict within 3600 s. It boots.')
    assert trial.judged(WAIT, Rules(), at(99)).answer is Answer.WAIT
    assert trial.judged(PASS, RULES, at(99)).answer is Answer.PASS


def test_time_without_an_answer_is_no_wait() -> None:
    trial = TRIAL.judged(WAIT, RULES, at(10)).unanswered()
    assert trial.judged(WAIT, RULES, at(20)).answer is Answer.WAIT
    assert (trial.answer, trial.reason) == ('wait', 'It boots.')


@pytest.mark.parametrize('state', State)
def test_the_gate_is_open_only_at_the_gate_and_after_a_pass(state: State) -> None:
    passed = TRIAL.judged(PASS, RULES, at(10))
    node = a_node(state=state, trial=passed)
    assert node.barrier(None, at(10)) is Barrier.NONE
    there = state is State.GATING
    assert node.barrier(RULES, at(10)) is (Barrier.PASSED if there else Barrier.SHUT)
    assert node.barrier(RULES, at(11)) is (Barrier.ASKED if there else Barrier.SHUT)
    waits = replace(node, trial=TRIAL.judged(WAIT, RULES, at(10)))
    assert waits.barrier(RULES, at(10)) is (Barrier.ASKED if there else Barrier.SHUT)


def test_a_new_trial_knows_nothing_of_the_last() -> None:
    node = replace(PREPARING, trial=TRIAL.judged(PASS, RULES, at(10)))
    fresh = node.gated(Direction.RETURN, at(11), at(11))
    assert fresh.trial == Trial(direction=Direction.RETURN, begun_at=at(11))
    assert fresh.barrier(RULES, at(11)) is Barrier.ASKED


def test_the_tenant_gets_the_node_only_after_the_pass() -> None:
    given_now = Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
    for barrier, step in (
        (Barrier.NONE, given_now),
        (Barrier.SHUT, Ask()),
        (Barrier.ASKED, Ask()),
        (Barrier.PASSED, given_now),
    ):
        assert hand_over(HELD, LEASE, (), HOLDING, barrier) == step


def test_everything_else_is_done_before_the_gate_is_asked() -> None:
    nobodys, noisy = a_machine(), replace(HELD, console=True)
    assert hand_over(nobodys, LEASE, (), HOLDING, Barrier.SHUT) == Act(Patch({LESSEE: HOLDING}))
    assert hand_over(noisy, LEASE, (), HOLDING, Barrier.SHUT) == Act(ConsoleOff())


@given(metals(lessee=HOLDING, label=None))
def test_the_driver_may_use_the_machine_while_it_is_asked(metal: Metal) -> None:
    assert hand_over(metal.machine, LEASE, (), HOLDING, Barrier.ASKED) == Ask()
    gating = PREPARING.gated(Direction.RETURN, at(10), at(10))
    step = give_back(metal.machine, gating, (), HOLDING, require_clean=True, barrier=Barrier.ASKED)
    assert step == Ask()


@pytest.mark.parametrize('barrier', [Barrier.ASKED, Barrier.PASSED])
@pytest.mark.parametrize('lessee', [None, STRANGER])
def test_what_was_proved_is_void_if_somebody_else_had_the_node(
    barrier: Barrier, lessee: str | None
) -> None:
    assert hand_over(replace(HELD, lessee=lessee), LEASE, (), HOLDING, barrier) == Restart()


@pytest.mark.parametrize('barrier', Barrier)
def test_a_tenant_who_has_the_node_has_it(barrier: Barrier) -> None:
    """The manager died between giving it to him and writing that down."""
    machine = replace(HELD, lessee=TENANT, lease_label='a')
    assert hand_over(machine, LEASE, (), HOLDING, barrier) == Done()


def test_a_lease_cancelled_at_the_gate_is_taken_back() -> None:
    gating = PREPARING.gated(Direction.HAND_OVER, at(10), None)
    assert take(HELD, gating, LEASE, (), HOLDING) == Done()
    assert gating.to(State.RETURNING).state is State.RETURNING


def walked(barrier: Barrier, node: Node, machine: Machine) -> Step:
    return give_back(machine, node, (), HOLDING, require_clean=True, barrier=barrier)


def test_the_node_is_free_only_after_the_pass() -> None:
    free = Act(Patch({LESSEE: None}))
    gating = CLEANING.gated(Direction.RETURN, at(10), at(10))
    assert walked(Barrier.NONE, CLEANING, HELD) == free
    assert walked(Barrier.SHUT, CLEANING, HELD) == Ask()
    assert walked(Barrier.ASKED, gating, HELD) == Ask()
    assert walked(Barrier.PASSED, gating, HELD) == free
    assert walked(Barrier.PASSED, gating, a_machine(fields=FIELDS)) == Done()
    assert isinstance(walked(Barrier.ASKED, gating, a_machine(fields=FIELDS)), Lost)
    assert isinstance(walked(Barrier.SHUT, CLEANING, a_machine(fields=FIELDS)), Lost)


@pytest.mark.parametrize('state', sorted(set(STATES) - {'available'}))
def test_a_node_is_cleaned_before_it_comes_to_the_gate(state: str) -> None:
    machine = replace(HELD, provision_state=state)
    returning = replace(PREPARING, state=State.RETURNING)
    assert walked(Barrier.SHUT, returning, machine) != Ask()
    assert walked(Barrier.SHUT, returning, HELD) == Act(Provision('manage'))


def test_a_rejected_node_is_put_in_maintenance_once() -> None:
    said = 'Rejected by the gate of the lease service: PCR 0 differs.'
    assert confine(HELD, 'PCR 0 differs.') == Act(Maintain(said))
    broken = replace(HELD, maintenance=True, maintenance_reason='a fan')
    assert confine(broken, 'PCR 0 differs.') == Done()


REJECTED = replace(
    PREPARING.gated(Direction.HAND_OVER, at(10), None),
    state=State.REJECTED,
    trial=TRIAL.judged(REJECT, RULES, at(10)),
)


def test_a_reset_ends_our_maintenance_and_nobody_elses() -> None:
    reset = REJECTED.to(State.RETURNING, retry_at=at(11))
    metal = Metal(HELD)
    metal.do(Maintain('Rejected by the gate of the lease service: PCR 0 differs.'))
    assert walked(Barrier.SHUT, reset, metal.machine) == Act(Maintain(None))
    broken = replace(HELD, maintenance=True, maintenance_reason='a fan')
    assert walked(Barrier.SHUT, reset, broken) == Wait('In maintenance: a fan.')
    other = replace(reset, trial=TRIAL)
    assert isinstance(walked(Barrier.SHUT, other, metal.machine), Wait)


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
        elif isinstance(step, Wait):
            assert step.moving
            metal.tick()
        else:
            break
    assert step == Ask()
    assert metal.machine.lessee == HOLDING
    assert not metal.traces


def test_a_rejected_node_that_somebody_else_has_is_left_to_him() -> None:
    reset = REJECTED.to(State.RETURNING, retry_at=at(11))
    assert isinstance(walked(Barrier.SHUT, reset, replace(HELD, lessee=STRANGER)), Lost)
