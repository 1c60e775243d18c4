"""The database, as the consoles see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from esi_leap.core.console_auth_token import ConsoleAuthToken


class ConsoleAuthTokens(Protocol):
    """The store as the consoles see it. It has the hashes of tokens, never the tokens."""

    def keep_token(self, token: ConsoleAuthToken) -> None:
        """Write a new token."""

    def drop_tokens(self, node_id: int) -> None:
        """Delete the tokens of a node; the consoles that they opened are closed."""

    def token(self, token_hash: str, now: datetime) -> ConsoleAuthToken | None:
        """Return the token with a hash, None if it cannot be used now."""

    def use_token(self, token_hash: str, now: datetime) -> bool:
        """Mark a token as used, compare-and-swap; return False if it cannot be used now."""

    def living_tokens(
        self, hashes: Collection[str], now: datetime
    ) -> Mapping[str, datetime | None]:
        """Return the ends of the leases of tokens whose project has the node, by hash.

        The end is None where the project has the node without a lease. A token whose project does
        not have the node is left out.
        """

    def purge_tokens(self, now: datetime) -> int:
        """Delete expired tokens that no open console depends on; return their number."""
