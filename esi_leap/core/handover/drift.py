"""A machine that was changed outside this service: finding it, and putting it right if asked to.

A change is noted first, with its event, and only then put right: an operator learns of each one.
"""

from __future__ import annotations

from collections.abc import Sequence

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.handover.give import GONE, provider_of
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.steps import Act, BeginReturn, NoteDrift, Patch, RetryLater, Step
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.retry import Pace


def check(machine: Machine | None, lease: Lease, lenders: Sequence[Lease], *, repair: bool) -> Step:
    """Decide the next step of comparing a machine with its running lease.

    Args:
        machine: the machine; None if its service does not have it any more.
        lease: the lease that has it.
        lenders: the leases from which it is sub-let, the nearest first.
        repair: whether the lessee gets a machine back that was changed.
    """
    found = find_drift(machine, lease, lenders)
    foreign = None if found or machine is None else find_intruders(machine, lease)
    noted = lease.reason is not None and found is not None and lease.reason.cause is found.cause
    if not repair or not noted or machine is None:
        return NoteDrift(found or foreign)
    if _has_another_owner(machine, lease, lenders):
        return NoteDrift(found)  # people have to decide that
    if machine.busy is not None:
        return RetryLater(Reason(Cause.NODE_BUSY, machine.busy), Pace.MOVING)
    return Act(Patch({LESSEE: lease.lessee_id, LABEL: lease.uuid}))


def find_drift(machine: Machine | None, lease: Lease, lenders: Sequence[Lease]) -> Reason | None:
    """Return how the machine differs from its running lease; None if it does not."""
    if machine is None:
        return GONE
    if machine.lessee is None:
        return Reason(Cause.LESSEE_CLEARED)
    if machine.lessee != lease.lessee_id:
        return Reason(Cause.LESSEE_CHANGED)
    if _has_another_owner(machine, lease, lenders):
        return Reason(Cause.OWNER_CHANGED)
    return None


def find_intruders(machine: Machine, lease: Lease) -> Reason | None:
    """Return which ports on the machine are neither the lessee's nor Ironic's own; None if none."""
    foreign = () if machine.attachments is None else machine.attachments.foreign(lease.lessee_id)
    return Reason(Cause.PORTS_FOREIGN, ', '.join(foreign)) if foreign else None


def _has_another_owner(machine: Machine, lease: Lease, lenders: Sequence[Lease]) -> bool:
    return machine.owner is not None and machine.owner != provider_of(lease, lenders)


def look_after(machine: Machine | None, node: Node, holding: str, *, repair: bool) -> Step:
    """Decide the next step with the machine of a node that is leased to no project.

    Args:
        machine: the machine; None if its service does not have it any more.
        node: its row.
        holding: id of the holding project.
        repair: whether a project that has it without a lease loses it.
    """
    if machine is None or machine.lessee is None:
        return NoteDrift(None)
    found = Reason(Cause.LESSEE_FOREIGN)
    noted = node.reason is not None and node.reason.cause is found.cause
    if not repair or not noted:
        return NoteDrift(found)
    if machine.lessee == holding:
        return BeginReturn()
    if machine.busy is not None:
        return RetryLater(Reason(Cause.NODE_BUSY, machine.busy), Pace.MOVING)
    return Act(Patch({LESSEE: holding}))


def is_in_order(machine: Machine) -> bool:
    """Tell whether the owner put a lost machine in order: no lessee, idle and unlabelled."""
    return (
        machine.lessee is None
        and machine.lease_label is None
        and machine.provision_state == 'available'
    )
