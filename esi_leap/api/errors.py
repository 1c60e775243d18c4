"""The table from errors to HTTP statuses, and the form of error answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import webob
from webob import exc

from esi_leap.core import errors

_LOG = logging.getLogger(__name__)

#: Key of the error code in the environment of a request.
CODE = 'esi_leap.error'

#: From error class to status; a subclass has the status of its nearest base class here.
STATUSES: dict[type[errors.LeapError], HTTPStatus] = {
    errors.InvalidError: HTTPStatus.BAD_REQUEST,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.DeniedError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: errors.LeapError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class _Fault:
    """The content of an error answer."""

    status: HTTPStatus
    code: str
    title: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)


def response(error: Exception, environ: MutableMapping[str, Any]) -> webob.Response:
    """Make the answer to an exception; that to an unknown one says only the request id.

    Args:
        error: the exception.
        environ: WSGI environment of the request; the error code is put into it, for metrics.
    """
    request_id = environ.get('openstack.request_id')
    fault = _fault(error, request_id)
    environ[CODE] = fault.code
    body = {
        'error': {
            'code': fault.code,
            'status': int(fault.status),
            'title': fault.title,
            'message': fault.message,
            'details': fault.details,
            'request_id': request_id,
        },
        # Read by clients of the existing service.
        'faultcode': 'Client' if fault.status < HTTPStatus.INTERNAL_SERVER_ERROR else 'Server',
        'faultstring': fault.message,
        'debuginfo': None,
    }
    made = webob.Response(
        body=json.dumps(body).encode(), status=int(fault.status), content_type='application/json'
    )
    if isinstance(error, exc.HTTPException) and error.allow:
        made.allow = error.allow
    if isinstance(error, errors.TooManyRequestsError):
        made.retry_after = error.details.get('retry_after')
    return made


def _fault(error: Exception, request_id: str | None) -> _Fault:
    if isinstance(error, errors.LeapError) and type(error) is not errors.LeapError:
        return _Fault(status_of(error), error.code, error.title, error.message, error.details)
    if isinstance(error, exc.HTTPException):
        status = HTTPStatus(error.status_int)
        message = error.detail or status.description or status.phrase
        return _Fault(status, f'http.{status.name.lower()}', status.phrase, message)
    _LOG.error('request %s failed', request_id, exc_info=error)
    message = f'The service made an error; its operators find it under {request_id}.'
    return _Fault(HTTPStatus.INTERNAL_SERVER_ERROR, 'internal', 'Internal error', message)
