"""`/v1/events`."""

from __future__ import annotations

from esi_leap.actions import events
from esi_leap.api.body import read_time
from esi_leap.api.expose import Call, Reply, route
from esi_leap.api.query import make_page, read_filters, read_limit
from esi_leap.api.schemas import event as schema
from esi_leap.api.views.event import render_event
from esi_leap.core.query import EventQuery


@route('GET', '/v1/events', query=schema.QUERY, answer=schema.EVENTS)
def index(call: Call) -> Reply:
    """List events, in the order of their ids."""
    given = call.query
    after = [int(given[name]) for name in ('last_event_id', 'marker') if name in given]
    equal = {column: str(value) for column, value in read_filters(call, schema.QUERY).items()}
    query = EventQuery(
        node=equal.pop('node', None),
        equal=equal,
        after=max(after, default=None),
        since=read_time(given, 'last_event_time'),
        limit=read_limit(call),
    )
    found = events.index(call.deps, call.ctx, query, given.get('lessee_or_owner_id'))
    return make_page(call, 'events', found, query, render_event, marker='id')
