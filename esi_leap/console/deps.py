"""The ports and settings that the proxy is made with."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from esi_leap.core.ports.cloud import Fleet
from esi_leap.core.ports.tokens import ConsoleAuthTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the operator; see `esi_leap.conf.serialconsoleproxy`.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 is a free one.
        tls: certificate and key; without it the proxy speaks no TLS.
        public_url: URL at which users reach the proxy.
        allowed_origins: origins of pages that may open consoles; None: the origins on the host of
            `public_url`.
        idle: seconds without a byte after which a console is closed; None is never.
        max_connections: highest number of consoles open at the same time.
        poll_interval: seconds between two checks of the tokens of the open consoles.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    public_url: str
    allowed_origins: Sequence[str] | None
    idle: float | None
    max_connections: int
    poll_interval: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The ports, the clocks and the settings of the proxy."""

    tokens: ConsoleAuthTokens
    fleet: Fleet
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    settings: Settings
