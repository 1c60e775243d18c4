"""`/v1/offers`."""

from __future__ import annotations

from http import HTTPStatus

from esi_leap.actions import offers
from esi_leap.api import lists, views
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.schemas import common
from esi_leap.api.schemas import offer as schema
from esi_leap.api.schemas.lease import LEASE
from esi_leap.api.v1.values import criteria, filters, gone, shared, terms
from esi_leap.core.offer import BLOCKING


@route('GET', '/v1/offers', query=schema.QUERY, answer=schema.OFFERS)
def index(call: Call) -> Reply:
    """List offers."""
    query = lists.page(
        call,
        'owner_id',
        equal={
            **filters(
                call, {'project_id': 'owner_id', 'lessee_id': 'lessee_id', 'lessee': 'lessee_id'}
            ),
            **lists.statuses(call.query, BLOCKING),
        },
        criteria=criteria(call),
        spanning=lists.window(call.query, 'an offer', 'start_time', 'end_time'),
        free=lists.window(call.query, 'an offer', 'available_start_time', 'available_end_time'),
    )
    return lists.reply(call, 'offers', offers.index(call.deps, call.ctx, query), query, views.offer)


@route('GET', '/v1/offers/{ident}', answer=schema.OFFER)
def show(call: Call) -> Reply:
    """Show an offer."""
    return Reply(views.offer(offers.show(call.deps, call.ctx, call.ident), call))


@route(
    'POST',
    '/v1/offers',
    body=schema.CREATE,
    answer=schema.OFFER,
    argument='new_offer',
    status=HTTPStatus.CREATED,
)
def create(call: Call) -> Reply:
    """Make an offer."""
    body = call.body
    made = offers.create(
        call.deps,
        call.ctx,
        offers.NewOffer(
            node=body['resource_uuid'],
            resource_type=body.get('resource_type'),
            lessee=body.get('lessee_id'),
            terms=terms(body),
            **shared(body),
        ),
    )
    return Reply(views.offer(made, call), f'/v1/offers/{made.offer.uuid}')


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
    made = offers.claim(
        call.deps,
        call.ctx,
        call.ident,
        offers.Claim(
            purpose=body.get('purpose'),
            **shared(body),
        ),
    )
    return Reply(views.lease(made, call), f'/v1/leases/{made.lease.uuid}')


@route('DELETE', '/v1/offers/{ident}', answer=common.NOTHING)
def delete(call: Call) -> Reply:
    """Withdraw an offer."""
    offers.withdraw(call.deps, call.ctx, call.ident)
    return gone()
