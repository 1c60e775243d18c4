"""How long to wait before something that did not work is tried again: every back-off there is.

=============  ==========================================================  =======================
back-off       what did not work                                           delays in seconds
=============  ==========================================================  =======================
UNAVAILABLE    a call to a service that does not answer                    0.5, 1, 2, 2, …
MOVING         a node whose own service is at work on it                   0.5, 0.6, 0.72, … 10
obstructed     a node for which a person has to act                        1, 2, 4, … `longest`
=============  ==========================================================  =======================
"""

from __future__ import annotations

from dataclasses import dataclass

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
