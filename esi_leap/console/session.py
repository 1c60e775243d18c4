"""One open console: bytes pass from a websocket to a serial line and back until it is closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from enum import IntEnum

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

#: Most bytes that are read from the line at once.
_CHUNK = 65536
#: Most bytes of the reason in a closing frame.
_REASON = 123


class Close(IntEnum):
    """Codes of the closing frames of the proxy; the reason in the frame says it in words."""

    DONE = 1000
    BUSY = 1013  # too many consoles are open
    TOKEN = 4401  # the token is unknown, used or expired, or its holder no longer has the node
    LOST = 4403  # the lease has ended, or the tokens of the node were deleted
    IDLE = 4408  # no byte came or went for too long
    CONSOLE = 4409  # the console is switched off, or of a kind that cannot be reached
    LINE = 4410  # the serial line was closed at its other end
    UNAVAILABLE = 4503  # the database, Ironic or the serial line does not answer


class RefusedError(Exception):
    """The console is not opened."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Session:
    """One open console.

    Args:
        socket: the websocket, its handshake done.
        line: the connection to the serial line.
        read_only: whether input from the websocket is dropped.
        idle: seconds without a byte after which the session ends; None is never.
        monotonic: a clock that is never set.

    Attributes:
        until: when the lease ends; None if that is not known.
        seen: when the token was last known to be good, on the monotonic clock.
    """

    def __init__(
        self,
        socket: ServerConnection,
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        *,
        read_only: bool,
        idle: float | None,
        monotonic: Callable[[], float],
    ) -> None:
        self.until: datetime | None = None
        self.seen = self._active = monotonic()
        self._socket = socket
        self._from_line, self._to_line = line
        self._read_only = read_only
        self._idle = idle
        self._monotonic = monotonic
        self._ending: asyncio.Future[tuple[Close, str]] = asyncio.get_running_loop().create_future()

    def end(self, code: Close, reason: str = '') -> None:
        """End the session; the first reason counts."""
        if not self._ending.done():
            self._ending.set_result((code, reason))

    async def run(self) -> tuple[Close, str]:
        """Pass bytes on until the session ends, close the line, and return (code, reason)."""
        tasks = (self._pass_input, self._pass_output, self._watch_idle)
        pumps = [asyncio.create_task(task()) for task in tasks]
        try:
            return await self._ending
        finally:
            # At once, and without the bytes that are still on their way.
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._to_line.transport.abort()

    async def _pass_input(self) -> None:
        try:
            async for message in self._socket:
                self._active = self._monotonic()
                if not self._read_only:
                    typed = message.encode() if isinstance(message, str) else message
                    self._to_line.write(typed)
                    await self._to_line.drain()
        except ConnectionClosed:
            pass  # closed without a closing frame, but closed
        except OSError:
            self._line_closed()
        self.end(Close.DONE)

    async def _pass_output(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            while shown := await self._from_line.read(_CHUNK):
                self._active = self._monotonic()
                await self._socket.send(shown)
        self._line_closed()

    async def _watch_idle(self) -> None:
        while self._idle is not None:
            left = self._active + self._idle - self._monotonic()
            if left <= 0:
                self.end(Close.IDLE, f'Nothing came or went for {self._idle:g} seconds.')
                return
            await asyncio.sleep(left)

    def _line_closed(self) -> None:
        if self._socket.state.name == 'OPEN':
            self.end(Close.LINE, 'The serial line was closed at its other end.')
        self.end(Close.DONE)


async def close(socket: ServerConnection, code: Close, reason: str) -> None:
    """Close a websocket with a reason, cut to the length that a closing frame has room for."""
    await socket.close(code, reason.encode()[:_REASON].decode(errors='ignore'))
