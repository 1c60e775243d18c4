"""Our defaults for oslo.middleware's CORS options: the headers that this API knows."""

from oslo_middleware import cors

OPTS = cors.OPTS

_METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']
_ASKED = ['X-Auth-Token', 'X-Openstack-Request-Id', 'OpenStack-API-Version']
_ANSWERED = ['X-Openstack-Request-Id', 'OpenStack-API-Version', 'Location', 'Allow']


def set_defaults() -> None:
    """Set them; they are the library's own options, and one for each process."""
    cors.set_defaults(
        allow_methods=_METHODS,
        allow_headers=_ASKED,
        expose_headers=_ANSWERED,
    )
