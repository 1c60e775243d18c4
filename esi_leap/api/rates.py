"""How often one project may call: a limit of its own for each, kept by the library `limits`."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import datetime

import limits
from limits import errors, storage, strategies

from esi_leap.core.errors import TooManyRequestsError

_LOG = logging.getLogger(__name__)


class Rates:
    """Counts the calls of each project in a sliding window.

    Args:
        wanted: limits as `limits` writes them, all of which hold: `20/second;1000/minute`.
        where: URL of what counts: `memory://` is of this process alone, memcached and redis are
            shared by all.
        now: the clock.

    Raises:
        ValueError: one of the two cannot be read, or the library of the storage is not installed.
    """

    def __init__(self, wanted: str, where: str, now: Callable[[], datetime]) -> None:
        try:
            self._limits = limits.parse_many(wanted)
            counter = storage.storage_from_string(where, wrap_exceptions=True)
        except errors.ConfigurationError as error:
            raise ValueError(str(error)) from error
        # The one strategy with a window that slides which all three storages know.
        self._limiter = strategies.SlidingWindowCounterRateLimiter(counter)
        self._now = now

    def count(self, caller: str) -> None:
        """Count a call.

        Args:
            caller: the project, or whoever calls without one.

        Raises:
            TooManyRequestsError: it is one too many.
        """
        for limit in self._limits:
            if not self._hit(limit, caller):
                wait = max(1, math.ceil(self._ends(limit, caller) - self._now().timestamp()))
                raise TooManyRequestsError.of(str(limit), wait)

    def _hit(self, limit: limits.RateLimitItem, caller: str) -> bool:
        try:
            return self._limiter.hit(limit, caller)
        except (errors.StorageError, OSError) as error:
            # A limit must not be what takes the service down.
            _LOG.warning('calls are not limited, the storage of their counts fails: %s', error)
            return True

    def _ends(self, limit: limits.RateLimitItem, caller: str) -> float:
        return self._limiter.get_window_stats(limit, caller).reset_time
