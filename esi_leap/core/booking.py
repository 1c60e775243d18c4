"""What a request does to a node's calendar: plans, pure, made under the node's row lock.

Each `plan_*` takes the request, the calendar as it stands and `now`, and returns the `Change` to
write, or raises the error for the caller. Nothing here reads or writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.calendar import Booking, Calendar
from esi_leap.core.contract import Contract
from esi_leap.core.errors import (
    FinalStateError,
    InvalidWindowError,
    OfferNotFoundError,
    OfferWindowError,
    OutsideError,
    TooLongError,
    WindowConflictError,
)
from esi_leap.core.event import Event
from esi_leap.core.handover import Node
from esi_leap.core.instant import FOREVER, render
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer


@dataclass(frozen=True, slots=True)
class Change:
    """What one deed writes, in one transaction: bookings new and changed, contract, node.

    That they have changed is an event by itself (`core.event`); `events` are those that the rows
    do not show.
    """

    bookings: tuple[Booking, ...]
    events: tuple[Event, ...] = ()
    contract: Contract | None = None
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a lease is if nobody says, and at most. `longest` None: no limit."""

    default: timedelta
    longest: timedelta | None

    def end(self, start: datetime) -> datetime:
        """Return the end of a lease that names none."""
        length = self.default if self.longest is None else min(self.default, self.longest)
        try:
            return start + length
        except OverflowError:
            return FOREVER

    def check(self, window: Interval) -> None:
        """Refuse a window that is too long.

        Raises:
            TooLongError: it is.
        """
        if self.longest is not None and window.end - window.start > self.longest:
            raise TooLongError.of(self.longest.days)


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


def plan_offer(offer: Offer, node: Node, calendar: Calendar, now: datetime) -> Change:
    """Plan a new offer of `node`. The owner's own leases inside its window become its children.

    Raises:
        InvalidWindowError: the window has passed.
        WindowConflictError: something else is booked in it.
    """
    _not_past(offer.window.end, now)
    adopted = []
    for each in calendar.blockers(offer.parent, offer.window):
        own = isinstance(each, Lease) and each.offer is None and each.owner_id == offer.owner_id
        if not (own and offer.window.contains(each.window)):
            raise _conflict(node, each)
        adopted.append(replace(each, parent=offer.uuid))
    return Change((offer, *adopted), (Event('esi_leap.offer.create.end', offer),))


def plan_lease(
    lease: Lease, node: Node, calendar: Calendar, limits: Limits, now: datetime
) -> Change:
    """Plan a direct lease of `node` by its owner, in his own open offer if it lies inside one.

    Raises:
        TooLongError: longer than `limits` allow.
        WindowConflictError: something else is booked in the window.
    """
    limits.check(lease.window)
    for each in calendar.blockers(None, lease.window):
        own = isinstance(each, Offer) and each.owner_id == lease.owner_id
        if not (own and each.window.contains(lease.window)):
            raise _conflict(node, each)
        lease = replace(lease, parent=each.uuid)
    if lease.parent is not None:
        for each in calendar.blockers(lease.parent, lease.window):
            raise _conflict(node, each)
    return _agreed(lease, now)


def claim_end(offer: Offer, start: datetime, calendar: Calendar, limits: Limits) -> datetime:
    """Return the end of a claim that names none.

    It is the first of: the default length, the next booking in the offer, the offer's end.
    """
    next_start = calendar.next_start(offer.uuid, start)
    ends = (limits.end(start), next_start, offer.window.end)
    return min(each for each in ends if each is not None)


def plan_claim(
    lease: Lease, offer: Offer, calendar: Calendar, limits: Limits, now: datetime
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
    if not inside or calendar.blockers(offer.uuid, lease.window):
        frame = Interval(max(offer.window.start, now), offer.window.end)
        free = [(each.start, each.end) for each in calendar.free(offer.uuid, frame)]
        raise OfferWindowError.of(offer.uuid, (lease.window.start, lease.window.end), free)
    return _agreed(replace(lease, offer=offer.uuid, parent=offer.uuid), now)


def plan_update(
    lease: Lease, changed: Lease, node: Node, calendar: Calendar, now: datetime
) -> Change:
    """Plan new values for a lease: `name`, `purpose`, `properties`, and the end of the window.

    Raises:
        FinalStateError: the lease has ended, or its end has begun and is to move.
        InvalidWindowError: the new end is not after now.
        OutsideError: the new window leaves the parent, or would cut off a child.
        WindowConflictError: something else is booked in it.
    """
    if not lease.holding:
        raise FinalStateError(f'Lease {lease.uuid} is {lease.status} and cannot be changed.')
    if changed.window != lease.window:
        if lease.ending:
            raise FinalStateError(f'Lease {lease.uuid} is {lease.status}; its end cannot be moved.')
        _check_end(lease, changed.window, node, calendar, now)
    return Change((changed,), (Event('esi_leap.lease.update.end', changed),))


def plan_cancel(lease: Lease, node: Node, now: datetime) -> Change:
    """Plan the end of a lease that somebody asked for, and that has not ended.

    Where nothing has to be torn down it is deleted at once; else the manager is asked to take the
    node from the lessee, now, also when the lease waited for a later try.

    Raises:
        TransitionError: the lease has ended: the caller should have said that it is not found.
    """
    if lease.ending:
        return Change((replace(lease, retry_at=now),))
    if node.inherited or node.is_with(lease):
        return Change((lease.cancelling(leases.TAKEN, now),))
    gone = lease.to(leases.Status.DELETED, expire_time=now)
    return Change((gone,), (Event('esi_leap.lease.delete.end', gone),))


def plan_withdraw(offer: Offer, node: Node, calendar: Calendar, now: datetime) -> Change:
    """Plan the deletion of an offer: the leases claimed from it are cancelled with it."""
    gone = replace(offer, status=offers.Status.DELETED, reason=None)
    bookings: list[Booking] = [gone]
    events = [Event('esi_leap.offer.delete.end', gone)]
    for each in calendar.children(offer.uuid):
        child = replace(each, parent=offer.parent)
        if isinstance(child, Lease) and child.offer == offer.uuid:
            cancelled = plan_cancel(child, node, now)
            bookings.extend(cancelled.bookings)
            events.extend(cancelled.events)
        else:
            bookings.append(child)
    return Change(tuple(bookings), tuple(events))


def plan_expire(offer: Offer, calendar: Calendar) -> Change:
    """Plan the end of an offer whose window has passed. A lease that is late moves up."""
    gone = replace(offer, status=offers.Status.EXPIRED, reason=None)
    moved = [replace(each, parent=offer.parent) for each in calendar.children(offer.uuid)]
    return Change((gone, *moved), (Event('esi_leap.offer.expire.end', gone),))


def _agreed(lease: Lease, now: datetime) -> Change:
    _not_past(lease.window.end, now)
    contract = Contract(
        uuid=lease.contract,
        name=lease.name,
        owner_id=lease.owner_id,
        lessee_id=lease.lessee_id,
        window=lease.window,
        offer=lease.offer,
    )
    return Change((lease,), (Event('esi_leap.lease.create.end', lease),), contract)


def _check_end(
    lease: Lease, window: Interval, node: Node, calendar: Calendar, now: datetime
) -> None:
    _not_past(window.end, now)
    parent = calendar.get(lease.parent)
    if parent is not None and not parent.window.contains(window):
        raise OutsideError(
            f'end_time {render(window.end)} is after the end of the offer or lease it lies in, '
            f'{render(parent.window.end)} (UTC).',
            latest=render(parent.window.end),
        )
    for child in calendar.children(lease.uuid):
        if not window.contains(child.window):
            raise OutsideError(
                f'end_time {render(window.end)} is before the end of what is booked inside the '
                f'lease, {render(child.window.end)} (UTC).',
                earliest=render(child.window.end),
            )
    if window.end <= lease.window.end:
        return  # what stands beside it came so from the existing service, and is no new conflict
    for each in calendar.blockers(lease.parent, window, frozenset({lease.uuid})):
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
