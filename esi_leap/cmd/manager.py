"""`esi-leap-manager`: performs hand-overs and returns when they are due."""

from __future__ import annotations

import logging
import signal
import sys

from oslo_config import cfg

from esi_leap import metrics
from esi_leap.cmd import run
from esi_leap.conf.checks import ConfigurationError
from esi_leap.wiring.manager import make_loop, make_relay

_LOG = logging.getLogger(__name__)


def _main(conf: cfg.ConfigOpts) -> None:
    meter = metrics.Manager()
    loop, relay = make_loop(conf, meter=meter), make_relay(conf)
    if conf.metrics.manager_port:
        try:
            meter.serve(conf.metrics.host, conf.metrics.manager_port)
        except OSError as error:
            raise ConfigurationError(
                f'[metrics] host and manager_port cannot be listened on: {error.strerror}.'
            ) from error

    def end(number: int, frame: object) -> None:
        del frame
        _LOG.info('signal %s: finishing the tasks in flight', number)
        loop.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    _LOG.info('the manager is up')
    relay.start()
    loop.run()
    relay.stop()


def main() -> int:
    """Run the program."""
    return run('esi-leap-manager', _main, sys.argv[1:])
