"""The database, as the manager and the refresh of the inventory see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from esi_leap.core.inventory import Sighting
from esi_leap.core.node import Node
from esi_leap.core.ports.cloud import Project
from esi_leap.core.ports.store import Book


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far behind the managers are.

    Attributes:
        due: leases for which something is due now.
        late: leases whose start or end has come and is not done, tried or not.
        since: the earliest such start or end.
        outgoing: notifications that the message bus has not taken yet.
    """

    due: int
    late: int
    since: datetime | None
    outgoing: int = 0


class Inventory(Protocol):
    """The store as a refresh of the inventory sees it.

    A chore is what one process does at a time; it has a name.
    """

    def see(
        self, resource_type: str, seen: Sequence[Sighting], asked: datetime, now: datetime
    ) -> None:
        """Bring the rows of machines up to date, each in a transaction that is soon over.

        Args:
            resource_type: of all these machines.
            seen: what was seen of them.
            asked: when their service was asked; what was seen after that instant stays.
            now: when it had answered.
        """

    def miss(
        self, resource_type: str, seen: Collection[str], asked: datetime, now: datetime
    ) -> None:
        """Note that a service does not have those machines any more that it did not show.

        Args:
            resource_type: of all machines that were asked for.
            seen: the uuids of those that it showed.
            asked: when it was first asked; what was seen after that instant is there.
            now: the present instant.
        """

    def wake(self, now: datetime) -> None:
        """Let the manager look at once at nodes that differ from their booking trees.

        These are: a node with a lessee who is not its lease's, one with a lessee and without a
        lease, one that is gone and leased, and one with offers that its owner did not make. All
        are found in the database.
        """

    def nameless(self, limit: int) -> Sequence[str]:
        """Return projects, at most `limit`, whose names lists would show and nobody knows."""

    def remember(self, projects: Collection[Project]) -> None:
        """Keep the names of projects in the directory that lists read."""

    def claim_chore(self, name: str, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a chore, or lengthen one's own claim; False if somebody else has it."""

    def release_chore(self, name: str, claim: str, done_at: datetime | None) -> None:
        """Give the claim back; `done_at` says that the chore was done, and as of when."""

    def chores(self, names: Collection[str]) -> Mapping[str, datetime]:
        """Return when chores were last done; those that never were are left out."""


class Agenda(Protocol):
    """The store as the manager sees it: what is due, and claims on nodes."""

    def node(
        self, machine: Sighting, resource_type: str, now: datetime, asked: datetime | None = None
    ) -> Node:
        """Bring the row of a machine up to date, as `Store.node`."""

    def due(self, now: datetime, limit: int) -> Sequence[int]:
        """Return the keys of nodes for which something is due and that nobody has claimed."""

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next thing is due after `now`."""

    def claim(self, node_id: int, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a node, compare-and-swap; False if somebody else was first."""

    def release(self, node_id: int, claim: str) -> None:
        """Give a claim back."""

    def backlog(self, now: datetime) -> Backlog:
        """Return how far behind the managers are."""

    def beat(self, kind: str, host: str, now: datetime) -> None:
        """Give a sign of life of a process on a host."""

    def booking(
        self, node_id: int, now: datetime, claim: str | None = None
    ) -> AbstractContextManager[Book]:
        """Open a node's booking tree, as `Store.booking`, and only if the claim is still ours.

        Raises:
            StaleClaimError: it is not.
        """
