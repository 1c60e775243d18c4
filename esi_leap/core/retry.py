"""How long to wait before something that did not work is tried again: every back-off there is.

===========  ============================================================  ======================
pace         after                                                         delays in seconds
===========  ============================================================  ======================
UNAVAILABLE  a service that does not answer                                0.5, 1, 2, 2, …
MOVING       a node on which Ironic, or the gate, is at work               0.5, 0.6, 0.72, … 10
OBSTRUCTED   a node for which a person has to act                          1, 2, 4, … `retry_max`
===========  ============================================================  ======================

They hold for hand-overs and for returns alike. `[manager] retry_max` is the longest of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

#: Exponents beyond this one exceed every `longest`, and would only overflow.
_MOST = 64


@dataclass(frozen=True, slots=True)
class BackOff:
    """A delay that grows with each attempt.

    Attributes:
        first: delay after the first attempt, in seconds.
        factor: how many times as long each further delay is.
        longest: bound of the delays, in seconds.
    """

    first: float
    factor: float
    longest: float

    def delay(self, attempts: int) -> float:
        """Return the delay after so many attempts in a row, at least 1, in seconds.

        >>> [BackOff(0.5, 2.0, 2.0).delay(attempts) for attempts in (1, 2, 3, 4)]
        [0.5, 1.0, 2.0, 2.0]
        """
        exponent = min(max(attempts, 1) - 1, _MOST)
        return min(self.first * self.factor**exponent, self.longest)


#: A service that does not answer is asked again within seconds of its return.
UNAVAILABLE = BackOff(first=0.5, factor=2.0, longest=2.0)
#: The node's own service only has to come to an end.
MOVING = BackOff(first=0.5, factor=1.2, longest=10.0)


def obstructed(longest: float) -> BackOff:
    """Return the back-off of a node for which a person has to act; `longest` in seconds."""
    return BackOff(first=1.0, factor=2.0, longest=longest)


class Pace(Enum):
    """How soon a step of a node is tried again."""

    UNAVAILABLE = 'a service does not answer'
    MOVING = 'the work on the node only has to come to an end'
    OBSTRUCTED = 'a person has to act'

    def back_off(self, longest: float) -> BackOff:
        """Return its back-off; `longest` bounds that of an obstructed node, in seconds."""
        known = {Pace.UNAVAILABLE: UNAVAILABLE, Pace.MOVING: MOVING}
        return known.get(self) or obstructed(longest)
