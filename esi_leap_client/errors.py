"""Errors of requests as one sentence for a person."""

import re
from typing import Any

from keystoneauth1 import exceptions as ksa
from openstack import exceptions as sdk
from requests import exceptions as requests_exceptions

#: The errors that `sentence` accepts.
KNOWN = (sdk.SDKException, ksa.ClientException, requests_exceptions.RequestException)

_URL = re.compile(r'https?://[^\s\'"]+')
_CAUSE = re.compile(r'\[Errno -?\d+\] ([^\'")\]]+)')
_SERVER_ERROR = 500


def sentence(error: Exception, endpoint: str | None = None) -> str:
    """Return one sentence for an error of a request.

    Args:
        error: One of `KNOWN`.
        endpoint: The address of the lease service; None if it is unknown.

    Returns:
        One line: the message of the service if it has sent one.
    """
    response = getattr(error, 'response', None)
    if isinstance(error, ksa.ConnectFailure | ksa.ConnectTimeout):
        text = _unreachable(str(error), endpoint)
    elif isinstance(error, requests_exceptions.JSONDecodeError):
        text = f'What answers at {endpoint or "this address"} is not a lease service.'
    elif response is not None:
        text = _answer(response)
    else:
        text = str(error)
    return ' '.join(text.split())


def status(error: Exception) -> int | None:
    """Return the HTTP status of an error.

    Args:
        error: One of `KNOWN`.

    Returns:
        The status; None if there was no answer.
    """
    return getattr(error, 'status_code', None) or getattr(error, 'http_status', None)


def _answer(response: Any) -> str:  # noqa: ANN401 - a requests.Response
    message = _message(response)
    request = response.headers.get('x-openstack-request-id')
    if not message:
        message = (
            f'{response.url} answered {response.status_code} {response.reason or ""} '
            'without saying why; is this the address of the lease service?'
        )
    if response.status_code >= _SERVER_ERROR and request and request not in message:
        message = f'{message} (request {request})'
    return message


def _message(response: Any) -> str | None:  # noqa: ANN401 - a requests.Response
    try:
        body = response.json()
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    error = body.get('error')
    inner = error.get('message') if isinstance(error, dict) else None
    found = inner or body.get('faultstring')
    return str(found) if found else None


def _unreachable(text: str, endpoint: str | None) -> str:
    url = _URL.search(text)
    address = url.group().rstrip(':,.') if url else ''
    cause = _CAUSE.search(text)
    why = cause.group(1).strip().lower() if cause else 'no answer'
    if endpoint and address.startswith(endpoint):
        return (
            f'The lease service at {endpoint} cannot be reached ({why}). Check that it runs, '
            'or set `lease_endpoint_override` (OS_LEASE_ENDPOINT_OVERRIDE) to its address.'
        )
    return f'{address} cannot be reached ({why}).' if address else text
