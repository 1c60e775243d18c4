"""The database, as the consoles see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from esi_leap.core.console_auth_token import ConsoleAuthToken


class ConsoleAuthTokens(Protocol):
    """The store as the consoles see it. Tokens are known by their hashes alone."""

    def keep_token(self, token: ConsoleAuthToken) -> None:
        """Keep a new token."""

    def drop_tokens(self, node_id: int) -> None:
        """Delete the tokens of a node; what they opened is closed."""

    def token(self, token_hash: str, now: datetime) -> ConsoleAuthToken | None:
        """Read a token that can be used now."""

    def use_token(self, token_hash: str, now: datetime) -> bool:
        """Use a token, compare-and-swap; False if it cannot be used (any more)."""

    def living_tokens(
        self, hashes: Collection[str], now: datetime
    ) -> Mapping[str, datetime | None]:
        """Return which of these tokens still have the node, each with when its lease ends."""

    def purge_tokens(self, now: datetime) -> int:
        """Delete tokens of which nothing can come any more; return how many."""
