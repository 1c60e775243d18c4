"""Creating, listing, showing, changing and cancelling leases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from esi_leap.actions import lookup, projects, rights, scopes, titles
from esi_leap.actions.deps import Deps
from esi_leap.core import offer as offers
from esi_leap.core import retry
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
#: Maximum number of offers that the lessee of a recalled lease is shown.
_ALTERNATIVES = 3
#: Maximum number of offers that are read for that; some may be the lessee's own.
_CANDIDATES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLease:
    """A request to lease a node to a project.

    Attributes:
        node: uuid or name of the node.
        project: id or name of the lessee.
        resource_type: None is the default type.
        start: None is now.
        end: None is the end of the default duration.
    """

    node: str
    project: str
    resource_type: str | None = None
    name: str | None = None
    purpose: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    terms: Terms = Terms()  # noqa: RUF009 - it never changes


def create(deps: Deps, ctx: Caller, request: NewLease) -> LeaseView:
    """Lease a node to a project.

    The caller's project owns the node or has leased it; an admin can lease any node.

    Raises:
        NodeNotFoundError: the node does not exist, or the caller may not know that it does.
        DeniedError: the caller may not lease it.
        ConflictError: the window is booked, or the owner of the node is changing.
    """
    rights.require(ctx, 'esi_leap:lease:create')
    project = deps.project(request.project, ctx)
    times = request.start, request.end
    title = titles.find(deps, ctx, request.node, request.resource_type, times)
    limits = deps.limits_for(ctx)
    projects.keep_names(deps, ctx, project)
    now = deps.now()
    start, end = plan.sublet_times(title.lender, *times, now)
    start = max(start or now, now)
    lease = Lease(
        uuid=deps.new_uuid(),
        name=request.name,
        node_id=title.node.id,
        contract=deps.new_uuid(),
        owner_id=title.provider,
        lessee_id=project.id,
        window=plan.lease_window(start, end or limits.end(start), now),
        purpose=request.purpose,
        properties=request.properties,
        parent=title.parent,
        parent_lease=title.parent,
        terms=request.terms,
    )
    with deps.store.booking(title.node.id, now) as book:
        if book.node.owner_id != title.node.owner_id:
            raise ConflictError(f'The owner of node {request.node} is changing; try again.')
        tree = book.tree(lease.window)
        change = plan.plan_lease(lease, book.node, tree, limits, now)
        book.put(change)
    return view_written(deps, lease.uuid, change, book)


def index(deps: Deps, ctx: Caller, query: Query, *, everyone: bool) -> Sequence[LeaseView]:
    """List leases of the caller's project, as either party, or of all projects.

    A filter by another provider, or by another lessee without the own project as the provider,
    lists leases of all projects. Leases that a lessee has sub-let are only in the list of the
    lessee's provider if it is filtered by the lease that they lie in.

    Raises:
        DeniedError: the policy does not allow the list, or not that of all projects.
    """
    rights.require(ctx, 'esi_leap:lease:get_all')
    owner, lessee = query.equal.get('owner_id'), query.equal.get('lessee_id')
    own = {None, ctx.project_id}
    if everyone or owner not in own or (owner is None and lessee not in own):
        rights.require(ctx, 'esi_leap:lease:lease_admin')
        return deps.store.leases(_EVERYTHING, query)
    in_one_lease = 'parent_lease_uuid' in query.equal
    return deps.store.leases(Scope(project_id=ctx.project_id or '', sublet=in_one_lease), query)


def show(deps: Deps, ctx: Caller, ident: str) -> LeaseView:
    """Show a lease. The lessee of a recalled lease is also shown offers to claim instead.

    Raises:
        LeaseNotFoundError: the caller may see no such lease.
    """
    scope = scopes.party_scope(ctx)
    found = lookup.find_one(
        ident,
        lambda query: deps.store.leases(scope, query),
        lambda each: each.lease,
        has_ended=lambda each: not each.lease.blocks,
        kind='lease',
    )
    if found is None or not ctx.can('esi_leap:lease:get', _target_to_show(deps, found.lease)):
        raise LeaseNotFoundError.of(ident)
    if found.lease.recall is None or found.lease.lessee_id != ctx.project_id:
        return found
    return replace(found, elsewhere=_find_alternatives(deps, ctx, found))


def update(deps: Deps, ctx: Caller, ident: str, changes: Mapping[str, Any]) -> LeaseView:
    """Change `name`, `purpose`, `properties` or `end` of a lease.

    A new end that is later than the old one has a policy rule of its own.

    Raises:
        LeaseNotFoundError: the caller may see no such lease.
        DeniedError: the policy does not allow the change.
        ConflictError: the end was changed meanwhile, or the longer window is booked.
        TermsBindError: the terms do not let the caller shorten the lease.
    """
    found = show(deps, ctx, ident)
    target = _target(found.lease)
    end = changes.get('end')
    is_longer = isinstance(end, datetime) and end > found.lease.window.end
    rights.require(ctx, 'esi_leap:lease:update' if is_longer else 'esi_leap:lease:amend', target)
    limits = deps.limits_for(ctx)
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        lease = book.lease(found.lease.uuid)
        named = {key: value for key, value in changes.items() if key != 'end'}
        changed = replace(lease, **named)
        if isinstance(end, datetime) and end != lease.window.end:
            if (end > lease.window.end) and not is_longer:
                raise ConflictError('The end of the lease was changed meanwhile; try again.')
            changed = replace(changed, window=Interval(lease.window.start, end))
            if is_longer:  # a lease that an admin made longer than allowed can be shortened
                limits.check(changed.window)
        reach = Interval(lease.window.start, max(lease.window.end, changed.window.end))
        tree = book.tree(reach)
        change = plan.plan_update(lease, changed, book.node, tree, now)
        if changed.window.end < lease.window.end:
            change += _check_terms(ctx, [changed], book.node, now)
        book.put(change)
    return view_written(deps, lease.uuid, change, book)


def cancel(deps: Deps, ctx: Caller, ident: str) -> None:
    """Cancel a lease. If the node's return is waiting for a retry, it is retried now.

    Raises:
        LeaseNotFoundError: the caller may see no such lease, or it has ended.
        DeniedError: the policy does not allow it.
        TermsBindError: the terms do not let the caller cancel it.
    """
    found = show(deps, ctx, ident)
    rights.require(ctx, 'esi_leap:lease:delete', _target(found.lease))
    if not cancel_one(deps, ctx, found):
        raise LeaseNotFoundError.of(ident)
    wait_for_end(deps, [found.lease.uuid])


def check_terms(deps: Deps, ctx: Caller, found: Sequence[LeaseView]) -> None:
    """Check that the caller may cancel leases.

    Raises:
        TermsBindError: the terms of one of them do not let the caller cancel it.
    """
    now = deps.now()
    for each in found:
        if each.lease.blocks:
            _check_terms(ctx, [each.lease], each.node, now)


def cancel_one(deps: Deps, ctx: Caller, found: LeaseView) -> bool:
    """Cancel a lease under its node's lock; return False if it has ended already.

    Raises:
        TermsBindError: its terms, or those of a lease inside it, do not let the caller cancel it.
    """
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        lease = book.lease(found.lease.uuid)
        if not lease.blocks:
            return False
        tree = book.tree(lease.window)
        ends = [lease, *_sublet(lease, tree, ctx)]
        overridden = _check_terms(ctx, ends, book.node, now)
        change = plan.plan_cancel(lease, book.node, tree, now)
        book.put(change + overridden)
    return True


def wait_for_end(deps: Deps, uuids: Collection[str]) -> None:
    """Wait until the lessees of cancelled leases have lost the nodes, at most `delete_wait`."""
    waited = 0.0
    ending = Query(
        equal={'uuid': frozenset(uuids), 'status': frozenset({str(Status.WAIT_CANCEL)})}, limit=1
    )
    while uuids and waited < deps.delete_wait and deps.store.leases(_EVERYTHING, ending):
        deps.pause(retry.REQUEST)
        waited += retry.REQUEST


def view_written(deps: Deps, uuid: str, change: Change, book: Book) -> LeaseView:
    """Return the view of a lease as a change has written it."""
    [lease] = [
        each for each in bookings_of(change) if isinstance(each, Lease) and each.uuid == uuid
    ]
    return LeaseView(lease, book.node, projects.read_names(deps, lease))


def _sublet(lease: Lease, tree: BookingTree, ctx: Caller) -> Sequence[Lease]:
    """Return the leases inside `lease` that the caller's project provides."""
    return [
        each
        for each in tree
        if isinstance(each, Lease)
        and each.owner_id == ctx.project_id
        and lease.uuid in {above.uuid for above in tree.lenders(each)}
    ]


def _check_terms(ctx: Caller, ends: Sequence[Lease], node: Node, now: datetime) -> Change:
    """Check that the terms let the caller end leases; return the events of an admin's overrides.

    The lessee may hand back at any time. A lease that ends anyway is no longer bound.

    Raises:
        TermsBindError: the terms of a lease do not let the caller end it.
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


def _find_alternatives(deps: Deps, ctx: Caller, found: LeaseView) -> Sequence[str]:
    """Return uuids of offers that are free for the time which the recall takes from the lessee."""
    notice = found.lease.recall
    if notice is None or notice.deadline <= deps.now():
        return ()
    query = Query(
        equal={
            'resource_class': found.node.resource_class,
            'status': str(offers.Status.AVAILABLE),
        },
        free=Interval(notice.deadline, notice.end),
        limit=_CANDIDATES,
    )
    views = deps.store.offers(scopes.offer_scope(deps, ctx), query)
    others = [each.offer for each in views if each.offer.owner_id != ctx.project_id]
    return [each.uuid for each in others][:_ALTERNATIVES]


def _target_to_show(deps: Deps, lease: Lease) -> dict[str, str | None]:
    """Return the attributes that the rule for showing a lease can name."""
    query = Query(equal={'uuid': lease.parent_lease}, limit=1)
    above = deps.store.leases(_EVERYTHING, query) if lease.parent_lease else ()
    lender = above[0].lease.owner_id if above else None
    return rights.lease_target(lease.owner_id, lease.lessee_id, lender)


def _target(lease: Lease) -> dict[str, str | None]:
    return rights.lease_target(lease.owner_id, lease.lessee_id)
