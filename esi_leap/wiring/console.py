"""The proxy for serial consoles."""

from __future__ import annotations

import ssl
import time

from oslo_config import cfg

from esi_leap import clock
from esi_leap.conf.checks import ConfigurationError
from esi_leap.console.deps import Deps, Settings
from esi_leap.console.proxy import Proxy
from esi_leap.db.console_auth_tokens import ConsoleAuthTokens
from esi_leap.db.engine import Database
from esi_leap.wiring import parts


def make_proxy(conf: cfg.ConfigOpts, database: Database | None = None) -> Proxy:
    """Return the proxy for consoles, over `database` or the database of the configuration.

    Raises:
        ConfigurationError: the configuration cannot work.
    """
    options = conf.serialconsoleproxy
    limits = parts.token_limits(conf)
    return Proxy(
        Deps(
            tokens=ConsoleAuthTokens(database or parts.open_database(conf)),
            fleet=parts.make_fleet(conf),
            now=clock.now,
            monotonic=time.monotonic,
            settings=Settings(
                host=options.host_address,
                port=options.port,
                tls=_tls(options.cert_file, options.key_file) if options.cert_file else None,
                public_url=limits.url,
                allowed_origins=options.allowed_origins,
                idle=options.timeout if options.timeout > 0 else None,
                max_connections=options.max_connections,
                poll_interval=options.poll_interval,
            ),
        )
    )


def _tls(cert: str, key: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f'[serialconsoleproxy] cert_file and key_file cannot be used: {error}'
        ) from error
    return context
