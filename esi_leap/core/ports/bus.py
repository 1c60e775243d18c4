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
    """The store as the relay sees it: notifications that wait, and the claim to send them."""

    def number_events(self) -> None:
        """Give each event without a public id its id."""

    def outgoing(self, limit: int) -> Sequence[Message]:
        """Return the oldest notifications, at most `limit`, in the order of their writing."""

    def sent(self, message_id: int) -> None:
        """Delete a notification that the bus has taken."""

    def claim_chore(self, name: str, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a chore until an instant, or prolong the claim; return False if another has it."""

    def release_chore(self, name: str, claim: str, done_at: datetime | None) -> None:
        """Release the claim on a chore; with `done_at`, also record that it was done then."""


class Bus(Protocol):
    """The message bus."""

    def send(self, message: Message, may: Callable[[], bool]) -> None:
        """Send a notification.

        Args:
            message: the notification.
            may: called at the last moment before sending; if it returns False, nothing is sent.

        Raises:
            UnavailableError: the bus did not take the notification, or `may` returned False.
        """
