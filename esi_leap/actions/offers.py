"""Creating, listing, showing, claiming and withdrawing offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from esi_leap.actions import lookup, projects, rights, scopes, titles
from esi_leap.actions.deps import Deps
from esi_leap.actions.leases import view_written, wait_for_end
from esi_leap.core.booking import plan
from esi_leap.core.change import bookings_of
from esi_leap.core.errors import ConflictError, OfferNotFoundError
from esi_leap.core.instant import FOREVER
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.core.ports.caller import Caller
from esi_leap.core.query import Query
from esi_leap.core.terms import Terms
from esi_leap.core.views import LeaseView, OfferView


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOffer:
    """A request to offer a node.

    Attributes:
        node: uuid or name of the node.
        resource_type: None is the default type.
        lessee: id or name of the only project that may claim; None is every project.
        start: None is now.
        end: None is for ever.
    """

    node: str
    resource_type: str | None = None
    name: str | None = None
    lessee: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    terms: Terms = Terms()  # noqa: RUF009 - it never changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request to claim a window of an offer.

    Attributes:
        start: None is now.
        end: None is the default duration, or less where the offer is free for less.
    """

    name: str | None = None
    purpose: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    properties: Mapping[str, object] = field(default_factory=dict)


def create(deps: Deps, ctx: Caller, request: NewOffer) -> OfferView:
    """Offer a node.

    The caller's project owns the node or has leased it; an admin can offer any node.

    Raises:
        NodeNotFoundError: the node does not exist, or the caller may not know that it does.
        DeniedError: the caller may not offer it.
        ConflictError: the window is booked, or the owner of the node is changing.
    """
    rights.require(ctx, 'esi_leap:offer:create')
    lessee = deps.project(request.lessee, ctx) if request.lessee is not None else None
    times = request.start, request.end
    title = titles.find(deps, ctx, request.node, request.resource_type, times)
    now = deps.now()
    start, end = plan.sublet_times(title.lender, *times, now)
    offer = Offer(
        uuid=deps.new_uuid(),
        name=request.name,
        node_id=title.node.id,
        owner_id=title.provider,
        lessee_id=lessee.id if lessee else None,
        window=plan.offer_window(start, end or FOREVER, now),
        properties=request.properties,
        parent=title.parent,
        parent_lease=title.parent,
        terms=request.terms,
    )
    projects.keep_names(deps, ctx, *([lessee] if lessee else []))
    with deps.store.booking(title.node.id, now) as book:
        if book.node.owner_id != title.node.owner_id:
            raise ConflictError(f'The owner of node {request.node} is changing; try again.')
        change = plan.plan_offer(offer, book.node, book.tree(offer.window), now)
        book.put(change)
    taken = [each.window for each in bookings_of(change) if each.parent == offer.uuid]
    return OfferView(offer, book.node, projects.read_names(deps, offer), offer.free(taken, now))


def index(deps: Deps, ctx: Caller, query: Query) -> Sequence[OfferView]:
    """List offers that the caller may see, but none by others of a node that the gate rejected."""
    rights.require(ctx, 'esi_leap:offer:get_all')
    scope = replace(scopes.offer_scope(deps, ctx), rejected=False)
    return deps.store.offers(scope, query, deps.now())


def show(deps: Deps, ctx: Caller, ident: str) -> OfferView:
    """Show an offer.

    Raises:
        OfferNotFoundError: the caller may see no such offer.
    """
    return _find(deps, ctx, ident, deps.now())


def _find(deps: Deps, ctx: Caller, ident: str, now: datetime | None = None) -> OfferView:
    """Find an offer that the caller may see; with its free windows if `now` is given.

    Raises:
        OfferNotFoundError: the caller may see no such offer.
    """
    scope = scopes.offer_scope(deps, ctx)
    found = lookup.find_one(
        ident,
        lambda query: deps.store.offers(scope, query, now),
        lambda each: each.offer,
        has_ended=lambda each: not each.offer.blocks,
        kind='offer',
    )
    if found is None or not ctx.can('esi_leap:offer:get', rights.offer_target(found.offer)):
        raise OfferNotFoundError.of(ident)
    return found


def claim(deps: Deps, ctx: Caller, ident: str, request: Claim) -> LeaseView:
    """Claim a window of an offer, which makes one contract with one lease.

    Raises:
        OfferNotFoundError: the caller may see no such offer.
        DeniedError: the policy does not allow it.
        ConflictError: the offer is not free in the window, or the quota is used up.
    """
    found = _find(deps, ctx, ident)
    rights.require(ctx, 'esi_leap:offer:claim', rights.offer_target(found.offer))
    project = rights.require_project(ctx)
    limits, quota = deps.limits_for(ctx), deps.quota_for(ctx)
    projects.keep_names(deps, ctx)
    now = deps.now()
    counted = None if quota.leases is None else project
    with deps.store.booking(found.node.id, now, project_id=counted) as book:
        offer = book.offer(found.offer.uuid)
        plan.check_claimable(offer, book.node)
        tree = book.tree(None if quota.chain else offer.window)
        start = max(request.start or now, now)
        if start < offer.window.end:
            default = plan.claim_end(offer, start, tree, limits)
        else:  # the plan refuses it, naming the windows that are free
            default = limits.end(start)
        lease = Lease(
            uuid=deps.new_uuid(),
            name=request.name,
            node_id=offer.node_id,
            contract=deps.new_uuid(),
            owner_id=offer.owner_id,
            lessee_id=project,
            window=plan.lease_window(start, request.end or default, now),
            purpose=request.purpose,
            properties=request.properties,
        )
        change = plan.plan_claim(lease, offer, tree, limits, now)
        quota.check(lease, tree, 0 if counted is None else book.count_leases(counted), now)
        book.put(change)
    return view_written(deps, lease.uuid, change, book)


def withdraw(deps: Deps, ctx: Caller, ident: str) -> None:
    """Delete an offer and cancel the leases claimed from it that its terms do not protect.

    Raises:
        OfferNotFoundError: the caller may see no such offer, or it has ended.
        DeniedError: the policy does not allow it.
    """
    found = _find(deps, ctx, ident)
    rights.require(ctx, 'esi_leap:offer:delete', rights.offer_target(found.offer))
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        offer = book.offer(found.offer.uuid)
        if not offer.blocks:
            raise OfferNotFoundError.of(ident)
        change = plan.plan_withdraw(offer, book.node, book.tree(offer.window), now)
        book.put(change)
    wait_for_end(deps, [each.uuid for each in bookings_of(change) if isinstance(each, Lease)])
