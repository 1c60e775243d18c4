"""The message bus, and the outbox in front of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notification that waits for the message bus."""

    id: int
    type: str
    priority: str
    payload: Mapping[str, object]


class Outbox(Protocol):
    """The store as the relay sees it: what waits for the message bus, and who sends it."""

    def number_events(self) -> None:
        """Give the events that have no id yet their ids."""

    def outgoing(self, limit: int) -> Sequence[Message]:
        """Return the oldest notifications, in the order in which they were written."""

    def sent(self, message_id: int) -> None:
        """Forget a notification."""

    def claim_chore(self, name: str, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a chore, or lengthen one's own claim; False if another relay has it."""

    def release_chore(self, name: str, claim: str, done_at: datetime | None) -> None:
        """Give a claim back."""


class Bus(Protocol):
    """The message bus."""

    def send(self, message: Message, may: Callable[[], bool]) -> None:
        """Let the bus take a notification.

        Args:
            message: the notification.
            may: asked at the last moment, however long the way there was; False sends nothing.

        Raises:
            UnavailableError: the bus did not take it, or it was not to be sent any more.
        """
