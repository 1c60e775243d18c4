"""Settling: from the outcome of a task to the change that is written.

Every function is pure. It is given the node and its booking tree as they are read again, under the
node's lock, after the work: requests and other managers may have changed them meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from esi_leap.core import change, event
from esi_leap.core.booking import plan
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import Change, Put, Tell, Turn
from esi_leap.core.duty import due, recognition
from esi_leap.core.duty.rules import Rules
from esi_leap.core.gate import Answer, Direction, Trial, Verdict
from esi_leap.core.handover import steps
from esi_leap.core.handover.steps import Outcome, RetryLater
from esi_leap.core.lease import Lease, Status, Tried, count_attempts
from esi_leap.core.node import Node, State
from esi_leap.core.retry import Pace
from esi_leap.core.tree import BookingTree

#: Delay until a lease looks again at a node that is not back; it is woken when the node is.
_BLOCKED = timedelta(seconds=5)
#: Causes of a drift that `[manager] on_drift = repair` puts right.
_REPAIRED = frozenset({Cause.LESSEE_CLEARED, Cause.LESSEE_CHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A node as a task finds it.

    Attributes:
        node: its row.
        tree: its bookings.
        now: the present instant.
        rules: the configuration.
        former: the lease that had a lost node; it has ended.
    """

    node: Node
    tree: BookingTree
    now: datetime
    rules: Rules
    former: Lease | None = None

    @property
    def check_at(self) -> datetime:
        """When a node that is handed over is looked at next."""
        return self.now + self.rules.check_interval

    def later(self, tried: Tried, retry: RetryLater) -> datetime:
        """Return when a step of a lease or a node is tried again."""
        back_off = retry.pace.back_off(self.rules.retry_max)
        return self.now + timedelta(seconds=back_off.delay(count_attempts(tried, retry.reason)))


def begin_taking(task: due.Take, at: Situation) -> Change:
    """Write that a lease expires, before its node is taken: its end cannot be moved any more."""
    return () if task.lease.ending else change.put(task.lease.expiring(at.now))


def end_lease(task: due.End, _: None, at: Situation) -> Change:
    """End a lease that does not have the node."""
    return _ended(task.lease.ended(at.now), None, at)


def expire_offer(task: due.Expire, _: None, at: Situation) -> Change:
    """End an offer after its window."""
    return plan.plan_expire(task.offer, at.tree)


def review_offer(task: due.SuspendOffer | due.ResumeOffer, _: None, __: Situation) -> Change:
    """Write an offer that is suspended, or available again."""
    return change.put(task.offer)


def postpone(task: due.Blocked, _: None, at: Situation) -> Change:
    """Try the start, or the end, of a lease again after a while."""
    retry_at = at.now + _BLOCKED
    if task.lease.ends(at.now):
        return _detained(task.lease, task.reason, retry_at, at)
    return change.put(task.lease.postponed(task.reason, retry_at))


def fail_lease(task: due.FailLease, _: None, __: Situation) -> Change:
    """Fail a lease, as the gate has rejected its node."""
    return change.put(task.lease.failed(task.reason))


def prepare(task: due.Prepare, outcome: Outcome, at: Situation) -> Change:
    """Begin a hand-over, or try it again later; nothing if the lease does not start any more."""
    lease = at.tree.lease(task.lease.uuid)
    match outcome:
        case steps.BeginHandOver(fields) if lease is not None and lease.starts(at.now):
            return (Turn(at.node.prepared(lease, at.tree.lenders(lease), fields)),)
        case steps.BeginHandOver():
            return ()  # it was cancelled meanwhile, or is over
        case RetryLater():
            return _postponed(lease, outcome, at)
        case steps.Fail(error):
            return _failed(lease, error, at)
    raise _unexpected(task, outcome)


def hand_over(task: due.HandOver, outcome: Outcome, at: Situation) -> Change:
    """Go on with a hand-over: the first of a lease, or the one after a sub-lease."""
    if task.lease.status is Status.ACTIVE:
        return _hand_over_again(task, outcome, at)
    lease = at.tree.lease(task.lease.uuid)
    match outcome:
        case steps.AskGate():
            return (Turn(at.node.gated(Direction.HAND_OVER, at.now, None)),)
        case steps.BeginAgain():
            return (Turn(at.node.to(State.PREPARING)),)
        case Verdict():
            return _judged(outcome, lease, [], at)
        case steps.StartLease():
            return _started(task.lease, lease, at)
        case steps.RefuseNode(reason) | steps.LoseNode(reason):
            left = Turn(at.node.left(at.tree.lenders(task.lease), at.check_at))
            return (left, *_postponed(lease, RetryLater(reason), at))
        case RetryLater():
            return _delayed(outcome, lease, at)
        case steps.Fail(error):
            return _failed(lease, error, at)
    raise _unexpected(task, outcome)


def _hand_over_again(task: due.HandOver, outcome: Outcome, at: Situation) -> Change:
    match outcome:
        case steps.AskGate():
            return (Turn(at.node.gated(Direction.HAND_OVER, at.now, at.now)),)
        case steps.BeginAgain():
            return (Turn(at.node.to(State.PREPARING, retry_at=at.now)),)
        case Verdict():
            return _judged(outcome, None, [task.lease], at)
        case steps.StartLease():
            given = at.node.to(State.HANDED_OVER, retry_at=at.check_at)
            return (*_told([task.lease], None, at), *_woken(at, but=task.lease), Turn(given))
        case steps.LoseNode(reason):
            return _kept_on([task.lease], RetryLater(reason), at)
        case RetryLater():
            return _kept_on([task.lease], outcome, at)
        case steps.Fail(error):
            return _kept_on([task.lease], _error(error), at)
    raise _unexpected(task, outcome)


def take(task: due.Take, outcome: Outcome, at: Situation) -> Change:
    """End a lease after its lessee has lost the node, or try again later."""
    lease = at.tree.lease(task.lease.uuid)
    if lease is None:
        return ()
    match outcome:
        case steps.EndLease():
            return _ended(lease.ended(at.now), at.node.to(State.RETURNING, retry_at=at.now), at)
        case steps.LeaveNode():
            left = at.node.left(at.tree.lenders(lease), at.check_at)
            return _ended(lease.ended(at.now), left, at)
        case steps.LoseNode(reason):
            lost = at.node.to(State.LOST, reason, retry_at=at.check_at)
            return _ended(lease.ended(at.now, reason), lost, at)
        case RetryLater(reason):
            return _detained(lease, reason, at.later(lease, outcome), at)
        case steps.Fail(error):
            retry = _error(error)
            return _detained(lease, retry.reason, at.later(lease, retry), at)
    raise _unexpected(task, outcome)


def give_back(task: due.GiveBack, outcome: Outcome, at: Situation) -> Change:
    """Go on with the return of a node."""
    match outcome:
        case steps.AskGate():
            return (Turn(at.node.gated(Direction.RETURN, at.now, at.now)),)
        case Verdict():
            return _judged(outcome, None, task.heirs, at)
        case steps.EnterState(state):
            return (Turn(at.node.to(state, retry_at=at.now)),)
        case steps.FreeNode():
            return _freed(task.heirs, at)
        case steps.LoseNode(reason):
            return (Turn(at.node.to(State.LOST, reason, retry_at=at.check_at)),)
        case RetryLater():
            return _kept_on(task.heirs, outcome, at)
        case steps.Fail(error):
            return _waiting(_error(error), at)
    raise _unexpected(task, outcome)


def confine(task: due.Confine, outcome: Outcome, at: Situation) -> Change:
    """Note that a rejected node is in maintenance; nothing if it was reset meanwhile."""
    if at.node.state is not State.REJECTED:
        return ()
    match outcome:
        case steps.Confined():
            return (Turn(replace(at.node, retry_at=None, attempts=0)),)
        case RetryLater():
            # The reason of the rejection is worth more than that of the delay.
            reason = at.node.reason or outcome.reason
            return (Turn(at.node.waiting(reason, at.later(at.node, outcome))),)
        case steps.Fail(error):
            return _waiting(_error(error), at)
    raise _unexpected(task, outcome)


def check(task: due.Check, outcome: Outcome, at: Situation) -> Change:
    """Note how a node that is handed over differs from its lease."""
    match outcome:
        case RetryLater(reason):
            return (Turn(at.node.waiting(reason, at.check_at)),)
        case steps.NoteDrift(reason):
            return _compared(at.tree.lease(task.lease.uuid), reason, at)
        case steps.Fail(error):
            return _waiting(_error(error), at)
    raise _unexpected(task, outcome)


def look_after(task: due.LookAfter, outcome: Outcome, at: Situation) -> Change:
    """Note which node without a lease has a lessee all the same, or begin its return."""
    if at.node.state is not State.AVAILABLE:
        return ()
    match outcome:
        case RetryLater():
            again = replace(at.node, attempts=at.node.attempts + 1)
            delay = outcome.pace.back_off(at.rules.retry_max).delay(again.attempts)
            return (Turn(replace(again, retry_at=at.now + timedelta(seconds=delay))),)
        case steps.NoteDrift(reason):
            # What was noted is put right at the next look.
            retry_at = at.now if reason is not None and at.rules.repair else None
            return (Turn(replace(at.node, reason=reason, retry_at=retry_at, attempts=0)),)
        case steps.BeginReturn():
            # It is cleaned, and comes to the gate if there is one.
            return (Turn(at.node.to(State.RETURNING, at.node.reason, retry_at=at.now)),)
        case steps.Fail(error):
            return _waiting(_error(error), at)
    raise _unexpected(task, outcome)


def search(task: due.Search, outcome: Outcome, at: Situation) -> Change:
    """Free a lost node that is in order again, or return one that its former lessee had still."""
    match outcome:
        case steps.EndLease():
            return (Turn(at.node.to(State.RETURNING, retry_at=at.now)),)
        case steps.FreeNode():
            return _freed(due.heirs(at.tree, at.now), at)
        case RetryLater(reason):
            return (Turn(at.node.waiting(at.node.reason or reason, at.check_at)),)
        case steps.Fail(error):
            return _waiting(_error(error), at)
    raise _unexpected(task, outcome)


def recognise(task: due.Recognise, outcome: Outcome, at: Situation) -> Change:
    """Write with which lease the existing service left the node."""
    match outcome:
        case steps.Recognised(machine):
            return recognition.plan(at.node, machine, list(at.tree), at.now)
        case RetryLater(reason):
            return (Turn(at.node.waiting(reason, at.later(at.node, outcome))),)
        case steps.Fail(error):
            return _waiting(_error(error), at)
    raise _unexpected(task, outcome)


def _started(planned: Lease, lease: Lease | None, at: Situation) -> Change:
    given = Turn(at.node.to(State.HANDED_OVER, retry_at=at.check_at))
    if lease is None or not lease.starts(at.now):
        return (given,)  # it was cancelled, or is over: the node is taken back next
    told = _told(at.tree.lenders(lease), Reason(Cause.NODE_SUBLET, planned.uuid), at)
    return (Put(lease.activated(at.now)), *told, *_woken(at, but=lease), given)


def _ended(lease: Lease, node: Node | None, at: Situation) -> Change:
    """End a lease; its lender is told, or is tried at once if the lender's end waited for it.

    Args:
        lease: the lease as it is now.
        node: the node as it is now; None if the lease did not have it.
        at: how both were.
    """
    lender = at.tree.lease(lease.parent_lease)
    told: list[Put] = []
    if lender is not None and lender.ending:
        told.append(Put(replace(lender, retry_at=at.now)))
    elif lender is not None and node is not None and node.state is not State.HANDED_OVER:
        where = node.reason or f'It is on its way back from lease {lease.uuid}.'
        told += _told([lender], Reason(Cause.NODE_NOT_BACK, str(where)), at)
    return (Put(lease), *told, *(() if node is None else (Turn(node),)))


def _detained(lease: Lease, reason: Reason, retry_at: datetime, at: Situation) -> Change:
    """Try the end of a lease again; until then the node needs no look of its own."""
    turned = [Turn(replace(at.node, retry_at=None))] if at.node.is_with(lease) else []
    return (Put(lease.detained(reason, retry_at)), *turned)


def _postponed(lease: Lease | None, retry: RetryLater, at: Situation) -> Change:
    """Try the start of a lease again; nothing if it was cancelled meanwhile, or is over."""
    if lease is None or not lease.starts(at.now):
        return ()
    return change.put(lease.postponed(retry.reason, at.later(lease, retry)))


def _delayed(
    retry: RetryLater, lease: Lease | None, at: Situation, trial: Trial | None = None
) -> Change:
    """Let the lease for which a node is prepared wait, and say why on both.

    Args:
        retry: the reason and the pace.
        lease: the lease; None if it has ended.
        at: how the node is.
        trial: its trial after an answer of the gate; None if there was no answer.
    """
    if lease is None or not lease.starts(at.now):
        return ()
    trial = trial or _unanswered(at.node)
    told = [Turn(replace(at.node, reason=retry.reason, trial=trial))] if trial else []
    return (*_postponed(lease, retry, at), *told)


def _kept_on(
    heirs: Sequence[Lease], retry: RetryLater, at: Situation, trial: Trial | None = None
) -> Change:
    """Let a node wait on its way back; arguments as for `_delayed`, `heirs` wait for it."""
    trial = trial or _unanswered(at.node) or at.node.trial
    told = _told(heirs, Reason(Cause.NODE_NOT_BACK, str(retry.reason)), at)
    waiting = replace(at.node, trial=trial).waiting(retry.reason, at.later(at.node, retry))
    return (*told, Turn(waiting))


def _unanswered(node: Node) -> Trial | None:
    """Return the trial of a node at the gate after a question without an answer; None elsewhere."""
    return node.trial.unanswered() if node.state is State.GATING and node.trial else None


def _judged(verdict: Verdict, lease: Lease | None, heirs: Sequence[Lease], at: Situation) -> Change:
    """Write a verdict of the gate.

    Args:
        verdict: the answer of the driver.
        lease: the lease for which the node is prepared; None if there is none.
        heirs: the leases that get the node back.
        at: how the node is.

    Raises:
        ValueError: the node is not at the gate: a defect of this service.
    """
    node = at.node
    if node.trial is None or at.rules.gate is None:
        raise ValueError(f'node {node.resource_uuid} is not at the gate')
    trial = node.trial.judged(verdict, at.rules.gate, at.now)
    if trial.answer is Answer.WAIT:
        retry = RetryLater(Reason(Cause.GATE_WAITS, trial.reason or ''), Pace.MOVING)
        first = node.trial.direction is Direction.HAND_OVER and not heirs
        return _delayed(retry, lease, at, trial) if first else _kept_on(heirs, retry, at, trial)
    if trial.answer is Answer.PASS:
        retry_at = None if node.retry_at is None else at.now
        return (Turn(replace(node, trial=trial, reason=None, retry_at=retry_at, attempts=0)),)
    reason = Reason(Cause.GATE_REJECTED, trial.reason or '')
    starts = lease is not None and lease.starts(at.now)
    failed = [Put(lease.failed(reason))] if lease is not None and starts else []
    told = _told(heirs, Reason(Cause.NODE_NOT_BACK, str(reason)), at)
    return (*failed, *told, Turn(node.rejected(reason, trial, at.now)))


def _freed(heirs: Sequence[Lease], at: Situation) -> Change:
    """Give a clean node to its heir; if there is none, the leases that wait are tried at once."""
    present = due.heirs(at.tree, at.now)
    if [each.uuid for each in heirs] != [each.uuid for each in present]:
        return (Turn(replace(at.node, retry_at=at.now)),)  # decided once more
    return (*_woken(at), Turn(at.node.freed(heirs, at.now)))


def _compared(lease: Lease | None, reason: Reason | None, at: Situation) -> Change:
    """Write the drift of a node on node and lease; each new one is an event."""
    is_new = lease is not None and reason != lease.reason
    # What is noted now is put right at the next look.
    repaired = at.rules.repair and reason is not None and reason.cause in _REPAIRED
    retry_at = at.now if is_new and repaired else at.check_at
    node = replace(at.node, reason=reason, retry_at=retry_at, attempts=0)
    if lease is None or not is_new:
        return (Turn(node),)
    told = replace(lease, reason=reason)
    events = [Tell(event.Event('esi_leap.lease.drift', told))] if reason else []
    return (Put(told), Turn(node), *events)


def _told(lenders: Sequence[Lease], reason: Reason | None, at: Situation) -> Iterator[Put]:
    """Tell the nearest lender where the node is while the lender does not have it."""
    for each in lenders[:1]:
        lender = at.tree.lease(each.uuid)
        if lender and lender.status is Status.ACTIVE and lender.reason != reason:
            yield Put(replace(lender, reason=reason))


def _woken(at: Situation, *, but: Lease | None = None) -> Iterator[Put]:
    """Try the leases that wait for the node at once."""
    for each in at.tree.leases:
        if each.starts(at.now) and (but is None or each.uuid != but.uuid):
            yield Put(replace(each, retry_at=at.now))


def _error(error: str) -> RetryLater:
    return RetryLater(Reason(Cause.SERVICE_ERROR, error))


def _waiting(retry: RetryLater, at: Situation) -> Change:
    return (Turn(at.node.waiting(retry.reason, at.later(at.node, retry))),)


def _failed(lease: Lease | None, error: str, at: Situation) -> Change:
    """Try a lease that waits again after an error of this service, but not without end."""
    if lease is None or not lease.starts(at.now):
        return ()
    retry = _error(error)
    if count_attempts(lease, retry.reason) < at.rules.max_attempts:
        return _postponed(lease, retry, at)
    return change.put(lease.failed(retry.reason))


def _unexpected(task: due.Task, outcome: Outcome) -> ValueError:
    return ValueError(f'{type(task).__name__} cannot end with {type(outcome).__name__}')
