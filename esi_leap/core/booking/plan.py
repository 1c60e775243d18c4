"""Plans of requests: pure functions, called under the node's row lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from esi_leap.core import contract as contracts
from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.booking.quota import Limits
from esi_leap.core.change import Agree, Change, Put, bookings_of, put
from esi_leap.core.errors import (
    FinalStateError,
    InvalidWindowError,
    NotHeldError,
    OfferNotFoundError,
    OfferWindowError,
    OutsideError,
    RecalledError,
    RejectedError,
    SubletError,
    SuspendedError,
    TermsError,
    WindowConflictError,
)
from esi_leap.core.instant import render
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Offer
from esi_leap.core.tree import Booking, BookingTree

#: How often a node may be lent on: 1 lets the lessee of a node's owner sub-let it, and nobody whom
#: it was sub-let to. The booking tree, the manager and the hand-over know no limit.
SUBLETTING_DEPTH = 1


def offer_window(start: datetime | None, end: datetime, now: datetime) -> Interval:
    """Return the window of an offer; a start that is not given means now.

    Raises:
        InvalidWindowError: the end has passed, or is not after the start.
    """
    _not_past(end, now)
    return Interval(now if start is None else start, end)


def lease_window(start: datetime | None, end: datetime, now: datetime) -> Interval:
    """Return the window of a lease: a start that is not given or has passed means now."""
    return Interval(max(offer_window(start, end, now).start, now), end)


def sublet_times(
    lender: Lease | None, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return start and end of a request; a time that is not given is that of the lender's lease."""
    if lender is None:
        return start, end
    return (
        max(now, lender.window.start) if start is None else start,
        lender.window.end if end is None else end,
    )


def lender(
    held: Iterable[Lease], start: datetime | None, end: datetime | None, now: datetime
) -> Lease | None:
    """Return the lease from which its lessee can sub-let from `start` to `end`, the first if many.

    Args:
        held: the lessee's leases of one node.
        start: None is as soon as the lease has begun.
        end: None is the end of the lease.
        now: the present instant.
    """
    for each in sorted(held, key=lambda each: (each.parent_lease is not None, each.window)):
        first, last = sublet_times(each, start, end, now)
        lendable = each.status in leases.LENDABLE
        if lendable and first and last and each.window.start <= first < last <= each.window.end:
            return each
    return None


def plan_offer(offer: Offer, node: Node, tree: BookingTree, now: datetime) -> Change:
    """Plan a new offer of `node`. The owner's own leases inside its window become its children.

    Raises:
        InvalidWindowError: the window has passed.
        NotHeldError: it is sub-let, and the lease does not have the window.
        SubletError: it is sub-let from a lease that is sub-let itself.
        TermsError: it is sub-let on better terms than those of the lease.
        WindowConflictError: something else is booked in it.
    """
    _not_past(offer.window.end, now)
    _check_lender(offer, node, tree)
    adopted = []
    for each in tree.blockers(offer.parent, offer.window):
        own = isinstance(each, Lease) and each.offer is None and each.owner_id == offer.owner_id
        if not (own and offer.window.contains(each.window)):
            raise _conflict(node, each)
        adopted.append(replace(each, parent=offer.uuid))
    return put(offer, *adopted)


def plan_lease(
    lease: Lease, node: Node, tree: BookingTree, limits: Limits, now: datetime
) -> Change:
    """Plan a direct lease of `node` by its owner, inside the owner's open offer if there is one.

    Raises:
        NotHeldError: it is sub-let, and the lease does not have the window.
        SubletError: it is sub-let from a lease that is sub-let itself.
        TermsError: it is sub-let on better terms than those of the lease.
        TooLongError: longer than `limits` allow.
        WindowConflictError: something else is booked in the window.
    """
    limits.check(lease.window)
    _check_lender(lease, node, tree)
    offered = None
    for each in tree.blockers(lease.parent, lease.window):
        own = isinstance(each, Offer) and each.owner_id == lease.owner_id
        if not (own and each.window.contains(lease.window)):
            raise _conflict(node, each)
        offered = each.uuid
    if offered is not None:
        for each in tree.blockers(offered, lease.window):
            raise _conflict(node, each)
        lease = replace(lease, parent=offered)
    return _agreed(lease, now)


def claim_end(offer: Offer, start: datetime, tree: BookingTree, limits: Limits) -> datetime:
    """Return the end of a claim that names none.

    It is the first of: the default length, the next booking in the offer, the offer's end.
    """
    next_start = tree.next_start(offer.uuid, start)
    ends = (limits.end(start), next_start, offer.window.end)
    return min(each for each in ends if each is not None)


def check_claimable(offer: Offer, node: Node) -> None:
    """Refuse a claim of a node that this offer cannot give.

    Raises:
        RejectedError: the gate has rejected it.
        SuspendedError: it has another owner than when it was offered.
    """
    if node.state is State.REJECTED:
        raise RejectedError.of(node.name)
    if offer.for_owner(node.owner_id).is_suspended:
        raise SuspendedError.of(offer.uuid)


def plan_claim(
    lease: Lease, offer: Offer, tree: BookingTree, limits: Limits, now: datetime
) -> Change:
    """Plan a lease claimed from `offer`: one contract with one lease.

    Raises:
        TooLongError: longer than `limits` allow.
        OfferNotFoundError: the offer is not open any more.
        OfferWindowError: the window is not free in it; the message names those that are.
    """
    if offer.status is not offers.Status.AVAILABLE or offer.window.end <= now:
        raise OfferNotFoundError.of(offer.uuid)
    limits.check(lease.window)
    inside = offer.window.contains(lease.window)
    if not inside or tree.blockers(offer.uuid, lease.window):
        frame = Interval(max(offer.window.start, now), offer.window.end)
        free = [(each.start, each.end) for each in tree.free(offer.uuid, frame)]
        raise OfferWindowError.of(offer.uuid, (lease.window.start, lease.window.end), free)
    claimed = replace(
        lease,
        offer=offer.uuid,
        parent=offer.uuid,
        parent_lease=offer.parent_lease,
        terms=offer.terms,
    )
    return _agreed(claimed, now)


def plan_update(
    lease: Lease, changed: Lease, node: Node, tree: BookingTree, now: datetime
) -> Change:
    """Plan new values for a lease: `name`, `purpose`, `properties`, and the end of the window.

    Raises:
        FinalStateError: the lease has ended, or its end has begun and is to move.
        InvalidWindowError: the new end is not after now.
        RecalledError: it is recalled, and would become longer.
        OutsideError: the new window leaves the parent, or would cut off a child.
        WindowConflictError: something else is booked in it.
    """
    if not lease.blocks:
        raise FinalStateError(f'Lease {lease.uuid} is {lease.status} and cannot be changed.')
    if changed.window != lease.window:
        if lease.ending:
            raise FinalStateError(f'Lease {lease.uuid} is {lease.status}; its end cannot be moved.')
        if lease.recall is not None and changed.window.end > lease.window.end:
            raise RecalledError.of(lease.uuid, lease.recall.deadline)
        _check_end(lease, changed.window, node, tree, now)
    return put(changed)


def plan_cancel(lease: Lease, node: Node, tree: BookingTree, now: datetime) -> Change:
    """Plan the cancellation of a lease that has not ended.

    What its lessee has sub-let ends with it, and before it. Where nothing has to be torn down it is
    deleted at once; else the manager is asked to take the node from the lessee, now, also when the
    lease waited for a later try.

    Raises:
        TransitionError: the lease has ended: the caller should have said that it is not found.
    """
    inside = _withdrawn(lease.uuid, lease.uuid, node, tree, now)
    if lease.ending:
        return put(*inside, replace(lease, retry_at=now))
    waits = any(each.blocks for each in inside)
    if waits or node.is_inherited or node.is_with(lease):
        return put(*inside, lease.cancelling(now))
    return put(*inside, lease.to(leases.Status.DELETED, expire_time=now))


def plan_withdraw(offer: Offer, node: Node, tree: BookingTree, now: datetime) -> Change:
    """Plan the deletion of an offer: the leases claimed from it are cancelled with it.

    Those whose terms bind the provider go on: then only what nobody has claimed is withdrawn.
    """
    inside: list[Booking] = []
    for each in tree.children(offer.uuid):
        moved = replace(each, parent=offer.parent)
        claimed = isinstance(moved, Lease) and moved.offer == offer.uuid
        if isinstance(moved, Lease) and claimed and not moved.terms.binding:
            inside += bookings_of(plan_cancel(moved, node, tree, now))
        else:
            inside.append(moved)
    return put(*inside, withdrawn(offer))


def plan_expire(offer: Offer, tree: BookingTree) -> Change:
    """Plan the expiry of an offer. A lease in it that is late moves up."""
    gone = replace(offer, status=offers.Status.EXPIRED, reason=None)
    moved = [replace(each, parent=offer.parent) for each in tree.children(offer.uuid)]
    return put(gone, *moved)


def _withdrawn(
    uuid: str, parent: str | None, node: Node, tree: BookingTree, now: datetime
) -> list[Booking]:
    """Plan the end of all bookings inside `uuid`; a lease that has to wait moves under `parent`."""
    ends: list[Booking] = []
    for each in tree.children(uuid):
        if isinstance(each, Lease):
            ends += bookings_of(plan_cancel(replace(each, parent=parent), node, tree, now))
        else:
            ends += [*_withdrawn(each.uuid, parent, node, tree, now), withdrawn(each)]
    return ends


def withdrawn(offer: Offer) -> Offer:
    """Return an offer that is made no more."""
    return replace(offer, status=offers.Status.DELETED, reason=None)


def _check_lender(booking: Booking, node: Node, tree: BookingTree) -> None:
    """Refuse to sub-let a window that the lessee does not have; the booking tree is locked."""
    if booking.parent_lease is None:
        return
    lenders = tree.lenders(booking)
    held = [each for each in lenders[:1] if each.lessee_id == booking.owner_id]
    if lender(held, booking.window.start, booking.window.end, booking.window.start) is None:
        raise NotHeldError.of(
            node.resource_type,
            node.resource_uuid,
            (booking.window.start, booking.window.end),
            [(each.window.start, each.window.end) for each in held],
        )
    if len(lenders) > SUBLETTING_DEPTH:
        raise SubletError.of(lenders[0].uuid)
    if not booking.terms.within(lenders[0].terms):
        raise TermsError.of(lenders[0].uuid)


def _agreed(lease: Lease, now: datetime) -> Change:
    _not_past(lease.window.end, now)
    return (Agree(contracts.of(lease)), Put(lease))


def _check_end(
    lease: Lease, window: Interval, node: Node, tree: BookingTree, now: datetime
) -> None:
    _not_past(window.end, now)
    parent = tree.get(lease.parent)
    if parent is not None and not parent.window.contains(window):
        raise OutsideError(
            f'end_time {render(window.end)} is after the end of the offer or lease it lies in, '
            f'{render(parent.window.end)} (UTC).',
            latest=render(parent.window.end),
        )
    for child in tree.children(lease.uuid):
        if not window.contains(child.window):
            raise OutsideError(
                f'end_time {render(window.end)} is before the end of what is booked inside the '
                f'lease, {render(child.window.end)} (UTC).',
                earliest=render(child.window.end),
            )
    if window.end <= lease.window.end:
        return  # what stands beside it came so from the existing service, and is no new conflict
    for each in tree.blockers(lease.parent, window, frozenset({lease.uuid})):
        raise _conflict(node, each)


def _not_past(end: datetime, now: datetime) -> None:
    if end <= now:
        raise InvalidWindowError(
            'Attempted to use an invalid Start Time and End Time. end_time '
            f'{render(end)} has passed; it is {render(now)} (UTC).',
            end_time=render(end),
        )


def _conflict(node: Node, other: Booking) -> WindowConflictError:
    return WindowConflictError.of(
        node.resource_type, node.resource_uuid, other.window.start, other.window.end
    )
