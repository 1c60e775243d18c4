"""`esi-leap-api`: the API in gunicorn, with several workers."""

from __future__ import annotations

import gc
import multiprocessing
import sys
from contextlib import nullcontext
from ssl import VerifyMode

from gunicorn.app.base import BaseApplication
from oslo_config import cfg

from esi_leap import metrics
from esi_leap.cmd import run
from esi_leap.conf import checks
from esi_leap.wiring.api import make_application

#: Seconds without a sign of life after which a worker is replaced.
_TIMEOUT = 90


class _Server(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn, configured by our configuration instead of its own command line."""

    def __init__(self, conf: cfg.ConfigOpts, application: object) -> None:
        self._conf = conf
        self._application = application
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options."""
        api = self._conf.api
        settings = {
            'bind': [f'{api.host_ip}:{api.port}'],
            'workers': api.api_workers or multiprocessing.cpu_count(),
            'worker_class': 'gthread',
            'threads': api.api_threads,
            'timeout': _TIMEOUT,
            'proc_name': 'esi-leap-api',
            'control_socket_disable': True,  # signals control it
        }
        beside = self._conf.metrics
        if beside.api_port:
            settings['bind'].append(f'{beside.host}:{beside.api_port}')
            settings['child_exit'] = lambda _, worker: metrics.forget(worker.pid)
        if api.enable_ssl_api:
            ssl = self._conf.ssl
            settings |= {'certfile': ssl.cert_file, 'keyfile': ssl.key_file}
            if ssl.ca_file:
                settings |= {'ca_certs': ssl.ca_file, 'cert_reqs': VerifyMode.CERT_REQUIRED}
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        """Return the application to a worker, which opens its own connections at first use."""
        return self._application


def _main(conf: cfg.ConfigOpts) -> None:
    checks.check_api_certificate(conf)
    with metrics.shared() if conf.metrics.api_port else nullcontext():
        # Built before the workers are forked: they share its memory, and an error in the
        # configuration is printed once. Nothing is connected before the first request.
        application = make_application(conf)
        # Memory that the workers share with this process stays shared only until it is written to,
        # and the garbage collector writes to every object that it looks at.
        gc.collect()
        gc.freeze()
        _Server(conf, application).run()


def main() -> int:
    """Run the program."""
    return run('esi-leap-api', _main, sys.argv[1:])
