"""The service type `lease` of an openstacksdk connection."""

from typing import Any

import openstack
from keystoneauth1 import exceptions as ksa
from openstack import exceptions, service_description

from esi_leap_client.v1._proxy import Proxy

SERVICE_TYPE = 'lease'

MISSING = (
    'This cloud has no endpoint of service type `lease` for this region and interface. '
    'Ask its operator to register one, or set `lease_endpoint_override` in clouds.yaml '
    '(OS_LEASE_ENDPOINT_OVERRIDE) to the address of the lease service.'
)


def versioned(address: str) -> str:
    """Return the address of version 1 of the service.

    The catalog has the unversioned address; an override may have either.

    Args:
        address: A URL, with or without `/v1`, with or without a slash at its end.

    Returns:
        The URL of version 1, without a slash at its end.
    """
    root = address.rstrip('/')
    return root if root.endswith('/v1') else f'{root}/v1'


class LeaseService(service_description.ServiceDescription):  # type: ignore[misc]  # untyped SDK
    """The lease service, found in the catalog; its versions are not discovered."""

    supported_versions = {'1': Proxy}  # noqa: RUF012 - the SDK declares it so

    def _make_proxy(self, instance: Any) -> Proxy:  # noqa: ANN401 - a Connection
        config = instance.config
        proxy = config.get_session_client(self.service_type, constructor=Proxy)
        address = proxy.endpoint_override or _from_auth(config, self.service_type)
        if not address:
            raise exceptions.ServiceDiscoveryException(MISSING)
        proxy.endpoint_override = versioned(address)
        return proxy  # type: ignore[no-any-return]


def _from_auth(config: Any, service_type: str) -> str | None:  # noqa: ANN401 - a CloudRegion
    """Return the service's address from the catalog, or the one endpoint of the authentication."""
    session = config.get_session()
    try:
        return session.get_endpoint(  # type: ignore[no-any-return]
            service_type=service_type,
            interface=config.get_interface(service_type),
            region_name=config.get_region_name(service_type),
            skip_discovery=True,
        )
    except ksa.CatalogException:
        return None


def add_to(conn: Any) -> Any:  # noqa: ANN401 - the SDK is not typed for us
    """Give a connection the attribute `lease`.

    No request is sent before the first use. It can be repeated.

    Args:
        conn: An `openstack.connection.Connection`.

    Returns:
        The same connection.
    """
    conn.add_service(LeaseService(SERVICE_TYPE))
    return conn


def speaking(proxy: Any, version: str) -> Any:  # noqa: ANN401 - a Proxy, for callers without types
    """Set the API version of a proxy.

    Args:
        proxy: The proxy.
        version: `1` for the version of existing clients, or a microversion such as `1.1`.

    Returns:
        The same proxy.
    """
    if '.' in version:
        proxy.default_microversion = version
    return proxy


def connect(**options: Any) -> Any:  # noqa: ANN401 - handed on to the SDK
    """Connect to a cloud that has a lease service.

    Args:
        **options: The options of `openstack.connect`, for example `cloud='name'`.

    Returns:
        An `openstack.connection.Connection` with the attribute `lease`.

    Raises:
        openstack.exceptions.SDKException: The options do not describe a cloud.
    """
    return add_to(openstack.connect(**options))
