"""Another service of the cloud, which says what it is told to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit


class Request(NamedTuple):
    """What somebody asks for.

    Attributes:
        here: the URL under which the peer was asked.
        query: the values of each parameter.
        body: JSON; None if there is none.
    """

    method: str
    here: str
    path: str
    query: Mapping[str, Sequence[str]]
    body: Any


class Answers(Protocol):
    """Somebody who answers: with a status, and bytes or what becomes JSON."""

    def answer(self, request: Request) -> tuple[int, object]:
        """Answer."""


class Peer:
    """A service with its versions under `/` and one thing under `/v1`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.sent = b'{"a": 1}'

    def answer(self, request: Request) -> tuple[int, object]:
        self.asked.append(request.path)
        if request.path in {'/', '/v1', '/v1/'}:
            link = {'rel': 'self', 'href': f'{request.here}/v1/'}
            version = {'id': 'v1', 'status': 'CURRENT', 'links': [link]}
            return 200, {'versions': [version]}
        return (self.status, self.sent) if request.path == '/v1/thing' else (404, b'')


@contextmanager
def serving(peer: Answers, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Let it answer, encrypted or not; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            asked = urlsplit(self.path)
            length = int(self.headers['Content-Length'] or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = parse_qs(asked.query)
            status, said = peer.answer(Request(self.command, url, asked.path, query, body))
            sent = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_PUT = _serve  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not believe the certificate hangs up; that is no news."""

    server = Server(('127.0.0.1', 0), Handler)
    url = f'http://127.0.0.1:{server.server_port}'
    if tls:
        url = url.replace('http:', 'https:')
        # The handshake belongs to the thread of the connection, not to the one that accepts.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
