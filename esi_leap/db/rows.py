"""Reading rows into values of `esi_leap.core`, writing them, and the clauses that lists share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from esi_leap.core import instant
from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.contract import Contract
from esi_leap.core.event import Event, Subject
from esi_leap.core.gate import Answer, Direction, Trial
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Offer
from esi_leap.core.terms import Notice, Terms
from esi_leap.core.tree import Booking
from esi_leap.db.tables import BLOCKING, bookings, nodes
from esi_leap.db.types import AnyRow

#: The instants of a trial, which is kept as JSON.
_MOMENTS = ('begun_at', 'answered_at', 'waiting_since')

#: The columns that `node` and `booking` read. A list pays for each column of each row.
NODE = tuple(
    nodes.c[name]
    for name in (
        'id',
        'resource_type',
        'resource_uuid',
        'name',
        'owner_id',
        'resource_class',
        'properties',
        'state',
        'lease_uuid',
        'cause',
        'cause_detail',
        'remembered',
        'retry_at',
        'attempts',
        'claim',
        'claimed_until',
        'gate',
        'maintenance_reason',
    )
)
BOOKING = tuple(each for each in bookings.c if each.name not in {'id', 'due_at', 'created_at'})


def overlapping(window: Interval) -> sa.ColumnElement[bool]:
    """Return the clause for rows whose window overlaps: the twin of `Interval.overlaps`."""
    return sa.and_(bookings.c.start_time < window.end, bookings.c.end_time > window.start)


def spanning(window: Interval) -> sa.ColumnElement[bool]:
    """Return the clause for rows whose window contains another: the twin of `Interval.contains`."""
    return sa.and_(bookings.c.start_time <= window.start, bookings.c.end_time >= window.end)


def blocking(table: sa.FromClause = bookings) -> sa.ColumnElement[bool]:
    """Return the clause for rows that block their window."""
    return table.c.status.in_(BLOCKING)


def node(row: AnyRow) -> Node:
    """Read a node from a row of `nodes`, possibly joined."""
    cell = row._mapping  # noqa: SLF001 - the documented way to read by column
    column = nodes.c
    return Node(
        id=cell[column.id],
        resource_type=cell[column.resource_type],
        resource_uuid=cell[column.resource_uuid],
        name=cell[column.name],
        owner_id=cell[column.owner_id],
        resource_class=cell[column.resource_class],
        properties=cell[column.properties],
        state=State(cell[column.state]),
        lease=cell[column.lease_uuid],
        reason=reason(cell[column.cause], cell[column.cause_detail]),
        remembered=_stack(cell[column.remembered]),
        retry_at=cell[column.retry_at],
        attempts=cell[column.attempts],
        claim=cell[column.claim],
        claimed_until=cell[column.claimed_until],
        trial=_trial(cell[column.gate]),
        maintenance_reason=cell[column.maintenance_reason],
    )


def reason(cause: str | None, detail: str | None) -> Reason | None:
    """Read a reason; a row that an earlier release wrote may have a detail and no cause."""
    if cause is None and not detail:
        return None
    return Reason(None if cause is None else Cause(cause), detail or '')


def _reason_values(value: Reason | None) -> dict[str, object]:
    if value is None:
        return {'cause': None, 'cause_detail': None}
    return {
        'cause': None if value.cause is None else str(value.cause),
        'cause_detail': value.detail or None,
    }


def _stack(stored: object) -> tuple[Mapping[str, object], ...]:
    """Read the remembered fields; the first release kept one mapping, empty for none."""
    if isinstance(stored, Mapping):
        return (stored,) if stored else ()
    return tuple(stored) if isinstance(stored, list) else ()


def _trial(stored: object) -> Trial | None:
    """Read how a node stands at the gate."""
    if not isinstance(stored, Mapping):
        return None
    answer = stored['answer']
    return Trial(
        direction=Direction(stored['direction']),
        answer=None if answer is None else Answer(answer),
        reason=stored['reason'],
        evidence=stored['evidence'],
        phase=stored['phase'],
        **{name: _moment(stored[name]) for name in _MOMENTS},  # type: ignore[arg-type]
    )


def _trial_values(trial: Trial) -> dict[str, object]:
    moments = {name: getattr(trial, name) for name in _MOMENTS}
    return {
        'direction': str(trial.direction),
        'answer': None if trial.answer is None else str(trial.answer),
        'reason': trial.reason,
        'evidence': dict(trial.evidence),
        'phase': trial.phase,
        **{name: moment and instant.render(moment) for name, moment in moments.items()},
    }


def _moment(text: object) -> datetime | None:
    return None if text is None else instant.parse(str(text), 'gate')


def node_progress(value: Node) -> dict[str, object]:
    """Return the columns of a node that the manager writes."""
    return {
        'state': str(value.state),
        'lease_uuid': value.lease,
        **_reason_values(value.reason),
        'remembered': [dict(each) for each in value.remembered],
        'retry_at': value.retry_at,
        'attempts': value.attempts,
        'gate': None if value.trial is None else _trial_values(value.trial),
        'maintenance_reason': value.maintenance_reason,
    }


def booking(row: AnyRow) -> Booking:
    """Read an offer or a lease from a row of `bookings`, possibly joined."""
    cell = row._mapping  # noqa: SLF001 - the documented way to read by column
    column = bookings.c
    shared = {
        'uuid': cell[column.uuid],
        'name': cell[column.name],
        'node_id': cell[column.node_id],
        'parent': cell[column.parent_uuid],
        'parent_lease': cell[column.parent_lease_uuid],
        'owner_id': cell[column.owner_id],
        'lessee_id': cell[column.lessee_id],
        'window': Interval(cell[column.start_time], cell[column.end_time]),
        'reason': reason(cell[column.cause], cell[column.cause_detail]),
        'properties': cell[column.properties],
        'terms': _terms(cell[column.recall_notice], firm=cell[column.firm]),
        'recall': _recall(row),
    }
    if cell[column.kind] == 'offer':
        return Offer(status=offers.Status(cell[column.status]), **shared)
    return Lease(
        status=leases.Status(cell[column.status]),
        contract=cell[column.contract_uuid],
        overlaps=cell[column.overlaps_uuid],
        offer=cell[column.offer_uuid],
        purpose=cell[column.purpose],
        fulfill_time=cell[column.fulfill_time],
        expire_time=cell[column.expire_time],
        retry_at=cell[column.retry_at],
        attempts=cell[column.attempts],
        **shared,
    )


def _terms(notice: int | None, *, firm: bool | None) -> Terms:
    return Terms(None if notice is None else timedelta(seconds=notice), bool(firm))


def _terms_values(value: Terms) -> dict[str, object]:
    notice = value.recall_notice
    return {
        'recall_notice': None if notice is None else int(notice.total_seconds()),
        'firm': value.firm or None,
    }


def _recall(row: AnyRow) -> Notice | None:
    cell, column = row._mapping, bookings.c  # noqa: SLF001 - as above
    if cell[column.recall_uuid] is None:
        return None
    return Notice(cell[column.recall_uuid], cell[column.recall_due_at], cell[column.recalled_end])


def booking_values(value: Booking) -> dict[str, object]:
    """Return the columns of an offer or a lease."""
    columns: dict[str, object] = {
        'uuid': value.uuid,
        'kind': kind_of(value),
        'name': value.name,
        'node_id': value.node_id,
        'parent_uuid': value.parent,
        'parent_lease_uuid': value.parent_lease,
        'owner_id': value.owner_id,
        'lessee_id': value.lessee_id,
        'start_time': value.window.start,
        'end_time': value.window.end,
        'status': str(value.status),
        **_reason_values(value.reason),
        'properties': dict(value.properties),
        'due_at': value.due_at,
        'attempts': 0,
        'recall_uuid': value.recall and value.recall.recall,
        'recall_due_at': value.recall and value.recall.deadline,
        'recalled_end': value.recall and value.recall.end,
        **_terms_values(value.terms),
    }
    if isinstance(value, Lease):
        columns |= {
            'contract_uuid': value.contract,
            'overlaps_uuid': value.overlaps,
            'offer_uuid': value.offer,
            'purpose': value.purpose,
            'fulfill_time': value.fulfill_time,
            'expire_time': value.expire_time,
            'retry_at': value.retry_at,
            'attempts': value.attempts,
        }
    return columns


def contract(
    cell: sa.RowMapping, columns: ReadOnlyColumnCollection[str, sa.Column[Any]]
) -> Contract:
    """Read a contract from the columns of `contracts`."""
    return Contract(
        uuid=cell[columns.uuid],
        name=cell[columns.name],
        owner_id=cell[columns.owner_id],
        lessee_id=cell[columns.lessee_id],
        offer=cell[columns.offer_uuid],
        window=Interval(cell[columns.start_time], cell[columns.end_time]),
        terms=_terms(cell[columns.recall_notice], firm=cell[columns.firm]),
    )


def contract_values(value: Contract) -> dict[str, object]:
    """Return the columns of a contract."""
    return {
        'uuid': value.uuid,
        'name': value.name,
        'owner_id': value.owner_id,
        'lessee_id': value.lessee_id,
        'offer_uuid': value.offer,
        'start_time': value.window.start,
        'end_time': value.window.end,
        **_terms_values(value.terms),
    }


def event_values(event: Event, of: Node, now: datetime) -> dict[str, object]:
    """Return the columns of an event on the node."""
    return {
        'event_type': event.type,
        'event_time': now,
        'object_type': kind_of(event.subject),
        'object_uuid': event.subject.uuid,
        'resource_type': of.resource_type,
        'resource_uuid': of.resource_uuid,
        'lessee_id': None if isinstance(event.subject, Node) else event.subject.lessee_id,
        'owner_id': event.subject.owner_id,
    }


def kind_of(value: Subject) -> str:
    """Return the value of the columns `kind` and `object_type`."""
    return type(value).__name__.lower()
