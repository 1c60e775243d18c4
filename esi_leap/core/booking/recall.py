"""Planning recalls: when each node is due, which bookings end earlier, and when a node is back.

What the owner has given away of a node beyond the instant at which it is due ends then: leases,
what their lessees sub-let, and offers. That instant is the deadline of the recall, or as much later
as the terms of the leases ask for. A firm lease is not touched. A node is back when its owner can
use it; until then the recall of it is pending. If it is back before it is due, it is not offered
until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from esi_leap.core.booking.plan import plan_cancel, plan_withdraw, withdrawn
from esi_leap.core.change import Change, bookings_of, put
from esi_leap.core.instant import render
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Offer
from esi_leap.core.recall import Item, ItemStatus, Recall
from esi_leap.core.terms import Notice
from esi_leap.core.tree import Booking, BookingTree


def lent(bookings: Iterable[Booking], owner_id: str) -> list[Lease]:
    """Return the leases among bookings with which a project has given a node away, by window."""
    found = [
        each
        for each in bookings
        if isinstance(each, Lease) and each.owner_id == owner_id and each.lessee_id != owner_id
    ]
    return sorted(found, key=lambda each: each.window)


def due(leases: Iterable[Lease], deadline: datetime, now: datetime) -> datetime:
    """Return when a node can be due on which these leases are.

    It is the deadline, or what the notice of a lease asks for that begins before that; but no
    lease lasts longer than it would have anyway.
    """
    instants = [deadline]
    for each in leases:
        earliest = max(deadline, now + each.terms.notice)
        if each.window.start < earliest and not (each.terms.firm or each.ending):
            instants.append(min(earliest, each.window.end))
    return max(instants)


def obstacle(leases: Iterable[Lease], instant: datetime) -> Lease | None:
    """Return the firm lease that has the node at an instant, None if there is none."""
    return next((each for each in leases if each.terms.firm and each.window.holds(instant)), None)


def choose(
    nodes: Mapping[int, Sequence[Lease]],
    count: int,
    deadline: datetime,
    now: datetime,
) -> list[int]:
    """Choose the nodes that are back soonest, then those at the least loss to their lessees.

    Args:
        nodes: the key of each node, and the leases with which it is given away.
        count: how many are wanted.
        deadline: by when.
        now: the present instant.

    Returns:
        As many keys as are wanted. Those that cannot be had come last, so that there are some only
        if there are too few others.
    """

    def rank(key: int) -> tuple[object, ...]:
        leases = nodes[key]
        instant = due(leases, deadline, now)
        lost = sum(
            (each.window.end - max(each.window.start, instant)).total_seconds()
            for each in leases
            if each.window.end > instant and not each.terms.firm
        )
        return obstacle(leases, instant) is not None, instant, lost, key

    return sorted(nodes, key=rank)[:count]


def plan(
    recall: Recall, node: Node, tree: BookingTree, others: Sequence[Item], now: datetime
) -> tuple[Item, Change]:
    """Plan the recall of one node; return its item, and the bookings that end earlier.

    Args:
        recall: the recall.
        node: the node.
        tree: all that is booked on it.
        others: recalls of the node that something is still to come of.
        now: the present instant.
    """
    leases = lent(tree, recall.owner_id)
    item = Item(recall=recall.uuid, node_id=node.id, lease=leases[0].uuid if leases else None)
    instant = due(leases, max(recall.deadline, now), now)
    reason = _refusal(recall, node, tree, others, obstacle(leases, instant))
    if reason is not None:
        return replace(item, status=ItemStatus.REFUSED, reason=reason), ()
    cut = _Cut(Notice(recall.uuid, instant, instant), recall.owner_id, node, tree, now)
    changed = [each for top in _tops(tree, recall.owner_id) for each in cut.of(top, top.parent)]
    later = next((each for each in leases if each.terms.firm and each.window.start > instant), None)
    return (
        replace(
            item,
            status=ItemStatus.PENDING,
            due=instant,
            reason=None if later is None else _firm(later),
        ),
        put(*changed),
    )


def plan_restore(recall: str, tree: BookingTree, now: datetime) -> Change:
    """Plan the cancellation of a recall: bookings that have not ended get their old ends back.

    Where something else is booked by now, it lasts until that begins.
    """
    ends: dict[str, Interval] = {}
    changed: list[Booking] = []
    for each in _outermost_first(tree):
        told = each.recall
        if told is None or told.recall != recall:
            continue
        if each.window.end <= now or (isinstance(each, Lease) and each.ending):
            continue
        window = each.window
        if window.end == told.deadline:  # else somebody has made it shorter, and wanted it so
            window = Interval(window.start, _limit(each, told.end, ends, tree))
        ends[each.uuid] = window
        changed.append(replace(each, window=window, recall=None))
    return put(*changed)


def is_back(item: Item, owner_id: str, node: Node, tree: BookingTree) -> bool:
    """Tell whether a node is back: its owner can use it, and no lease begins before it is due."""
    having = tree.get(node.lease)
    is_own = isinstance(having, Lease) and having.lessee_id == owner_id
    usable = node.state is State.AVAILABLE or (node.state is State.HANDED_OVER and is_own)
    return usable and not any(
        item.due is not None and each.window.start < item.due for each in lent(tree, owner_id)
    )


def plan_return(item: Item, owner_id: str, node: Node, tree: BookingTree, now: datetime) -> Change:
    """Plan the withdrawal of offers that end before the recall of a returned node is due."""
    withdrawals = [
        plan_withdraw(each, node, tree, now)
        for each in tree
        if isinstance(each, Offer)
        and each.owner_id == owner_id
        and item.due is not None
        and each.window.end <= item.due
    ]
    return tuple(effect for each in withdrawals for effect in each)


def _refusal(
    recall: Recall,
    node: Node,
    tree: BookingTree,
    others: Sequence[Item],
    firm: Lease | None,
) -> str | None:
    if node.owner_id != recall.owner_id and not any(
        each.owner_id == recall.owner_id for each in tree
    ):
        return 'The node belongs to another project.'
    for each in others:
        return f'Recall {each.recall} is about to bring the node back.'
    return None if firm is None else _firm(firm)


def _firm(lease: Lease) -> str:
    start, end = render(lease.window.start), render(lease.window.end)
    return f'Lease {lease.uuid} is firm: it has the node from {start} to {end} (UTC).'


def _tops(tree: BookingTree, owner_id: str) -> Iterator[Booking]:
    """Yield the outermost bookings by which a project has lent the node."""
    for each in tree:
        above = tree.get(each.parent)
        if each.owner_id == owner_id and (above is None or above.owner_id != owner_id):
            yield each


def _outermost_first(tree: BookingTree) -> Iterator[Booking]:
    level: Sequence[Booking] = [each for each in tree if tree.get(each.parent) is None]
    while level:
        yield from level
        level = [inner for each in level for inner in tree.children(each.uuid)]


def _limit(
    booking: Booking, end: datetime, ends: Mapping[str, Interval], tree: BookingTree
) -> datetime:
    """Return until when a booking can last that would like to last until `end`."""
    limits = [end]
    above = tree.get(booking.parent)
    if above is not None:
        limits.append(ends.get(above.uuid, above.window).end)
    limits += [
        each.window.start
        for each in tree.children(booking.parent)
        if each.window.start >= booking.window.end
    ]
    return max(booking.window.end, min(limits))


@dataclass(frozen=True, slots=True)
class _Cut:
    """Ends a booking and all bookings inside it at the deadline of a notice."""

    notice: Notice
    owner_id: str
    node: Node
    tree: BookingTree
    now: datetime

    def of(self, booking: Booking, parent: str | None) -> Iterator[Booking]:
        """Yield the bookings that change; the booking itself moves under `parent`."""
        deadline = self.notice.deadline
        moved = replace(booking, parent=parent)
        inside = self.tree.children(booking.uuid)
        if booking.window.end <= deadline or self._stays(booking):
            if parent != booking.parent:
                yield moved
        elif isinstance(moved, Lease) and moved.window.start >= deadline:
            yield from bookings_of(plan_cancel(moved, self.node, self.tree, self.now))
        elif isinstance(moved, Offer) and (
            moved.window.start >= deadline or any(map(self._sticks_out, inside))
        ):
            for each in inside:
                yield from self.of(each, parent)
            yield withdrawn(moved)
        else:
            window = Interval(booking.window.start, deadline)
            told = replace(self.notice, end=booking.window.end)
            yield replace(moved, window=window, recall=told)
            for each in inside:
                yield from self.of(each, booking.uuid)

    def _stays(self, booking: Booking) -> bool:
        """Whether the recall leaves it alone: it is firm, or the owner uses the node itself."""
        return (
            isinstance(booking, Lease)
            and booking.owner_id == self.owner_id
            and (booking.terms.firm or booking.lessee_id == self.owner_id)
        )

    def _sticks_out(self, booking: Booking) -> bool:
        return booking.window.end > self.notice.deadline and self._stays(booking)
