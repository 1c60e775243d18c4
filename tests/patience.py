"""How tests wait and measure, on a machine that is slow today or stands still for a while.

What comes is waited for as long as it takes: a ceiling costs nothing where it is not reached. What
has to come quickly is held to the time that the machine itself needs to wake somebody up, and
measured again when it was late: a ceiling that no stall reaches would let through what is always a
little late, and what is late of itself is late each time.
"""

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, Self, TypeVar

import pytest

P, T = ParamSpec('P'), TypeVar('T')
#: Seconds after which something does not come any more.
PATIENCE = 120
_TIMES = 4
#: Between a deed and the one who sees it some threads and processes have to wake up.
_WAKES = 5


def until(
    true: Callable[[], object], what: str = 'it', every: float = 0.05, seconds: float = PATIENCE
) -> float:
    """Wait until something is true; return how many seconds it took, fail after `seconds`."""
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > seconds:
            pytest.fail(f'{what} did not come within {seconds} s')
        time.sleep(every)
    return time.monotonic() - begun


class LateError(AssertionError):
    """It came, but late."""


class Metronome:
    """Measures beside a test how late the machine wakes up who sleeps.

    Attributes:
        lag: by how many seconds it was late at worst.
    """

    def __init__(self, beat: float = 0.02) -> None:
        self.lag = 0.0
        self._beat = beat
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            time.sleep(self._beat)
            self.lag = max(self.lag, time.monotonic() - begun - self._beat)

    def within(self, seconds: float, took: float) -> None:
        """Check that something took less than that on a machine that wakes up who sleeps."""
        if took >= seconds + _WAKES * self.lag:
            raise LateError(f'it took {took:.2f} s, not {seconds} s (lag {self.lag:.3f} s)')


def again_if_late(test: Callable[P, T]) -> Callable[P, T]:
    """Make a test again that was only late; every other failure counts at once."""

    @wraps(test)
    def tried(*arguments: P.args, **named: P.kwargs) -> T:
        for _ in range(_TIMES - 1):
            try:
                return test(*arguments, **named)
            except LateError as late:
                print(f'again: {late}')  # noqa: T201 - for who reads the log
        return test(*arguments, **named)

    return tried
