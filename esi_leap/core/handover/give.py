"""Giving a machine to a lessee: the next step of a hand-over.

1. Look whether the machine can be handed over; remember its fields (`prepare`).
2. Make the holding project its lessee, and look again.
3. Let the gate, if there is one, judge it.
4. Make the lessee its lessee, and label it with the lease.

Each step is decided from what Ironic says now, never from what was done before, so it can be
repeated after a crash and finds its work done. Only a pass of the gate cannot be seen on the
machine: it is written down, with its evidence, before the verb that it allows.

Sub-leases nest: a machine that is handed over can be prepared for a lease inside the one that has
it, and is then remembered once more. Its return ends with the machine clean, as the lender left it,
and still with the holding project; from there it is handed over to the lender again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.gate import Barrier
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.steps import (
    Act,
    AskGate,
    BeginAgain,
    ConsoleOff,
    Look,
    LookCloser,
    LoseNode,
    Patch,
    ReadVolumes,
    RefuseNode,
    RetryLater,
    StartLease,
    Step,
)
from esi_leap.core.lease import Lease, Status
from esi_leap.core.retry import Pace

GONE = Reason(Cause.NODE_GONE)


def prepare(machine: Machine | None, lease: Lease, lenders: Sequence[Lease], holding: str) -> Step:
    """Decide whether the hand-over of a machine begins.

    Args:
        machine: the machine; None if its service does not have it.
        lease: the lease that is due.
        lenders: the leases from which it is sub-let, the nearest first.
        holding: id of the holding project.
    """
    if machine is None:
        return RetryLater(GONE)
    lessees = {lessee_before(lenders), holding}
    reason = find_obstacle(machine, provider_of(lease, lenders), lessees)
    return ReadVolumes() if reason is None else RetryLater(reason)


def find_obstacle(machine: Machine, owner: str, lessees: Collection[str | None]) -> Reason | None:
    """Return why the machine cannot be given to a lessee; None if it can.

    Args:
        machine: the machine.
        owner: id of the project that has to own it.
        lessees: projects that may be its lessee at this point; None stands for no lessee.
    """
    obstacles: tuple[tuple[bool, Cause, str | None], ...] = (
        (machine.owner not in {owner, None}, Cause.OWNER_CHANGED, None),
        (machine.lessee not in lessees, Cause.LESSEE_FOREIGN, None),
        (machine.busy is not None, Cause.NODE_BUSY, machine.busy),
        (
            machine.maintenance,
            Cause.NODE_MAINTENANCE,
            machine.maintenance_reason or 'no reason given',
        ),
        (machine.provision_state != 'available', Cause.NODE_STATE, machine.provision_state),
        (machine.retired, Cause.NODE_RETIRED, None),
        (machine.fault is not None, Cause.NODE_FAULTY, machine.fault),
        (machine.instance is not None, Cause.NODE_ALLOCATED, machine.instance),
        (machine.automatic_lessee, Cause.NODE_AUTOMATIC, None),
        (bool(machine.vifs), Cause.VIFS_ATTACHED, ', '.join(machine.vifs)),
        (bool(machine.bound), Cause.PORTS_BOUND, ', '.join(machine.bound)),
    )
    found = (Reason(cause, detail or '') for is_there, cause, detail in obstacles if is_there)
    return next(found, None)


def hand_over(
    machine: Machine | None,
    lease: Lease,
    lenders: Sequence[Lease],
    holding: str,
    barrier: Barrier = Barrier.NONE,
) -> Step:
    """Decide the next step of giving the machine to the lessee of `lease`.

    Args:
        machine: the machine; None if its service does not have it any more.
        lease: the lease whose hand-over has begun; an active one gets it back from a sub-lease.
        lenders: the leases from which it is sub-let, the nearest first.
        holding: id of the holding project.
        barrier: how the gate stands for it.
    """
    if machine is None:
        return LoseNode(GONE)
    if machine.lessee == lease.lessee_id and machine.lease_label == lease.uuid:
        return StartLease()
    if barrier in {Barrier.ASKED, Barrier.PASSED} and machine.lessee != holding:
        return BeginAgain()
    if barrier is Barrier.ASKED:  # meanwhile the driver may use the machine
        return AskGate()
    had = None if lease.status is Status.ACTIVE else lessee_before(lenders)
    reason = find_obstacle(machine, provider_of(lease, lenders), {had, holding})
    if reason is not None:
        return _step_back(machine, lease, reason, had, holding)
    return (
        look_at_network(machine)
        or _approach(machine, holding, barrier)
        or Act(Patch({LESSEE: lease.lessee_id, LABEL: lease.uuid}))
    )


def _approach(machine: Machine, holding: str, barrier: Barrier) -> Step | None:
    """Decide the next step before the lessee gets the machine; None if nothing is left to do."""
    if machine.lessee != holding:
        return Act(Patch({LESSEE: holding}))
    if machine.console:
        return Act(ConsoleOff())
    return AskGate() if barrier is Barrier.SHUT else None


def _step_back(
    machine: Machine, lease: Lease, reason: Reason, had: str | None, holding: str
) -> Step:
    """Give an obstructed machine back to its owner or lender, to be put right."""
    busy = machine.busy is not None
    if lease.status is Status.ACTIVE:
        return RetryLater(reason, Pace.MOVING if busy else Pace.OBSTRUCTED)
    if machine.lessee != holding:
        return RefuseNode(reason)
    return RetryLater(reason) if busy else Act(Patch({LESSEE: had}))


def provider_of(lease: Lease, lenders: Sequence[Lease]) -> str:
    """Return the id of the project that has to own the machine: that of the outermost lease."""
    return (lease, *lenders)[-1].owner_id


def lessee_before(lenders: Sequence[Lease]) -> str | None:
    """Return the id of the lessee before a hand-over: that of the nearest lender, None if none."""
    return lenders[0].lessee_id if lenders else None


def look_at_network(machine: Machine) -> Step | None:
    """Return the step that is missing to know the network attachments; None if they are known."""
    if machine.attachments is None:
        return LookCloser(Look.NETWORK)
    unseen = machine.attachments.unseen
    return None if unseen is None else RetryLater(Reason(Cause.PORTS_UNKNOWN, unseen))
