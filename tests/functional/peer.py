"""Another service of the cloud, which says what it is told to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Peer:
    """A service with its versions under `/` and one thing under `/v1`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.sent = b'{"a": 1}'

    def answer(self, path: str, here: str) -> tuple[int, bytes]:
        self.asked.append(path)
        if path in {'/', '/v1', '/v1/'}:
            link = {'rel': 'self', 'href': f'{here}/v1/'}
            version = {'id': 'v1', 'status': 'CURRENT', 'links': [link]}
            return 200, json.dumps({'versions': [version]}).encode()
        return (self.status, self.sent) if path == '/v1/thing' else (404, b'')


@contextmanager
def serving(peer: Peer, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Let it answer, encrypted or not; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = peer.answer(self.path, url)
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
