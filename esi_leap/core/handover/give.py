"""Giving a node to a lessee: the next step of a hand-over."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from esi_leap.core.gate import Barrier
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.steps import (
    Act,
    Ask,
    ConsoleOff,
    Done,
    LookCloser,
    Patch,
    Refused,
    Restart,
    Step,
    Wait,
)
from esi_leap.core.lease import Lease, Status

FOREIGN = 'The node has a lessee that this service did not set.'


def refusal(machine: Machine, lease: Lease, lenders: Sequence[Lease], holding: str) -> str | None:
    """Say why the machine cannot be handed over, or None if it can.

    Args:
        machine: what Ironic says now.
        lease: the lease that is due.
        lenders: the leases that it was sub-let from, the nearest first.
        holding: the project that has the node meanwhile.
    """
    return _unfit(machine, provider_of(lease, lenders), {lessee_before(lenders), holding})


def _unfit(machine: Machine, owner: str, lessees: Collection[str | None]) -> str | None:
    """Say why the machine cannot be given to anybody, or None if it can.

    Args:
        machine: what Ironic says now.
        owner: who has to own it.
        lessees: who may be its lessee at this point without being foreign.
    """
    if machine.owner is not None and machine.owner != owner:
        return 'The node belongs to another owner now.'
    if machine.lessee not in lessees:
        return FOREIGN
    if machine.busy is not None:
        return f'The node is busy: {machine.busy}.'
    if machine.maintenance:
        return f'The node is in maintenance: {machine.maintenance_reason or "no reason given"}.'
    for said, why in (
        (machine.provision_state != 'available', f'is {machine.provision_state}, not available'),
        (machine.retired, 'is retired'),
        (machine.fault is not None, f'has the fault {machine.fault}'),
        (machine.instance is not None, f'carries the instance or allocation {machine.instance}'),
        (machine.automatic_lessee, 'has a lessee set by a deployment (automatic_lessee)'),
        (bool(machine.vifs), f'has virtual interfaces attached: {", ".join(machine.vifs)}'),
        (bool(machine.bound), f'has network ports bound to it: {", ".join(machine.bound)}'),
    ):
        if said:
            return f'The node {why}.'
    return None


def hand_over(
    machine: Machine,
    lease: Lease,
    lenders: Sequence[Lease],
    holding: str,
    barrier: Barrier = Barrier.NONE,
) -> Step:
    """Decide the next step of giving the machine to the lessee of `lease`.

    Args:
        machine: what Ironic says now.
        lease: the lease whose hand-over has begun; an active one gets it back from a sub-lease.
        lenders: the leases that it was sub-let from, the nearest first.
        holding: the project that has the node meanwhile.
        barrier: how the gate stands for it.
    """
    if machine.lessee == lease.lessee_id and machine.lease_label == lease.uuid:
        return Done()
    if barrier in {Barrier.ASKED, Barrier.PASSED} and machine.lessee != holding:
        return Restart()
    if barrier is Barrier.ASKED:  # meanwhile the driver may use the machine
        return Ask()
    had = None if lease.status is Status.ACTIVE else lessee_before(lenders)
    reason = _unfit(machine, provider_of(lease, lenders), {had, holding})
    if reason is not None:
        return _obstructed(machine, lease, reason, had, holding)
    return (
        look_at_network(machine)
        or _prepare(machine, holding, barrier)
        or Act(Patch({LESSEE: lease.lessee_id, LABEL: lease.uuid}))
    )


def _prepare(machine: Machine, holding: str, barrier: Barrier) -> Step | None:
    """What has to be done before the lessee gets the machine."""
    if machine.lessee != holding:
        return Act(Patch({LESSEE: holding}))
    if machine.console:
        return Act(ConsoleOff())
    return Ask() if barrier is Barrier.SHUT else None


def _obstructed(machine: Machine, lease: Lease, reason: str, had: str | None, holding: str) -> Step:
    """Its owner, or who sub-lets it, has to be able to put right what is wrong with it."""
    if lease.status is Status.ACTIVE:
        return Wait(reason, moving=machine.busy is not None)
    if machine.lessee != holding:
        return Refused(reason)
    return Wait(reason) if machine.busy else Act(Patch({LESSEE: had}))


def provider_of(lease: Lease, lenders: Sequence[Lease]) -> str:
    """Who has to own the machine: the provider of the outermost lease."""
    return (lease, *lenders)[-1].owner_id


def lessee_before(lenders: Sequence[Lease]) -> str | None:
    """Who has to be the machine's lessee before a hand-over."""
    return lenders[0].lessee_id if lenders else None


def look_at_network(machine: Machine) -> Step | None:
    """What is missing to know which ports lead to the machine."""
    if machine.ports is None:
        return LookCloser(left=False)
    return None if machine.ports.unseen is None else Wait(machine.ports.unseen)
