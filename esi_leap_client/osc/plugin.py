"""The interface of a plugin of python-openstackclient."""

import argparse
from typing import Any

from esi_leap_client import service

API_NAME = 'lease'
API_VERSION_OPTION = 'os_esileap_api_version'
API_VERSIONS = dict.fromkeys(('1', '1.0', '1.1'), 'esi_leap_client.v1._proxy.Proxy')
DEFAULT_API_VERSION = '1'


def make_client(instance: Any) -> Any:  # noqa: ANN401 - as osc-lib declares neither
    """Return the proxy of the lease service, which commands use as `client_manager.lease`.

    Args:
        instance: The client manager, already authenticated.

    Returns:
        The proxy on the connection of the program.

    Raises:
        openstack.exceptions.ServiceDiscoveryException: The cloud has no lease service.
    """
    version = instance._api_version[API_NAME]  # noqa: SLF001 - osc-lib has no other way
    return service.speaking(service.add_to(instance.sdk_connection).lease, version)


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the plugin's global option.

    Args:
        parser: The program's parser.

    Returns:
        The same parser.
    """
    parser.add_argument(
        f'--{API_VERSION_OPTION.replace("_", "-")}',
        metavar='<esileap-api-version>',
        default=DEFAULT_API_VERSION,
        help=f'Lease service API version, one of {", ".join(API_VERSIONS)} (default: '
        f'{DEFAULT_API_VERSION}); since 1.1, times end in Z',
    )
    return parser
