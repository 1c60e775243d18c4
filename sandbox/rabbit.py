"""A throw-away RabbitMQ server on loopback, from the installed Debian package.

    with rabbit.RabbitMQ() as server:
        connect(server.url)
        server.stop()   # what is durable and the ports stay
        server.start()

It is a node of an Erlang of its own, with its own daemon for names, and knows of no other.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from sandbox import ports, processes, programs
from sandbox.errors import SandboxError, tail

_NEEDS = ('rabbitmq-server', 'rabbitmqctl', 'erl')


class RabbitMQ:
    """A message broker in a folder of its own."""

    name = 'rabbitmq'
    package = 'rabbitmq-server'

    def __init__(self) -> None:
        self.port, self._distribution, self._names = (ports.pick() for _ in range(3))
        self.folder = Path(tempfile.mkdtemp(prefix='esi-leap-rabbitmq-'))
        self.log = self.folder / 'server.log'
        self.process: processes.Process | None = None

    @classmethod
    def missing_packages(cls) -> list[str]:
        """Return the Debian packages that have to be installed first."""
        return [] if all(programs.find(name) for name in _NEEDS) else [cls.package]

    @property
    def url(self) -> str:
        """The URL that oslo.messaging connects to."""
        return f'rabbit://guest:guest@127.0.0.1:{self.port}/'

    @property
    def amqp(self) -> str:
        """The URL that other clients connect to."""
        return f'amqp://guest:guest@127.0.0.1:{self.port}//'

    def start(self, timeout: float = 90) -> None:
        """Start the server and wait until it answers."""
        if self.process is not None and processes.is_alive(self.process):
            return
        missing = self.missing_packages()
        if missing:
            raise SandboxError(
                f'{self.package} is not installed completely. {programs.apt_line(missing)}'
            )
        self._write_settings()
        # The script of Debian would change to a user of its own; this one is what it calls.
        server = Path('/usr/lib/rabbitmq/bin/rabbitmq-server')
        self.process = processes.spawn([str(server)], log=self.log, env=self._environment())
        deadline = time.monotonic() + timeout
        while not self._is_ready():
            if not processes.is_alive(self.process):
                raise SandboxError(f'{self.name} ended at its start. {tail(self.log)}')
            if time.monotonic() > deadline:
                self.stop()
                raise SandboxError(f'{self.name} did not answer in {timeout} s. {tail(self.log)}')
            time.sleep(0.2)

    def stop(self) -> None:
        """End the server; what is durable stays for the next ``start()``."""
        if self.process is not None:
            processes.end(self.process, grace=30)
            self.process = None

    def freeze(self) -> None:
        """Let the server hang: connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a server that hangs go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, number)

    def remove(self) -> None:
        """End the server and delete its folder."""
        self.stop()
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            epmd = str(programs.require('epmd', self.package))
            subprocess.run(
                [epmd, '-port', str(self._names), '-kill'],
                check=False,
                capture_output=True,
                timeout=10,
            )
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.remove()

    def _write_settings(self) -> None:
        (self.folder / 'rabbitmq.conf').write_text(
            f'listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.console = true\nlog.file = false\n',
            encoding='utf-8',
        )
        (self.folder / 'enabled_plugins').write_text('[].\n', encoding='utf-8')
        cookie = self.folder / '.erlang.cookie'
        if not cookie.exists():
            cookie.write_text(secrets.token_hex(16), encoding='utf-8')
            cookie.chmod(0o400)

    def _environment(self) -> dict[str, str]:
        here = str(self.folder)
        return {
            **os.environ,
            'HOME': here,
            'HOSTNAME': 'localhost',
            'ERL_EPMD_ADDRESS': '127.0.0.1',
            'ERL_EPMD_PORT': str(self._names),
            'RABBITMQ_NODENAME': f'rabbit{self.port}@localhost',
            'RABBITMQ_NODE_PORT': str(self.port),
            'RABBITMQ_DIST_PORT': str(self._distribution),
            'RABBITMQ_CONFIG_FILE': f'{here}/rabbitmq',
            'RABBITMQ_CONF_ENV_FILE': f'{here}/none',
            'RABBITMQ_ENABLED_PLUGINS_FILE': f'{here}/enabled_plugins',
            'RABBITMQ_MNESIA_BASE': f'{here}/data',
            'RABBITMQ_LOG_BASE': f'{here}/log',
            'RABBITMQ_PID_FILE': f'{here}/pid',
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '+S 2:2',
        }

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), 1):
            return True
        return False
