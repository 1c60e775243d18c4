"""Taking a machine from a lessee and returning it: the next step.

`take` ends the lease: the holding project becomes the lessee. `give_back` then leads to a machine
that is clean and as it was:

1. console off, virtual media out: the cleaning must not boot from them;
2. undeploy, or detach the virtual interfaces; unbind the ports that are bound still;
3. power off, clean;
4. remove the volumes since the hand-over, reset the boot device, set the traits;
5. pass the gate, if there is one;
6. in one PATCH, restore the remembered fields and remove the lessee and the label.

`instance_info` and volumes are needed by the tear-down, so they go after it. Each step is decided
from what Ironic says now, so it can be repeated after a crash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.gate import Barrier
from esi_leap.core.handover.give import GONE, lessee_before, look_at_network
from esi_leap.core.handover.leftovers import EjectMedia, RemoveVolume
from esi_leap.core.handover.machine import (
    ABORTABLE,
    FAULTS,
    IDLE,
    LABEL,
    LESSEE,
    MANAGEABLE,
    MOVING,
    OFF,
    PATCHED,
    UNDEPLOYABLE,
    VOLUMES,
    Machine,
)
from esi_leap.core.handover.network import Unbind
from esi_leap.core.handover.steps import (
    Act,
    AskGate,
    Confined,
    ConsoleOff,
    DetachVif,
    EndLease,
    FreeNode,
    LeaveNode,
    LookCloser,
    LoseNode,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    RetryLater,
    SetTraits,
    Step,
)
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.retry import Pace


def take(
    machine: Machine | None, node: Node, lease: Lease, lenders: Sequence[Lease], holding: str
) -> Step:
    """Decide the next step of taking the machine from the lessee.

    Args:
        machine: the machine; None if its service does not have it any more.
        node: its row.
        lease: the lease that ends.
        lenders: the leases from which it is sub-let, the nearest first.
        holding: id of the holding project.
    """
    if machine is None:
        return LoseNode(GONE)
    if machine.lessee == holding:
        return EndLease()
    never = node.is_coming and machine.lease_label != lease.uuid
    if lenders and never and machine.lessee == lessee_before(lenders):
        return LeaveNode()
    cleared = machine.lessee is None and machine.provision_state not in IDLE
    if cleared or machine.lessee not in {lease.lessee_id, None}:
        return LoseNode(Reason(Cause.NODE_LOST, 'cleared' if cleared else 'changed'))
    if machine.busy is not None:
        if machine.provision_state in ABORTABLE:
            return Act(Provision('abort'))
        return RetryLater(Reason(Cause.NODE_BUSY, machine.busy), Pace.MOVING)
    values: dict[str, object] = {LESSEE: holding}
    if machine.fields.get('protected'):
        values['protected'] = False
    return Act(Patch(values))


def give_back(
    machine: Machine | None,
    node: Node,
    heirs: Sequence[Lease],
    holding: str,
    *,
    require_clean: bool,
    barrier: Barrier = Barrier.NONE,
) -> Step:
    """Decide the next step of a return, from "the lessee has lost it" to "clean, and free".

    Args:
        machine: the machine; None if its service does not have it any more.
        node: its row.
        heirs: the lease whose lessee gets it back, then the lenders of that lease; empty if none.
        holding: id of the holding project.
        require_clean: whether a machine that Ironic does not clean stays where it is.
        barrier: how the gate stands for it.
    """
    if machine is None:
        return LoseNode(GONE)
    if machine.lessee is None and node.is_retried:
        return Act(Patch({LESSEE: holding}))  # for its repair it may have had no lessee
    if machine.lessee != holding:
        cleaned = node.state in {State.CLEANING, State.GATING} or not machine.cleans
        through = barrier in {Barrier.NONE, Barrier.PASSED}
        if cleaned and through and machine.lessee is None and machine.lease_label is None:
            return FreeNode()  # our last PATCH, done already
        return LoseNode(Reason(Cause.HOLDING_LOST))
    if barrier is Barrier.ASKED:  # meanwhile the driver may use the machine
        return AskGate()
    step = (
        _wait_or_unblock(machine, node)
        or _tear_down(machine, node)
        or _clean(machine, node, require_clean=require_clean)
        or _clear(machine, node.before(heirs))
    )
    if step is None and barrier is Barrier.SHUT:
        return AskGate()
    return step or _restore(machine, node, heirs)


def _wait_or_unblock(machine: Machine, node: Node) -> Step | None:
    """Decide the step while the machine takes no other verb; None if it does."""
    state = machine.provision_state
    of_lease = node.state is State.RETURNING and machine.fault in FAULTS
    ours = node.is_retried and machine.maintenance_reason == node.maintenance_reason
    if machine.maintenance and (of_lease or ours):
        return Act(Maintain(None))
    if machine.maintenance and state not in UNDEPLOYABLE:
        said = machine.maintenance_reason or machine.last_error or 'no reason given'
        return RetryLater(Reason(Cause.NODE_MAINTENANCE, said))
    if state in ABORTABLE and node.state is State.RETURNING:
        return Act(Provision('abort'))
    if machine.busy is not None or state in MOVING or state == 'clean wait':
        return RetryLater(Reason(Cause.NODE_MOVING, machine.busy or state), Pace.MOVING)
    return None


def _tear_down(machine: Machine, node: Node) -> Step | None:
    """Decide the next step of undeploying the machine; None if nothing is deployed or attached."""
    if machine.console:
        return Act(ConsoleOff())
    cleaned = node.state is not State.RETURNING and machine.provision_state == 'available'
    if not cleaned and (machine.left is None or machine.left.media):
        return Act(EjectMedia()) if machine.left else LookCloser()
    if machine.provision_state in UNDEPLOYABLE:
        return Act(Provision('deleted'), _cleaning(machine))
    cut = _disconnect(machine)
    if cut is not None:
        return cut
    if machine.provision_state in MANAGEABLE:
        return Act(Provision('manage'), State.RETURNING)
    return None


def _disconnect(machine: Machine) -> Step | None:
    """Take it off every network of a tenant: the cleaning must not be reached from there."""
    if machine.vifs:
        return Act(DetachVif(machine.vifs[0]))
    bound = () if machine.attachments is None else machine.attachments.of_tenants
    return Act(Unbind(bound[0])) if bound else None


def _cleaning(machine: Machine) -> State | None:
    """Return the state of a machine that Ironic cleans next; None if it does not clean it.

    One that is not cleaned counts as not clean, also if cleaning is switched on later.
    """
    return State.CLEANING if machine.cleans else None


def _clean(machine: Machine, node: Node, *, require_clean: bool) -> Step | None:
    """Decide the next step of cleaning a machine that is torn down; None if it is clean and off."""
    if machine.provision_state == 'manageable':
        return _clean_retired(machine, node) if machine.retired else _provide(machine)
    if machine.provision_state != 'available':
        error = machine.last_error or 'no error given'
        return RetryLater(Reason(Cause.NODE_STUCK, f'{machine.provision_state}: {error}'))
    if not machine.cleans and require_clean:
        return RetryLater(Reason(Cause.CLEANING_OFF))
    if machine.power_state not in OFF:
        return Act(PowerOff())
    if node.state is State.RETURNING and machine.cleans:
        return Act(Provision('manage'))
    return None


def _provide(machine: Machine) -> Step:
    return Act(Provision('provide'), _cleaning(machine))


def _clean_retired(machine: Machine, node: Node) -> Step | None:
    """Ironic leaves a retired node manageable after its cleaning, and cleans no other retired."""
    if node.state not in {State.CLEANING, State.GATING}:
        return RetryLater(Reason(Cause.CLEANING_REFUSED))
    return None if machine.power_state in OFF else Act(PowerOff())


def _clear(machine: Machine, before: Mapping[str, Any]) -> Step | None:
    """Decide the next step of removing leftovers beside the fields of a clean machine."""
    if machine.left is None or machine.attachments is None:
        return LookCloser()
    if machine.bound:
        return Act(Unbind(machine.bound[0]))
    removal = machine.left.removal(before.get(VOLUMES, {}))
    if isinstance(removal, RemoveVolume) and machine.power_state is None:
        return Act(PowerOff())  # they go only from a node that Ironic knows to be off
    if removal is not None:
        return Act(removal)
    traits = machine.fields.get('traits')
    if before.get('traits', traits) != traits:
        return Act(SetTraits(tuple(before['traits'])))
    return look_at_network(machine)


def _restore(machine: Machine, node: Node, heirs: Sequence[Lease]) -> Step:
    """Decide the last step of a clean machine: its fields come back, and its lessee goes."""
    before = node.before(heirs)
    values: dict[str, object] = {
        name: before[name]
        for name in PATCHED
        if name in before and machine.fields.get(name) != before[name]
    }
    if machine.instance_info:
        values['instance_info'] = None
    if machine.instance is not None:
        values['instance_uuid'] = None  # and the allocation that the lessee had made
    if machine.lease_label is not None and 'properties' not in values:  # which are without it
        values[LABEL] = None
    if not heirs:
        values[LESSEE] = None
    return Act(Patch(values)) if values else FreeNode()


def confine(machine: Machine | None, node: Node) -> Step:
    """Decide the next step of keeping a rejected machine from every project: maintenance."""
    if machine is None:
        return RetryLater(GONE)
    return Confined() if machine.maintenance else Act(Maintain(node.maintenance_reason))
