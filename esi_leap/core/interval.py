"""Half-open intervals of time and their algebra.

The SQL twin of `Interval.overlaps` is `esi_leap.db.rows.overlapping`; a property test holds the two
equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from esi_leap.core.errors import InvalidWindowError
from esi_leap.core.instant import render


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The instants from `start`, included, to `end`, excluded. One that exists is not empty.

    Raises:
        InvalidWindowError: `start` is not before `end`.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise TypeError('an interval is made of aware datetimes')
        if self.start >= self.end:
            raise InvalidWindowError(
                'Attempted to use an invalid Start Time and End Time. The start must be before '
                f'the end; given: start_time {render(self.start)}, end_time {render(self.end)} '
                '(UTC).',
                start_time=render(self.start),
                end_time=render(self.end),
            )

    def overlaps(self, other: Interval) -> bool:
        """Tell whether the two share an instant; touching ends share none."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Interval) -> bool:
        """Tell whether every instant of `other` is in this interval."""
        return self.start <= other.start and other.end <= self.end

    def holds(self, moment: datetime) -> bool:
        """Tell whether the instant lies in the interval."""
        return self.start <= moment < self.end

    def clipped(self, frame: Interval) -> Interval | None:
        """Return the part inside `frame`, or None if there is none."""
        if not self.overlaps(frame):
            return None
        return Interval(max(self.start, frame.start), min(self.end, frame.end))


def gaps(frame: Interval, busy: Iterable[Interval]) -> Iterator[Interval]:
    """Yield, in order, the maximal parts of `frame` that no busy interval touches."""
    free_from = frame.start
    for taken in sorted(part for each in busy if (part := each.clipped(frame))):
        if taken.start > free_from:
            yield Interval(free_from, taken.start)
        free_from = max(free_from, taken.end)
    if free_from < frame.end:
        yield Interval(free_from, frame.end)
