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
import signal
import socket
import subprocess
from pathlib import Path

from sandbox import ports, processes, programs, servers
from sandbox.errors import SandboxError


class RabbitMQ(servers.Server):
    """A message broker."""

    name = 'rabbitmq'
    package = 'rabbitmq-server'
    needs = ('rabbitmq-server', 'rabbitmqctl', 'erl', 'epmd')
    patience = 180  # Erlang takes its time where many want the processor

    def __init__(self) -> None:
        super().__init__()
        self._distribution, self._names = ports.pick(), ports.pick()

    @property
    def url(self) -> str:
        """The URL that oslo.messaging connects to."""
        return f'rabbit://guest:guest@127.0.0.1:{self.port}/'

    @property
    def amqp(self) -> str:
        """The URL that other clients connect to."""
        return f'amqp://guest:guest@127.0.0.1:{self.port}//'

    def _spawn(self) -> processes.Process:
        self._write_settings()
        # The script of Debian would change to a user of its own; this one is what it calls.
        server = Path('/usr/lib/rabbitmq/bin/rabbitmq-server')
        return processes.spawn([server], log=self.log, env=self._environment())

    def stop(self) -> None:
        """End the server and its daemon; what is durable stays for the next ``start()``."""
        if self.process is None:
            return
        super().stop()
        with contextlib.suppress(OSError, subprocess.SubprocessError, SandboxError):
            subprocess.run(
                [programs.require('epmd', self.package), '-port', str(self._names), '-kill'],
                check=False,
                capture_output=True,
                timeout=10,
            )

    def freeze(self) -> None:
        """Let the server hang: connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a server that hangs go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, number)

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
