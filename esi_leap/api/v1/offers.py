"""`/v1/offers`."""

from __future__ import annotations

from http import HTTPStatus

from esi_leap.actions import offers
from esi_leap.api.body import read_booking, read_terms
from esi_leap.api.expose import NOTHING, Call, Reply, route
from esi_leap.api.query import build_query, make_page
from esi_leap.api.schemas import common
from esi_leap.api.schemas import offer as schema
from esi_leap.api.schemas.lease import LEASE
from esi_leap.api.views.lease import render_lease
from esi_leap.api.views.offer import render_offer


@route('GET', '/v1/offers', query=schema.QUERY, answer=schema.OFFERS)
def index(call: Call) -> Reply:
    """List offers."""
    query = build_query(call, schema.QUERY)
    found = offers.index(call.deps, call.ctx, query)
    return make_page(call, 'offers', found, query, render_offer)


@route('GET', '/v1/offers/{ident}', answer=schema.OFFER)
def show(call: Call) -> Reply:
    """Show an offer."""
    return Reply(render_offer(offers.show(call.deps, call.ctx, call.ident), call))


@route(
    'POST',
    '/v1/offers',
    body=schema.CREATE,
    answer=schema.OFFER,
    argument='new_offer',
    status=HTTPStatus.CREATED,
)
def create(call: Call) -> Reply:
    """Create an offer."""
    body = call.body
    view = offers.create(
        call.deps,
        call.ctx,
        offers.NewOffer(
            node=body['resource_uuid'],
            resource_type=body.get('resource_type'),
            lessee=body.get('lessee_id'),
            terms=read_terms(body),
            **read_booking(body),
        ),
    )
    return Reply(render_offer(view, call), f'/v1/offers/{view.offer.uuid}')


@route(
    'POST',
    '/v1/offers/{ident}/claim',
    body=schema.CLAIM,
    answer=LEASE,
    argument='new_lease',
    status=HTTPStatus.CREATED,
)
def claim(call: Call) -> Reply:
    """Claim a window of an offer."""
    body = call.body
    view = offers.claim(
        call.deps,
        call.ctx,
        call.ident,
        offers.Claim(purpose=body.get('purpose'), **read_booking(body)),
    )
    return Reply(render_lease(view, call), f'/v1/leases/{view.lease.uuid}')


@route('DELETE', '/v1/offers/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Withdraw an offer."""
    offers.withdraw(call.deps, call.ctx, call.ident)
    return NOTHING
