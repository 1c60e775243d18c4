"""Times as people write them: ISO 8601, `now`, and offsets such as `+1d12h`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: The forms of a time, for help texts and messages.
ACCEPTED = 'ISO 8601, "now" or an offset such as +2h'

_OFFSET = re.compile(
    r'\+(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?',
    re.ASCII,
)


@dataclass(frozen=True)
class Moment:
    """A time as the user wrote it: an instant, or an offset from another time.

    Attributes:
        instant: Aware UTC; None for an offset.
        offset: The offset; zero for `now`; None for an instant.
        counted: Whether the offset counts from the base that `at` is given; that of `now` does not.
    """

    instant: datetime | None = None
    offset: timedelta | None = None
    counted: bool = False

    @property
    def is_now(self) -> bool:
        """Whether the user wrote `now`."""
        return self.instant is None and not self.counted

    def at(self, now: datetime, base: datetime | None = None) -> datetime:
        """Return the time as an instant.

        Args:
            now: The present, aware UTC.
            base: The time from which an offset counts, aware UTC; None is the present.

        Returns:
            The instant, aware UTC.

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
        The time.

    Raises:
        ValueError: It has none of these forms, or is outside the years 1 to 9999.
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
    """Read a duration.

    Args:
        text: Weeks, days, hours, minutes and seconds in that order, such as `1d12h` or `30m`.

    Returns:
        The duration.

    Raises:
        ValueError: It has not this form.
    """
    try:
        distance = parse(f'+{text.strip()}').offset
    except ValueError:
        distance = None
    if distance is None:
        raise ValueError(f"'{text}' is not a duration; write for example 30m or 1d12h")
    return distance


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def wire(moment: datetime) -> str:
    """Return a time in the text form of the service.

    Args:
        moment: An aware time.

    Returns:
        `YYYY-MM-DDTHH:MM:SS[.ffffff]`, UTC, without an offset.

    Raises:
        ValueError: The time has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f'{moment!r} has no time zone; give it one, for example datetime.UTC')
    return _utc(moment).replace(tzinfo=None).isoformat()


def present() -> datetime:
    """Return the present time.

    Returns:
        The present, aware UTC, with microseconds.
    """
    return datetime.now(UTC)
