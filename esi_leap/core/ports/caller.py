"""The caller of the API, as the use cases see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Caller(Protocol):
    """The caller of a request."""

    @property
    def project_id(self) -> str | None:
        """The project of the token."""

    @property
    def user_id(self) -> str | None:
        """The user of the token."""

    @property
    def auth_token(self) -> str | None:
        """The token itself, to ask another service in the caller's name; None without Keystone."""

    @property
    def home_domain(self) -> str | None:
        """The domain that project names are looked up in: that of the caller's project."""

    def can(self, rule: str, target: Mapping[str, str | None] | None = None) -> bool:
        """Ask the policy whether the caller may do `rule` to `target`."""
