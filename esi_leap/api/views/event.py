"""Events as JSON objects."""

from __future__ import annotations

from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_time
from esi_leap.core.views import EventView


def render_event(view: EventView, call: Call) -> dict[str, object]:
    """Return the JSON object of an event."""
    return {
        'id': view.id,
        'event_type': view.type,
        'event_time': render_time(view.time, call),
        'object_type': view.object_type,
        'object_uuid': view.object_uuid,
        'resource_type': view.resource_type,
        'resource_uuid': view.resource_uuid,
        'lessee_id': view.lessee_id,
        'owner_id': view.owner_id,
    }
