"""Offers as JSON objects."""

from __future__ import annotations

from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_reason, render_resource, render_terms, render_time
from esi_leap.core.node import State
from esi_leap.core.views import OfferView


def render_offer(view: OfferView, call: Call) -> dict[str, object]:
    """Return the JSON object of an offer."""
    offer, node = view.offer, view.node
    return {
        'uuid': offer.uuid,
        'name': offer.name,
        'project_id': offer.owner_id,
        'project': view.names.get(offer.owner_id, ''),
        'lessee_id': offer.lessee_id,
        'lessee': view.names.get(offer.lessee_id or '', ''),
        **render_resource(node),
        'start_time': render_time(offer.window.start, call),
        'end_time': render_time(offer.window.end, call),
        'status': offer.status,
        'status_reason': render_reason(
            node.reason if node.state is State.REJECTED else offer.reason
        ),
        'properties': offer.properties,
        'availabilities': [
            [render_time(gap.start, call), render_time(gap.end, call)] for gap in view.free
        ],
        'parent_lease_uuid': offer.parent_lease,
        **render_terms(offer.terms),
    }
