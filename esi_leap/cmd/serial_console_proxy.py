"""`esi-leap-serial-console-proxy`: serves the serial consoles of nodes over websockets."""

from __future__ import annotations

import asyncio
import signal
import sys

from oslo_config import cfg

from esi_leap.cmd import run
from esi_leap.conf.checks import ConfigurationError
from esi_leap.wiring.console import make_proxy


async def _serve(conf: cfg.ConfigOpts) -> None:
    proxy = make_proxy(conf)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, proxy.stop)
    try:
        await proxy.run()
    except OSError as error:
        options = conf.serialconsoleproxy
        raise ConfigurationError(
            f'cannot listen on {options.host_address}:{options.port}: {error.strerror}'
        ) from error


def _main(conf: cfg.ConfigOpts) -> None:
    asyncio.run(_serve(conf))


def main() -> int:
    """Run the program."""
    return run('esi-leap-serial-console-proxy', _main, sys.argv[1:])
