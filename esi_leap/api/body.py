"""Values that the bodies of several calls have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from esi_leap.core import instant
from esi_leap.core.errors import InvalidError
from esi_leap.core.terms import Terms


def read_time(values: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time; None if it is absent or null."""
    text = values.get(name)
    return None if text is None else instant.parse(text, name)


def read_seconds(body: Mapping[str, Any], name: str) -> timedelta | None:
    """Return a number of seconds as a duration; None if it is absent or null."""
    seconds = body.get(name)
    return None if seconds is None else timedelta(seconds=int(seconds))


def read_terms(body: Mapping[str, Any]) -> Terms:
    """Return the lease terms.

    Raises:
        InvalidError: the lease is firm and has a recall notice.
    """
    notice, firm = read_seconds(body, 'recall_notice'), body.get('firm', False)
    if firm and notice is not None:
        raise InvalidError(
            'A firm lease is never recalled: give recall_notice or firm, and not both.',
            field='recall_notice',
        )
    return Terms(notice, firm)


def read_booking(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, start, end and properties, which an offer, a claim and a lease all have."""
    return {
        'name': body.get('name'),
        'start': read_time(body, 'start_time'),
        'end': read_time(body, 'end_time'),
        'properties': body.get('properties') or {},
    }
