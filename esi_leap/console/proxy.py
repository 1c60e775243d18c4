"""The proxy: one websocket for each token, closed when the holder of the token loses the node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from esi_leap.console.deps import Deps
from esi_leap.console.session import Close, RefusedError, Session, close
from esi_leap.core import retry
from esi_leap.core.console_auth_token import ConsoleAuthToken, digest
from esi_leap.core.errors import LeapError, UnavailableError

_LOG = logging.getLogger(__name__)
#: The library's own log. At DEBUG it would have the URLs, and with them the tokens.
_QUIET = logging.getLogger('esi_leap.console.websockets')
_QUIET.setLevel(logging.INFO)

_T = TypeVar('_T')
_SUBPROTOCOL = Subprotocol('binary')
#: Most calls to the database and to Ironic at the same time.
_THREADS = 16
#: Longest time until a serial line answers, in seconds.
_CONNECT = 10.0
#: Longest time for the closing handshake with a client, in seconds.
_CLOSE_TIMEOUT = 2.0
#: Longest time that a console stays open while the database cannot be asked, in seconds.
_BLIND = 10.0
_NO_TOKEN = 'The token is unknown, used or expired, or the node is no longer yours.'  # noqa: S105 - no password


class Proxy:
    """The proxy: `run` it in an event loop, `stop` it from there.

    Its ports block, so they are called in threads. The threads of new connections can all be
    waiting for Ironic: the check of open consoles has a thread of its own.

    Args:
        deps: the ports, the clocks and the settings.

    Attributes:
        listening: set when the proxy listens.
        port: the port that it listens on.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._sessions: dict[str, Session] = {}
        self._open = 0
        self._stopping = asyncio.Event()
        self._callers = ThreadPoolExecutor(_THREADS, 'console')
        self._watcher = ThreadPoolExecutor(1, 'console-watch')
        self.listening = asyncio.Event()
        self.port = deps.settings.port

    def stop(self) -> None:
        """Take no more connections, close the open ones, and end `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop` is called.

        Raises:
            OSError: the address cannot be listened on.
        """
        settings = self._deps.settings
        try:
            async with serve(
                self._serve,
                settings.host,
                settings.port,
                ssl=settings.tls,
                process_request=self._admit,
                subprotocols=[_SUBPROTOCOL],
                select_subprotocol=_select_subprotocol,
                compression=None,
                server_header=None,
                close_timeout=_CLOSE_TIMEOUT,
                logger=_QUIET,
            ) as server:
                await self._watch_over(server)
        finally:
            self._callers.shutdown(wait=False, cancel_futures=True)
            self._watcher.shutdown(wait=False, cancel_futures=True)

    async def _watch_over(self, server: Server) -> None:
        """Run the tasks beside serving until one ends: the proxy needs them all."""
        self.port = next(iter(server.sockets)).getsockname()[1]
        self.listening.set()
        _LOG.info('listening on port %s', self.port)
        duties = (self._stopping.wait(), self._watch_tokens(), self._cut(), self._purge())
        tasks = [asyncio.create_task(duty) for duty in duties]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for task in done:
            task.result()
        _LOG.info('ending; %s consoles are open', len(self._sessions))

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        """Return the answer to a request that becomes no websocket; None lets it become one."""
        if urlsplit(request.path).path == '/healthcheck':
            return await self._health(socket)
        origins = request.headers.get_all('Origin')
        if not all(self._is_welcome(origin) for origin in origins):
            return socket.respond(
                HTTPStatus.FORBIDDEN, 'Pages of this origin may not open consoles here.\n'
            )
        return None

    async def _health(self, socket: ServerConnection) -> Response:
        try:
            await self._ask(self._deps.tokens.living_tokens, (), self._deps.now())
        except LeapError as error:
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, f'{error.message}\n')
        return socket.respond(HTTPStatus.OK, 'OK\n')

    def _is_welcome(self, origin: str) -> bool:
        """Tell whether a page of this origin may open consoles.

        Browsers always send an origin: a request without one is not from a page that the user was
        lured to, but from a program that its user has given a token.
        """
        allowed = self._deps.settings.allowed_origins
        if allowed is not None:
            return origin.lower() in {each.lower() for each in allowed}
        return urlsplit(origin).hostname == urlsplit(self._deps.settings.public_url).hostname

    async def _serve(self, socket: ServerConnection) -> None:
        """Serve one websocket from its handshake to its end."""
        if self._open >= self._deps.settings.max_connections:
            await close(socket, Close.BUSY, 'Too many consoles are open; try again later.')
            return
        self._open += 1
        try:
            code, reason = await self._console(socket)
        except RefusedError as refusal:
            code, reason = refusal.code, refusal.reason
            _LOG.info('%s: refused: %s', _peer(socket), reason)
        finally:
            self._open -= 1
        await close(socket, code, reason)

    async def _console(self, socket: ServerConnection) -> tuple[Close, str]:
        """Open the console of the token, and return the code and the reason with which it ended.

        The token is used last: an error before that leaves it good for another try.

        Raises:
            RefusedError: the console is not opened.
        """
        deps = self._deps
        token_hash = digest(_token(socket))
        token = await self._ask_or_refuse(deps.tokens.token, token_hash, deps.now())
        if token is None:
            raise RefusedError(Close.TOKEN, _NO_TOKEN)
        line = await self._connect(token)
        session = Session(
            socket,
            line,
            read_only=token.read_only,
            idle=deps.settings.idle,
            monotonic=deps.monotonic,
        )
        try:
            if not await self._ask_or_refuse(deps.tokens.use_token, token_hash, deps.now()):
                raise RefusedError(Close.TOKEN, _NO_TOKEN)
            self._sessions[token_hash] = session
            _LOG.info('%s: open: %s', _peer(socket), _describe(token))
            code, reason = await session.run()
            _LOG.info('%s: closed (%d %s): %s', _peer(socket), code, reason, _describe(token))
            return code, reason
        finally:
            self._sessions.pop(token_hash, None)
            line[1].transport.abort()

    async def _connect(
        self, token: ConsoleAuthToken
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        service = self._deps.fleet.get(token.node.resource_type)
        if service is None:
            raise RefusedError(
                Close.CONSOLE, f'Nodes of the type {token.node.resource_type} are not served here.'
            )
        address = await self._ask_or_refuse(service.console, token.node.resource_uuid)
        try:
            async with asyncio.timeout(_CONNECT):
                return await asyncio.open_connection(address.host, address.port)
        except OSError as error:  # a timeout is one, too
            _LOG.warning(
                'node %s: %s:%s: %s',
                token.node.resource_uuid,
                address.host,
                address.port,
                error or 'no answer in time',
            )
            raise RefusedError(Close.UNAVAILABLE, 'The serial line cannot be reached.') from error

    async def _watch_tokens(self) -> None:
        """Close consoles if their token is no longer good; one query checks them all."""
        while True:
            await asyncio.sleep(self._deps.settings.poll_interval)
            checked_at, sessions = self._deps.monotonic(), dict(self._sessions)
            if not sessions:
                continue
            try:
                alive = await self._ask(
                    self._deps.tokens.living_tokens,
                    tuple(sessions),
                    self._deps.now(),
                    executor=self._watcher,
                )
            except LeapError as error:  # `_cut` closes them if this lasts
                _LOG.warning('%s open consoles cannot be checked: %s', len(sessions), error)
                continue
            for token_hash, session in sessions.items():
                if token_hash in alive:
                    session.seen, session.until = checked_at, alive[token_hash]
                else:
                    session.end(Close.LOST, 'The lease has ended, or the token was deleted.')

    async def _cut(self) -> None:
        """Close consoles at the end of their leases, even while the database does not answer."""
        while True:
            ends = [each.until for each in self._sessions.values() if each.until is not None]
            left = min(((end - self._deps.now()).total_seconds() for end in ends), default=1)
            await asyncio.sleep(max(0, min(left, self._deps.settings.poll_interval)))
            now, blind = self._deps.now(), self._deps.monotonic() - _BLIND
            for session in list(self._sessions.values()):
                if session.until is not None and session.until <= now:
                    session.end(Close.LOST, 'The lease has ended.')
                elif session.seen < blind:
                    session.end(Close.UNAVAILABLE, 'The lease cannot be checked.')

    async def _purge(self) -> None:
        while True:
            try:
                await self._ask(self._deps.tokens.purge_tokens, self._deps.now())
            except LeapError as error:
                _LOG.warning('old tokens cannot be deleted: %s', error)
            await asyncio.sleep(retry.TOKENS)

    async def _ask_or_refuse(self, call: Callable[..., _T], *arguments: Any) -> _T:  # noqa: ANN401 - of the call
        """Return the result of a call that a console cannot be opened without.

        Raises:
            RefusedError: the call raised an error.
        """
        try:
            return await self._ask(call, *arguments)
        except UnavailableError as error:
            raise RefusedError(Close.UNAVAILABLE, error.message) from error
        except LeapError as error:
            raise RefusedError(Close.CONSOLE, error.message) from error

    async def _ask(
        self,
        call: Callable[..., _T],
        *arguments: Any,  # noqa: ANN401 - of the call
        executor: ThreadPoolExecutor | None = None,
    ) -> _T:
        """Return the result of a call, made in a thread of `executor` or of the callers."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor or self._callers, call, *arguments)


def _select_subprotocol(
    socket: ServerConnection, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    """Return `binary` if the client offers it, None otherwise; the bytes are the same."""
    del socket
    return _SUBPROTOCOL if _SUBPROTOCOL in offered else None


def _token(socket: ServerConnection) -> str:
    """Return the token in the URL, empty if there is none. It is never logged."""
    path = socket.request.path if socket.request else ''
    return parse_qs(urlsplit(path).query).get('token', [''])[0]


def _describe(token: ConsoleAuthToken) -> str:
    """Return the words for a console in the log: all but the token."""
    mode = ', read-only' if token.read_only else ''
    return (
        f'node {token.node.resource_uuid}, lease {token.lease}, project {token.project_id}, '
        f'user {token.user_id}{mode}'
    )


def _peer(socket: ServerConnection) -> str:
    address = socket.remote_address
    return f'{address[0]}:{address[1]}' if address else 'a client that is gone'
