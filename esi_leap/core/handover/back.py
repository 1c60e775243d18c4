"""Taking a node from a lessee and returning it: the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esi_leap.core.gate import Barrier
from esi_leap.core.handover.give import lessee_before, look_at_network
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
    Ask,
    ConsoleOff,
    DetachVif,
    Done,
    LookCloser,
    Lost,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    SetTraits,
    Step,
    Untouched,
    Wait,
)
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State

#: What the reason of a maintenance begins with that is ours to end.
_REJECTED = 'Rejected by the gate of the lease service: '


def take(
    machine: Machine, node: Node, lease: Lease, lenders: Sequence[Lease], holding: str
) -> Step:
    """Decide the next step of taking the machine from the lessee; Done: he has lost it."""
    if machine.lessee == holding:
        return Done()
    never = node.coming and machine.lease_label != lease.uuid
    if lenders and never and machine.lessee == lessee_before(lenders):
        return Untouched()
    cleared = machine.lessee is None and machine.provision_state not in IDLE
    if cleared or machine.lessee not in {lease.lessee_id, None}:
        how = 'cleared' if cleared else 'changed'
        return Lost(f"The node's lessee was {how} outside this service; it was left as found.")
    if machine.busy is not None:
        if machine.provision_state in ABORTABLE:
            return Act(Provision('abort'))
        return Wait(f'The node is busy: {machine.busy}.', moving=True)
    values: dict[str, object] = {LESSEE: holding}
    if machine.fields.get('protected'):
        values['protected'] = False
    return Act(Patch(values))


def give_back(
    machine: Machine,
    node: Node,
    heirs: Sequence[Lease],
    holding: str,
    *,
    require_clean: bool,
    barrier: Barrier = Barrier.NONE,
) -> Step:
    """Decide the next step from "the lessee has lost it" to "clean, and free or for its heir".

    Args:
        machine: what Ironic says now.
        node: our row of it.
        heirs: the lease whose lessee gets it back, then that lease's lenders; empty if none.
        holding: the project that has the node meanwhile.
        require_clean: whether a node that Ironic does not clean stays where it is.
        barrier: how the gate stands for it.
    """
    if machine.lessee is None and node.reset:
        return Act(Patch({LESSEE: holding}))  # whoever repaired it may have had it to himself
    if machine.lessee != holding:
        cleaned = node.state in {State.CLEANING, State.GATING} or not machine.cleans
        through = barrier in {Barrier.NONE, Barrier.PASSED}
        if cleaned and through and machine.lessee is None and machine.lease_label is None:
            return Done()  # our last PATCH, done already
        return Lost('The node was taken from the holding project outside this service.')
    if barrier is Barrier.ASKED:  # meanwhile the driver may use the machine
        return Ask()
    step = (
        _obstacle(machine, node)
        or _tear_down(machine, node)
        or _clean(machine, node, require_clean=require_clean)
        or _clear(machine, node.before(heirs))
    )
    if step is None and barrier is Barrier.SHUT:
        return Ask()
    return step or _restore(machine, node, heirs)


def _obstacle(machine: Machine, node: Node) -> Step | None:
    """What has to pass before anything can be done to the machine."""
    state = machine.provision_state
    of_lease = node.state is State.RETURNING and machine.fault in FAULTS
    if machine.maintenance and (of_lease or (node.reset and _is_ours(machine))):
        return Act(Maintain(None))
    if machine.maintenance and state not in UNDEPLOYABLE:
        return Wait(f'In maintenance: {machine.maintenance_reason or machine.last_error}.')
    if state in ABORTABLE and node.state is State.RETURNING:
        return Act(Provision('abort'))
    if machine.busy is not None or state in MOVING or state == 'clean wait':
        return Wait(f'Ironic is at it: {machine.busy or state}.', moving=True)
    return None


def _tear_down(machine: Machine, node: Node) -> Step | None:
    """What the tenant left on the machine."""
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
    """Take it off every tenant's network: what cleans it is not for them."""
    if machine.vifs:
        return Act(DetachVif(machine.vifs[0]))
    bound = () if machine.ports is None else machine.ports.of_tenants
    return Act(Unbind(bound[0])) if bound else None


def _cleaning(machine: Machine) -> State | None:
    """Only a node that Ironic cleans counts as cleaned, also if that is switched on later."""
    return State.CLEANING if machine.cleans else None


def _clean(machine: Machine, node: Node, *, require_clean: bool) -> Step | None:
    """Nothing is deployed and nothing attached: power off, and clean."""
    if machine.provision_state == 'manageable':
        return _clean_retired(machine, node) if machine.retired else _provide(machine)
    if machine.provision_state != 'available':
        error = machine.last_error or 'no error given'
        return Wait(f'The node is {machine.provision_state}: {error}.')
    if not machine.cleans and require_clean:
        return Wait('Cleaning is switched off on the node (automated_clean), so it is not clean.')
    if machine.power_state not in OFF:
        return Act(PowerOff())
    if node.state is State.RETURNING and machine.cleans:
        return Act(Provision('manage'))
    return None


def _provide(machine: Machine) -> Step:
    return Act(Provision('provide'), _cleaning(machine))


def _clean_retired(machine: Machine, node: Node) -> Step | None:
    """Ironic leaves a retired node manageable after its cleaning, and cleans none that is."""
    if node.state not in {State.CLEANING, State.GATING}:
        return Wait('The node is retired, and Ironic cleans no retired node.')
    return None if machine.power_state in OFF else Act(PowerOff())


def _clear(machine: Machine, before: Mapping[str, Any]) -> Step | None:
    """The node is clean and off: remove what is left beside its fields."""
    if machine.left is None or machine.ports is None:
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
    """The node is clean: let it be what it was, and nobody's if no heir waits for it."""
    before = node.before(heirs)
    values: dict[str, object] = {
        name: before[name]
        for name in PATCHED
        if name in before and machine.fields.get(name) != before[name]
    }
    if machine.instance_info:
        values['instance_info'] = None
    if machine.instance is not None:
        values['instance_uuid'] = None  # and the allocation that the tenant had made
    if machine.lease_label is not None and 'properties' not in values:  # which are without it
        values[LABEL] = None
    if not heirs:
        values[LESSEE] = None
    return Act(Patch(values)) if values else Done()


def confine(machine: Machine, reason: str) -> Step:
    """Decide the next step of keeping a rejected machine from everybody: it is in maintenance."""
    return Done() if machine.maintenance else Act(Maintain(f'{_REJECTED}{reason}'))


def _is_ours(machine: Machine) -> bool:
    return (machine.maintenance_reason or '').startswith(_REJECTED)
