"""The real `openstack` program before the real service, and before a peer that misbehaves."""

import json
import logging
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openstack
import pytest

import esi_leap_client

with warnings.catch_warnings():
    # osc-lib warns of a module of its own that it imports itself.
    warnings.simplefilter('ignore', DeprecationWarning)
    from openstackclient import shell
    from osc_lib import clientmanager

    # WebOb imports a module that Python 3.13 leaves to a package of its own.
    from esi_leap.fixture import Service

#: What the peer answers if it is not told otherwise.
LEASE = {
    'name': 'mine',
    'uuid': '1ea5e000-0000-4000-8000-000000000001',
    'status': 'created',
    'status_reason': None,
    'start_time': '2030-01-01T00:00:00',
}
JSON = 'application/json'
#: Warnings that openstacksdk gives of its own code, whoever uses it and however.
SDK_WARNS_ITSELF = (
    'ignore:The _compute_attributes method',
    "ignore:The 'service_type' parameter",
    'ignore:Support for InfluxDB',
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in SDK_WARNS_ITSELF:
                item.add_marker(pytest.mark.filterwarnings(warning))


@dataclass
class Peer:
    """What the server answers and what it was asked."""

    url: str = ''
    #: Answers of (status, body, content type), each given once.
    answers: list[tuple[int, Any, str]] = field(default_factory=list)
    #: What the lease reads at each further look: changes of its attributes.
    script: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def answer(self) -> tuple[int, Any, str]:
        if self.answers:
            return self.answers.pop(0)
        now = self.script.pop(0) if self.script else {}
        return 200, {**LEASE, **now}, JSON


@pytest.fixture
def peer() -> Iterator[Peer]:
    state = Peer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(parts.query))
            text = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            body = json.loads(text) if text else None
            path = urllib.parse.unquote(parts.path)
            state.asked.append((self.command, path, query, body))
            status, said, kind = state.answer()
            data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header('Content-Type', kind)
            self.send_header('Content-Length', str(len(data)))
            self.send_header('X-Openstack-Request-Id', 'req-1')
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_args: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        state.url = f'http://127.0.0.1:{server.server_port}'
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@contextmanager
def connecting() -> Iterator[Callable[..., Any]]:
    """Connect from Python, and disconnect in the end."""
    made = []

    def connect(**options: object) -> openstack.connection.Connection:
        made.append(esi_leap_client.connect(**options))
        return made[-1]

    yield connect
    for conn in made:
        conn.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    with connecting() as connect:
        yield connect


def lease_api(connect: Callable[..., Any], service: Service, project: str, *roles: str) -> Any:  # noqa: ANN401 - a Proxy
    """Call the real service from Python as somebody."""
    lease = connect(auth_type='none', endpoint=service.url).lease
    lease.additional_headers.update({'X-Project-Id': project, 'X-Roles': ','.join(roles)})
    return lease


@pytest.fixture
def conn(peer: Peer, connect: Callable[..., Any]) -> openstack.connection.Connection:
    return connect(auth_type='none', endpoint=peer.url)


@dataclass
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.out)


Esi = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Esi:
    """Run `openstack esi …` in this process, with `OS_…` settings."""
    root = logging.getLogger()

    def run(*argv: str, **settings: str) -> Outcome:
        # The program runs once in a process: it leaves its log handlers and its client behind.
        handlers = list(root.handlers)
        vars(clientmanager.ClientManager)['lease']._handle = None  # noqa: SLF001
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            try:
                status = shell.main(['esi', *argv])
            except SystemExit as stop:
                status = int(stop.code or 0)
            finally:
                root.handlers[:] = handlers
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture
def esi(peer: Peer, run: Esi) -> Esi:
    """Run `openstack esi …` against the peer."""

    def esi(*argv: str) -> Outcome:
        return run(*argv, OS_AUTH_TYPE='none', OS_ENDPOINT=peer.url)

    return esi


@dataclass
class Cloud:
    """The real service, and `openstack esi …` for those who use it."""

    service: Service
    run: Esi

    def settings(self, project: str) -> dict[str, str]:
        """Say who calls: the one way of signing in that tells the project in a header."""
        return {
            'OS_AUTH_TYPE': 'v3tokenlessauth',
            'OS_AUTH_URL': 'http://127.0.0.1:1',
            'OS_PROJECT_ID': project,
            'OS_LEASE_ENDPOINT_OVERRIDE': self.service.url,
        }

    def esi(self, *argv: str, by: str = 'admin') -> Outcome:
        """Run a command as an admin of a project."""
        return self.run(*argv, **self.settings(by))

    def ok(self, *argv: str, by: str = 'admin') -> Any:  # noqa: ANN401 - whatever JSON holds
        """Run a command that must go well, and return the JSON it prints."""
        done = self.esi(*argv, '-f', 'json', by=by)
        assert (done.status, done.err) == (0, '')
        return done.json


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Run the real service; its pages are small, and nobody but the client waits."""
    folder.mkdir()
    with Service(folder, options={'api': {'max_limit': 2, 'delete_wait': 0}}) as running:
        yield running


@pytest.fixture
def cloud(tmp_path: Path, run: Esi) -> Iterator[Cloud]:
    with serving(tmp_path / 'service') as service:
        yield Cloud(service, run)
