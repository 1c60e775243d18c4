"""Making, showing, changing and cancelling leases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from esi_leap.actions import access, title
from esi_leap.actions.deps import Deps
from esi_leap.core import offer as offers
from esi_leap.core.booking import plan
from esi_leap.core.change import Change, Tell, bookings_of
from esi_leap.core.errors import ConflictError, LeaseNotFoundError, TermsBindError
from esi_leap.core.event import Event
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node
from esi_leap.core.ports.caller import Caller
from esi_leap.core.ports.store import Book
from esi_leap.core.query import Query, Scope
from esi_leap.core.terms import Terms
from esi_leap.core.tree import BookingTree
from esi_leap.core.views import LeaseView

_EVERYTHING = Scope(everything=True)
#: Seconds between two looks at whether a cancelled lease has ended.
_LOOK = 0.1
#: Most offers that the lessee of a recalled lease is told of.
_ELSEWHERE = 3
#: Most offers that are looked at for that; some may be his own.
_LOOKED_AT = 50


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
    terms: Terms = Terms()  # noqa: RUF009 - it never changes


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
    start, end = plan.sublet_times(his.lender, *times, now)
    start = max(start or now, now)
    lease = Lease(
        uuid=deps.new_uuid(),
        name=request.name,
        node_id=his.node.id,
        contract=deps.new_uuid(),
        owner_id=his.provider,
        lessee_id=project.id,
        window=plan.lease_window(start, end or limits.end(start), now),
        purpose=request.purpose,
        properties=request.properties,
        parent=his.parent,
        parent_lease=his.parent,
        terms=request.terms,
    )
    with deps.store.booking(his.node.id, now) as book:
        if book.node.owner_id != his.node.owner_id:
            raise ConflictError(f'The owner of node {request.node} is changing; try again.')
        tree = book.tree(lease.window)
        change = plan.plan_lease(lease, book.node, tree, limits, now)
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
        ended=lambda each: not each.lease.blocks,
        kind='lease',
    )
    if found is None or not ctx.can('esi_leap:lease:get', _seen_by(deps, found.lease)):
        raise LeaseNotFoundError.of(ident)
    if found.lease.recall is None or found.lease.lessee_id != ctx.project_id:
        return found
    return replace(found, elsewhere=_elsewhere(deps, ctx, found))


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
        tree = book.tree(reach)
        change = plan.plan_update(lease, changed, book.node, tree, now)
        if changed.window.end < lease.window.end:
            change += _overridden(ctx, [changed], book.node, now)
        book.put(change)
    return view(deps, lease.uuid, change, book)


def cancel(deps: Deps, ctx: Caller, ident: str) -> None:
    """Cancel a lease; of one whose end is being tried already, ask for a try now."""
    found = show(deps, ctx, ident)
    access.require(ctx, 'esi_leap:lease:delete', _target(found.lease))
    if not cancel_one(deps, ctx, found):
        raise LeaseNotFoundError.of(ident)
    gone(deps, [found.lease.uuid])


def check_terms(deps: Deps, ctx: Caller, found: Sequence[LeaseView]) -> None:
    """Refuse to cancel leases of which the terms of one bind the caller's project.

    Raises:
        TermsBindError: they do.
    """
    now = deps.now()
    for each in found:
        if each.lease.blocks:
            _overridden(ctx, [each.lease], each.node, now)


def cancel_one(deps: Deps, ctx: Caller, found: LeaseView) -> bool:
    """Cancel one lease under its node's lock; False if it had ended already.

    Raises:
        TermsBindError: its terms, or those of what its lessee has sub-let, bind the caller.
    """
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        lease = book.lease(found.lease.uuid)
        if not lease.blocks:
            return False
        tree = book.tree(lease.window)
        ends = [lease, *_sublet(lease, tree, ctx)]
        overridden = _overridden(ctx, ends, book.node, now)
        change = plan.plan_cancel(lease, book.node, tree, now)
        book.put(change + overridden)
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
    [lease] = [
        each for each in bookings_of(change) if isinstance(each, Lease) and each.uuid == uuid
    ]
    return LeaseView(lease, book.node, access.names(deps, lease))


def _sublet(lease: Lease, tree: BookingTree, ctx: Caller) -> Sequence[Lease]:
    """Return the leases inside a lease that the caller's own project has sub-let."""
    return [
        each
        for each in tree
        if isinstance(each, Lease)
        and each.owner_id == ctx.project_id
        and lease.uuid in {above.uuid for above in tree.lenders(each)}
    ]


def _overridden(ctx: Caller, ends: Sequence[Lease], node: Node, now: datetime) -> Change:
    """Check whether the terms let the caller end leases; tell of what an admin does all the same.

    The lessee may hand back at any time, and what ends anyway is bound to nothing any more.

    Raises:
        TermsBindError: they do not.
    """
    bound = [
        each
        for each in ends
        if each.terms.binding
        and each.lessee_id != ctx.project_id
        and not (each.ending or each.ends(now))
    ]
    if bound and not ctx.can('esi_leap:lease:lease_admin'):
        [first, *_] = bound
        raise TermsBindError.of(first.uuid, node.name, first.window.end, firm=first.terms.firm)
    return tuple(Tell(Event('esi_leap.lease.override', each)) for each in bound)


def _elsewhere(deps: Deps, ctx: Caller, found: LeaseView) -> Sequence[str]:
    """Return offers in which the lessee of a recalled lease can have the time that he loses."""
    told = found.lease.recall
    if told is None or told.deadline <= deps.now():
        return ()
    query = Query(
        equal={
            'resource_class': found.node.resource_class,
            'status': str(offers.Status.AVAILABLE),
        },
        free=Interval(told.deadline, told.end),
        limit=_LOOKED_AT,
    )
    there = deps.store.offers(access.offer_scope(deps, ctx), query)
    others = [each.offer for each in there if each.offer.owner_id != ctx.project_id]
    return [each.uuid for each in others][:_ELSEWHERE]


def _seen_by(deps: Deps, lease: Lease) -> dict[str, str | None]:
    """Return what the policy knows of a lease that somebody looks at."""
    query = Query(equal={'uuid': lease.parent_lease}, limit=1)
    above = deps.store.leases(_EVERYTHING, query) if lease.parent_lease else ()
    lender = above[0].lease.owner_id if above else None
    return access.lease_target(lease.owner_id, lease.lessee_id, lender)


def _target(lease: Lease) -> dict[str, str | None]:
    return access.lease_target(lease.owner_id, lease.lessee_id)
