"""The gate: a node goes to a lessee, and to the next tenant, only when it is proved clean.

It stands twice in a node's way: before the lessee gets it, and after its cleaning. A driver says
whether the node may pass, and shows what it saw. Meanwhile the holding project has the node. Only
the word "pass" opens the gate: a driver that is away, fails or hangs has said nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum


class Direction(StrEnum):
    """Where a node is on its way to."""

    HAND_OVER = 'hand-over'
    RETURN = 'return'


class Answer(StrEnum):
    """The answers of a driver."""

    PASS = 'pass'  # noqa: S105 - no password
    WAIT = 'wait'
    REJECT = 'reject'


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A driver's answer.

    Attributes:
        answer: pass, wait or reject.
        reason: why it is not pass, in a sentence for people.
        evidence: what the answer rests on, JSON; it is kept with the node and shown.
        phase: how far the driver is, in its own words; it gets this back with the next question.

    Raises:
        ValueError: a pass without evidence, or another answer without a reason. A gate that proves
            nothing is worse than none.
    """

    answer: Answer
    reason: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
    phase: str | None = None

    def __post_init__(self) -> None:
        if self.answer is Answer.PASS and not self.evidence:
            raise ValueError('a pass needs evidence')
        if self.answer is not Answer.PASS and not self.reason:
            raise ValueError(f'{self.answer} needs a reason')


@dataclass(frozen=True, slots=True)
class Rules:
    """How verdicts are used.

    Attributes:
        max_age: how old a pass may be when the node goes on; an older one is asked for again.
        timeout: how long a driver may say "wait" before the node counts as rejected; None is for
            ever. Time in which the driver said nothing does not count.
    """

    max_age: timedelta = timedelta(minutes=10)
    timeout: timedelta | None = None


class Barrier(Enum):
    """How the gate stands for a node."""

    NONE = 'there is no gate'
    SHUT = 'the node has not come to it'
    ASKED = 'the driver has not let it pass, or too long ago'
    PASSED = 'the driver has let it pass'


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a node stands, or last stood, at the gate.

    Attributes:
        direction: where it was on the way to.
        begun_at: when it came to the gate.
        answer: the driver's last answer; None before the first.
        reason: of that answer.
        evidence: of that answer.
        phase: of that answer.
        answered_at: when it came.
        waiting_since: since when the driver has said "wait" and nothing else.
    """

    direction: Direction
    begun_at: datetime
    answer: Answer | None = None
    reason: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
    phase: str | None = None
    answered_at: datetime | None = None
    waiting_since: datetime | None = None

    def judged(self, verdict: Verdict, rules: Rules, now: datetime) -> Trial:
        """Return the trial after an answer; one "wait" too many is a rejection."""
        answer, reason, since = verdict.answer, verdict.reason, None
        if answer is Answer.WAIT:
            since = self.waiting_since or now
            if rules.timeout is not None and now - since >= rules.timeout:
                seconds = int(rules.timeout.total_seconds())
                answer, reason = Answer.REJECT, f'No verdict within {seconds} s. {reason}'
        return replace(
            self,
            answer=answer,
            reason=reason,
            evidence=verdict.evidence,
            phase=verdict.phase,
            answered_at=now,
            waiting_since=since,
        )

    def unanswered(self) -> Trial:
        """Return the trial after a question to which no answer came."""
        return replace(self, waiting_since=None)

    def passed(self, rules: Rules, now: datetime) -> bool:
        """Tell whether the node may go on, on evidence that is fresh."""
        return (
            self.answer is Answer.PASS
            and self.answered_at is not None
            and now - self.answered_at <= rules.max_age
        )
