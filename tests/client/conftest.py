"""A server that speaks the wire contract, and the real `openstack` program before it."""

import json
import logging
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
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

OFFER = {
    'name': 'spare',
    'uuid': '0ffe0000-0000-4000-8000-000000000001',
    'project_id': 'a' * 32,
    'project': 'owner',
    'lessee_id': None,
    'lessee': '',
    'resource_type': 'ironic_node',
    'resource_uuid': '20de0000-0000-4000-8000-000000000001',
    'resource': 'node-1',
    'resource_class': 'gpu',
    'resource_properties': {'memory_mb': '65536', 'cpu_arch': 'x86_64'},
    'start_time': '2030-01-01T00:00:00',
    'end_time': '9999-12-31T23:59:59.999999',
    'status': 'available',
    'status_reason': None,
    'properties': {},
    'availabilities': [
        ['2030-01-01T00:00:00', '2030-02-01T00:00:00'],
        ['2030-03-01T00:00:00', '9999-12-31T23:59:59.999999'],
    ],
    'parent_lease_uuid': None,
}
LEASE = {
    'name': 'mine',
    'uuid': '1ea5e000-0000-4000-8000-000000000001',
    'project_id': 'b' * 32,
    'project': 'lessee',
    'owner_id': 'a' * 32,
    'owner': 'owner',
    'resource_type': 'ironic_node',
    'resource_uuid': '20de0000-0000-4000-8000-000000000001',
    'resource_class': 'gpu',
    'resource_properties': {'memory_mb': '65536'},
    'resource': 'node-1',
    'start_time': '2030-01-01T00:00:00',
    'fulfill_time': None,
    'expire_time': None,
    'end_time': '2030-01-08T00:00:00',
    'status': 'created',
    'status_reason': None,
    'properties': {},
    'purpose': None,
    'offer_uuid': OFFER['uuid'],
    'contract_uuid': 'c0000000-0000-4000-8000-000000000001',
    'parent_lease_uuid': None,
}
CONTRACT = {
    'uuid': LEASE['contract_uuid'],
    'name': None,
    'status': 'created',
    'status_reason': None,
    'owner_id': 'a' * 32,
    'owner': 'owner',
    'project_id': 'b' * 32,
    'project': 'lessee',
    'offer_uuid': OFFER['uuid'],
    'start_time': '2030-01-01T00:00:00',
    'end_time': '2030-01-08T00:00:00',
    'leases': [LEASE['uuid']],
}
PAGE = 2
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
    """What the server keeps and what it was asked."""

    url: str = ''
    things: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            'offers': [dict(OFFER)],
            'leases': [dict(LEASE)],
            'contracts': [dict(CONTRACT)],
        }
    )
    #: What a lease reads at each further look: changes of its attributes.
    script: list[dict[str, Any]] = field(default_factory=list)
    #: Answers of (status, body, content type) to be given before anything else.
    failures: list[tuple[int, Any, str]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def answer(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        version, kind, *rest = path.strip('/').split('/')
        if version != 'v1' or kind not in self.things:
            return fault(404, 'The resource could not be found.')
        if not rest and method == 'POST':
            return 201, {**self.things[kind][0], **body}
        if not rest:
            return 200, self.page(kind, query)
        return self.answer_one(method, kind, rest, body)

    def answer_one(
        self, method: str, kind: str, rest: list[str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        thing = next((t for t in self.things[kind] if rest[0] in (t['uuid'], t['name'])), None)
        if thing is None:
            noun = kind[:-1].capitalize()
            return fault(404, f'{noun} with name or uuid {rest[0]} not found.')
        if rest[1:] == ['claim']:
            return 201, {**self.things['leases'][0], **body}
        if method == 'DELETE':
            return 200, None
        if method == 'PATCH':
            thing.update(body)
        elif self.script:
            thing.update(self.script.pop(0))
        return 200, thing

    def page(self, kind: str, query: dict[str, str]) -> dict[str, Any]:
        found = self.things[kind]
        uuids = [thing['uuid'] for thing in found]
        first = uuids.index(query['marker']) + 1 if 'marker' in query else 0
        size = min(int(query.get('limit', PAGE)), PAGE)
        page = found[first : first + size]
        answer: dict[str, Any] = {kind: page}
        if first + size < len(found):
            more = urllib.parse.urlencode({**query, 'limit': size, 'marker': page[-1]['uuid']})
            href = f'http://name-behind-a-proxy:1/v1/{kind}?{more}'
            answer[f'{kind}_links'] = [{'rel': 'next', 'href': href}]
        return answer


def fault(status: int, message: str) -> tuple[int, Any]:
    error = {'code': 'x', 'status': status, 'title': 'x', 'message': message, 'details': {}}
    return status, {'error': error, 'faultcode': 'Client', 'faultstring': message}


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
            kind = 'application/json'
            if state.failures:
                status, said, kind = state.failures.pop(0)
            else:
                status, said = state.answer(self.command, path, query, body)
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


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Connect from Python, and disconnect in the end."""
    made = []

    def connect(**options: object) -> openstack.connection.Connection:
        made.append(esi_leap_client.connect(**options))
        return made[-1]

    yield connect
    for conn in made:
        conn.close()


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
def esi(peer: Peer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Esi:
    """Run `openstack esi …` in this process."""
    monkeypatch.setenv('OS_AUTH_TYPE', 'none')
    monkeypatch.setenv('OS_ENDPOINT', peer.url)
    root = logging.getLogger()

    def run(*argv: str) -> Outcome:
        # The program runs once in a process: it leaves its log handlers and its client behind.
        handlers = list(root.handlers)
        vars(clientmanager.ClientManager)['lease']._handle = None  # noqa: SLF001
        try:
            status = shell.main(['esi', *argv])
        except SystemExit as stop:
            status = int(stop.code or 0)
        finally:
            root.handlers[:] = handlers
        return Outcome(status, *capsys.readouterr())

    return run
