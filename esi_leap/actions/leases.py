"""Making, showing, changing and cancelling leases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from esi_leap.actions import access, title
from esi_leap.actions.deps import Deps
from esi_leap.core import booking
from esi_leap.core.booking import Change
from esi_leap.core.errors import ConflictError, LeaseNotFoundError
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease, Status
from esi_leap.core.ports import Book, Caller, LeaseView, Query, Scope

_EVERYTHING = Scope(everything=True)
#: Seconds between two looks at whether a cancelled lease has ended.
_LOOK = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLease:
    """What an owner leases out, and to whom."""

    node: str
    project: str
    resource_type: str | None = None
    name: str | None = None
    purpose: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    properties: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filters:
    """Whose leases somebody lists.

    Attributes:
        everyone: all that there are, not only those of the caller's project.
    """

    project_id: str | None = None
    owner_id: str | None = None
    everyone: bool = False


def create(deps: Deps, ctx: Caller, request: NewLease) -> LeaseView:
    """Lease a node that the caller's project owns or has leased (an admin: any) to a project."""
    access.require(ctx, 'esi_leap:lease:create')
    project = deps.project(request.project, ctx)
    times = request.start, request.end
    his = title.of(deps, ctx, request.node, request.resource_type, times)
    limits = deps.limits_for(ctx)
    access.remember(deps, ctx, project)
    now = deps.now()
    start, end = booking.sublet_times(his.lender, *times, now)
    start = max(start or now, now)
    lease = Lease(
        uuid=deps.new_uuid(),
        name=request.name,
        node_id=his.node.id,
        contract=deps.new_uuid(),
        owner_id=his.provider,
        lessee_id=project.id,
        window=booking.lease_window(start, end or limits.end(start), now),
        purpose=request.purpose,
        properties=request.properties,
        parent=his.parent,
        parent_lease=his.parent,
    )
    with deps.store.booking(his.node.id, now) as book:
        if book.node.owner_id != his.node.owner_id:
            raise ConflictError(f'The owner of node {request.node} is changing; try again.')
        calendar = book.occupancy(lease.window)
        change = booking.plan_lease(lease, book.node, calendar, limits, now)
        book.put(change)
    return view(deps, lease.uuid, change, book)


def index(deps: Deps, ctx: Caller, query: Query, whose: Filters) -> Sequence[LeaseView]:
    """List leases of the caller's project, as either side; of others as the rules allow.

    What his lessees have sub-let is in the list if he asks for what lies in one of their leases.
    """
    access.require(ctx, 'esi_leap:lease:get_all')
    mine = whose.owner_id == ctx.project_id if whose.owner_id else False
    foreign = (whose.owner_id is not None and not mine) or (
        whose.owner_id is None and whose.project_id not in {None, ctx.project_id}
    )
    if whose.everyone or foreign:
        access.require(ctx, 'esi_leap:lease:lease_admin')
        scope = _EVERYTHING
    else:
        of_one = 'parent_lease_uuid' in query.equal
        scope = Scope(project_id=ctx.project_id or '', sublet=of_one)
    parties = {'owner_id': whose.owner_id, 'lessee_id': whose.project_id}
    wanted = {key: value for key, value in parties.items() if value is not None}
    return deps.store.leases(scope, replace(query, equal={**query.equal, **wanted}))


def show(deps: Deps, ctx: Caller, ident: str) -> LeaseView:
    """Show a lease that the caller may see.

    Raises:
        LeaseNotFoundError: there is none for him.
    """
    scope = access.party_scope(ctx)
    found = access.find(
        ident,
        lambda query: deps.store.leases(scope, query),
        lambda each: each.lease,
        ended=lambda each: not each.lease.holding,
        kind='lease',
    )
    if found is None or not ctx.can('esi_leap:lease:get', _seen_by(deps, found.lease)):
        raise LeaseNotFoundError.of(ident)
    return found


def update(deps: Deps, ctx: Caller, ident: str, changes: Mapping[str, Any]) -> LeaseView:
    """Change `name`, `purpose`, `properties` or `end` of a lease.

    Either side may do it where that does not lengthen the lease; to lengthen it is another rule.
    """
    found = show(deps, ctx, ident)
    target = _target(found.lease)
    end = changes.get('end')
    longer = isinstance(end, datetime) and end > found.lease.window.end
    access.require(ctx, 'esi_leap:lease:update' if longer else 'esi_leap:lease:amend', target)
    limits = deps.limits_for(ctx)
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        lease = book.lease(found.lease.uuid)
        named = {key: value for key, value in changes.items() if key != 'end'}
        changed = replace(lease, **named)
        if isinstance(end, datetime) and end != lease.window.end:
            if (end > lease.window.end) and not longer:
                raise ConflictError('The end of the lease was changed meanwhile; try again.')
            changed = replace(changed, window=Interval(lease.window.start, end))
            if longer:  # nobody is kept from making short what an admin made long
                limits.check(changed.window)
        reach = Interval(lease.window.start, max(lease.window.end, changed.window.end))
        calendar = book.occupancy(reach)
        change = booking.plan_update(lease, changed, book.node, calendar, now)
        book.put(change)
    return view(deps, lease.uuid, change, book)


def cancel(deps: Deps, ctx: Caller, ident: str) -> None:
    """Cancel a lease; of one whose end is being tried already, ask for a try now."""
    found = show(deps, ctx, ident)
    access.require(ctx, 'esi_leap:lease:delete', _target(found.lease))
    if not cancel_one(deps, found):
        raise LeaseNotFoundError.of(ident)
    gone(deps, [found.lease.uuid])


def cancel_one(deps: Deps, found: LeaseView) -> bool:
    """Cancel one lease under its node's lock; False if it had ended already."""
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        lease = book.lease(found.lease.uuid)
        if not lease.holding:
            return False
        calendar = book.occupancy(lease.window)
        book.put(booking.plan_cancel(lease, book.node, calendar, now))
    return True


def gone(deps: Deps, uuids: Collection[str]) -> None:
    """Wait, no longer than `delete_wait`, until the lessees of these leases have lost the nodes."""
    waited = 0.0
    ending = Query(
        equal={'uuid': frozenset(uuids), 'status': frozenset({str(Status.WAIT_CANCEL)})}, limit=1
    )
    while uuids and waited < deps.delete_wait and deps.store.leases(_EVERYTHING, ending):
        deps.pause(_LOOK)
        waited += _LOOK


def view(deps: Deps, uuid: str, change: Change, book: Book) -> LeaseView:
    """Show a lease that the caller has just made or changed, as it was written."""
    [lease] = [each for each in change.bookings if isinstance(each, Lease) and each.uuid == uuid]
    return LeaseView(lease, book.node, access.names(deps, lease))


def _seen_by(deps: Deps, lease: Lease) -> dict[str, str | None]:
    """Return what the policy knows of a lease that somebody looks at."""
    query = Query(equal={'uuid': lease.parent_lease}, limit=1)
    above = deps.store.leases(_EVERYTHING, query) if lease.parent_lease else ()
    lender = above[0].lease.owner_id if above else None
    return access.lease_target(lease.owner_id, lease.lessee_id, lender)


def _target(lease: Lease) -> dict[str, str | None]:
    return access.lease_target(lease.owner_id, lease.lessee_id)
