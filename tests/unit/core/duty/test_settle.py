"""What follows from a task that was done, outcome by outcome."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from esi_leap.core import change as changes
from esi_leap.core import gate
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import Change, Tell, bookings_of
from esi_leap.core.duty import due
from esi_leap.core.duty.duties import DUTIES, settle
from esi_leap.core.duty.rules import Rules
from esi_leap.core.duty.settle import Situation, begin_taking
from esi_leap.core.gate import Answer, Direction, Trial, Verdict
from esi_leap.core.handover import steps
from esi_leap.core.handover.steps import Outcome, RetryLater
from esi_leap.core.lease import TAKEN, Lease, Status
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Status as OfferStatus
from esi_leap.core.retry import Pace
from esi_leap.core.tree import Booking, BookingTree
from tests.unit.core.given import HOLDING, TENANT, a_lease, a_machine, a_node, an_offer, at

NOW = at(12)
GATE = gate.Rules(max_age=timedelta(minutes=10), timeout=timedelta(hours=1))
RULES = Rules(
    holding_project=HOLDING,
    check_interval=timedelta(minutes=5),
    retry_max=60.0,
    max_attempts=3,
    gate=GATE,
)
CHECK_AT = NOW + RULES.check_interval

BUSY, STILL_BUSY = Reason(Cause.NODE_BUSY, 'a'), Reason(Cause.NODE_BUSY, 'b')
AWAY = Reason(Cause.SERVICE_UNAVAILABLE, 'Ironic answered 503; try again.')
GONE = Reason(Cause.NODE_GONE)
DEFECT = Reason(Cause.SERVICE_ERROR, 'OSError')
CLEARED, CHANGED = Reason(Cause.LESSEE_CLEARED), Reason(Cause.LESSEE_CHANGED)
STRAY = Reason(Cause.LESSEE_FOREIGN)
REJECTED = Reason(Cause.GATE_REJECTED, 'PCR 0 differs.')

LATER = RetryLater(BUSY)
FAIL = steps.Fail('OSError')
PASS = Verdict(answer=Answer.PASS, evidence={'pcr': 'ok'})
WAIT = Verdict(answer=Answer.WAIT, reason='It boots.')
REJECT = Verdict(answer=Answer.REJECT, reason='PCR 0 differs.', evidence={'pcr': 'bad'})

LEASE = a_lease()
ACTIVE = a_lease(status=Status.ACTIVE)
CANCELLED = a_lease().cancelling(NOW)
FREE = a_node()
PREPARING = a_node(state=State.PREPARING, lease='a')
HELD = a_node(state=State.HANDED_OVER, lease='a', retry_at=NOW)
RETURNING = a_node(state=State.RETURNING, lease='a', retry_at=NOW)
CLEANING = replace(RETURNING, state=State.CLEANING)
LOST = a_node(state=State.LOST, lease='a', retry_at=NOW, reason=CHANGED)

# 'in' is sub-let from 'out'.
OUT = a_lease('out', 10, 30, status=Status.ACTIVE)
IN = a_lease('in', 11, 20, parent='out', parent_lease='out', owner_id=TENANT)
RUNNING = replace(IN, status=Status.ACTIVE)
FOR_IN = a_node(state=State.PREPARING, lease='in', remembered=({}, {}))
WITH_IN = replace(FOR_IN, state=State.HANDED_OVER)
FROM_IN = replace(FOR_IN, state=State.CLEANING, retry_at=NOW)
AGAIN = a_node(state=State.PREPARING, lease='out', remembered=({},), retry_at=NOW)


def situation(
    node: Node, *bookings: Booking, now: datetime = NOW, rules: Rules = RULES
) -> Situation:
    return Situation(node=node, tree=BookingTree(bookings), now=now, rules=rules)


def node_in(change: Change) -> Node:
    found = changes.node_of(change)
    assert found is not None
    return found


def lease_in(change: Change, uuid: str = 'a') -> Lease:
    (found,) = (each for each in bookings_of(change) if each.uuid == uuid)
    assert isinstance(found, Lease)
    return found


def seconds(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - NOW).total_seconds()


def at_gate(node: Node, direction: Direction, answer: Verdict | None = None) -> Node:
    gating = node.gated(direction, NOW, node.retry_at)
    if answer is None:
        return gating
    assert gating.trial is not None
    return replace(gating, trial=gating.trial.judged(answer, GATE, NOW))


class TestTable:
    TASKS: Sequence[due.Task] = (
        due.Take(LEASE),
        due.Prepare(LEASE),
        due.HandOver(LEASE),
        due.HandOver(ACTIVE),
        due.GiveBack(),
        due.Check(ACTIVE),
        due.Confine(),
        due.LookAfter(),
        due.Search(),
        due.Recognise(),
    )
    OUTCOMES: Sequence[Outcome] = (
        steps.BeginHandOver({}),
        steps.StartLease(),
        steps.RefuseNode(BUSY),
        steps.EndLease(),
        steps.LeaveNode(),
        steps.LoseNode(GONE),
        steps.EnterState(State.CLEANING),
        steps.FreeNode(),
        steps.AskGate(),
        steps.BeginAgain(),
        steps.NoteDrift(None),
        steps.BeginReturn(),
        steps.Confined(),
        steps.Recognised(None),
        PASS,
    )
    #: Written by hand: which outcomes a task can have, beside `RetryLater` and `Fail`.
    HAS: ClassVar[dict[type, set[type]]] = {
        due.Take: {steps.EndLease, steps.LeaveNode, steps.LoseNode},
        due.Prepare: {steps.BeginHandOver},
        due.GiveBack: {
            steps.AskGate,
            Verdict,
            steps.EnterState,
            steps.FreeNode,
            steps.LoseNode,
        },
        due.Check: {steps.NoteDrift},
        due.Confine: {steps.Confined},
        due.LookAfter: {steps.NoteDrift, steps.BeginReturn},
        due.Search: {steps.EndLease, steps.FreeNode},
        due.Recognise: {steps.Recognised},
    }
    FIRST: ClassVar[set[type]] = {
        steps.AskGate,
        steps.BeginAgain,
        Verdict,
        steps.StartLease,
        steps.RefuseNode,
        steps.LoseNode,
    }
    AGAIN: ClassVar[set[type]] = FIRST - {steps.RefuseNode}

    def test_every_task_has_its_duty(self) -> None:
        assert set(DUTIES) == set(due.Task.__args__)
        without = {task for task, duty in DUTIES.items() if duty.decide is None}
        assert without == {
            due.End,
            due.Blocked,
            due.Expire,
            due.SuspendOffer,
            due.ResumeOffer,
            due.FailLease,
        }
        assert {task for task, duty in DUTIES.items() if duty.begin} == {due.Take}

    def test_every_outcome_is_asked_for(self) -> None:
        asked = {type(each) for each in (*self.OUTCOMES, LATER, FAIL)}
        assert asked == set(Outcome.__args__)

    @pytest.mark.parametrize('task', TASKS, ids=repr)
    def test_a_task_has_no_other_outcome(self, task: due.Task) -> None:
        if isinstance(task, due.HandOver):
            can = self.AGAIN if task.lease.status is Status.ACTIVE else self.FIRST
        else:
            can = self.HAS[type(task)]
        node = a_node(
            state=State.REJECTED if isinstance(task, due.Confine) else State.AVAILABLE, lease='a'
        )
        at_it = situation(node, getattr(task, 'lease', LEASE))
        for outcome in self.OUTCOMES:
            if type(outcome) not in can:
                with pytest.raises(ValueError, match='cannot end with'):
                    settle(task, outcome, at_it)


class TestPrepare:
    TASK = due.Prepare(LEASE)

    def test_a_hand_over_begins(self) -> None:
        before = {'extra': {'rack': 7}}
        change = settle(self.TASK, steps.BeginHandOver(before), situation(FREE, LEASE))
        assert change == (changes.Turn(FREE.prepared(LEASE, [], before)),)

    def test_one_to_a_guest_is_remembered_above_the_one_to_the_lender(self) -> None:
        held = replace(HELD, lease='out', remembered=({'extra': 1},))
        begun = steps.BeginHandOver({'extra': 2})
        node = node_in(settle(due.Prepare(IN), begun, situation(held, OUT, IN)))
        assert (node.state, node.lease) == (State.PREPARING, 'in')
        assert node.remembered == ({'extra': 1}, {'extra': 2})

    @pytest.mark.parametrize('outcome', [steps.BeginHandOver({}), LATER, FAIL])
    @pytest.mark.parametrize('now', [CANCELLED, None, a_lease(end=12)])
    def test_nothing_if_the_lease_was_cancelled_or_is_over(
        self, outcome: Outcome, now: Lease | None
    ) -> None:
        bookings = [] if now is None else [now]
        assert settle(self.TASK, outcome, situation(FREE, *bookings)) == ()

    def test_an_obstacle_makes_the_lease_wait(self) -> None:
        change = settle(self.TASK, LATER, situation(FREE, LEASE))
        assert change == changes.put(LEASE.postponed(BUSY, NOW + timedelta(seconds=1)))

    @pytest.mark.parametrize(
        ('pace', 'delays'),
        [
            (Pace.UNAVAILABLE, [0.5, 1, 2, 2, 2]),
            (Pace.MOVING, [0.5, 0.6, 0.72, 0.864, 1.0368]),
            (Pace.OBSTRUCTED, [1, 2, 4, 8, 16, 32, 60, 60]),
        ],
    )
    def test_it_waits_longer_each_time(self, pace: Pace, delays: list[float]) -> None:
        lease = LEASE
        for delay in delays:
            change = settle(self.TASK, RetryLater(BUSY, pace), situation(FREE, lease))
            lease = lease_in(change)
            assert seconds(lease.retry_at) == pytest.approx(delay)

    def test_another_cause_is_not_waited_for_as_long(self) -> None:
        lease = LEASE.postponed(AWAY, NOW).postponed(AWAY, NOW).postponed(AWAY, NOW)
        change = settle(self.TASK, LATER, situation(FREE, lease))
        assert (lease_in(change).attempts, seconds(lease_in(change).retry_at)) == (1, 1)
        again = settle(self.TASK, RetryLater(STILL_BUSY), situation(FREE, lease_in(change)))
        assert lease_in(again).attempts == 2  # the detail does not matter


class TestFail:
    @pytest.mark.parametrize('task', [due.Prepare(LEASE), due.HandOver(LEASE)])
    def test_a_lease_is_not_tried_without_end(self, task: due.Task) -> None:
        lease = LEASE
        for attempts in (1, 2):
            lease = lease_in(settle(task, FAIL, situation(PREPARING, lease)))
            assert (lease.status, lease.attempts) == (Status.WAIT_FULFILL, attempts)
            assert lease.reason == DEFECT
        assert settle(task, FAIL, situation(PREPARING, lease)) == changes.put(lease.failed(DEFECT))

    def test_errors_are_counted_by_cause(self) -> None:
        """A long wait for something else does not use them up; what failed does not matter."""
        waited = replace(LEASE.postponed(BUSY, NOW), attempts=99)
        task = due.Prepare(LEASE)
        lease = lease_in(settle(task, FAIL, situation(FREE, waited)))
        assert (lease.status, lease.attempts) == (Status.WAIT_FULFILL, 1)
        lease = lease_in(settle(task, steps.Fail('KeyError'), situation(FREE, lease)))
        assert lease.attempts == 2
        lease = lease_in(settle(task, FAIL, situation(FREE, lease)))
        assert (lease.status, lease.reason) == (Status.ERROR, DEFECT)

    def test_an_end_is_tried_without_end(self) -> None:
        lease = ACTIVE.expiring(NOW)
        for attempts in range(1, 2 * RULES.max_attempts):
            change = settle(due.Take(lease), FAIL, situation(HELD, lease))
            lease = lease_in(change)
            assert (lease.status, lease.reason) == (Status.WAIT_EXPIRE, DEFECT)
            assert lease.attempts == attempts

    @pytest.mark.parametrize(
        ('task', 'node'),
        [
            (due.GiveBack(), CLEANING),
            (due.Check(ACTIVE), HELD),
            (due.Confine(), replace(CLEANING, state=State.REJECTED, reason=REJECTED)),
            (due.LookAfter(), replace(FREE, retry_at=NOW)),
            (due.Search(), LOST),
            (due.Recognise(), replace(HELD, lease=None)),
        ],
        ids=repr,
    )
    def test_where_no_lease_waits_the_node_says_it(self, task: due.Task, node: Node) -> None:
        change = settle(task, FAIL, situation(node, ACTIVE))
        assert bookings_of(change) == ()
        after = node_in(change)
        assert after == node.waiting(DEFECT, NOW + timedelta(seconds=1))


class TestHandOver:
    TASK = due.HandOver(LEASE)

    def test_the_lessee_has_it(self) -> None:
        change = settle(self.TASK, steps.StartLease(), situation(PREPARING, LEASE))
        assert lease_in(change) == LEASE.activated(NOW)
        assert node_in(change) == PREPARING.to(State.HANDED_OVER, retry_at=CHECK_AT)

    @pytest.mark.parametrize('now', [CANCELLED, None])
    def test_one_that_was_cancelled_meanwhile_is_taken_back_next(self, now: Lease | None) -> None:
        bookings = [] if now is None else [now]
        at_it = situation(PREPARING, *bookings)
        change = settle(self.TASK, steps.StartLease(), at_it)
        assert bookings_of(change) == ()
        assert node_in(change).state is State.HANDED_OVER
        if now is not None:
            assert due.plan(node_in(change), at_it.tree, NOW) == due.Take(now)

    def test_the_lender_is_told_who_has_it_and_who_waits_is_tried(self) -> None:
        waits = a_lease('w', 11, 13).postponed(BUSY, at(13))
        over = a_lease('o', 20, 30)
        change = settle(
            due.HandOver(IN), steps.StartLease(), situation(FOR_IN, OUT, IN, waits, over)
        )
        assert {each.uuid for each in bookings_of(change)} == {'in', 'out', 'w'}
        assert lease_in(change, 'out').reason == Reason(Cause.NODE_SUBLET, 'in')
        assert lease_in(change, 'w') == replace(waits, retry_at=NOW)

    @pytest.mark.parametrize('outcome', [steps.RefuseNode(BUSY), steps.LoseNode(BUSY)])
    def test_one_that_comes_to_nothing_leaves_the_node(self, outcome: Outcome) -> None:
        change = settle(self.TASK, outcome, situation(PREPARING, LEASE))
        assert node_in(change) == FREE
        assert lease_in(change) == LEASE.postponed(BUSY, NOW + timedelta(seconds=1))
        over = settle(self.TASK, outcome, situation(PREPARING, CANCELLED))
        assert (node_in(over), bookings_of(over)) == (FREE, ())

    def test_one_to_a_guest_leaves_the_node_with_the_lender(self) -> None:
        change = settle(due.HandOver(IN), steps.RefuseNode(BUSY), situation(FOR_IN, OUT, IN))
        node = node_in(change)
        assert (node.state, node.lease, node.retry_at) == (State.HANDED_OVER, 'out', CHECK_AT)
        assert node.remembered == ({},)

    def test_an_obstacle_is_written_on_the_lease_only_unless_it_is_at_the_gate(self) -> None:
        change = settle(self.TASK, LATER, situation(PREPARING, LEASE))
        assert changes.node_of(change) is None
        assert lease_in(change).reason == BUSY
        waited = at_gate(PREPARING, Direction.HAND_OVER, WAIT)
        change = settle(self.TASK, RetryLater(AWAY), situation(waited, LEASE))
        assert lease_in(change).reason == node_in(change).reason == AWAY
        trial = node_in(change).trial
        assert trial is not None
        assert trial.waiting_since is None  # without an answer there is no wait

    @pytest.mark.parametrize('outcome', [LATER, FAIL])
    def test_nothing_if_it_was_cancelled_meanwhile(self, outcome: Outcome) -> None:
        assert settle(self.TASK, outcome, situation(PREPARING, CANCELLED)) == ()

    def test_it_comes_to_the_gate_and_may_begin_again(self) -> None:
        gating = node_in(settle(self.TASK, steps.AskGate(), situation(PREPARING, LEASE)))
        assert gating == PREPARING.gated(Direction.HAND_OVER, NOW, None)
        again = node_in(settle(self.TASK, steps.BeginAgain(), situation(gating, LEASE)))
        assert (again.state, again.retry_at) == (State.PREPARING, None)


class TestHandOverAgain:
    """The node is back from a sub-lease, and its lender gets it."""

    TASK = due.HandOver(OUT)
    TOLD = replace(OUT, reason=Reason(Cause.NODE_NOT_BACK, 'It waits.'))

    def test_the_lender_is_told_nothing_more(self) -> None:
        waits = a_lease('w', 11, 13).postponed(BUSY, at(13))
        change = settle(self.TASK, steps.StartLease(), situation(AGAIN, self.TOLD, waits))
        assert lease_in(change, 'out') == OUT
        assert lease_in(change, 'w').retry_at == NOW
        assert node_in(change) == AGAIN.to(State.HANDED_OVER, retry_at=CHECK_AT)

    @pytest.mark.parametrize(
        ('outcome', 'reason'),
        [(LATER, BUSY), (steps.LoseNode(GONE), GONE), (FAIL, DEFECT)],
    )
    def test_what_is_in_the_way_is_waited_for_and_told(
        self, outcome: Outcome, reason: Reason
    ) -> None:
        change = settle(self.TASK, outcome, situation(AGAIN, OUT))
        assert node_in(change) == AGAIN.waiting(reason, NOW + timedelta(seconds=1))
        said = lease_in(change, 'out').reason
        assert said == Reason(Cause.NODE_NOT_BACK, str(reason))
        told = lease_in(change, 'out')
        again = settle(self.TASK, outcome, situation(node_in(change), told))
        assert bookings_of(again) == ()  # it says so already
        assert (node_in(again).attempts, seconds(node_in(again).retry_at)) == (2, 2)

    def test_it_comes_to_the_gate_and_may_begin_again(self) -> None:
        gating = node_in(settle(self.TASK, steps.AskGate(), situation(AGAIN, OUT)))
        assert gating == AGAIN.gated(Direction.HAND_OVER, NOW, NOW)
        again = node_in(settle(self.TASK, steps.BeginAgain(), situation(gating, OUT)))
        assert (again.state, again.retry_at) == (State.PREPARING, NOW)


class TestVerdict:
    #: Task, node at the gate, the lease that waits for its start, and the one that gets it back.
    WAYS = (
        (due.HandOver(LEASE), at_gate(PREPARING, Direction.HAND_OVER), LEASE, None),
        (due.HandOver(OUT), at_gate(AGAIN, Direction.HAND_OVER), None, OUT),
        (due.GiveBack(), at_gate(CLEANING, Direction.RETURN), None, None),
        (due.GiveBack((OUT,)), at_gate(FROM_IN, Direction.RETURN), None, OUT),
    )
    BOTH = pytest.mark.parametrize(('task', 'node', 'waits', 'heir'), WAYS, ids=range(4))

    @BOTH
    def test_a_pass_is_on_the_row_before_anything_follows(
        self, task: due.Task, node: Node, waits: Lease | None, heir: Lease | None
    ) -> None:
        noted = replace(node, reason=Reason(Cause.GATE_WAITS, 'It boots.'), attempts=4)
        change = settle(task, PASS, situation(noted, *filter(None, (waits, heir))))
        after = node_in(change)
        assert bookings_of(change) == ()
        assert (after.state, after.reason, after.attempts) == (State.GATING, None, 0)
        assert after.trial is not None
        assert (after.trial.answer, after.trial.evidence) == (Answer.PASS, {'pcr': 'ok'})
        assert after.retry_at == (None if waits else NOW)  # a lease that waits is due itself

    @BOTH
    def test_a_wait_is_told_to_all_who_wait(
        self, task: due.Task, node: Node, waits: Lease | None, heir: Lease | None
    ) -> None:
        change = settle(task, WAIT, situation(node, *filter(None, (waits, heir))))
        after, boots = node_in(change), Reason(Cause.GATE_WAITS, 'It boots.')
        assert (after.state, after.reason) == (State.GATING, boots)
        assert after.trial is not None
        assert (after.trial.answer, after.trial.waiting_since) == (Answer.WAIT, NOW)
        if waits is not None:
            assert lease_in(change).reason == boots
            assert seconds(lease_in(change).retry_at) == 0.5
        else:
            assert seconds(after.retry_at) == 0.5
        if heir is not None:
            said = Reason(Cause.NODE_NOT_BACK, 'The gate: It boots.')
            assert lease_in(change, 'out').reason == said

    @BOTH
    def test_a_rejection_keeps_the_node_from_every_project(
        self, task: due.Task, node: Node, waits: Lease | None, heir: Lease | None
    ) -> None:
        change = settle(task, REJECT, situation(node, *filter(None, (waits, heir))))
        after = node_in(change)
        assert (after.state, after.reason, after.retry_at) == (State.REJECTED, REJECTED, NOW)
        assert after.maintenance_reason == (
            'Rejected by the gate of the lease service: PCR 0 differs.'
        )
        assert due.plan(after, BookingTree([]), NOW) == due.Confine()
        if waits is not None:
            assert lease_in(change) == LEASE.failed(REJECTED)
        if heir is not None:
            said = lease_in(change, 'out').reason
            assert said == Reason(Cause.NODE_NOT_BACK, str(REJECTED))

    def test_a_wait_that_is_too_long_is_a_rejection(self) -> None:
        waited = at_gate(PREPARING, Direction.HAND_OVER, WAIT)
        change = settle(due.HandOver(LEASE), WAIT, situation(waited, LEASE, now=at(13)))
        assert node_in(change).state is State.REJECTED
        assert lease_in(change).status is Status.ERROR

    @pytest.mark.parametrize('verdict', [WAIT, REJECT])
    def test_a_lease_that_was_cancelled_meanwhile_is_told_nothing(self, verdict: Verdict) -> None:
        node = at_gate(PREPARING, Direction.HAND_OVER)
        change = settle(due.HandOver(LEASE), verdict, situation(node, CANCELLED))
        assert bookings_of(change) == ()
        assert bool(change) is (verdict is REJECT)

    @pytest.mark.parametrize(
        ('node', 'rules'),
        [(PREPARING, RULES), (at_gate(PREPARING, Direction.HAND_OVER), replace(RULES, gate=None))],
    )
    def test_there_is_none_without_a_gate(self, node: Node, rules: Rules) -> None:
        with pytest.raises(ValueError, match='not at the gate'):
            settle(due.HandOver(LEASE), PASS, situation(node, LEASE, rules=rules))


class TestTake:
    TAKEN = ACTIVE.expiring(NOW)
    TASK = due.Take(TAKEN)

    def test_it_is_written_first_that_the_lease_expires(self) -> None:
        over = situation(HELD, ACTIVE)
        assert begin_taking(due.Take(ACTIVE), over) == changes.put(ACTIVE.expiring(NOW))
        for lease in (self.TAKEN, CANCELLED):
            assert begin_taking(due.Take(lease), over) == ()

    def test_the_return_begins(self) -> None:
        change = settle(self.TASK, steps.EndLease(), situation(HELD, self.TAKEN))
        assert lease_in(change) == replace(
            ACTIVE, status=Status.EXPIRED, expire_time=NOW, reason=None
        )
        assert node_in(change) == HELD.to(State.RETURNING, retry_at=NOW)

    def test_one_that_was_cancelled_meanwhile_is_deleted(self) -> None:
        cancelled = self.TAKEN.cancelling(NOW)
        change = settle(self.TASK, steps.EndLease(), situation(HELD, cancelled))
        assert lease_in(change).status is Status.DELETED

    @pytest.mark.parametrize('outcome', [steps.EndLease(), steps.LoseNode(GONE), LATER, FAIL])
    def test_nothing_if_the_lease_has_ended_meanwhile(self, outcome: Outcome) -> None:
        assert settle(self.TASK, outcome, situation(HELD)) == ()

    def test_a_lost_node_says_why_and_so_does_the_lease(self) -> None:
        change = settle(self.TASK, steps.LoseNode(GONE), situation(HELD, self.TAKEN))
        assert (lease_in(change).status, lease_in(change).reason) == (Status.EXPIRED, GONE)
        assert node_in(change) == HELD.to(State.LOST, GONE, retry_at=CHECK_AT)

    @pytest.mark.parametrize(('outcome', 'reason'), [(LATER, BUSY), (FAIL, DEFECT)])
    def test_it_is_tried_again_and_the_node_is_not_looked_at_meanwhile(
        self, outcome: Outcome, reason: Reason
    ) -> None:
        change = settle(self.TASK, outcome, situation(HELD, self.TAKEN))
        lease = lease_in(change)
        assert lease == self.TAKEN.detained(reason, NOW + timedelta(seconds=1))
        assert lease.attempts == 1  # `TAKEN` is no failed attempt
        assert node_in(change) == replace(HELD, retry_at=None)

    def test_the_lender_is_told_where_the_node_is(self) -> None:
        over = RUNNING.expiring(NOW)
        task, at_it = due.Take(over), situation(WITH_IN, OUT, over)
        change = settle(task, steps.EndLease(), at_it)
        said = 'It is on its way back from lease in.'
        assert lease_in(change, 'out').reason == Reason(Cause.NODE_NOT_BACK, said)
        change = settle(task, steps.LoseNode(GONE), at_it)
        assert lease_in(change, 'out').reason == Reason(Cause.NODE_NOT_BACK, str(GONE))

    def test_the_lender_who_has_it_still_is_told_nothing(self) -> None:
        over = RUNNING.expiring(NOW)
        change = settle(due.Take(over), steps.LeaveNode(), situation(FOR_IN, OUT, over))
        assert [each.uuid for each in bookings_of(change)] == ['in']
        assert (node_in(change).state, node_in(change).lease) == (State.HANDED_OVER, 'out')

    @pytest.mark.parametrize('had', [True, False])
    def test_a_lender_whose_end_waited_for_it_is_tried_at_once(self, *, had: bool) -> None:
        waits = OUT.detained(Reason(Cause.SUBLEASE_OPEN, 'in'), at(13))
        over = RUNNING.expiring(NOW)
        task = due.Take(over) if had else due.End(over)
        outcome = steps.EndLease() if had else None
        node = WITH_IN if had else a_node(lease='x', state=State.RETURNING)
        change = settle(task, outcome, situation(node, waits, over))
        assert lease_in(change, 'out') == replace(waits, retry_at=NOW)


class TestGiveBack:
    TASK = due.GiveBack()

    def test_it_enters_a_state(self) -> None:
        change = settle(self.TASK, steps.EnterState(State.CLEANING), situation(RETURNING))
        assert change == (changes.Turn(RETURNING.to(State.CLEANING, retry_at=NOW)),)

    def test_it_comes_to_the_gate(self) -> None:
        gating = node_in(settle(self.TASK, steps.AskGate(), situation(CLEANING)))
        assert gating == CLEANING.gated(Direction.RETURN, NOW, NOW)

    def test_a_free_node_is_tried_at_once_for_leases_that_wait(self) -> None:
        waits, comes = a_lease('w').postponed(BUSY, at(13)), a_lease('c', 30, 40)
        change = settle(self.TASK, steps.FreeNode(), situation(CLEANING, waits, comes))
        assert bookings_of(change) == (replace(waits, retry_at=NOW),)
        assert node_in(change) == FREE

    def test_one_with_an_heir_is_prepared_for_it(self) -> None:
        change = settle(due.GiveBack((OUT,)), steps.FreeNode(), situation(FROM_IN, OUT))
        assert node_in(change) == FROM_IN.freed([OUT], NOW)

    @pytest.mark.parametrize(('task', 'now'), [(due.GiveBack((OUT,)), ()), (TASK, (OUT,))])
    def test_one_whose_heir_has_changed_meanwhile_is_decided_once_more(
        self, task: due.GiveBack, now: tuple[Lease, ...]
    ) -> None:
        waits = a_lease('w').postponed(BUSY, at(13))
        change = settle(task, steps.FreeNode(), situation(FROM_IN, *now, waits))
        assert change == (changes.Turn(replace(FROM_IN, retry_at=NOW)),)

    def test_a_lost_one_is_left_alone(self) -> None:
        change = settle(self.TASK, steps.LoseNode(GONE), situation(CLEANING))
        assert change == (changes.Turn(CLEANING.to(State.LOST, GONE, retry_at=CHECK_AT)),)

    def test_what_is_in_the_way_is_told_to_the_heir(self) -> None:
        moving = RetryLater(Reason(Cause.NODE_MOVING, 'cleaning'), Pace.MOVING)
        change = settle(due.GiveBack((OUT,)), moving, situation(FROM_IN, OUT))
        assert node_in(change).reason == moving.reason
        assert seconds(node_in(change).retry_at) == 0.5
        said = Reason(Cause.NODE_NOT_BACK, 'Ironic is at it: cleaning.')
        assert lease_in(change, 'out').reason == said

    def test_at_the_gate_no_answer_is_no_wait(self) -> None:
        waited = at_gate(CLEANING, Direction.RETURN, WAIT)
        node = node_in(settle(self.TASK, RetryLater(AWAY), situation(waited)))
        assert node.trial is not None
        assert (node.reason, node.trial.waiting_since) == (AWAY, None)

    def test_elsewhere_the_last_trial_is_kept(self) -> None:
        """It is what tells that the node is tried once more after a rejection."""
        trial = Trial(direction=Direction.RETURN, begun_at=NOW).judged(REJECT, GATE, NOW)
        tried = replace(RETURNING, trial=trial)
        assert node_in(settle(self.TASK, LATER, situation(tried))).is_retried


class TestConfine:
    NODE = replace(CLEANING, state=State.REJECTED, reason=REJECTED, attempts=2)
    TASK = due.Confine()

    def test_it_is_in_maintenance(self) -> None:
        change = settle(self.TASK, steps.Confined(), situation(self.NODE))
        assert change == (changes.Turn(replace(self.NODE, retry_at=None, attempts=0)),)

    def test_the_reason_of_the_rejection_stays_while_it_is_not(self) -> None:
        node = node_in(settle(self.TASK, LATER, situation(self.NODE)))
        assert (node.reason, node.state) == (REJECTED, State.REJECTED)
        assert node.retry_at is not None
        assert node.retry_at > NOW

    @pytest.mark.parametrize('outcome', [steps.Confined(), LATER, FAIL])
    def test_nothing_if_it_was_reset_meanwhile(self, outcome: Outcome) -> None:
        assert settle(self.TASK, outcome, situation(RETURNING)) == ()


class TestCheck:
    TASK = due.Check(ACTIVE)
    REPAIR = replace(RULES, repair=True)

    def test_nothing_is_amiss(self) -> None:
        change = settle(self.TASK, steps.NoteDrift(None), situation(HELD, ACTIVE))
        assert change == (changes.Turn(replace(HELD, retry_at=CHECK_AT)),)

    def test_a_drift_is_told_once(self) -> None:
        change = settle(self.TASK, steps.NoteDrift(CLEARED), situation(HELD, ACTIVE))
        noted = lease_in(change)
        assert noted == replace(ACTIVE, reason=CLEARED)
        told = [each.event for each in change if isinstance(each, Tell)]
        assert [(each.type, each.subject) for each in told] == [('esi_leap.lease.drift', noted)]
        node = node_in(change)
        assert (node.reason, node.retry_at) == (CLEARED, CHECK_AT)
        again = settle(self.TASK, steps.NoteDrift(CLEARED), situation(node, noted))
        assert again == (changes.Turn(node),)

    def test_another_drift_is_told_and_its_end_is_not(self) -> None:
        noted = replace(ACTIVE, reason=CLEARED)
        change = settle(self.TASK, steps.NoteDrift(CHANGED), situation(HELD, noted))
        assert [type(each) for each in change] == [changes.Put, changes.Turn, Tell]
        change = settle(self.TASK, steps.NoteDrift(None), situation(HELD, noted))
        assert [type(each) for each in change] == [changes.Put, changes.Turn]
        assert (lease_in(change).reason, node_in(change).reason) == (None, None)

    @pytest.mark.parametrize(
        ('found', 'at_once'),
        [
            (CLEARED, True),
            (CHANGED, True),
            (Reason(Cause.OWNER_CHANGED), False),
            (GONE, False),
            (Reason(Cause.PORTS_FOREIGN, 'x'), False),
            (None, False),
        ],
    )
    def test_what_can_be_put_right_is_looked_at_again_at_once(
        self, found: Reason | None, *, at_once: bool
    ) -> None:
        at_it = situation(HELD, replace(ACTIVE, reason=AWAY), rules=self.REPAIR)
        node = node_in(settle(self.TASK, steps.NoteDrift(found), at_it))
        assert node.retry_at == (NOW if at_once else CHECK_AT)

    def test_what_could_not_be_put_right_is_not_tried_again_at_once(self) -> None:
        """Else the manager would be called again and again for nothing."""
        noted = replace(ACTIVE, reason=CLEARED)
        at_it = situation(HELD, noted, rules=self.REPAIR)
        change = settle(self.TASK, steps.NoteDrift(CLEARED), at_it)
        assert node_in(change).retry_at == CHECK_AT

    def test_a_lease_that_has_ended_meanwhile_is_told_nothing(self) -> None:
        change = settle(self.TASK, steps.NoteDrift(CLEARED), situation(HELD))
        assert [type(each) for each in change] == [changes.Turn]

    def test_a_look_that_fails_is_made_again_at_the_next_check(self) -> None:
        change = settle(self.TASK, RetryLater(AWAY), situation(HELD, ACTIVE))
        assert change == (changes.Turn(HELD.waiting(AWAY, CHECK_AT)),)


class TestLookAfter:
    TASK = due.LookAfter()
    NODE = replace(FREE, retry_at=NOW)

    @pytest.mark.parametrize(
        ('found', 'repair', 'retry_at'),
        [(STRAY, False, None), (STRAY, True, NOW), (None, False, None), (None, True, None)],
    )
    def test_a_lessee_without_a_lease_is_noted(
        self, found: Reason | None, retry_at: datetime | None, *, repair: bool
    ) -> None:
        at_it = situation(self.NODE, rules=replace(RULES, repair=repair))
        change = settle(self.TASK, steps.NoteDrift(found), at_it)
        assert change == (changes.Turn(replace(FREE, reason=found, retry_at=retry_at)),)

    def test_a_node_that_was_taken_from_it_is_returned(self) -> None:
        noted = replace(self.NODE, reason=STRAY)
        node = node_in(settle(self.TASK, steps.BeginReturn(), situation(noted)))
        assert node == noted.to(State.RETURNING, STRAY, retry_at=NOW)

    def test_what_was_noted_stays_while_the_node_cannot_be_taken(self) -> None:
        noted = replace(self.NODE, reason=STRAY)
        for attempts, delay in ((1, 1), (2, 2), (3, 4)):
            noted = node_in(settle(self.TASK, LATER, situation(noted)))
            assert (noted.reason, noted.attempts) == (STRAY, attempts)
            assert seconds(noted.retry_at) == delay

    @pytest.mark.parametrize(
        'outcome', [LATER, FAIL, steps.NoteDrift(STRAY), steps.BeginReturn()], ids=repr
    )
    def test_nothing_if_a_lease_has_it_meanwhile(self, outcome: Outcome) -> None:
        assert settle(self.TASK, outcome, situation(PREPARING, LEASE)) == ()


class TestSearch:
    TASK = due.Search()

    def test_it_is_returned_if_the_former_lessee_had_it_still(self) -> None:
        node = node_in(settle(self.TASK, steps.EndLease(), situation(LOST)))
        assert node == LOST.to(State.RETURNING, retry_at=NOW)

    def test_one_that_is_in_order_is_free(self) -> None:
        waits = a_lease('w').postponed(BUSY, at(13))
        change = settle(self.TASK, steps.FreeNode(), situation(LOST, waits))
        assert (node_in(change), lease_in(change, 'w').retry_at) == (FREE, NOW)
        heir = settle(self.TASK, steps.FreeNode(), situation(LOST, OUT))
        assert (node_in(heir).state, node_in(heir).lease) == (State.PREPARING, 'out')

    def test_else_the_reason_of_the_loss_stays(self) -> None:
        node = node_in(settle(self.TASK, RetryLater(AWAY), situation(LOST)))
        assert (node.reason, node.retry_at) == (CHANGED, CHECK_AT)
        unknown = replace(LOST, reason=None)
        assert node_in(settle(self.TASK, RetryLater(GONE), situation(unknown))).reason == GONE


class TestRecognise:
    NODE = replace(HELD, lease=None)
    TASK = due.Recognise()

    def test_the_lease_is_found(self) -> None:
        machine = a_machine(lessee=TENANT, lease_label='a')
        change = settle(self.TASK, steps.Recognised(machine), situation(self.NODE, ACTIVE))
        assert node_in(change) == self.NODE.recognised('a', NOW)

    def test_a_look_that_fails_is_made_again(self) -> None:
        later = RetryLater(AWAY, Pace.UNAVAILABLE)
        change = settle(self.TASK, later, situation(self.NODE))
        assert change == (changes.Turn(self.NODE.waiting(AWAY, NOW + timedelta(seconds=0.5))),)


class TestWithoutALook:
    def test_a_lease_that_does_not_have_the_node_just_ends(self) -> None:
        over = a_lease(end=12).postponed(BUSY, NOW)
        change = settle(due.End(over), None, situation(FREE, over))
        assert change == changes.put(over.ended(NOW))
        assert lease_in(change).reason is None

    def test_a_start_that_is_blocked_waits_for_five_seconds(self) -> None:
        task = due.Blocked(LEASE, BUSY)
        change = settle(task, None, situation(RETURNING, LEASE))
        assert change == changes.put(LEASE.postponed(BUSY, NOW + timedelta(seconds=5)))

    def test_an_end_that_is_blocked_does_too(self) -> None:
        over = replace(OUT, window=a_lease(end=12).window)
        reason = Reason(Cause.SUBLEASE_OPEN, 'in')
        node = replace(HELD, lease='out')
        change = settle(due.Blocked(over, reason), None, situation(node, over))
        assert lease_in(change, 'out') == over.detained(reason, NOW + timedelta(seconds=5))
        assert node_in(change).retry_at is None

    def test_a_lease_of_a_rejected_node_fails(self) -> None:
        node = replace(CLEANING, state=State.REJECTED)
        change = settle(due.FailLease(LEASE, REJECTED), None, situation(node, LEASE))
        assert change == changes.put(LEASE.failed(REJECTED))

    def test_an_offer_expires_and_a_late_lease_moves_up(self) -> None:
        offer, late = an_offer(end=12), a_lease(parent='o', offer='o')
        change = settle(due.Expire(offer), None, situation(FREE, offer, late))
        assert change == changes.put(
            replace(offer, status=OfferStatus.EXPIRED), replace(late, parent=None)
        )

    @pytest.mark.parametrize('task', [due.SuspendOffer, due.ResumeOffer])
    def test_an_offer_is_written_as_it_is_now(self, task: Callable[..., due.Task]) -> None:
        suspended = an_offer().for_owner('heir')
        change = settle(task(suspended), None, situation(FREE, an_offer()))
        assert change == changes.put(suspended)


def test_only_a_start_and_a_whole_return_clear_the_reason() -> None:
    """The reason of a wait stays for as long as it is true."""
    waited = LEASE.postponed(BUSY, NOW)
    begun = settle(due.Prepare(waited), steps.BeginHandOver({}), situation(FREE, waited))
    assert bookings_of(begun) == ()
    started = settle(due.HandOver(waited), steps.StartLease(), situation(PREPARING, waited))
    assert lease_in(started).reason is None
    taken = begin_taking(due.Take(ACTIVE), situation(HELD, ACTIVE))
    assert lease_in(taken).reason == TAKEN
    stuck = replace(RETURNING, reason=BUSY, attempts=3)
    moved = settle(due.GiveBack(), steps.EnterState(State.CLEANING), situation(stuck))
    assert (node_in(moved).reason, node_in(moved).attempts) == (None, 0)
