"""Authentication: by Keystone's middleware, or by trusted headers on loopback."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

from keystoneauth1 import exceptions
from keystonemiddleware import auth_token
from webob import exc

from esi_leap.api.expose import ROUTES, steps

_LOG = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def keystone(conf: object) -> Callable[[WSGI], WSGI]:
    """Check tokens with Keystone, except of the routes that are public.

    Public calls bypass the middleware. With `delay_auth_decision` it would pass them, too, but it
    would answer 401 while Keystone is away: clients would take a good token for a bad one.
    """
    settings = {'oslo_config_config': conf, 'delay_auth_decision': False}

    def wrap(application: WSGI) -> WSGI:
        guarded = auth_token.AuthProtocol(application, settings)

        def wrapped(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            parts = steps(environ.get('PATH_INFO', '').split('/'))
            if not any(each.public and each.match(parts) is not None for each in ROUTES):
                try:
                    answer: Iterable[bytes] = guarded(environ, start)
                except exceptions.ClientException as error:
                    # The middleware catches most of them, but not that of a bad certificate.
                    _LOG.error('Keystone cannot validate a token: %s', error)
                    answer = exc.HTTPServiceUnavailable()(environ, start)
                return answer
            environ.pop('HTTP_X_IDENTITY_STATUS', None)  # not checked by the middleware
            return application(environ, start)

        return wrapped

    return wrap


def noauth(host: str) -> Callable[[WSGI], WSGI]:
    """Trust the headers of a request, for development.

    `X-Project-Id`, `X-Project-Name`, `X-User-Id` and `X-Roles` identify the caller; without them
    the caller is an admin of the project `admin`.

    Raises:
        ValueError: `host` is not a loopback address.
    """
    if not _is_loopback(host):
        raise ValueError(
            f'auth_strategy = noauth trusts every caller, so host_ip must be a loopback '
            f'address; it is {host}.'
        )
    _LOG.warning('auth_strategy is noauth: every caller is trusted. For development only.')

    def wrap(application: WSGI) -> WSGI:
        def wrapped(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            project = environ.setdefault('HTTP_X_PROJECT_ID', 'admin')
            environ.setdefault('HTTP_X_PROJECT_NAME', project)
            environ.setdefault('HTTP_X_PROJECT_DOMAIN_ID', 'default')
            environ.setdefault('HTTP_X_USER_ID', 'developer')
            environ.setdefault('HTTP_X_ROLES', 'admin,manager,member,reader')
            environ['HTTP_X_IDENTITY_STATUS'] = 'Confirmed'
            return application(environ, start)

        return wrapped

    return wrap


def _is_loopback(host: str) -> bool:
    addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)
