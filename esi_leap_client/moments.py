"""Times as people write them: ISO 8601, `now`, and offsets such as `+1d12h`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ACCEPTED = 'ISO 8601 such as 2030-01-31T12:00 (UTC unless it names an offset), now, or +1d12h'

_OFFSET = re.compile(
    r'\+(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?',
    re.ASCII,
)


@dataclass(frozen=True)
class Moment:
    """A time that was read but not yet placed: an instant, or a distance from one.

    Attributes:
        instant: Aware UTC; None for a distance.
        offset: The distance; zero when it is `now` that was written; None for an instant.
        counted: Whether a distance counts from another time if there is one; `now` never does.
    """

    instant: datetime | None = None
    offset: timedelta | None = None
    counted: bool = False

    @property
    def is_now(self) -> bool:
        """Whether the word `now` was written."""
        return self.instant is None and not self.counted

    def at(self, now: datetime, base: datetime | None = None) -> datetime:
        """Place it in time.

        Args:
            now: The present, aware UTC.
            base: What a distance counts from, aware UTC; the present if None.

        Returns:
            Aware UTC.

        Raises:
            ValueError: The result lies beyond the year 9999.
        """
        if self.instant is not None:
            return self.instant
        if not self.counted:
            return now
        start = base or now
        try:
            return start + (self.offset or timedelta())
        except OverflowError:
            raise ValueError(f'{self.offset} after {wire(start)} lies beyond 9999') from None


def parse(text: str) -> Moment:
    """Read a time.

    Args:
        text: ISO 8601, `now`, or an offset of weeks, days, hours, minutes and seconds in
            that order. A time without an offset from UTC is UTC.

    Returns:
        What was written.

    Raises:
        ValueError: It is none of these, or beyond what a calendar holds.
    """
    word = text.strip()
    if word == 'now':
        return Moment(offset=timedelta())
    try:
        if found := _OFFSET.fullmatch(word):
            weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
            distance = timedelta(
                weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
            )
            return Moment(offset=distance, counted=True)
        read = datetime.fromisoformat(word)
        return Moment(instant=read.replace(tzinfo=UTC) if read.tzinfo is None else _utc(read))
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is not a time; write {ACCEPTED}") from None


def duration(text: str) -> timedelta:
    """Read a length of time.

    Args:
        text: Weeks, days, hours, minutes and seconds in that order, such as `1d12h` or `30m`.

    Returns:
        What was written.

    Raises:
        ValueError: It is none.
    """
    try:
        distance = parse(f'+{text.strip()}').offset
    except ValueError:
        distance = None
    if distance is None:
        raise ValueError(f"'{text}' is not a length of time; write for example 30m or 1d12h")
    return distance


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def wire(moment: datetime) -> str:
    """Write a time as the service takes and gives it.

    Args:
        moment: An aware time.

    Returns:
        `YYYY-MM-DDTHH:MM:SS[.ffffff]`, UTC, without an offset.

    Raises:
        ValueError: The time does not say which offset from UTC it has.
    """
    if moment.tzinfo is None:
        raise ValueError(f'{moment!r} has no time zone; give it one, for example datetime.UTC')
    return _utc(moment).replace(tzinfo=None).isoformat()


def present() -> datetime:
    """Read the clock.

    Returns:
        The present, aware UTC, with microseconds.
    """
    return datetime.now(UTC)
