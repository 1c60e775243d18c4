"""The gate: its verdicts, and what opens it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.gate import Answer, Barrier, Direction, Rules, Trial, Verdict
from esi_leap.core.node import State

from .given import a_node, at

RULES = Rules(max_age=timedelta(minutes=10), timeout=timedelta(hours=1))
PASS = Verdict(answer=Answer.PASS, evidence={'pcr': 'ok'}, phase='quoted')
WAIT = Verdict(answer=Answer.WAIT, reason='It boots.', phase='booting')
REJECT = Verdict(answer=Answer.REJECT, reason='PCR 0 differs.', evidence={'pcr': 'bad'})
TRIAL = Trial(direction=Direction.HAND_OVER, begun_at=at(9))
PREPARING = a_node(state=State.PREPARING, lease='a')


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
