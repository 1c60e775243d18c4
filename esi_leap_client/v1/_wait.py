"""Looking again and again until something has become what it is to become."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from keystoneauth1 import exceptions as ksa
from openstack import exceptions

from esi_leap_client.v1._base import Kept, Listed
from esi_leap_client.v1.recall import Recall

_R = TypeVar('_R', bound=Kept)
_L = TypeVar('_L', bound=Listed)

#: Nothing leads from these to `active`.
ENDING = frozenset({'error', 'deleted', 'expired', 'wait cancel', 'wait expire'})
GONE = frozenset({'deleted', 'expired'})
#: Seconds that the service may be out of reach before a wait gives up.
PATIENCE = 120.0
_SERVER_ERROR = 500


@dataclass
class Look:
    """How to watch one object.

    Attributes:
        fetch: Reads it afresh.
        interval: Seconds between two looks.
        wait: Seconds until patience ends; None for never.
        progress: Told the object after every look.
    """

    fetch: Callable[[], Any]
    interval: float
    wait: float | None
    progress: Callable[[Any], None] | None

    def until_status(self, seen: _R, status: str) -> _R:
        """Watch until it has a status.

        Args:
            seen: How it was last seen.
            status: What it is to become.

        Returns:
            How it is then.

        Raises:
            openstack.exceptions.ResourceFailure: It is gone, or in a state that leads nowhere.
            openstack.exceptions.ResourceTimeout: Time ran out.
        """

        def reached(now: _R | None) -> bool:
            if now is None:
                raise exceptions.ResourceFailure(f'{_called(seen)} went away.')
            if now.status == status:
                return True
            if now.status in ENDING:
                raise exceptions.ResourceFailure(f'{_state(now)}; it will not be {status}.')
            return False

        return self._until(seen, reached, f'become {status}')

    def until_gone(self, seen: _R) -> _R:
        """Watch until it is deleted.

        Args:
            seen: How it was last seen.

        Returns:
            How it was seen last.

        Raises:
            openstack.exceptions.ResourceFailure: It went into `error`.
            openstack.exceptions.ResourceTimeout: Time ran out.
        """

        def reached(now: _R | None) -> bool:
            if now is not None and now.status == 'error':
                raise exceptions.ResourceFailure(f'{_state(now)}; it was not deleted.')
            return now is None or now.status in GONE

        return self._until(seen, reached, 'be deleted')

    def until_settled(self, seen: Recall) -> Recall:
        """Watch a recall until nothing of it is to come.

        Args:
            seen: How it was last seen.

        Returns:
            How it is then.

        Raises:
            openstack.exceptions.ResourceTimeout: Time ran out.
        """
        return self._until(seen, lambda now: now is None or now.status != 'pending', 'complete')

    def _until(self, seen: _L, reached: Callable[[_L | None], bool], goal: str) -> _L:
        started = answered = time.monotonic()
        while True:
            try:
                now = self._look()
            except (ksa.ConnectFailure, exceptions.HttpException) as error:
                if not _passing(error) or time.monotonic() - answered > PATIENCE:
                    raise
            else:
                answered = time.monotonic()
                seen = now if now is not None else seen
                if now is not None and self.progress:
                    self.progress(now)
                if reached(now):
                    return seen
            self._pause(started, f'{_state(seen)}; it did not {goal} within {self.wait} seconds.')

    def _look(self) -> Any:  # noqa: ANN401 - what fetch reads
        try:
            return self.fetch()
        except exceptions.NotFoundException:
            return None

    def _pause(self, started: float, complaint: str) -> None:
        pause = self.interval
        if self.wait is not None:
            left = started + self.wait - time.monotonic()
            if left <= 0:
                raise exceptions.ResourceTimeout(complaint)
            pause = min(pause, left)
        time.sleep(pause)


def _passing(error: Exception) -> bool:
    """Whether it is the kind of trouble that a restart of something ends."""
    status = getattr(error, 'status_code', None)
    return isinstance(error, ksa.ConnectFailure) or (status or 0) >= _SERVER_ERROR


def _called(resource: Any) -> str:  # noqa: ANN401 - likewise
    return f'{type(resource).__name__} {resource.uuid}'


def _state(resource: Any) -> str:  # noqa: ANN401 - a Kept or a Recall
    why = getattr(resource, 'status_reason', None)  # a recall has none
    reason = f' ({why})' if why else ''
    return f'{_called(resource)} is in status `{resource.status}`{reason}'
