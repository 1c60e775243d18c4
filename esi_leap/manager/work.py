"""Working on one node under a claim: plan, act, put, until nothing is due.

Plans and settling are pure (`core.duty`) and run under the node's row lock. Acts call other
services with no transaction open, and can be repeated. What was done is settled with the node and
its bookings as they are read again, under the lock and only while the claim is ours: what a request
or another manager did meanwhile is not overwritten.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from esi_leap.core.change import Change
from esi_leap.core.duty import due
from esi_leap.core.duty.duties import DUTIES, settle
from esi_leap.core.duty.settle import Situation
from esi_leap.core.errors import LeapError
from esi_leap.core.gate import Verdict
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.steps import AskGate, Fail, Outcome, RetryLater, Step
from esi_leap.core.node import State
from esi_leap.core.ports.cloud import Question
from esi_leap.core.ports.store import Book
from esi_leap.manager.calls import Calls, OutOfTimeError
from esi_leap.manager.count import count
from esi_leap.manager.deps import Deps

_LOG = logging.getLogger(__name__)


def work_on(deps: Deps, node_id: int, stopping: Callable[[], bool]) -> None:
    """Do everything that is due for one node, in order, under one claim; nothing if it is taken.

    Raises:
        StaleClaimError: the claim ran out and another manager has the node.
        OutOfTimeError: the rest needs another claim.
    """
    length = deps.settings.claim_time
    claim, until, now = deps.new_uuid(), deps.monotonic() + length, deps.now()
    if not deps.agenda.claim(node_id, claim, now, now + timedelta(seconds=length)):
        return
    work = Work(deps, node_id, claim, until - deps.settings.call_time)
    try:
        while not stopping() and work.do_first():
            pass
        work.report()
    finally:
        deps.agenda.release(node_id, claim)


class Work:
    """One manager's work on one node.

    Args:
        deps: the manager's world.
        node_id: key of the node.
        claim: the claim on it.
        until: when the last call must have begun, on the monotonic clock in seconds.
    """

    def __init__(self, deps: Deps, node_id: int, claim: str, until: float) -> None:
        self._deps = deps
        self._node_id = node_id
        self._claim = claim
        self._calls = Calls(deps, until)

    def do_first(self) -> bool:
        """Do the first task that is due for the node; return False if none was.

        Raises:
            StaleClaimError: the claim is not ours any more; nothing was written.
            OutOfTimeError: the task needs another claim.
        """
        with self._book() as book:
            at = self._situation(book)
            task = due.plan(at.node, at.tree, at.now)
            if task is None:
                return False
            duty = DUTIES[type(task)]
            if duty.decide is None:
                self._put(book, settle(task, None, at))
                return True
            if duty.begin is not None:
                self._put(book, duty.begin(task, at))
        try:
            self._settle(task, self._carry_out(task, at))
        except (LeapError, OutOfTimeError):
            raise
        except Exception as error:  # noqa: BLE001 - kept with the lease, and the others go on
            _LOG.exception('node %s: %s failed', at.node.resource_uuid, task)
            self._deps.meter.failed(LeapError.code)
            self._settle(task, Fail(type(error).__name__))
        return True

    def report(self) -> None:
        """Write the last sighting of the node into the inventory, for lists."""
        seen = self._calls.seen
        if seen is not None:
            now = self._deps.now()
            self._deps.agenda.node(seen.machine, seen.resource_type, now, seen.asked_at)

    def _carry_out(self, task: due.Task, at: Situation) -> Outcome:
        """Work on the machine until the task has an outcome."""
        look = DUTIES[type(task)].look
        outcome = self._calls.drive(at.node, self._decision(task, at), look)
        # That the node stands at the gate is written first: then its driver may use it.
        if isinstance(outcome, AskGate) and at.node.state is State.GATING:
            return self._ask_gate(task, at)
        return outcome

    def _settle(self, task: due.Task, outcome: Outcome) -> None:
        """Write the change that follows from an outcome, with the node as it is now."""
        with self._book() as book:
            self._put(book, settle(task, outcome, self._situation(book)))

    def _decision(self, task: due.Task, at: Situation) -> Callable[[Machine | None], Step]:
        decide = DUTIES[type(task)].decide
        if decide is None:
            raise ValueError(f'{task} needs no look at the machine')
        return lambda machine: decide(task, machine, replace(at, now=self._deps.now()))

    def _ask_gate(self, task: due.Task, at: Situation) -> Verdict | RetryLater | AskGate:
        gate = self._deps.gate
        if gate is None:
            return AskGate()
        lease = task.lease if isinstance(task, due.HandOver) else None
        question = Question(node=at.node, lease=lease, now=self._deps.now())
        return self._calls.ask(lambda: gate.ask(question))

    def _situation(self, book: Book) -> Situation:
        node = book.node
        lost = node.state is State.LOST and node.lease is not None
        return Situation(
            node=node,
            tree=book.tree(),
            now=self._deps.now(),
            rules=self._deps.rules,
            former=book.lease(str(node.lease)) if lost else None,
        )

    def _put(self, book: Book, change: Change) -> None:
        if change:
            before = book.node
            count(self._deps.meter, book, before, book.put(change), self._deps.now())

    @contextmanager
    def _book(self) -> Iterator[Book]:
        with self._deps.agenda.booking(self._node_id, self._deps.now(), self._claim) as book:
            yield book
