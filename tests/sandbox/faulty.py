"""A reverse proxy before Ironic, in which a request goes wrong when somebody wants it to."""

from __future__ import annotations

import http.client
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NoReturn, Self, TypeAlias
from urllib.parse import urlsplit

#: Headers of one connection, and not of what is said.
_HOPS = {'connection', 'keep-alive', 'transfer-encoding', 'content-length'}
#: What Ironic's fake hardware and its noop network cannot have, and how Ironic would show it. The
#: proxy has it in their place, until Ironic is asked to remove it.
BESIDE: Mapping[str, object] = {
    'vifs': {'vifs': [{'id': 'a-port-of-the-tenant'}]},
    'vmedia': [{'device_type': 'cdrom', 'inserted': True}],
    'management/boot_device': {'boot_device': 'disk', 'persistent': True},
}
#: What Ironic says to who removes what it never had.
_REMOVED = {HTTPStatus.NO_CONTENT, HTTPStatus.BAD_REQUEST}

_Answer: TypeAlias = tuple[int, list[tuple[str, str]], bytes]


class CutError(Exception):
    """The connection is closed without a word."""


def cut() -> NoReturn:
    """Close the connection without a word."""
    raise CutError


def _nothing() -> None:
    """Let it go on."""


@dataclass(frozen=True)
class Fault:
    """A way in which a request goes wrong; both calls may cut the connection.

    Attributes:
        before: is called before it is passed on; returns the status to answer with instead, or
            None to pass it on after all.
        after: is called when it was passed on; returns the status to answer with, or None for what
            was really said.
    """

    before: Callable[[], int | None] = _nothing
    after: Callable[[], int | None] = _nothing


@dataclass(frozen=True)
class Request:
    """A request that wants to change something.

    Attributes:
        path: below the version, without the query.
        body: JSON; None if there is none.
    """

    method: str
    path: str
    body: object


Meet: TypeAlias = Callable[[Request], Fault | None]


class Faulty(ThreadingHTTPServer):
    """The proxy, as long as the context lasts.

    Args:
        behind: URL of the service.

    Attributes:
        watched: by the uuid that is in their path, who is asked about requests that want to change
            something.
        beside: by the uuid of a node, what of `BESIDE` it has.
        broken: what went wrong in the proxy itself.
    """

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.behind = urlsplit(behind)
        self.url = f'http://127.0.0.1:{self.server_port}'
        self.watched: dict[str, Meet] = {}
        self.beside: dict[str, set[str]] = defaultdict(set)
        self.broken: list[BaseException | None] = []
        self._thread = Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what has happened, unless it is that the manager does not listen any more."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            self.broken.append(error)


class _Handler(BaseHTTPRequestHandler):
    server: Faulty

    def _serve(self) -> None:
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length) if length else None
        try:
            status, headers, said = self._answer(body)
        except (CutError, OSError, http.client.HTTPException):
            return  # whoever is cut off behind is cut off here
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOPS:
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the library's names

    def _answer(self, body: bytes | None) -> _Answer:
        fault = self._met(body) or Fault()
        instead = fault.before()
        if instead is not None:
            return instead, [], b''
        answer = self._stand_in(body)
        instead = fault.after()
        return answer if instead is None else (instead, [], b'')

    def _met(self, body: bytes | None) -> Fault | None:
        if self.command == 'GET':
            return None
        for uuid, meet in list(self.server.watched.items()):
            if uuid in self.path:
                path = urlsplit(self.path).path.removeprefix('/v1')
                return meet(Request(self.command, path, json.loads(body) if body else None))
        return None

    def _stand_in(self, body: bytes | None) -> _Answer:
        """Let Ironic answer, or say what it would if the node had what is beside it."""
        path = urlsplit(self.path).path
        for uuid, has in list(self.server.beside.items()):
            for what in list(has):
                where = f'/v1/nodes/{uuid}/{what}'
                if self.command == 'GET' and path == where:
                    return HTTPStatus.OK, [], json.dumps(BESIDE[what]).encode()
                if self.command != 'GET' and path.startswith(where):
                    answer = self._behind(body)
                    if answer[0] not in _REMOVED:
                        return answer
                    has.discard(what)
                    return HTTPStatus.NO_CONTENT, [], b''
        return self._behind(body)

    def _behind(self, body: bytes | None) -> _Answer:
        behind = self.server.behind
        connection = http.client.HTTPConnection(str(behind.hostname), behind.port, timeout=60)
        try:
            # With the host that was asked: links then lead to the proxy, too.
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def log_message(self, *_: object) -> None:
        """Keep standard error clean."""
