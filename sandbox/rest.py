"""A small JSON client with the tokens of Keystone, on the standard library alone."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from sandbox.errors import SandboxError

# Loopback is never reached through a proxy, whatever the environment says.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Json = dict[str, Any]


def call(
    method: str,
    url: str,
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    timeout: float = 30,
) -> tuple[int, Json, dict[str, str]]:
    """Send a request; return status, body and headers, whatever the status is."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - our own http URLs
        url, data, {'Content-Type': 'application/json', **(headers or {})}, method=method
    )
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return answer.status, _json(answer.read()), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _json(error.read()), dict(error.headers)


def status(url: str, timeout: float = 2) -> int:
    """Return the status with which a URL answers, 0 when nobody answers."""
    try:
        return call('GET', url, timeout=timeout)[0]
    except OSError:
        return 0


def _json(text: bytes) -> Json:
    try:
        parsed = json.loads(text or b'{}')
    except ValueError:
        parsed = {'text': text.decode(errors='replace')}
    return parsed if isinstance(parsed, dict) else {'value': parsed}


class Session:
    """Calls with one user's token; an unexpected status is an error that names the call."""

    def __init__(self, identity_url: str, auth: Json) -> None:
        self._identity_url = identity_url
        self._auth = auth
        self._token = ''
        self._until = 0.0

    def token(self) -> str:
        """Return a token, a new one when the old one is some minutes old."""
        if time.monotonic() > self._until:
            url = f'{self._identity_url}/v3/auth/tokens'
            code, body, headers = call('POST', url, {'auth': self._auth})
            if code != 201:  # noqa: PLR2004
                raise SandboxError(f'Keystone gave no token ({code}): {body}')
            self._token = {name.lower(): value for name, value in headers.items()}[
                'x-subject-token'
            ]
            self._until = time.monotonic() + 600
        return self._token

    def send(
        self, method: str, url: str, body: object = None, *, version: str = ''
    ) -> tuple[int, Json]:
        """Send a request with the token and return status and body."""
        headers = {'X-Auth-Token': self.token()}
        if version:
            headers['X-OpenStack-Ironic-API-Version'] = version
        code, answer, _ = call(method, url, body, headers=headers)
        return code, answer

    def must(self, method: str, url: str, body: object = None, *, version: str = '') -> Json:
        """Send a request that has to succeed and return its body."""
        code, answer = self.send(method, url, body, version=version)
        if code >= 400:  # noqa: PLR2004
            raise SandboxError(f'{method} {url} was answered with {code}: {answer}')
        return answer
