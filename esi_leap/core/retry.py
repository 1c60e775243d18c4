"""How long to wait before something is tried or looked at again: all fixed delays of the service.

===========  ============================================================  ======================
pace         after                                                         delays in seconds
===========  ============================================================  ======================
UNAVAILABLE  a service that does not answer                                0.5, 1, 2, 2, …
MOVING       a node on which Ironic, or the gate, is at work               0.5, 0.6, 0.72, … 10
OBSTRUCTED   a node for which a person has to act                          1, 2, 4, … `retry_max`
BUS          a notification that the message bus does not take             0.5, 1, 2, 4, 8, 10, …
WRITE        a write that another writer got in the way of, 5 tries        0.1, 0.2, 0.4, 0.8
===========  ============================================================  ======================

The first three hold for hand-overs and for returns alike. `[manager] retry_max` is the longest of
them.

===========  ============================================================  ======================
period       work that is done again                                       seconds
===========  ============================================================  ======================
REFRESH      a refresh of the inventory that failed                        5
RECALLS      the search for recalls that a crashed API process left        5
TOKENS       the purge of console tokens that have expired                 3600
REQUEST      a look of a request at whether its wait is over               0.1
INVENTORY    a refresh that a request began, after one that failed         10
===========  ============================================================  ======================

Operators set the other periods: `poll_interval`, `check_interval` and `refresh_interval`.
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
#: The bus may be away for long, and takes notifications within seconds of its return.
BUS = BackOff(first=0.5, factor=2.0, longest=10.0)
#: Two writers of the same rows: the database ended one of them, which is tried again.
WRITE = BackOff(first=0.1, factor=2.0, longest=0.8)
#: Tries of a write before its error is raised.
WRITE_TRIES = 5
#: Period of refreshes of the inventory after one that failed, in seconds.
REFRESH = 5.0
#: Period of the search for recalls that a crashed API process left, in seconds.
RECALLS = 5.0
#: Period of the purge of console tokens, in seconds.
TOKENS = 3600.0
#: Period in which a request looks whether what it waits for has come, in seconds.
REQUEST = 0.1
#: Time after a failed refresh in which no request begins another one, in seconds.
INVENTORY = 10.0


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
