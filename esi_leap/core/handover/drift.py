"""A node that was changed outside this service: finding it out and putting it right."""

from __future__ import annotations

from collections.abc import Sequence

from esi_leap.core.handover.give import FOREIGN, provider_of
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.steps import Act, Done, Patch, Step, Untouched, Wait
from esi_leap.core.lease import Lease


def drift(machine: Machine, lease: Lease, lenders: Sequence[Lease]) -> str | None:
    """Say in what the machine differs from what its running lease promises, or None."""
    if machine.lessee is None:
        return "The node's lessee was cleared outside this service."
    if machine.lessee != lease.lessee_id:
        return "The node's lessee was changed outside this service."
    if machine.owner is not None and machine.owner != provider_of(lease, lenders):
        return 'The node belongs to another owner now.'
    return None


def intruders(machine: Machine, lease: Lease) -> str | None:
    """Say which ports on the machine are neither its lessee's nor Ironic's own, or None."""
    foreign = () if machine.ports is None else machine.ports.foreign(lease.lessee_id)
    return f'Network ports of others are on the node: {", ".join(foreign)}.' if foreign else None


def repair(machine: Machine, lease: Lease, lenders: Sequence[Lease]) -> Step:
    """Decide the next step of giving the machine back to a lessee who lost it past this service."""
    reason = drift(machine, lease, lenders)
    if reason is None:
        return Done()
    if machine.owner is not None and machine.owner != provider_of(lease, lenders):
        return Wait(reason)  # whose it is only people can say
    if machine.busy is not None:
        return Wait(f'{reason} It is busy: {machine.busy}.', moving=True)
    return Act(Patch({LESSEE: lease.lessee_id, LABEL: lease.uuid}))


def stray(machine: Machine) -> str | None:
    """Say what is wrong with the machine of a node that nobody should have, or None."""
    return None if machine.lessee is None else FOREIGN


def seize(machine: Machine, holding: str) -> Step:
    """Decide the next step of taking the machine from somebody to whom nobody has leased it."""
    if machine.lessee is None:
        return Untouched()
    if machine.lessee == holding:
        return Done()
    if machine.busy is not None:
        return Wait(f'{FOREIGN} It is busy: {machine.busy}.', moving=True)
    return Act(Patch({LESSEE: holding}))


def is_back(machine: Machine) -> bool:
    """Tell whether a lost node was put in order by its owner: nobody's, idle and unlabelled."""
    return (
        machine.lessee is None
        and machine.lease_label is None
        and machine.provision_state == 'available'
    )
