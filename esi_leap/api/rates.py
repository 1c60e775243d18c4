"""The rate limit of each project, counted by the library `limits`."""

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
        wanted: limits in the notation of `limits`; all of them apply: `20/second;1000/minute`.
        where: URL of the storage: `memory://` counts for this process alone, memcached and redis
            for all processes.
        now: reads the clock.

    Raises:
        ValueError: `wanted` or `where` cannot be read, or the library of the storage is missing.
    """

    def __init__(self, wanted: str, where: str, now: Callable[[], datetime]) -> None:
        try:
            self._limits = limits.parse_many(wanted)
            counter = storage.storage_from_string(where, wrap_exceptions=True)
        except errors.ConfigurationError as error:
            raise ValueError(str(error)) from error
        # The only strategy with a sliding window that all three storages have.
        self._limiter = strategies.SlidingWindowCounterRateLimiter(counter)
        self._now = now

    def count(self, caller: str) -> None:
        """Count a call.

        Args:
            caller: id of the project, or of the user who has none.

        Raises:
            TooManyRequestsError: the caller has used up a limit.
        """
        for limit in self._limits:
            if not self._hit(limit, caller):
                wait = max(1, math.ceil(self._ends(limit, caller) - self._now().timestamp()))
                raise TooManyRequestsError.of(str(limit), wait)

    def _hit(self, limit: limits.RateLimitItem, caller: str) -> bool:
        try:
            return self._limiter.hit(limit, caller)
        except (errors.StorageError, OSError) as error:
            # The service works without its limits.
            _LOG.warning('calls are not limited, the storage of their counts fails: %s', error)
            return True

    def _ends(self, limit: limits.RateLimitItem, caller: str) -> float:
        return self._limiter.get_window_stats(limit, caller).reset_time
