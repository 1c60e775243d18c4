"""Our defaults for the CORS options of oslo.middleware: the methods and headers of this API."""

from __future__ import annotations

from oslo_config import cfg

_METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']
_ASKED = ['X-Auth-Token', 'X-Openstack-Request-Id', 'OpenStack-API-Version']
_ANSWERED = ['X-Openstack-Request-Id', 'OpenStack-API-Version', 'Location', 'Allow']


def set_defaults() -> None:
    """Set our defaults in the library's own options, for the whole process."""
    # It loads webob, Jinja2 and bcrypt, 4 MB that only the API needs.
    from oslo_middleware import cors  # noqa: PLC0415

    cors.set_defaults(
        allow_methods=_METHODS,
        allow_headers=_ASKED,
        expose_headers=_ANSWERED,
    )


def register(conf: cfg.ConfigOpts) -> None:
    """Register the CORS options with our defaults."""
    from oslo_middleware import cors  # noqa: PLC0415

    set_defaults()
    conf.register_opts(cors.OPTS, group='cors')
