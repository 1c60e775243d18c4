"""Rows of a database of the existing service (esi-leap 1.0), read as values of `esi_leap.core`.

What its tables allowed and ours do not is put right here, and each such oddity is named, so that
it can be counted before and after. Columns that an older schema of it lacks read as empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.instant import EARLIEST, FOREVER
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.core.storable import flaws
from esi_leap.core.tree import Booking

#: Its tables, referenced ones first. Each has a column that none of ours has.
TABLES = ('offers', 'leases', 'events', 'console_auth_tokens')
_MARK = 'updated_at'

#: Resource types that this service has as well.
TYPES = frozenset({'ironic_node', 'dummy_node'})

#: Rows that are read at a time.
_BATCH = 1000

#: Length of the short texts of our events; those of a migrated database may be longer.
_SHORT = 36


class Oddity(StrEnum):
    """Irregularities of a row, each with its remedy."""

    STATUS = 'unknown status: in error, with the status in the reason; "cancelled" is deleted'
    NO_START = 'no start: begins when it was made'
    NO_END = 'no end: has none'
    WINDOW = 'ends before it starts: lasts one microsecond'
    PROPERTIES = 'properties are no JSON object: empty'
    OUTSIDE = 'not inside its offer or parent lease: stands beside it'
    OVERLAP = 'holds a time that another one holds: kept and marked; who has the node, keeps it'
    TYPE = 'resource type that this service does not have: ends without anything being done'
    TEXT = 'text too long: cut'


@dataclass(frozen=True, slots=True)
class Found:
    """An offer or a lease as it was found.

    Attributes:
        key: type and uuid of its node.
        created_at: when it was made.
        overlaps: uuid of a holder that it stands beside.
    """

    value: Booking
    key: tuple[str, str]
    created_at: datetime
    parents: Sequence[str | None]
    oddities: frozenset[Oddity]
    overlaps: str | None = None


def tables(connection: sa.Connection, prefix: str = '') -> dict[str, sa.Table]:
    """Return the tables of the existing service that are there under `prefix`, as they are."""
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    found = {}
    for name in TABLES:
        if prefix + name not in there:
            continue
        columns = {each['name'] for each in inspector.get_columns(prefix + name)}
        if _MARK in columns:
            found[name] = sa.Table(
                prefix + name, sa.MetaData(), autoload_with=connection, resolve_fks=False
            )
    return found


def batches(
    connection: sa.Connection, table: sa.Table | None, *where: sa.ColumnElement[bool]
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Read a table, if there is one, in order and by pages, so that its size does not matter."""
    last = None
    while table is not None:
        query = sa.select(table).where(*where).order_by(table.c.id).limit(_BATCH)
        if last is not None:
            query = query.where(table.c.id > last)
        page: Sequence[Any] = connection.execute(query).mappings().all()
        if not page:
            return
        yield page
        last = page[-1]['id']


def blocking(connection: sa.Connection, found: Mapping[str, sa.Table]) -> list[Found]:
    """Read the offers and leases that hold their windows, each in its place in the tree."""
    read: list[Found] = []
    for name, of in (('offers', offer), ('leases', lease)):
        if name in found:
            live = found[name].c.status.not_in([*map(str, leases.FINAL)])
            for page in batches(connection, found[name], live):
                read.extend(each for each in map(of, page) if each.value.blocks)
    return _placed(read)


def offer(row: Mapping[str, Any]) -> Found:
    """Read a row of `offers`."""
    shared, odd, created_at = _shared(row, offers.Status)
    value = Offer(owner_id=row['project_id'], lessee_id=row.get('lessee_id'), **shared)
    return Found(value, _key(row), created_at, [value.parent_lease], odd)


def lease(row: Mapping[str, Any]) -> Found:
    """Read a row of `leases`."""
    shared, odd, created_at = _shared(row, leases.Status)
    value = Lease(
        owner_id=row['owner_id'],
        lessee_id=row['project_id'],
        contract='',
        offer=row.get('offer_uuid'),
        purpose=row.get('purpose'),
        fulfill_time=_instant(row.get('fulfill_time')),
        expire_time=_instant(row.get('expire_time')),
        **shared,
    )
    return Found(value, _key(row), created_at, [value.offer, value.parent_lease], odd)


def event(row: Mapping[str, Any]) -> dict[str, object]:
    """Read a row of `events` as the columns of ours; its id stays its public id."""
    texts = ('event_type', 'object_type', 'object_uuid', 'resource_type', 'resource_uuid')
    return {
        **{name: (row[name] or '')[:_SHORT] for name in texts},
        'event_time': _instant(row['event_time']),
        'lessee_id': row['lessee_id'],
        'owner_id': row['owner_id'],
        'position': row['id'],
    }


def event_oddities(row: Mapping[str, Any]) -> frozenset[Oddity]:
    """Return the irregularities of a row of `events`."""
    long = any(len(row[name] or '') > _SHORT for name in ('event_type', 'object_type'))
    return frozenset({Oddity.TEXT} if long else ())


def _shared(
    row: Mapping[str, Any], statuses: type[offers.Status | leases.Status]
) -> tuple[dict[str, Any], frozenset[Oddity], datetime]:
    created_at = _instant(row.get('created_at')) or _instant(row['start_time']) or EARLIEST
    status, reason, odd = _status(row['status'], statuses)
    window, why, odd_window = _window(row['start_time'], row['end_time'], created_at)
    said = reason or why
    properties, odd_properties = _properties(row.get('properties'))
    odd_type = set() if row['resource_type'] in TYPES else {Oddity.TYPE}
    values = {
        'uuid': row['uuid'],
        'name': row['name'],
        'node_id': 0,
        'window': window,
        'status': status,
        'reason': None if said is None else Reason(Cause.TAKEN_OVER, said),
        'properties': properties,
        'parent_lease': row.get('parent_lease_uuid'),
    }
    return values, frozenset(odd | odd_window | odd_properties | odd_type), created_at


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row['resource_type'], row['resource_uuid']


def _status(
    text: str, statuses: type[offers.Status | leases.Status]
) -> tuple[offers.Status | leases.Status, str | None, set[Oddity]]:
    try:
        return statuses(text), None, set()
    except ValueError:
        status = statuses.DELETED if text == 'cancelled' else statuses.ERROR
        reason = f"The existing service had it in the unknown status '{text}'."
        return status, reason, {Oddity.STATUS}


def _window(
    first: datetime | None, last: datetime | None, created_at: datetime
) -> tuple[Interval, str | None, set[Oddity]]:
    odd = set()
    start, end = _instant(first), _instant(last)
    if start is None:
        start = created_at
        odd.add(Oddity.NO_START)
    if end is None:
        end = FOREVER
        odd.add(Oddity.NO_END)
    if start < end:
        return Interval(start, end), None, odd
    moment = timedelta(microseconds=1)
    window = Interval(start, start + moment) if start < FOREVER else Interval(start - moment, start)
    reason = f'The existing service had it end at {last}, and not after its start at {first}.'
    return window, reason, odd | {Oddity.WINDOW}


def _instant(value: datetime | None) -> datetime | None:
    """Read a naive UTC time; the last day that there is means for ever, whatever its fraction."""
    if value is None:
        return None
    moment = value.replace(tzinfo=UTC)
    return FOREVER if moment.date() == FOREVER.date() else moment


def _properties(text: str | None) -> tuple[dict[str, object], set[Oddity]]:
    """Read JSON from unchecked text."""
    if not text:
        return {}, set()
    try:
        value = json.loads(text) or {}
    except (ValueError, RecursionError):
        return {}, {Oddity.PROPERTIES}
    if isinstance(value, dict) and not any(flaws(value)):
        return value, set()
    return {}, {Oddity.PROPERTIES}


#: Which of two that overlap is the one that stands: the further on, the rather.
_RANK = {
    status: rank
    for rank, status in enumerate(
        (
            leases.Status.ACTIVE,
            leases.Status.WAIT_EXPIRE,
            leases.Status.WAIT_CANCEL,
            leases.Status.CREATED,
            offers.Status.AVAILABLE,
            leases.Status.WAIT_FULFILL,
            leases.Status.ERROR,  # and an offer's
        )
    )
}


def _placed(found: Iterable[Found]) -> list[Found]:
    """Put each booking under its parent, and mark overlaps of siblings."""
    by_node: dict[tuple[str, str], dict[str, Found]] = {}
    for each in found:
        by_node.setdefault(each.key, {})[each.value.uuid] = each
    placed = []
    for there in by_node.values():
        standing: dict[str | None, list[Booking]] = {}
        inside = _untied([_inside(each, there) for each in there.values()])
        for each in sorted(inside, key=lambda each: (_RANK[each.value.status], each.value.window)):
            siblings = standing.setdefault(each.value.parent, [])
            beside = (one.uuid for one in siblings if one.window.overlaps(each.value.window))
            overlaps = next(beside, None)
            if overlaps is None:
                siblings.append(each.value)
                placed.append(each)
            else:
                odd = each.oddities | {Oddity.OVERLAP}
                placed.append(replace(each, overlaps=overlaps, oddities=odd))
    return placed


def _inside(each: Found, there: Mapping[str, Found]) -> Found:
    """Find the booking that it lies in: the offer or lease it was made from, or an own offer."""
    window = each.value.window
    named = [there[uuid].value for uuid in each.parents if uuid is not None and uuid in there]
    inside = next((one for one in named if one.window.contains(window)), None)
    if named and inside is None:
        return replace(each, oddities=each.oddities | {Oddity.OUTSIDE})
    if inside is None and isinstance(each.value, Lease) and each.parents == [None, None]:
        own = (one.value for one in there.values() if one.value.owner_id == each.value.owner_id)
        inside = next((one for one in own if _open(one) and one.window.contains(window)), None)
    if inside is None:
        return each
    return replace(each, value=replace(each.value, parent=inside.uuid))


def _untied(found: Sequence[Found]) -> list[Found]:
    """Cut cycles of parents: a tree has none."""
    parents = {each.value.uuid: each.value.parent for each in found}
    lenders = {each.value.uuid: each.value.parent_lease for each in found}
    free = []
    for each in found:
        cut: dict[str, Any] = {}
        if _circles(each.value.uuid, parents):
            cut['parent'] = None
        if _circles(each.value.uuid, lenders):
            cut['parent_lease'] = None
        odd = each.oddities | ({Oddity.OUTSIDE} if cut else set())
        free.append(replace(each, value=replace(each.value, **cut), oddities=odd))
    return free


def _circles(uuid: str, above: Mapping[str, str | None]) -> bool:
    """Tell whether the way up comes back to where it has been."""
    seen = set()
    step: str | None = uuid
    while step is not None and step not in seen:
        seen.add(step)
        step = above.get(step)
    return step is not None


def _open(booking: Booking) -> bool:
    """Tell whether it is an offer to all of the node's booking tree."""
    return (
        isinstance(booking, Offer)
        and booking.status is offers.Status.AVAILABLE
        and booking.parent_lease is None
    )
