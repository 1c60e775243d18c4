"""Working on one node under a claim: plan, act, settle, until nothing is due.

Plans are pure and made under the node's row lock. Acts call other services with no transaction
open, and can be repeated. A settle reads again what it changes, under the lock and only while the
claim is ours: what a request or another manager did meanwhile is not overwritten.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from esi_leap.core.booking import plan
from esi_leap.core.change import Change
from esi_leap.core.duty import due, recognition
from esi_leap.core.errors import LeapError, NodeBusyError, NodeNotFoundError, UnavailableError
from esi_leap.core.event import Event
from esi_leap.core.gate import Answer, Barrier, Direction, Trial, Verdict
from esi_leap.core.handover import back, drift, give
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.steps import (
    Act,
    Ask,
    Done,
    LookCloser,
    Lost,
    Refused,
    Restart,
    Step,
    Untouched,
    Wait,
)
from esi_leap.core.lease import TAKEN, Lease, Status, in_a_row
from esi_leap.core.node import Node, State
from esi_leap.core.ports.cloud import Nodes, Question
from esi_leap.core.ports.store import Book
from esi_leap.core.tree import BookingTree
from esi_leap.manager.deps import Deps, retry_at

_LOG = logging.getLogger(__name__)

#: Looks of one hand-over or return without a pause; more is a node that goes in circles.
_MOST_LOOKS = 24
_GONE = 'The node does not exist any more.'
_NOT_BACK = 'The node is not back from a sub-lease yet'
_REJECTED = 'The gate has rejected the node (gate.rejected)'
#: Seconds until a lease looks again at a node that is not back; it is woken when it is.
_BLOCKED = 5


class OutOfTimeError(Exception):
    """The claim is too short for another call; the rest is done under the next one."""

    def __str__(self) -> str:
        return self.__doc__ or ''


@dataclass(frozen=True, slots=True)
class Late:
    """Why a step could not be done now."""

    reason: str
    moving: bool = False
    unavailable: bool = False


def work_on(deps: Deps, node_id: int, stopping: Callable[[], bool]) -> None:
    """Do all that is due for one node, in order, under one claim; nothing if it is taken.

    Raises:
        StaleClaimError: the claim ran out and another manager has the node.
        OutOfTimeError: the rest needs another claim.
    """
    length = deps.settings.claim_time
    claim, until, now = deps.new_uuid(), deps.monotonic() + length, deps.now()
    if not deps.agenda.claim(node_id, claim, now, now + timedelta(seconds=length)):
        return
    work = Work(deps, node_id, claim, until)
    try:
        while not stopping() and work.once():
            pass
        work.report()
    finally:
        deps.agenda.release(node_id, claim)


class Work:
    """One manager's work on one node.

    Args:
        deps: the manager's world.
        node_id: the node.
        claim: the claim on it.
        until: the instant on the monotonic clock when the claim runs out.
    """

    def __init__(self, deps: Deps, node_id: int, claim: str, until: float) -> None:
        self._deps = deps
        self._node_id = node_id
        self._claim = claim
        self._act_until = until - deps.settings.call_time
        self._seen: tuple[str, Machine, datetime] | None = None

    def once(self) -> bool:
        """Do the first thing that is due for the node; False if there was none.

        Raises:
            StaleClaimError: the claim is not ours any more; nothing was written.
            OutOfTimeError: what is due needs another claim.
        """
        with self._book() as book:
            tree = book.tree()
            task = due.plan(book.node, list(tree), self._deps.now())
            if task is None:
                return False
            if self._written(book, task, tree):
                return True
            node = book.node
        try:
            self._act(task, node, tree)
        except (LeapError, OutOfTimeError):
            raise
        except Exception as error:  # noqa: BLE001 - kept with the lease, and the others go on
            _LOG.exception('node %s: %s failed', node.resource_uuid, task)
            self._failed(task, error)
        return True

    def _written(self, book: Book, task: due.Task, tree: BookingTree) -> bool:
        """Write down what needs no look at the node; tell whether that is all."""
        now = self._deps.now()
        match task:
            case due.End(lease):
                self._end(book, lease.ended(now), None)
            case due.Expire(offer):
                book.put(plan.plan_expire(offer, tree))
            case due.Blocked(lease, reason) if lease.ends(now):
                self._detain(book, lease, reason, self._in(_BLOCKED))
            case due.Blocked(lease, reason):
                self._postpone(book, lease, reason, self._in(_BLOCKED))
            case due.Fail(lease, reason):
                book.put(Change((lease.failed(reason),)))
            case due.Judge(offer):
                book.put(Change((offer,)))
            case due.Take(lease) if not lease.ending:
                # From here on nobody can lengthen it any more.
                book.put(Change((lease.expiring(TAKEN, now),)))
                return False
            case _:
                return False
        return True

    def report(self) -> None:
        """Let the inventory know what was seen of the node last: lists need not wait for it."""
        if self._seen is not None:
            resource_type, machine, asked = self._seen
            self._deps.agenda.node(machine, resource_type, self._deps.now(), asked)

    def _act(self, task: due.Task, node: Node, tree: BookingTree) -> None:
        match task:
            case due.Prepare(lease):
                self._prepare(node, lease, tree.lenders(lease))
            case due.HandOver(lease) if lease.status is Status.ACTIVE:
                self._hand_over_again(node, lease, tree.lenders(lease))
            case due.HandOver(lease):
                self._hand_over(node, lease, tree.lenders(lease))
            case due.Take(lease):
                self._take(node, lease, tree.lenders(lease))
            case due.GiveBack(heirs):
                self._give_back(node, heirs)
            case due.Check(lease):
                self._check(node, lease, tree.lenders(lease))
            case _:
                self._without_lease(task, node)

    def _without_lease(self, task: due.Task, node: Node) -> None:
        match task:
            case due.Confine():
                self._confine(node)
            case due.Look():
                self._look_after(node)
            case due.Search():
                self._search(node)
            case due.Recognise():
                self._recognise(node)

    def _prepare(self, node: Node, lease: Lease, lenders: Sequence[Lease]) -> None:
        machine, late = self._look(node)
        reason = late.reason if late else None
        volumes: dict[str, str] = {}
        if machine is not None:
            holding = self._deps.settings.holding_project
            reason = give.refusal(machine, lease, lenders, holding)
        if machine is not None and reason is None:
            # Its owner's own; what comes to them is the lessee's.
            late = self._try(lambda: volumes.update(self._nodes(node).volumes(machine.uuid)))
            reason = late.reason if late else None
        with self._book() as book:
            fresh = book.lease(lease.uuid)
            if not fresh.starts(self._deps.now()):
                return
            if machine is None or reason is not None:
                late = late or Late(reason or '')
                self._postpone(book, fresh, late.reason, self._later(fresh, late))
                return
            before = {**machine.fields, machine.VOLUMES: volumes}
            begun = book.node.prepared(fresh, lenders, before)
            book.put(Change((), node=begun))

    def _hand_over(self, node: Node, lease: Lease, lenders: Sequence[Lease]) -> None:
        step = self._give(node, lease, lenders)
        with self._book() as book:
            fresh, now = book.lease(lease.uuid), self._deps.now()
            match step:
                case Ask():
                    book.put(Change((), node=book.node.gated(Direction.HAND_OVER, now, None)))
                case Restart():
                    book.put(Change((), node=book.node.to(State.PREPARING)))
                case Verdict():
                    self._judged(book, step, fresh)
                case Done():
                    given = book.node.to(State.HANDED_OVER, retry_at=self._check_at())
                    if fresh.starts(now):
                        active = fresh.activated(now)
                        told = self._told(book, lenders, f'The node is with lease {lease.uuid}.')
                        woken = self._woken(book, lease)
                        book.put(Change((active, *told, *woken), node=given))
                        self._deps.meter.handed_over((now - fresh.window.start).total_seconds())
                    else:  # cancelled or over meanwhile: it is taken back next
                        book.put(Change((), node=given))
                case Refused(reason) | Lost(reason):
                    at = self._later(fresh, Late(reason))
                    book.put(Change((), node=book.node.left(lenders, self._check_at())))
                    if fresh.starts(now):
                        self._postpone(book, fresh, reason, at)
                case Late() as late:
                    self._delay(book, late, fresh)

    def _hand_over_again(self, node: Node, lease: Lease, lenders: Sequence[Lease]) -> None:
        """The node is back from a sub-lease, and the lease that it was sub-let from goes on."""
        step = self._give(node, lease, lenders)
        with self._book() as book:
            now = self._deps.now()
            match step:
                case Ask():
                    book.put(Change((), node=book.node.gated(Direction.HAND_OVER, now, now)))
                case Restart():
                    book.put(Change((), node=book.node.to(State.PREPARING, retry_at=now)))
                case Verdict():
                    self._judged(book, step, None, [lease])
                case Done():
                    given = book.node.to(State.HANDED_OVER, retry_at=self._check_at())
                    told = self._told(book, [lease], None)
                    book.put(Change((*told, *self._woken(book, lease)), node=given))
                case Late() as late:
                    self._delay(book, late, None, [lease])
                case Lost(reason):
                    self._keep_on(book, [lease], Late(reason))

    def _give(self, node: Node, lease: Lease, lenders: Sequence[Lease]) -> Step | Late | Verdict:
        holding = self._deps.settings.holding_project
        return self._drive_to_gate(
            node,
            lease,
            lambda seen, barrier: give.hand_over(seen, lease, lenders, holding, barrier),
        )

    def _take(self, node: Node, lease: Lease, lenders: Sequence[Lease]) -> None:
        holding = self._deps.settings.holding_project
        step = self._drive(node, lambda seen: back.take(seen, node, lease, lenders, holding))
        with self._book() as book:
            fresh, now = book.lease(lease.uuid), self._deps.now()
            match step:
                case Done():
                    self._end(book, fresh.ended(now), book.node.to(State.RETURNING, retry_at=now))
                case Untouched():
                    self._end(book, fresh.ended(now), book.node.left(lenders, self._check_at()))
                case Lost(reason):
                    lost = book.node.to(State.LOST, reason, retry_at=self._check_at())
                    self._end(book, fresh.ended(now, reason), lost)
                case Late() as late:
                    at = self._later(fresh, late)
                    self._detain(book, fresh, late.reason, at)

    def _give_back(self, node: Node, heirs: Sequence[Lease]) -> None:
        settings = self._deps.settings
        step = self._drive_to_gate(
            node,
            None,
            lambda seen, barrier: back.give_back(
                seen,
                node,
                heirs,
                settings.holding_project,
                require_clean=settings.require_clean,
                barrier=barrier,
            ),
        )
        with self._book() as book:
            match step:
                case Ask():
                    now = self._deps.now()
                    book.put(Change((), node=book.node.gated(Direction.RETURN, now, now)))
                case Verdict():
                    self._judged(book, step, None, heirs)
                case Act(_, State() as state):
                    book.put(Change((), node=book.node.to(state, retry_at=self._deps.now())))
                case Done():
                    self._free(book, heirs)
                case Lost(reason):
                    lost = book.node.to(State.LOST, reason, retry_at=self._check_at())
                    book.put(Change((), node=lost))
                case Late() as late:
                    self._delay(book, late, None, heirs)

    def _confine(self, node: Node) -> None:
        why = node.trial.reason if node.trial else None
        step = self._drive(node, lambda seen: back.confine(seen, why or _REJECTED))
        with self._book() as book:
            if book.node.state is not State.REJECTED:
                return  # reset meanwhile
            match step:
                case Done():
                    book.put(Change((), node=replace(book.node, retry_at=None, attempts=0)))
                case Late() | Lost():
                    late = step if isinstance(step, Late) else Late(step.reason)
                    at = self._later(book.node, late)
                    # Why it was rejected is worth more than why it is not in maintenance yet.
                    book.put(Change((), node=book.node.waiting(node.reason or late.reason, at)))

    def _check(self, node: Node, lease: Lease, lenders: Sequence[Lease]) -> None:
        machine, late = self._look(node, LookCloser(left=False))
        with self._book() as book:
            fresh = book.lease(lease.uuid)
            at = self._check_at()
            if late is not None and late.reason != _GONE:
                book.put(Change((), node=book.node.waiting(late.reason, at)))
                return
            strayed = _GONE if machine is None else drift.drift(machine, fresh, lenders)
            reason = strayed if machine is None else strayed or drift.intruders(machine, fresh)
            after = replace(book.node, reason=reason, retry_at=at, attempts=0)
            noted = replace(fresh, reason=reason)
            if not fresh.blocks or reason == fresh.reason:
                book.put(Change((), node=after))
            else:
                events = (Event('esi_leap.lease.drift', noted),) if reason else ()
                book.put(Change((noted,), events, node=after))
        if strayed is not None and machine is not None and self._deps.settings.repair:
            self._repair(node, noted, lenders)

    def _repair(self, node: Node, lease: Lease, lenders: Sequence[Lease]) -> None:
        """Give a node back to the lessee who lost it past this service. It was told already."""
        step = self._drive(node, lambda seen: drift.repair(seen, lease, lenders))
        with self._book() as book:
            fresh = book.lease(lease.uuid)
            if isinstance(step, Done) and fresh.blocks and fresh.reason == lease.reason:
                mended = replace(book.node, reason=None)
                book.put(Change((replace(fresh, reason=None),), node=mended))

    def _look_after(self, node: Node) -> None:
        """Somebody was seen to have a node that nobody should have."""
        machine, late = self._look(node)
        settings = self._deps.settings
        with self._book() as book:
            if book.node.state is not State.AVAILABLE:
                return
            if late is not None and late.reason != _GONE:
                at = self._later(book.node, late)
                book.put(Change((), node=replace(book.node, retry_at=at)))
                return
            reason = None if machine is None else drift.stray(machine)
            book.put(Change((), node=replace(book.node, reason=reason, retry_at=None)))
        if reason is None or not settings.repair:
            return
        step = self._drive(node, lambda seen: drift.seize(seen, settings.holding_project))
        with self._book() as book:
            if isinstance(step, Done) and book.node.state is State.AVAILABLE:
                # Whatever he did to it: it is cleaned, and comes to the gate if there is one.
                taken = book.node.to(State.RETURNING, reason, retry_at=self._deps.now())
                book.put(Change((), node=taken))

    def _search(self, node: Node) -> None:
        """Look whether a lost node is in order, or is as it was when we lost sight of it."""
        machine, _ = self._look(node)
        ours = machine is not None and machine.lease_label == node.lease
        taken = node.lease is not None and ours and self._retaken(node, node.lease)
        with self._book() as book:
            if taken:
                book.put(Change((), node=book.node.to(State.RETURNING, retry_at=self._deps.now())))
            elif machine is not None and drift.is_back(machine):
                self._free(book, due.heirs(book.tree(), self._deps.now()))
            else:
                at = self._check_at()
                book.put(Change((), node=book.node.waiting(node.reason or _GONE, at)))

    def _retaken(self, node: Node, uuid: str) -> bool:
        """Take a node from the lessee whose lease has ended meanwhile; tell whether he lost it."""
        with self._book() as book:
            lease = book.lease(uuid)
        holding = self._deps.settings.holding_project
        step = self._drive(node, lambda seen: back.take(seen, node, lease, (), holding))
        return isinstance(step, Done)

    def _recognise(self, node: Node) -> None:
        machine, late = self._look(node)
        with self._book() as book:
            if late is not None and late.reason != _GONE:
                at = self._later(book.node, late)
                book.put(Change((), node=book.node.waiting(late.reason, at)))
                return
            tree = book.tree()
            book.put(recognition.plan(book.node, machine, list(tree), self._deps.now()))

    def _free(self, book: Book, heirs: Sequence[Lease]) -> None:
        """The node is back: its heir gets it, or the leases that wait for it are tried at once."""
        now = self._deps.now()
        present = due.heirs(book.tree(), now)
        if [each.uuid for each in heirs] != [each.uuid for each in present]:
            book.put(Change((), node=replace(book.node, retry_at=now)))  # decided once more
            return
        lost = book.lease(book.node.lease).expire_time if book.node.lease else None
        book.put(Change(self._woken(book), node=book.node.freed(heirs, now)))
        if lost is not None:
            self._deps.meter.returned((now - lost).total_seconds())

    def _woken(self, book: Book, but: Lease | None = None) -> tuple[Lease, ...]:
        """Let the leases that wait for the node be tried at once."""
        now = self._deps.now()
        return tuple(
            replace(each, retry_at=now)
            for each in book.tree()
            if isinstance(each, Lease)
            and each.starts(now)
            and (but is None or each.uuid != but.uuid)
        )

    def _told(self, book: Book, lenders: Sequence[Lease], reason: str | None) -> tuple[Lease, ...]:
        """Let the nearest lender know where the node is while he does not have it."""
        fresh = [book.lease(each.uuid) for each in lenders[:1]]
        return tuple(
            replace(each, reason=reason)
            for each in fresh
            if each.status is Status.ACTIVE and each.reason != reason
        )

    def _keep_on(
        self, book: Book, heirs: Sequence[Lease], late: Late, trial: Trial | None = None
    ) -> None:
        """The node is not where it has to be yet; who waits for it is told why."""
        at = self._later(book.node, late)
        told = self._told(book, heirs, f'{_NOT_BACK}: {late.reason}')
        node = replace(book.node, trial=trial or book.node.trial)
        book.put(Change(told, node=node.waiting(late.reason, at)))

    def _delay(
        self,
        book: Book,
        late: Late,
        lease: Lease | None,
        heirs: Sequence[Lease] = (),
        trial: Trial | None = None,
    ) -> None:
        """The node does not get on: whoever waits for it is told why.

        Args:
            book: the node's booking tree.
            late: why.
            lease: the one that it is on its way to for the first time.
            heirs: those that get it back.
            trial: how it stands at the gate after an answer; None: there was none.
        """
        node = book.node
        if trial is None and node.state is State.GATING and node.trial is not None:
            trial = node.trial.unanswered()
        if lease is None:
            self._keep_on(book, heirs, late, trial)
        elif lease.starts(self._deps.now()):
            waiting = lease.postponed(late.reason, self._later(lease, late))
            told = replace(node, reason=late.reason, trial=trial) if trial else None
            book.put(Change((waiting,), node=told))

    def _judged(
        self, book: Book, verdict: Verdict, lease: Lease | None, heirs: Sequence[Lease] = ()
    ) -> None:
        """Write down what the gate said; arguments as for `_delay`."""
        now, node = self._deps.now(), book.node
        if node.trial is None:
            raise ValueError(f'node {node.resource_uuid} is not at the gate')
        trial = node.trial.judged(verdict, self._deps.settings.gate, now)
        if trial.answer is Answer.WAIT:
            self._delay(book, Late(f'The gate: {trial.reason}', moving=True), lease, heirs, trial)
            return
        if trial.answer is Answer.PASS:
            at = None if node.retry_at is None else now
            passed = replace(node, trial=trial, reason=None, retry_at=at, attempts=0)
            book.put(Change((), node=passed))
            return
        reason = f'{_REJECTED}: {trial.reason}'
        failed = [lease.failed(reason)] if lease is not None and lease.starts(now) else []
        told = self._told(book, heirs, f'{_NOT_BACK}: {reason}')
        rejected = node.to(State.REJECTED, reason, trial=trial, retry_at=now)
        book.put(Change((*failed, *told), node=rejected))

    def _end(self, book: Book, ended: Lease, node: Node | None) -> None:
        """A lease is over; its lender is told, or tried at once if he waited for this to end too.

        Args:
            book: the node's booking tree.
            ended: the lease as it is now.
            node: the node as it is now, if the lease had it.
        """
        lenders = book.tree().lenders(ended) if ended.parent_lease else ()
        told = tuple(
            replace(each, retry_at=self._deps.now()) for each in lenders[:1] if each.ending
        )
        if node is not None and node.state is not State.HANDED_OVER:
            where = node.reason or f'It is on its way back from lease {ended.uuid}.'
            told += self._told(book, lenders, f'{_NOT_BACK}: {where}')
        book.put(Change((ended, *told), node=node))

    def _drive_to_gate(
        self, node: Node, lease: Lease | None, decide: Callable[[Machine, Barrier], Step]
    ) -> Step | Late | Verdict:
        """Drive; where only the gate is left to be asked and the node stands there, ask it.

        That it stands there is written down first: from then on the driver may use it.
        """
        gate = self._deps.gate
        rules = None if gate is None else self._deps.settings.gate
        step = self._drive(node, lambda seen: decide(seen, node.barrier(rules, self._deps.now())))
        if gate is None or not isinstance(step, Ask) or node.state is not State.GATING:
            return step
        answers: list[Verdict] = []
        question = Question(node=node, lease=lease, now=self._deps.now())
        late = self._try(lambda: answers.append(gate.ask(question)))
        return late or answers[0]

    def _drive(self, node: Node, decide: Callable[[Machine], Step]) -> Step | Late:
        """Look, decide and act until the step is reached or something is in the way."""
        closer: LookCloser | None = None
        for _ in range(_MOST_LOOKS):
            machine, late = self._look(node, closer)
            if machine is None:
                return Lost(_GONE) if late is None or late.reason == _GONE else late
            step = decide(machine)
            closer = step if isinstance(step, LookCloser) else None
            if closer is not None:
                continue
            if isinstance(step, Wait):
                return Late(step.reason, moving=step.moving)
            if not isinstance(step, Act):
                return step
            late = self._try(lambda act=step, seen=machine: self._nodes(node).do(seen, act.verb))
            if late is not None:
                return Lost(_GONE) if late.reason == _GONE else late
            if step.state is not None:
                return step
        return Late('The node does not reach the state that it was asked for.')

    def _look(
        self, node: Node, closer: LookCloser | None = None
    ) -> tuple[Machine | None, Late | None]:
        seen: list[Machine] = []
        asked, uuid = self._deps.now(), node.resource_uuid
        how = {'closely': closer is not None and closer.left, 'ports': closer is not None}
        late = self._try(lambda: seen.append(self._nodes(node).get(uuid, **how)))
        if late is not None:
            return None, late
        self._seen = node.resource_type, seen[0], asked
        return seen[0], None

    def _try(self, call: Callable[[], Any]) -> Late | None:
        """Call another service, if the claim is long enough for it."""
        if self._deps.monotonic() >= self._act_until:
            raise OutOfTimeError
        try:
            call()
        except (NodeNotFoundError, NodeBusyError, UnavailableError) as error:
            self._deps.meter.failed(error.code)
            if isinstance(error, NodeNotFoundError):
                return Late(_GONE)
            return Late(error.message, unavailable=isinstance(error, UnavailableError))
        return None

    def _failed(self, task: due.Task, error: Exception) -> None:
        """Keep what we did not expect with the lease or the node, and go on with the others."""
        self._deps.meter.failed(LeapError.code)
        reason = (
            f'The service made an error ({type(error).__name__}); operators find it in the log.'
        )
        lease = getattr(task, 'lease', None)
        with self._book() as book:
            fresh = None if lease is None else book.lease(lease.uuid)
            if fresh is None or not isinstance(task, due.Take | due.Prepare | due.HandOver):
                at = self._later(book.node, Late(reason))
                book.put(Change((), node=book.node.waiting(reason, at)))
                return
            if not fresh.blocks:
                return
            at = self._later(fresh, Late(reason))
            if isinstance(task, due.Take):
                self._detain(book, fresh, reason, at)
            elif fresh.status is Status.ACTIVE:
                self._keep_on(book, [fresh], Late(reason))
            elif fresh.attempts + 1 < self._deps.settings.max_attempts:
                self._postpone(book, fresh, reason, at)
            else:
                book.put(Change((fresh.failed(reason),)))

    def _postpone(self, book: Book, lease: Lease, reason: str, at: datetime) -> None:
        book.put(Change((lease.postponed(reason, at),)))

    def _detain(self, book: Book, lease: Lease, reason: str, at: datetime) -> None:
        """The end is tried again; until then the node needs no look of its own."""
        node = replace(book.node, retry_at=None) if book.node.is_with(lease) else None
        book.put(Change((lease.detained(reason, at),), node=node))

    def _nodes(self, node: Node) -> Nodes:
        if node.resource_type not in self._deps.fleet:
            raise UnavailableError(f'The resource type {node.resource_type} is not configured.')
        return self._deps.fleet[node.resource_type]

    def _later(self, of: Lease | Node, late: Late) -> datetime:
        return retry_at(
            self._deps.now(),
            in_a_row(of, late.reason) - 1,
            self._deps.settings,
            moving=late.moving,
            unavailable=late.unavailable,
        )

    def _check_at(self) -> datetime:
        return self._in(self._deps.settings.check_interval)

    def _in(self, seconds: float) -> datetime:
        return self._deps.now() + timedelta(seconds=seconds)

    @contextmanager
    def _book(self) -> Iterator[Book]:
        with self._deps.agenda.booking(self._node_id, self._deps.now(), self._claim) as book:
            yield book
        for each in book.regained:
            self._deps.meter.regained(each.total_seconds())
