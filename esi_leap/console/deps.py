"""What the proxy is given."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from esi_leap.core.ports.cloud import Fleet
from esi_leap.core.ports.tokens import ConsoleAuthTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decides.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 is a free one.
        tls: certificate and key; None speaks without TLS.
        public_url: where users reach the proxy.
        allowed_origins: origins of pages that may open consoles; None: those on its public host.
        idle: seconds without a byte after which a console is closed; None is never.
        max_connections: most consoles open at a time.
        poll_interval: seconds between two looks at whether those who have consoles open may still.
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
    """The world of the proxy."""

    tokens: ConsoleAuthTokens
    fleet: Fleet
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    settings: Settings
