"""The serial console of a node: its address, and the right to open it."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from esi_leap.cloud.ironic.client import Client
from esi_leap.cloud.rest import AnswerError
from esi_leap.core.errors import NoConsoleError, UnauthenticatedError
from esi_leap.core.ports.cloud import Address


def lets_open(ironic: Client, uuid: str, token: str | None) -> bool:
    """Tell whether the user of `token` may read the node's console, which has a rule of its own.

    Ironic answers 403 to users who may only see the node, and 404 to all others.

    Raises:
        UnauthenticatedError: the token is not valid any more.
        AnswerError: Ironic answered with another error.
    """
    try:
        ironic.read(
            f'/nodes/{uuid}/states/console',
            headers={'X-Auth-Token': token or ''},
            authenticated=False,
        )
    except AnswerError as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise UnauthenticatedError('The token of the request is not valid any more.') from error
        if error.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            return False
        raise
    return True


def find_address(ironic: Client, uuid: str) -> Address:
    """Return the TCP port on which socat serves the serial line of a node.

    Raises:
        NoConsoleError: the console is switched off, or not socat's.
        AnswerError: Ironic answered with an error.
    """
    found = ironic.read(f'/nodes/{uuid}/states/console')
    if not found.get('console_enabled'):
        raise NoConsoleError(
            'The console is switched off: openstack baremetal node console enable.'
        )
    info = found.get('console_info') or {}
    url = urlsplit(str(info.get('url', '')))
    if info.get('type') != 'socat' or url.scheme != 'tcp' or not (url.hostname and url.port):
        raise NoConsoleError(
            f"The console is of the type {info.get('type', 'none')}; socat's can be reached."
        )
    return Address(url.hostname, url.port)
