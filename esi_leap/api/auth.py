"""Who calls: Keystone's middleware, or headers that are believed on loopback."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

from keystonemiddleware import auth_token

_LOG = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def keystone(conf: object) -> Callable[[WSGI], WSGI]:
    """Check tokens with Keystone. Which calls need one is said in the route table."""
    settings = {'oslo_config_config': conf, 'delay_auth_decision': True}
    return lambda application: auth_token.AuthProtocol(application, settings)


def noauth(host: str) -> Callable[[WSGI], WSGI]:
    """Believe the headers of a request, for development.

    `X-Project-Id`, `X-Project-Name`, `X-User-Id` and `X-Roles` say who calls; without them it is
    an admin of the project `admin`.

    Raises:
        ValueError: `host` is not a loopback address.
    """
    if not _is_loopback(host):
        raise ValueError(
            f'auth_strategy = noauth believes every caller, so host_ip must be a loopback '
            f'address; it is {host}.'
        )
    _LOG.warning('auth_strategy is noauth: every caller is believed. For development only.')

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
