"""Requests to another service of the cloud: JSON over keystoneauth1.

openstacksdk would load the resources of every service, 15 MB in each process, and its proxies ask
for more than is looked at.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import requests
from keystoneauth1 import exceptions, loading
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity.base import BaseIdentityPlugin
from oslo_config import cfg


class AnswerError(Exception):
    """The service answered with an error.

    Attributes:
        status: the HTTP status.
        reason: the sentence in the answer, empty if there is none.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f'{status} {reason}'.rstrip())
        self.status = status
        self.reason = reason


#: Errors without an answer of the service: it cannot be reached, or its answer is no JSON.
SilenceError = (exceptions.ClientException, requests.JSONDecodeError)


#: Statuses below 500 that another try can change: our token, the time, the number of requests.
_NOT_NOW = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
)


class Service:
    """One service, with the rights of one user.

    Only a request whose token has expired is made again.

    Args:
        adapter: knows the address of the service and the version of its API.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._located = False

    @classmethod
    def of(cls, conf: cfg.ConfigOpts, group: str, version: int) -> Service:
        """Return the service of one group of the configuration.

        Args:
            conf: the configuration.
            group: the group with the credentials and the endpoint.
            version: the major version of the API.
        """
        auth = loading.load_auth_from_conf_options(conf, group)
        return cls(
            loading.load_adapter_from_conf_options(
                conf,
                group,
                session=loading.load_session_from_conf_options(conf, group, auth=auth),
                version=None,
                min_version=str(version),
                max_version=f'{version}.latest',
            )
        )

    def get(self, path: str, **more: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return the JSON under a path.

        Args:
            path: path below the address of the version, its parts quoted.
            more: arguments of `keystoneauth1.adapter.Adapter.request`.

        Raises:
            AnswerError: the service answered with an error.
            SilenceError: the service did not answer.
        """
        return self.ask('GET', path, **more).json()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401 - ditto
        """Make a request and return the answer; arguments and errors as `get`."""
        self._locate()
        answer: requests.Response = self._adapter.request(path, method, raise_exc=False, **more)
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise AnswerError(answer.status_code, _reason(answer))
        return answer

    def roles(self) -> frozenset[str] | None:
        """Return the roles of our token; None if the service is used without Keystone.

        Raises:
            SilenceError: Keystone gave no token.
        """
        auth = self._adapter.auth or self._adapter.session.auth
        if not isinstance(auth, BaseIdentityPlugin):
            return None
        return frozenset(auth.get_access(self._adapter.session).role_names)

    def _locate(self) -> None:
        """Find the address of the version once, by asking Keystone and the service itself.

        keystoneauth1 finds it below an address of the catalog only, not below one that an operator
        has set, and compares versions in each request.
        """
        if self._located:
            return
        found = self._adapter.get_endpoint_data()
        if found is None or not found.url:
            raise exceptions.EndpointNotFound
        self._adapter.endpoint_override = found.url
        self._located = True


def is_unavailable(status: int) -> bool:
    """Tell whether an HTTP status says that the service cannot answer now."""
    return status in _NOT_NOW or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _reason(answer: requests.Response) -> str:
    """Return the sentence in an error; Ironic sends it in JSON that is a string in JSON."""
    try:
        said = answer.json()
        while isinstance(said, dict):
            said = next(said[key] for key in _SENTENCES if said.get(key))
            if isinstance(said, str) and said.startswith('{'):
                said = json.loads(said)
    except (ValueError, StopIteration):
        return ''
    return said if isinstance(said, str) else ''


#: Keys under which errors have a sentence, or an object with one.
_SENTENCES = ('faultstring', 'message', 'error_message', 'error', 'NeutronError')
