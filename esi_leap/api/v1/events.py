"""`/v1/events`."""

from __future__ import annotations

from esi_leap.actions import events
from esi_leap.api import lists, views
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.schemas import event as schema
from esi_leap.api.v1.values import moment
from esi_leap.core.query import EventQuery

#: Parameters that filter by equality.
_EQUAL = ('event_type', 'resource_type')


@route('GET', '/v1/events', query=schema.QUERY, answer=schema.EVENTS)
def index(call: Call) -> Reply:
    """List events, in the order of their ids."""
    given = call.query
    after = [int(given[name]) for name in ('last_event_id', 'marker') if name in given]
    query = EventQuery(
        equal={name: given[name] for name in _EQUAL if name in given},
        node=given.get('resource_uuid'),
        after=max(after, default=None),
        since=moment(given, 'last_event_time'),
        limit=lists.limit(call),
    )
    found = events.index(call.deps, call.ctx, query, given.get('lessee_or_owner_id'))
    return lists.reply(call, 'events', found, query, views.event, marker='id')
