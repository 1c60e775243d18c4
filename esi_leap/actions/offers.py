"""Making, showing, claiming and withdrawing offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from esi_leap.actions import access, title
from esi_leap.actions.deps import Deps
from esi_leap.actions.leases import gone, view
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
    """What somebody offers."""

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
    """What somebody claims of an offer."""

    name: str | None = None
    purpose: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    properties: Mapping[str, object] = field(default_factory=dict)


def create(deps: Deps, ctx: Caller, request: NewOffer) -> OfferView:
    """Offer a node that the caller's project owns or has leased (an admin: any)."""
    access.require(ctx, 'esi_leap:offer:create')
    lessee = deps.project(request.lessee, ctx) if request.lessee is not None else None
    times = request.start, request.end
    his = title.of(deps, ctx, request.node, request.resource_type, times)
    now = deps.now()
    start, end = plan.sublet_times(his.lender, *times, now)
    offer = Offer(
        uuid=deps.new_uuid(),
        name=request.name,
        node_id=his.node.id,
        owner_id=his.provider,
        lessee_id=lessee.id if lessee else None,
        window=plan.offer_window(start, end or FOREVER, now),
        properties=request.properties,
        parent=his.parent,
        parent_lease=his.parent,
        terms=request.terms,
    )
    access.remember(deps, ctx, *([lessee] if lessee else []))
    with deps.store.booking(his.node.id, now) as book:
        if book.node.owner_id != his.node.owner_id:
            raise ConflictError(f'The owner of node {request.node} is changing; try again.')
        change = plan.plan_offer(offer, book.node, book.tree(offer.window), now)
        book.put(change)
    taken = [each.window for each in bookings_of(change) if each.parent == offer.uuid]
    return OfferView(offer, book.node, access.names(deps, offer), offer.free(taken, now))


def index(deps: Deps, ctx: Caller, query: Query) -> Sequence[OfferView]:
    """List the offers that the caller may see, and of those of others the ones with a node."""
    access.require(ctx, 'esi_leap:offer:get_all')
    scope = replace(access.offer_scope(deps, ctx), rejected=False)
    return deps.store.offers(scope, query, deps.now())


def show(deps: Deps, ctx: Caller, ident: str) -> OfferView:
    """Show an offer that the caller may see.

    Raises:
        OfferNotFoundError: there is none for him.
    """
    return _find(deps, ctx, ident, deps.now())


def _find(deps: Deps, ctx: Caller, ident: str, now: datetime | None = None) -> OfferView:
    """Find an offer that the caller may see, with its free windows from `now` on."""
    scope = access.offer_scope(deps, ctx)
    found = access.find(
        ident,
        lambda query: deps.store.offers(scope, query, now),
        lambda each: each.offer,
        ended=lambda each: not each.offer.blocks,
        kind='offer',
    )
    if found is None or not ctx.can('esi_leap:offer:get', access.offer_target(found.offer)):
        raise OfferNotFoundError.of(ident)
    return found


def claim(deps: Deps, ctx: Caller, ident: str, request: Claim) -> LeaseView:
    """Claim a window of an offer: one contract with one lease."""
    found = _find(deps, ctx, ident)
    access.require(ctx, 'esi_leap:offer:claim', access.offer_target(found.offer))
    project = access.own_project(ctx)
    limits, quota = deps.limits_for(ctx), deps.quota_for(ctx)
    access.remember(deps, ctx)
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
    return view(deps, lease.uuid, change, book)


def withdraw(deps: Deps, ctx: Caller, ident: str) -> None:
    """Delete an offer, and cancel what was claimed from it and is not bound by its terms."""
    found = _find(deps, ctx, ident)
    access.require(ctx, 'esi_leap:offer:delete', access.offer_target(found.offer))
    now = deps.now()
    with deps.store.booking(found.node.id, now) as book:
        offer = book.offer(found.offer.uuid)
        if not offer.blocks:
            raise OfferNotFoundError.of(ident)
        change = plan.plan_withdraw(offer, book.node, book.tree(offer.window), now)
        book.put(change)
    gone(deps, [each.uuid for each in bookings_of(change) if isinstance(each, Lease)])
