"""All waits and retries of the client.

====== ======= =========================================================
Delay  Seconds Meaning
====== ======= =========================================================
LOOK   1       between two looks at an object whose change is waited for
OUTAGE 120     outage of the service after which such a wait gives up
RETRY  1       between two tries of a request that failed
ANSWER 30      time that a cloud has to answer when several are asked
====== ======= =========================================================

A request that failed is tried `TRIES` times in all. Only troubles of the service, or of the way to
it, are tried again: see `is_passing`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from keystoneauth1 import exceptions as ksa
from openstack import exceptions

from esi_leap_client import errors

LOOK = 1.0
OUTAGE = 120.0
RETRY = 1.0
ANSWER = 30
TRIES = 3

_T = TypeVar('_T')


def is_passing(error: Exception) -> bool:
    """Tell whether the service, or the way to it, failed, and not the request.

    The service may have carried the request out all the same.
    """
    status = errors.status(error)
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def retry(call: Callable[[], _T]) -> _T:
    """Call, and call again after a failure that may pass.

    Args:
        call: Sends a request that does no harm when repeated.

    Returns:
        What `call` returns.

    Raises:
        Exception: One of `errors.KNOWN`: the last failure, or the first that does not pass.
    """
    for _ in range(TRIES - 1):
        try:
            return call()
        except errors.KNOWN as error:
            if not is_passing(error):
                raise
        time.sleep(RETRY)
    return call()


@dataclass(frozen=True)
class Poll(Generic[_T]):
    """Looks at an object again and again.

    Attributes:
        fetch: Reads the object; raises NotFoundException if it does not exist any more.
        interval: Seconds between two looks.
        wait: Seconds after which to give up; None for never.
        progress: Called with the object after every look that finds it.
    """

    fetch: Callable[[], _T]
    interval: float
    wait: float | None
    progress: Callable[[_T], None] | None

    def until(
        self, seen: _T, is_reached: Callable[[_T | None], bool], complain: Callable[[_T], str]
    ) -> _T:
        """Look until a goal is reached.

        Args:
            seen: The object as it was last seen.
            is_reached: Tells whether the goal is reached, given the object; None if it is gone.
            complain: Makes the message of a timeout from the object as it was last seen.

        Returns:
            The object as it was last seen.

        Raises:
            openstack.exceptions.ResourceTimeout: The goal was not reached in time.
            openstack.exceptions.HttpException: The service refused, or failed for too long.
            keystoneauth1.exceptions.ConnectFailure: The service was out of reach for too long.
        """
        started = answered = time.monotonic()
        while True:
            try:
                now = self._look()
            except (ksa.ConnectFailure, exceptions.HttpException) as error:
                if not is_passing(error) or time.monotonic() - answered > OUTAGE:
                    raise
            else:
                answered = time.monotonic()
                if now is not None:
                    seen = now
                    if self.progress:
                        self.progress(now)
                if is_reached(now):
                    return seen
            if self.wait is not None and time.monotonic() - started >= self.wait:
                raise exceptions.ResourceTimeout(complain(seen))
            time.sleep(self._pause(started))

    def _look(self) -> _T | None:
        try:
            return self.fetch()
        except exceptions.NotFoundException:
            return None

    def _pause(self, started: float) -> float:
        """Return the seconds until the next look, which is not after the end of the wait."""
        if self.wait is None:
            return self.interval
        return max(0.0, min(self.interval, started + self.wait - time.monotonic()))
