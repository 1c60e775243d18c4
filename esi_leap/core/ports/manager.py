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
        due: number of leases for which something is due now.
        late: number of leases whose start or end has passed and is not done, tried or not.
        since: the earliest such start or end, None if no lease is late.
        outgoing: number of notifications that wait for the message bus.
    """

    due: int
    late: int
    since: datetime | None
    outgoing: int = 0


class Inventory(Protocol):
    """The store as a refresh of the inventory sees it.

    A chore is work that one process at a time does; it is known by its name.
    """

    def see(
        self, resource_type: str, seen: Sequence[Sighting], asked: datetime, now: datetime
    ) -> None:
        """Insert or update the rows of machines, a few rows in each transaction.

        A row that differs in nothing is not written.

        Args:
            resource_type: resource type of all these machines.
            seen: the machines as their service showed them.
            asked: when their service was asked; a row written after this instant stays as it is.
            now: when the service had answered.
        """

    def miss(
        self, resource_type: str, seen: Collection[str], asked: datetime, now: datetime
    ) -> None:
        """Mark the machines that their service did not show as gone.

        Args:
            resource_type: resource type of all machines that were asked for.
            seen: uuids of the machines that the service showed.
            asked: when the service was first asked; a row written after this instant stays as it
                is.
            now: the present instant.
        """

    def wake(self, now: datetime) -> None:
        """Make the nodes due now that differ from their booking trees.

        A node differs if its lessee is not the lessee of its lease, if it has a lessee and no
        lease, if it is leased and gone, or if it has offers of another owner. The rows alone tell.
        """

    def nameless(self, limit: int) -> Sequence[str]:
        """Return the ids of projects, at most `limit`, that lists show without a name."""

    def remember(self, projects: Collection[Project]) -> None:
        """Write the names of projects into the directory, which lists read."""

    def claim_chore(self, name: str, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a chore until an instant, or prolong the claim; return False if another has it."""

    def release_chore(self, name: str, claim: str, done_at: datetime | None) -> None:
        """Release the claim on a chore; with `done_at`, also record that it was done then."""

    def chores(self, names: Collection[str]) -> Mapping[str, datetime]:
        """Return when each chore was last done, by name; one that never was done is left out."""


class Agenda(Protocol):
    """The store as the manager sees it: due nodes, and claims on nodes."""

    def node(
        self, machine: Sighting, resource_type: str, now: datetime, asked: datetime | None = None
    ) -> Node:
        """Insert or update the row of a machine, as `Store.node`."""

    def due(self, now: datetime, limit: int) -> Sequence[int]:
        """Return the keys of nodes that are due and not claimed, most overdue first."""

    def next_due(self, now: datetime) -> datetime | None:
        """Return the next instant after `now` at which a node is due, None if there is none."""

    def claim(self, node_id: int, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a node until an instant, compare-and-swap; return False if another has it.

        The holder of the claim cannot prolong it.
        """

    def release(self, node_id: int, claim: str) -> None:
        """Release a claim; a claim that the node does not have is ignored."""

    def backlog(self, now: datetime) -> Backlog:
        """Return how far behind the managers are."""

    def beat(self, kind: str, host: str, now: datetime) -> None:
        """Write the heartbeat of a process on a host; old ones of other hosts are deleted.

        Args:
            kind: kind of process, `manager` for example.
            host: host that the process runs on.
            now: the present instant.
        """

    def booking(
        self, node_id: int, now: datetime, claim: str | None = None
    ) -> AbstractContextManager[Book]:
        """Open a node's booking tree, as `Store.booking`.

        Args:
            node_id: key of the node.
            now: the present instant.
            claim: claim that the node must have; None asks for no claim.

        Raises:
            StaleClaimError: the node has another claim, or none.
            ConflictError: the database ended a deadlock with this transaction.
        """
