"""The lease of a node that the existing service had: recognised once, from its lessee in Ironic.

A database that was taken over says which leases began. It does not say which of them has the node:
there, two could be active on one node, a hand-over could fail after it was done, and anybody could
change the node's lessee unnoticed. So nothing is done to such a node before its own service was
asked. The lease that is named there goes on under our rules; one that is not is ended or put in
error with the reason, and the node is left as it was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import Change, Turn, put
from esi_leap.core.handover.machine import Machine
from esi_leap.core.lease import PENDING, Lease, Status
from esi_leap.core.node import Node
from esi_leap.core.tree import Booking, BookingTree

_BEFORE = 'The lease began under the existing service; when it was taken over, the node was'


def plan(node: Node, machine: Machine | None, bookings: Sequence[Booking], now: datetime) -> Change:
    """Plan the change that follows from the first look at an inherited node.

    Args:
        node: its row, `inherited`.
        machine: what its service says of it; None if it is gone.
        bookings: all that hold a window of it.
        now: the present instant.
    """
    held = [_provided(each, machine) for each in bookings]
    leases = [each for each in held if isinstance(each, Lease)]
    found = None if machine is None else _named(machine, leases, now)
    # What it is sub-let from has the node as well.
    lenders = BookingTree(held).lenders(found) if found else ()
    spared = {each.uuid for each in (*lenders, *([found] if found else []))}
    after: list[Booking] = []
    for each in held:
        if each is found and found.starts(now):
            after.append(found.activated(now))  # the hand-over was done, and not written down
        elif isinstance(each, Lease) and each.status not in PENDING and each.uuid not in spared:
            after.append(_disowned(each, _reason(machine), now))
        else:
            after.append(each)
    changed = [new for old, new in zip(bookings, after, strict=True) if new != old]
    return (*put(*changed), Turn(node.recognised(found.uuid if found else None, now)))


def _provided(booking: Booking, machine: Machine | None) -> Booking:
    """Return the booking with its provider: the owner of the node, or the lessee who sub-lets."""
    if machine is None or machine.owner is None or booking.parent_lease is not None:
        return booking
    return replace(booking, owner_id=machine.owner)


def _named(machine: Machine, leases: Sequence[Lease], now: datetime) -> Lease | None:
    """Return the lease that the node is with.

    Without a label, which the owner may remove, the lessee's name decides if only one fits.
    """
    fitting = [each for each in leases if each.lessee_id == machine.lessee]
    if machine.lease_label is None:
        fitting = [each for each in fitting if each.status not in PENDING]
        return fitting[0] if len(fitting) == 1 else None
    named = (each for each in fitting if each.uuid == machine.lease_label)
    return next((each for each in named if each.window.start <= now), None)


def _disowned(lease: Lease, reason: Reason, now: datetime) -> Lease:
    if lease.window.start > now:
        return lease.ended(now) if lease.status is Status.WAIT_CANCEL else lease
    if lease.ends(now) or lease.status is Status.WAIT_EXPIRE:
        return lease.ended(now, reason)
    return replace(lease, reason=reason) if lease.status is Status.ERROR else lease.failed(reason)


def _reason(machine: Machine | None) -> Reason:
    if machine is None:
        found = 'gone.'
    elif machine.lessee is None:
        found = 'with nobody. It was left as found.'
    else:
        found = 'with another lessee or lease. It was left as found.'
    return Reason(Cause.TAKEN_OVER, f'{_BEFORE} {found}')
