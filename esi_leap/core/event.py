"""Events of offers, leases, contracts and nodes, derived from their values before and after.

An event follows from each change by itself (`core.consequences`). What leaves no trace on a booking
is told beside it, by the effect `Tell`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.cause import Cause
from esi_leap.core.contract import FINAL, Contract, Status
from esi_leap.core.gate import Answer
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.tree import Booking

Subject: TypeAlias = Booking | Contract | Node

#: Every type of event, and what it says.
TYPES: Mapping[str, str] = {
    'esi_leap.offer.create.end': 'An offer was made.',
    'esi_leap.offer.update.end': 'The terms of an offer were changed.',
    'esi_leap.offer.delete.end': 'An offer was withdrawn.',
    'esi_leap.offer.expire.end': 'The window of an offer has passed.',
    'esi_leap.offer.expire.error': 'An offer is in error.',
    'esi_leap.contract.create.end': 'A contract was made.',
    'esi_leap.contract.update.end': 'The provider, window or status of a contract has changed.',
    'esi_leap.contract.fulfill.end': 'The first node of a contract was handed over.',
    'esi_leap.contract.fulfill.error': 'A lease of a contract is in error.',
    'esi_leap.contract.delete.start': 'A lease of a contract is being cancelled.',
    'esi_leap.contract.delete.end': 'All leases of a contract have ended.',
    'esi_leap.lease.create.end': 'A lease was made.',
    'esi_leap.lease.update.end': 'The end, name, purpose or properties of a lease were changed.',
    'esi_leap.lease.fulfill.start': 'The hand-over of the node to the lessee has begun.',
    'esi_leap.lease.fulfill.end': 'The lessee has the node.',
    'esi_leap.lease.fulfill.error': 'The node cannot be handed over yet, or not at all.',
    'esi_leap.lease.delete.start': 'The node is being taken from the lessee.',
    'esi_leap.lease.delete.end': 'The lease has ended: it has expired, or it was cancelled.',
    'esi_leap.lease.delete.error': 'The node cannot be taken from the lessee yet.',
    'esi_leap.lease.recall.start': 'The node is recalled: the lease ends at the deadline.',
    'esi_leap.lease.recall.cancel': 'The recall is over; the lease may last longer again.',
    'esi_leap.lease.override': 'An admin has ended or shortened a lease against its terms.',
    'esi_leap.lease.drift': 'A node was found changed by others while the lessee has it.',
    'esi_leap.node.gate.start': 'A node has come to the gate.',
    'esi_leap.node.gate.end': 'The gate has let a node pass.',
    'esi_leap.node.gate.error': 'The gate has rejected a node; nobody gets it.',
    'esi_leap.node.drift': 'A node that nobody should have was found with somebody.',
    'esi_leap.node.reset.end': 'A rejected node is cleaned, and tried by the gate once more.',
}


class Priority(IntEnum):
    """How urgent a notification is; its level on the message bus, in lower case."""

    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    CRITICAL = 50


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an offer, a lease, a contract or a node, as listeners know it.

    Attributes:
        type: one of `TYPES`.
        subject: what it happened to, as it is afterwards.
        status: the status of a contract, which does not keep it itself.

    Raises:
        ValueError: there is no such type.
    """

    type: str
    subject: Subject
    status: str | None = None

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f'{self.type} is no type of event')

    @property
    def priority(self) -> Priority:
        """How urgent it is."""
        return Priority.ERROR if self.type.endswith('.error') else Priority.INFO


def of_booking(before: Booking | None, after: Booking) -> Iterator[Event]:
    """Yield the events of a booking. Its place in the tree is not told.

    Args:
        before: as it was; None if it is new.
        after: as it is now.
    """
    kind = 'lease' if isinstance(after, Lease) else 'offer'
    if before is None:
        names = ['create.end']
    else:
        turns = _of_lease if isinstance(after, Lease) else _of_offer
        names = list(turns(before, after))  # type: ignore[arg-type] # both are of one kind
        if _terms(before) != _terms(after):
            names.insert(0, 'update.end')
        if isinstance(after, Lease) and after.recall != before.recall:
            names.append('recall.cancel' if after.recall is None else 'recall.start')
    for name in names:
        yield Event(f'esi_leap.{kind}.{name}', after)


def of_contract(
    before: tuple[Status, Contract] | None, status: Status, after: Contract
) -> Iterator[Event]:
    """Yield the events of a contract.

    Args:
        before: its status and itself as they were; None if it is new.
        status: its status now.
        after: as it is now.
    """
    if before is None:
        name = 'create.end'
    elif status is not before[0]:
        name = _of_contract(before[0], status)
    elif after != before[1]:
        name = 'update.end'
    else:
        return
    yield Event(f'esi_leap.contract.{name}', after, status)


def of_node(before: Node, after: Node) -> Iterator[Event]:
    """Yield the events of a node at the gate, or of a change outside this service."""
    name = None
    if after.state is not before.state:
        if after.state is State.GATING:
            name = 'gate.start'
        elif after.state is State.REJECTED:
            name = 'gate.error'
        elif before.state is State.REJECTED:
            name = 'reset.end'
    elif after.state is State.AVAILABLE:
        if _is_stray(after) and not _is_stray(before):
            name = 'drift'
    elif after.state is State.GATING and _passed(after) and not _passed(before):
        name = 'gate.end'
    if name is not None:
        yield Event(f'esi_leap.node.{name}', after)


def _is_stray(node: Node) -> bool:
    return node.reason is not None and node.reason.cause is Cause.LESSEE_FOREIGN


def _passed(node: Node) -> bool:
    return node.trial is not None and node.trial.answer is Answer.PASS


def of_hand_over(lease: Lease) -> Iterator[Event]:
    """Tell that a node is being prepared for a lease; one that had it already only has it back."""
    if lease.status in leases.PENDING:
        yield Event('esi_leap.lease.fulfill.start', lease)


def _of_lease(before: Lease, after: Lease) -> Iterator[str]:
    if after.ending:
        if not before.ending:
            yield 'delete.start'
        if after.attempts and not (before.ending and before.attempts):
            yield 'delete.error'
    elif after.status is before.status:
        return
    elif not after.blocks:
        yield 'delete.end'
    elif after.status is leases.Status.ACTIVE:
        yield 'fulfill.end'
    elif before.status in leases.PENDING:
        yield 'fulfill.error'
    else:
        yield 'delete.error'


def _of_offer(before: offers.Offer, after: offers.Offer) -> Iterator[str]:
    if after.status is not before.status:
        yield {
            offers.Status.AVAILABLE: 'update.end',
            offers.Status.ERROR: 'expire.error',
            offers.Status.EXPIRED: 'expire.end',
            offers.Status.DELETED: 'delete.end',
        }[after.status]


def _of_contract(before: Status, after: Status) -> str:
    if after in FINAL:
        return 'delete.end'
    if after is Status.ERROR:
        return 'fulfill.error'
    if after is Status.WAIT_CANCEL:
        return 'delete.start'
    fulfilled = before is Status.CREATED and after is Status.ACTIVE
    return 'fulfill.end' if fulfilled else 'update.end'


def _terms(booking: Booking) -> tuple[object, ...]:
    """Return the values of a booking that people can change."""
    purpose = booking.purpose if isinstance(booking, Lease) else None
    parties = (booking.owner_id, booking.lessee_id)
    return (booking.name, booking.window, parties, dict(booking.properties), purpose)
