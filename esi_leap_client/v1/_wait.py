"""The goals of waits: a status, the deletion of an object, the completion of a recall."""

from collections.abc import Callable
from typing import Any, TypeVar

from openstack import exceptions

from esi_leap_client.retry import Poll
from esi_leap_client.v1._base import Booked
from esi_leap_client.v1.recall import Recall

_R = TypeVar('_R', bound=Booked)

#: Statuses that never lead to `active`.
ENDING = frozenset({'error', 'deleted', 'expired', 'wait cancel', 'wait expire'})
GONE = frozenset({'deleted', 'expired'})


def wait_for_status(poll: Poll[_R], seen: _R, status: str) -> _R:
    """Wait until an object has a status.

    Args:
        poll: Looks at the object.
        seen: The object as it was last seen.
        status: The status.

    Returns:
        The object with the status.

    Raises:
        openstack.exceptions.ResourceFailure: It is gone, or in a status that leads nowhere.
        openstack.exceptions.ResourceTimeout: It did not reach the status in time.
    """

    def is_reached(now: _R | None) -> bool:
        if now is None:
            raise exceptions.ResourceFailure(f'{_name(seen)} went away.')
        if now.status == status:
            return True
        if now.status in ENDING:
            raise exceptions.ResourceFailure(f'{_describe(now)}; it will not be {status}.')
        return False

    return poll.until(seen, is_reached, _complaint(f'become {status}', poll.wait))


def wait_for_delete(poll: Poll[_R], seen: _R) -> _R:
    """Wait until an object is deleted.

    Args:
        poll: Looks at the object.
        seen: The object as it was last seen.

    Returns:
        The object as it was last seen.

    Raises:
        openstack.exceptions.ResourceFailure: Its status became `error`.
        openstack.exceptions.ResourceTimeout: It was not deleted in time.
    """

    def is_reached(now: _R | None) -> bool:
        if now is not None and now.status == 'error':
            raise exceptions.ResourceFailure(f'{_describe(now)}; it was not deleted.')
        return now is None or now.status in GONE

    return poll.until(seen, is_reached, _complaint('be deleted', poll.wait))


def wait_for_recall(poll: Poll[Recall], seen: Recall) -> Recall:
    """Wait until a recall is not pending any more.

    Args:
        poll: Looks at the recall.
        seen: The recall as it was last seen.

    Returns:
        The recall as it was last seen.

    Raises:
        openstack.exceptions.ResourceTimeout: It did not complete in time.
    """

    def is_reached(now: Recall | None) -> bool:
        return now is None or now.status != 'pending'

    return poll.until(seen, is_reached, _complaint('complete', poll.wait))


def _complaint(goal: str, wait: float | None) -> Callable[[Any], str]:
    return lambda seen: f'{_describe(seen)}; it did not {goal} within {wait} seconds.'


def _name(resource: Any) -> str:  # noqa: ANN401 - a Booked or a Recall
    return f'{type(resource).__name__} {resource.uuid}'


def _describe(resource: Any) -> str:  # noqa: ANN401 - likewise
    why = getattr(resource, 'status_reason', None)  # a recall has none
    reason = f' ({why})' if why else ''
    return f'{_name(resource)} is in status `{resource.status}`{reason}'
