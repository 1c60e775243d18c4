"""Ironic's API, and the errors of the core for its answers.

Nothing is retried here: the manager backs off, and knows when its claim on the node runs out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from esi_leap.cloud.rest import AnswerError, Service, SilenceError, is_unavailable
from esi_leap.core.errors import NodeBusyError, NodeNotFoundError, UnavailableError

#: The oldest version of the API that has all the fields that are read.
VERSION = '1.65'
#: Status of the answer if a driver does not support the request.
_UNSUPPORTED = HTTPStatus.BAD_REQUEST


class Client:
    """One Ironic.

    Args:
        service: its API, version 1.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def read(self, path: str, **more: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON under a path; `more` and errors as `Service.get`."""
        return self._service.get(path, microversion=VERSION, **more)

    def read_supported(self, path: str, version: str = VERSION) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON under a path; None if the driver or this Ironic does not have it."""
        try:
            return self._service.get(path, microversion=version)
        except AnswerError as error:
            if error.status not in {_UNSUPPORTED, HTTPStatus.NOT_ACCEPTABLE}:
                raise
            return None

    def change(self, method: str, path: str, body: object = None, version: str = VERSION) -> None:
        """Make a request that changes something; errors as `Service.ask`."""
        self._service.ask(method, path, json=body, microversion=version)

    @contextmanager
    def errors_of(self, ident: str) -> Iterator[None]:
        """Turn errors of requests about a node into those of the core.

        Raises:
            NodeBusyError: Ironic refused.
            NodeNotFoundError: the node is gone.
            UnavailableError: Ironic does not answer, or shows this service no nodes.
        """
        try:
            yield
        except AnswerError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                self._check_sight(ident)
                raise NodeNotFoundError.of(ident) from error
            if is_unavailable(error.status):
                raise _unavailable(error.status) from error
            raise NodeBusyError(f'Ironic refused ({error.status}): {error.reason}') from error
        except SilenceError as error:
            raise _silent() from error

    def _check_sight(self, ident: str) -> None:
        """Check that a node is gone, and not only hidden: Ironic answers 404 to both.

        The node is read once more after another one was seen: while Ironic starts it answers
        before it has read all of its rules, and has read them some milliseconds later.

        Raises:
            UnavailableError: the node is not gone, or that cannot be told.
        """
        try:
            seen = self.read('/nodes', params={'fields': 'uuid', 'limit': 1})['nodes']
        except (AnswerError, *SilenceError) as error:
            raise _silent() from error
        if not seen:
            raise UnavailableError(
                'Ironic shows this service no node at all; check the rights of its user.'
            )
        try:
            self.read(f'/nodes/{ident}', params={'fields': 'uuid'})
        except AnswerError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            raise _unavailable(error.status) from error
        except SilenceError as error:
            raise _silent() from error
        raise UnavailableError('Ironic did not show the node for a moment; try again.')


def _unavailable(status: int) -> UnavailableError:
    return UnavailableError(f'Ironic answered {status}; try again.')


def _silent() -> UnavailableError:
    return UnavailableError('Ironic does not answer; try again.')
