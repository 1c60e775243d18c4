"""Another service of the cloud: its JSON over keystoneauth1, and nothing more.

openstacksdk would bring the resources of every service with it, which are 15 MB in each process,
and its proxies ask for more than we look at.
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
        status: of HTTP.
        reason: what the service said, empty if it gave no reason.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f'{status} {reason}'.rstrip())
        self.status = status
        self.reason = reason


#: What else keeps a service from answering: it cannot be reached, or not be made sense of.
SilenceError = (exceptions.ClientException, requests.JSONDecodeError)


class Service:
    """One service, with the rights of one user.

    Nothing is tried twice but a request whose token has expired meanwhile.

    Args:
        adapter: says where the service is, and in which version.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._located = False

    @classmethod
    def of(cls, conf: cfg.ConfigOpts, group: str, version: int) -> Service:
        """Return the service that a group of the configuration describes.

        Args:
            conf: the configuration.
            group: its group with the credentials and the endpoint.
            version: the major version of the API that we speak.
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
        """Read what is under a path.

        Args:
            path: below the address of the version; what is put into it has to be quoted.
            more: arguments of `keystoneauth1.adapter.Adapter.request`.

        Raises:
            AnswerError: it answered with an error.
            SilenceError: it did not answer.
        """
        return self.ask('GET', path, **more).json()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401 - ditto
        """Make a request; see `get`."""
        self._locate()
        answer = self._adapter.request(path, method, raise_exc=False, **more)
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise AnswerError(answer.status_code, _reason(answer))
        return answer

    def roles(self) -> frozenset[str] | None:
        """Return the roles that our token has; None where there is no Keystone to give one.

        Raises:
            SilenceError: Keystone gave none.
        """
        auth = self._adapter.auth or self._adapter.session.auth
        if not isinstance(auth, BaseIdentityPlugin):
            return None
        return frozenset(auth.get_access(self._adapter.session).role_names)

    def _locate(self) -> None:
        """Look once for the address of the version, which asks Keystone and the service itself.

        keystoneauth1 would look for it below an address of the catalog only, not below one that an
        operator has set, and compare versions in each request.
        """
        if self._located:
            return
        found = self._adapter.get_endpoint_data()
        if found is None or not found.url:
            raise exceptions.EndpointNotFound
        self._adapter.endpoint_override = found.url
        self._located = True


def _reason(answer: requests.Response) -> str:
    """Find the sentence in an error; Ironic puts it into JSON that it sends as a string in JSON."""
    try:
        said = answer.json()
        while isinstance(said, dict):
            said = next(said[key] for key in _SENTENCES if said.get(key))
            if isinstance(said, str) and said.startswith('{'):
                said = json.loads(said)
    except (ValueError, StopIteration):
        return ''
    return said if isinstance(said, str) else ''


#: Where errors have a sentence, or an object with one.
_SENTENCES = ('faultstring', 'message', 'error_message', 'error', 'NeutronError')
