"""All tasks of the manager on one screen: how each is decided, and how it is settled.

The manager plans a task (`due.plan`), carries it out by asking `decide` again and again (what is
the next step on this machine?), and writes the change that `settle` returns. A task without
`decide` needs no look at the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from esi_leap.core.change import Change
from esi_leap.core.duty import due
from esi_leap.core.duty import settle as settled
from esi_leap.core.duty.settle import Situation
from esi_leap.core.handover import back, drift, give
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.steps import (
    FreeNode,
    Look,
    LoseNode,
    Outcome,
    Recognised,
    RetryLater,
    Step,
)


@dataclass(frozen=True, slots=True)
class Duty:
    """How the manager does one kind of task.

    Attributes:
        settle: (task, outcome, situation) -> change; the outcome is None without `decide`.
        decide: (task, machine, situation) -> next step; the machine is None if it is gone.
        begin: (task, situation) -> change that is written before the first look.
        look: how much of the machine is read at the first look.
    """

    settle: Callable[..., Change]
    decide: Callable[..., Step] | None = None
    begin: Callable[..., Change] | None = None
    look: Look = Look.FIELDS


def decide_prepare(task: due.Prepare, machine: Machine | None, at: Situation) -> Step:
    """Decide whether the hand-over to a lease begins."""
    lenders = at.tree.lenders(task.lease)
    return give.prepare(machine, task.lease, lenders, at.rules.holding_project)


def decide_hand_over(task: due.HandOver, machine: Machine | None, at: Situation) -> Step:
    """Decide the next step of a hand-over."""
    lenders = at.tree.lenders(task.lease)
    barrier = at.node.barrier(at.rules.gate, at.now)
    return give.hand_over(machine, task.lease, lenders, at.rules.holding_project, barrier)


def decide_take(task: due.Take, machine: Machine | None, at: Situation) -> Step:
    """Decide the next step of taking the node from a lessee."""
    lenders = at.tree.lenders(task.lease)
    return back.take(machine, at.node, task.lease, lenders, at.rules.holding_project)


def decide_give_back(task: due.GiveBack, machine: Machine | None, at: Situation) -> Step:
    """Decide the next step of a return."""
    return back.give_back(
        machine,
        at.node,
        task.heirs,
        at.rules.holding_project,
        require_clean=at.rules.require_clean,
        barrier=at.node.barrier(at.rules.gate, at.now),
    )


def decide_confine(_: due.Confine, machine: Machine | None, at: Situation) -> Step:
    """Decide the next step with a rejected node."""
    return back.confine(machine, at.node)


def decide_check(task: due.Check, machine: Machine | None, at: Situation) -> Step:
    """Decide the next step of comparing a node with its running lease."""
    lenders = at.tree.lenders(task.lease)
    return drift.check(machine, task.lease, lenders, repair=at.rules.repair)


def decide_look_after(_: due.LookAfter, machine: Machine | None, at: Situation) -> Step:
    """Decide the next step with a node without a lease."""
    holding = at.rules.holding_project
    return drift.look_after(machine, at.node, holding, repair=at.rules.repair)


def decide_search(_: due.Search, machine: Machine | None, at: Situation) -> Step:
    """Decide the next step with a lost node: take it from its former lessee, or let it be."""
    node, former = at.node, at.former
    if machine is not None and former is not None and machine.lease_label == former.uuid:
        step = back.take(machine, node, former, (), at.rules.holding_project)
        if not isinstance(step, LoseNode):
            return step
    if machine is not None and drift.is_in_order(machine):
        return FreeNode()
    return RetryLater(node.reason or give.GONE)


def decide_recognise(_: due.Recognise, machine: Machine | None, __: Situation) -> Step:
    """Report the machine as it is: an inherited node is not touched."""
    return Recognised(machine)


#: In the order in which `due.plan` looks for them.
DUTIES: Mapping[type[due.Task], Duty] = {
    due.Recognise: Duty(settled.recognise, decide_recognise),
    due.Take: Duty(settled.take, decide_take, begin=settled.begin_taking),
    due.End: Duty(settled.end_lease),
    due.Blocked: Duty(settled.postpone),
    due.Expire: Duty(settled.expire_offer),
    due.SuspendOffer: Duty(settled.review_offer),
    due.ResumeOffer: Duty(settled.review_offer),
    due.GiveBack: Duty(settled.give_back, decide_give_back),
    due.Confine: Duty(settled.confine, decide_confine),
    due.LookAfter: Duty(settled.look_after, decide_look_after),
    due.Search: Duty(settled.search, decide_search),
    due.Check: Duty(settled.check, decide_check, look=Look.NETWORK),
    due.Prepare: Duty(settled.prepare, decide_prepare),
    due.HandOver: Duty(settled.hand_over, decide_hand_over),
    due.FailLease: Duty(settled.fail_lease),
}


def settle(task: due.Task, outcome: Outcome | None, at: Situation) -> Change:
    """Return the change that follows from a task with this outcome.

    Args:
        task: the task.
        outcome: how it ended; None of a task without `decide`.
        at: the node as it is now, read again under its lock.

    Raises:
        ValueError: the task cannot have this outcome: a defect of this service.
    """
    return DUTIES[type(task)].settle(task, outcome, at)
