"""Holds the events of each transaction against what it changed, by tables of its own.

What has to be told is said here a second time, and from what is in the database: so a change that
goes past `Book.put`, an event too many and one too few are all seen, where they happen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from esi_leap.core.contract import status_of
from esi_leap.core.lease import Status
from esi_leap.db.engine import Database
from esi_leap.db.tables import bookings, contracts, events, nodes

Rows = Mapping[str, Mapping[str, Any]]
Told = Counter[tuple[str, str]]

_WAITS = {'created', 'wait fulfill'}
_ENDS = {'wait expire', 'wait cancel'}
_OVER = {'expired', 'deleted'}

#: What is told when a status turns: those before, those after, and the event.
_LEASE = (
    ({None}, {'created'}, 'create.end'),
    (_WAITS, {'wait fulfill', 'error'}, 'fulfill.error'),
    (_WAITS, {'active'}, 'fulfill.end'),
    (_WAITS | {'active', 'error'}, _ENDS, 'delete.start'),
    ({'active'}, {'error'}, 'delete.error'),
    (_WAITS | _ENDS | {'active', 'error'}, _OVER, 'delete.end'),
)
_OFFER = (
    ({None}, {'available'}, 'create.end'),
    ({'available'}, {'error'}, 'expire.error'),
    ({'error'}, {'available'}, 'update.end'),
    ({'available', 'error'}, {'expired'}, 'expire.end'),
    ({'available', 'error'}, {'deleted'}, 'delete.end'),
)
_CONTRACT = (
    ({None}, {'created'}, 'create.end'),
    ({'created'}, {'active'}, 'fulfill.end'),
    ({'created', 'active'}, {'error'}, 'fulfill.error'),
    ({'created', 'active', 'error'}, {'wait cancel'}, 'delete.start'),
    ({'created', 'active', 'error', 'wait cancel'}, _OVER, 'delete.end'),
)
_TURNS = {'lease': _LEASE, 'offer': _OFFER, 'contract': _CONTRACT}

#: What people agree on: an update if it changes.
_PARTIES = ('name', 'owner_id', 'lessee_id', 'start_time', 'end_time')
_TERMS = (*_PARTIES, 'properties', 'purpose')


@dataclass(frozen=True)
class Picture:
    """Bookings and contracts by uuid, nodes by key, and the key of the last event."""

    bookings: Rows
    contracts: Rows
    nodes: Mapping[int, Mapping[str, Any]]
    last: int


class Audit:
    """The audit of one database, whose rows only one thread changes.

    Attributes:
        wrong: a sentence for each transaction whose events are not those of its changes.
        seen: the types of all events.
    """

    def __init__(self, database: Database) -> None:
        self.wrong: list[str] = []
        self.seen: set[str] = set()
        self._before = Picture({}, {}, {}, 0)
        with database.reader() as connection:
            self._before = _picture(connection, 0)

    def check(self, connection: sa.Connection) -> None:
        """Look at a transaction that is about to be committed."""
        before, after = self._before, _picture(connection, self._before.last)
        told = _told(connection, before.last)
        due = _due(before, after) + _overridden(told, before, after)
        if told != due:
            self.wrong.append(
                f'not told: {sorted((due - told).elements())}; '
                f'told, and nothing has changed: {sorted((told - due).elements())}'
            )
        self.seen |= {kind for kind, _ in told}
        self._before = after


@contextmanager
def audited(database: Database) -> Iterator[Audit]:
    """Audit every transaction of a database."""
    audit = Audit(database)
    sa.event.listen(database.engine, 'commit', audit.check)
    try:
        yield audit
    finally:
        sa.event.remove(database.engine, 'commit', audit.check)


def _picture(connection: sa.Connection, last: int) -> Picture:
    found = {each['uuid']: each for each in _all(connection, sa.select(bookings))}
    lines: dict[str, list[Status]] = {}
    for each in found.values():
        if each['kind'] == 'lease':
            lines.setdefault(each['contract_uuid'], []).append(Status(each['status']))
    agreed = {
        each['uuid']: {**each, 'kind': 'contract', 'status': str(status_of(lines[each['uuid']]))}
        for each in _all(connection, sa.select(contracts))
    }
    newest = connection.execute(sa.select(sa.func.max(events.c.id))).scalar()
    places = {each['id']: each for each in _all(connection, sa.select(nodes))}
    return Picture(found, agreed, places, newest or last)


def _all(connection: sa.Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _told(connection: sa.Connection, after: int) -> Told:
    query = sa.select(events.c.event_type, events.c.object_uuid).where(events.c.id > after)
    return Counter((row.event_type, row.object_uuid) for row in connection.execute(query))


def _due(before: Picture, after: Picture) -> Told:
    names = [
        *_of_rows(before.bookings, after.bookings, _TERMS),
        *_of_rows(before.contracts, after.contracts, _PARTIES),
        *_of_nodes(before, after),
        *_of_gates(before, after),
    ]
    return Counter((f'esi_leap.{name}', uuid) for name, uuid in names)


def _overridden(told: Told, before: Picture, after: Picture) -> Told:
    """Say of which of these events it may be true: who did it is in no row."""
    found = Counter(each for each in told if each[0] == 'esi_leap.lease.override')
    for kind, uuid in list(found):
        old, new = before.bookings[uuid], after.bookings[uuid]
        bound = old['firm'] or old['recall_notice'] is not None
        ended = new['status'] in _OVER | {'wait cancel'} or new['end_time'] < old['end_time']
        if not (bound and ended and old['status'] not in _ENDS | _OVER):
            del found[kind, uuid]
    return found


def _of_rows(before: Rows, after: Rows, terms: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for uuid, new in after.items():
        old, kind = before.get(uuid, {}), new['kind']
        turn = _turn(kind, old.get('status'), new['status'])
        if turn:
            yield f'{kind}.{turn}', uuid
        changed = bool(old) and any(old[term] != new[term] for term in terms)
        if changed and not (turn and kind == 'contract'):  # whose events show all of it
            yield f'{kind}.update.end', uuid
        if kind == 'lease' and old and old['recall_uuid'] != new['recall_uuid']:
            yield f'lease.recall.{"start" if new["recall_uuid"] else "cancel"}', uuid
        if kind == 'lease' and _fails(new) and not (old and _fails(old)):
            yield 'lease.delete.error', uuid


def _turn(kind: str, before: str | None, after: str) -> str | None:
    if before == after:
        return None
    found = [name for olds, news, name in _TURNS[kind] if before in olds and after in news]
    return found[0] if found else f'(a turn that nobody knows, {before} to {after})'


def _fails(lease: Mapping[str, Any]) -> bool:
    """Tell whether the node was to be taken from the lessee, and could not."""
    return lease['status'] in _ENDS and lease['attempts'] > 0


def _of_nodes(before: Picture, after: Picture) -> Iterator[tuple[str, str]]:
    """Tell what the rows of nodes show: a hand-over that begins, and a drift that is found."""
    for key, node in after.nodes.items():
        uuid, old = node['lease_uuid'], before.nodes.get(key)
        if old is None or uuid not in after.bookings:
            continue
        begins = node['state'] == 'preparing' and old['lease_uuid'] != uuid
        if begins and after.bookings[uuid]['status'] in _WAITS:
            yield 'lease.fulfill.start', uuid
        noted, known = after.bookings[uuid], before.bookings.get(uuid)
        found = node['cause'] is not None and _why(noted) == _why(node)
        with_it = node['state'] == old['state'] == 'handed over' and noted['status'] == 'active'
        if with_it and found and known and _why(known) != _why(noted):
            yield 'lease.drift', uuid


def _of_gates(before: Picture, after: Picture) -> Iterator[tuple[str, str]]:
    """Tell how nodes stand at the gate, and which were found with a project without a lease."""
    for key, node in after.nodes.items():
        if key not in before.nodes:
            continue
        old, uuid = before.nodes[key], node['resource_uuid']
        was, state = old['state'], node['state']
        if was == state == 'available' and node['cause'] not in {None, old['cause']}:
            yield 'node.drift', uuid
        if was == state == 'gating' and _answer(node) == 'pass' != _answer(old):
            yield 'node.gate.end', uuid
        if was != state == 'gating':
            yield 'node.gate.start', uuid
        if was != state == 'rejected':
            yield 'node.gate.error', uuid
        if was == 'rejected' != state:
            yield 'node.reset.end', uuid


def _why(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return row['cause'], row['cause_detail']


def _answer(node: Mapping[str, Any]) -> str | None:
    return node['gate'] and node['gate']['answer']
