"""A service, a proxy beside it, a serial line, and clients that open consoles."""

from __future__ import annotations

import asyncio
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from esi_leap.console.proxy import Proxy
from esi_leap.fixture import Service
from esi_leap.wiring import parts
from esi_leap.wiring.console import make_proxy
from sandbox import ports
from tests.functional.api.world import LESSEE, OWNER, Who, World, world
from tests.patience import PATIENCE


class Line(socketserver.ThreadingTCPServer):
    """A serial line that says in capitals what it is told, and keeps what it was told."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), _Told)
        self.told = b''
        self.opened = 0
        self.closed = 0
        self.connections: list[Any] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f'tcp://127.0.0.1:{self.server_address[1]}'

    def handle_error(self, request: object, client_address: object) -> None:
        """A line that is cut off is no error."""

    def say(self, what: bytes) -> None:
        """Let the far end speak to whoever has the console."""
        for connection in self.connections:
            connection.sendall(what)


class _Told(socketserver.BaseRequestHandler):
    server: Line

    def handle(self) -> None:
        self.server.opened += 1
        self.server.connections.append(self.request)
        try:
            while said := self.request.recv(65536):
                self.server.told += said
                self.request.sendall(said.upper())
        finally:
            self.server.connections.remove(self.request)
            self.server.closed += 1


class Running:
    """A proxy in a thread of its own."""

    def __init__(self, service: Service) -> None:
        self._database = parts.open_database(service.conf)
        self._conf = service.conf
        self._loop = asyncio.new_event_loop()
        self._proxy: Proxy | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    async def _run(self) -> None:
        self._proxy = make_proxy(self._conf, self._database)
        running = asyncio.create_task(self._proxy.run())
        await self._proxy.listening.wait()
        self._up.set()
        await running

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(PATIENCE)

    def stop(self) -> None:
        if self._thread.is_alive():
            assert self._proxy is not None
            self._loop.call_soon_threadsafe(self._proxy.stop)
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()

    def close(self) -> None:
        self.stop()
        self._loop.close()
        self._database.close()


@dataclass
class Consoles:
    """What the tests of consoles have at hand."""

    world: World
    line: Line
    proxy: Running
    port: int
    leases: dict[str, str] = field(default_factory=dict)

    def node(self, owner: str = 'owner') -> str:
        return self.world.node(owner, console=self.line.url)

    def lease(self, node: str, project: str = 'lessee') -> str:
        """Lease a node out from now on, and wait until the lessee has it."""
        now = datetime.now(UTC)
        made = self.world.make(
            OWNER,
            '/v1/leases',
            resource_uuid=node,
            project_id=project,
            start_time=now.isoformat(),
            end_time=(now + timedelta(hours=1)).isoformat(),
        )
        self.world.until(made['uuid'], 'active')
        self.leases[node] = str(made['uuid'])
        return self.leases[node]

    def end_soon(self, node: str, seconds: float = 2) -> datetime:
        """Shorten the lease of a node; return its end."""
        return self.world.end_soon(self.leases[node], seconds)

    def status(self, lease: str) -> str:
        return str(self.world.call(OWNER, 'GET', f'/v1/leases/{lease}').json()['status'])

    def token(self, node: str, who: Who = LESSEE, **more: object) -> dict[str, Any]:
        return self.world.make(who, '/v1/console_auth_tokens', node_uuid_or_name=node, **more)

    def enable(self, node: str) -> None:
        """Switch the console on again: a hand-over switches it off."""
        machine = self.world.service.nodes / node
        machine.write_text(
            machine.read_text().replace('"console": false', f'"console": "{self.line.url}"')
        )

    def leased(self) -> str:
        """A node that the lessee has, its console switched on."""
        node = self.node()
        self.lease(node)
        self.enable(node)
        return node

    def open(self, url: str, **more: Any) -> ClientConnection:  # noqa: ANN401 - of the library
        return connect(url, subprotocols=['binary'], open_timeout=PATIENCE, proxy=None, **more)  # type: ignore[list-item]


def heard(socket: ClientConnection, wanted: bytes) -> None:
    """Read until the line has said this."""
    said = b''
    while len(said) < len(wanted):
        got = socket.recv(PATIENCE)
        assert isinstance(got, bytes)
        said += got
    assert said == wanted


def closing(socket: ClientConnection, seconds: float = PATIENCE) -> tuple[int, str]:
    """Return code and reason with which the other side closes, whatever comes before."""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            socket.recv(max(0.01, deadline - time.monotonic()))
    except ConnectionClosed as closed:
        if closed.rcvd is None:
            pytest.fail(f'closed without a word: {closed}')
        return closed.rcvd.code, closed.rcvd.reason
    except TimeoutError:
        pass
    pytest.fail(f'not closed within {seconds} s')


@contextmanager
def running(
    folder: Path, database: str | None = None, options: Mapping[str, object] | None = None
) -> Iterator[Consoles]:
    """Run a service with a proxy and a line in an empty folder."""
    port = ports.pick()
    settings = {'host_address': '127.0.0.1', 'port': port, **(options or {})}
    with ExitStack() as open_now:
        made = open_now.enter_context(
            world(folder, database=database, options={'serialconsoleproxy': settings})
        )
        line = Line()
        open_now.callback(line.server_close)
        open_now.callback(line.shutdown)
        proxy = Running(made.service)
        open_now.callback(proxy.close)
        proxy.start()
        yield Consoles(made, line, proxy, port)


@pytest.fixture(scope='module')
def consoles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoles]:
    with running(tmp_path_factory.mktemp('consoles')) as made:
        yield made
