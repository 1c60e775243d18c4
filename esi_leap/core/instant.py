"""Instants: text to aware UTC and back. Nothing else in the service parses or prints a time."""

from __future__ import annotations

from datetime import UTC, datetime

from esi_leap.core.errors import InvalidTimeError

#: The end of what has no end. Clients match its text, `9999-12-31T23:59:59.999999`.
FOREVER = datetime.max.replace(tzinfo=UTC)

#: No window of a machine starts before computers kept this time.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: str, field: str) -> datetime:
    """Read an ISO 8601 date or date and time.

    Args:
        text: for example `2032-01-01T09:30:00+02:00`. An offset is converted; none means UTC.
        field: the name of the field or parameter, for the message.

    Returns:
        The instant as an aware datetime in UTC.

    Raises:
        InvalidTimeError: the text is no such time, or lies outside 1970 to 9999.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidTimeError(
            f"Invalid input for field/attribute {field}. Value: '{text[:64]}'. It is no ISO 8601 "
            'time; write for example 2032-01-31T09:30:00 (UTC) or 2032-01-31T09:30:00+02:00.',
            field=field,
        ) from None
    if moment < EARLIEST:
        raise InvalidTimeError(
            f"Invalid input for field/attribute {field}. Value: '{text[:64]}'. "
            'Times before 1970 are not accepted.',
            field=field,
        )
    return moment


def render(moment: datetime, suffix: str = '') -> str:
    """Print an instant in UTC, with a fraction only if there is one.

    Args:
        moment: an aware datetime.
        suffix: what follows the digits: nothing in API version 1.0, `Z` from 1.1 on.
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + suffix
