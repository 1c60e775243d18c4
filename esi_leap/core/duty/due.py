"""The next task of the manager for one node, chosen from rows alone.

Ends come before starts: a node is taken from the lessee whose time is over before anybody else can
get it. A node that is on its way back blocks every start until it is available.

Of leases that lie in each other, by sub-letting, the innermost ends first and the outermost starts
first. The innermost lease that runs has the node, or gets it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TypeAlias

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Offer
from esi_leap.core.tree import BookingTree


@dataclass(frozen=True, slots=True)
class Take:
    """Take the node from the lessee, at the end of the lease."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class End:
    """End a lease that does not have the node: nothing is to be torn down."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Prepare:
    """Look whether the node can be handed over, remember its fields, and begin."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class HandOver:
    """Go on with a hand-over that has begun: the first, or the one after a sub-lease."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Blocked:
    """Postpone a start, as the node is not back; or an end, as a sub-lease has not ended."""

    lease: Lease
    reason: Reason


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Go on with the return of the node.

    Attributes:
        heirs: the lease that gets it back from a sub-lease, then its lenders; empty if none does.
    """

    heirs: tuple[Lease, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """Compare a node that is handed over with its lease."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class FailLease:
    """Fail a lease that is due to start on a node that the gate has rejected."""

    lease: Lease
    reason: Reason


@dataclass(frozen=True, slots=True)
class Confine:
    """Keep a node that the gate has rejected from every project."""


@dataclass(frozen=True, slots=True)
class LookAfter:
    """Look whether a node without a lease has a lessee all the same."""


@dataclass(frozen=True, slots=True)
class SuspendOffer:
    """Suspend an offer, as its node has another owner now."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class ResumeOffer:
    """Make a suspended offer available, as its provider owns the node again."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Search:
    """Look whether a lost node is back in order."""


@dataclass(frozen=True, slots=True)
class Recognise:
    """Find the lease with which the existing service left the node, before any other task."""


@dataclass(frozen=True, slots=True)
class Expire:
    """End an offer after its window."""

    offer: Offer


Task: TypeAlias = (
    Take
    | End
    | Prepare
    | HandOver
    | Blocked
    | FailLease
    | GiveBack
    | Check
    | Confine
    | LookAfter
    | SuspendOffer
    | ResumeOffer
    | Search
    | Recognise
    | Expire
)

_IN_THE_WAY = {
    State.AVAILABLE: 'The node is not with the lessee who sub-lets it',
    State.RETURNING: 'The node is being returned by its last lessee',
    State.CLEANING: 'The node is being cleaned',
    State.LOST: 'The node was taken out of the hands of this service',
    State.PREPARING: 'The node is being prepared for another lease',
    State.GATING: 'The node is at the gate',
    State.HANDED_OVER: 'The node is still with another lease',
}


def plan(node: Node, tree: BookingTree, now: datetime) -> Task | None:
    """Return the first task that is due for the node; None if no task is.

    Args:
        node: its row.
        tree: its bookings.
        now: the present instant.
    """
    if node.is_inherited:
        return None if node.retry_at is not None and node.retry_at > now else Recognise()
    leases = _outermost_first(tree)
    offers = tree.offers
    return next(
        chain(
            _ends(node, _innermost_first(leases, tree), offers, now),
            (Expire(each) for each in offers if each.window.end <= now),
            _reviews(node, offers, now),
            _returns(node, leases, tree, now),
            _starts(node, leases, now),
        ),
        None,
    )


def heirs(tree: BookingTree, now: datetime) -> tuple[Lease, ...]:
    """Return the lease that gets a returned node back, then its lenders; empty if none does."""
    running = [
        each
        for each in _outermost_first(tree)
        if each.status is Status.ACTIVE and not each.ends(now)
    ]
    return (running[-1], *tree.lenders(running[-1])) if running else ()


def _outermost_first(tree: BookingTree) -> list[Lease]:
    return sorted(tree.leases, key=lambda each: (len(tree.lenders(each)), each.window))


def _innermost_first(leases: Sequence[Lease], tree: BookingTree) -> list[Lease]:
    return sorted(leases, key=lambda each: -len(tree.lenders(each)))


def _ends(
    node: Node, leases: Sequence[Lease], offers: Sequence[Offer], now: datetime
) -> Iterator[Task]:
    inside: dict[str | None, Lease] = {each.parent_lease: each for each in leases}
    for lease in leases:
        if not (lease.ends(now) and _due(lease, now)):
            continue
        yield from (Expire(each) for each in offers if each.parent_lease == lease.uuid)
        if lease.uuid in inside:
            yield Blocked(lease, Reason(Cause.SUBLEASE_OPEN, inside[lease.uuid].uuid))
        else:
            yield Take(lease) if node.is_with(lease) else End(lease)


def _reviews(node: Node, offers: Sequence[Offer], now: datetime) -> Iterator[Task]:
    """Yield the offers that change with the owner of the node, when the node is looked at."""
    if node.retry_at is None or node.retry_at > now:
        return
    for offer in offers:
        after = offer.for_owner(node.owner_id)
        if after is not offer:
            yield SuspendOffer(after) if after.is_suspended else ResumeOffer(after)


def _returns(
    node: Node, leases: Sequence[Lease], tree: BookingTree, now: datetime
) -> Iterator[Task]:
    if node.retry_at is None or node.retry_at > now:
        return
    if node.is_going:
        yield GiveBack(heirs(tree, now))
    elif node.state is State.REJECTED:
        yield Confine()
    elif node.state is State.AVAILABLE:
        yield LookAfter()
    elif node.state is State.LOST:
        yield Search()
    for lease in leases:
        if not node.is_with(lease) or lease.ends(now):
            continue
        if node.state is State.HANDED_OVER:
            yield Check(lease)
        elif lease.status is Status.ACTIVE:
            yield HandOver(lease)


def _starts(node: Node, leases: Sequence[Lease], now: datetime) -> Iterator[Task]:
    for lease in leases:
        if not lease.starts(now) or not _due(lease, now):
            continue
        still = node.state in {State.AVAILABLE, State.HANDED_OVER}
        if still and node.lease == lease.parent_lease:
            yield Prepare(lease)
        elif node.is_coming and node.lease == lease.uuid:
            yield HandOver(lease)
        elif node.state is State.REJECTED:
            yield FailLease(lease, node.reason or Reason(Cause.GATE_REJECTED))
        else:
            why = _IN_THE_WAY[node.state]
            said = f'{why}: {node.reason}' if node.reason else f'{why}.'
            yield Blocked(lease, Reason(Cause.NODE_OCCUPIED, said))


def _due(lease: Lease, now: datetime) -> bool:
    moment = lease.due_at
    return moment is not None and moment <= now
