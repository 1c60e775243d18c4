"""The database, as the use cases see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from esi_leap.core.change import Change
from esi_leap.core.interval import Interval
from esi_leap.core.inventory import Sighting
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import EventQuery, NodeScope, Query, Scope
from esi_leap.core.recall import Item, Recall
from esi_leap.core.tree import BookingTree
from esi_leap.core.views import (
    ContractView,
    EventView,
    Given,
    ItemView,
    LeaseView,
    NodeView,
    OfferView,
    RecallView,
)


class Book(Protocol):
    """One node's booking tree, open for change under the node's row lock."""

    @property
    def node(self) -> Node:
        """The row of the node, with the changes that were put."""

    def tree(self, window: Interval | None = None) -> BookingTree:
        """Read the bookings that block a part of `window`; None reads all that block."""

    def offer(self, uuid: str) -> Offer:
        """Read an offer of the node as it is now."""

    def lease(self, uuid: str) -> Lease:
        """Read a lease of the node as it is now."""

    def recalls(self) -> Sequence[tuple[Recall, Item]]:
        """Read the recalls of the node that are not over."""

    def count_leases(self, project_id: str) -> int:
        """Count the leases of a project that have not ended, on all nodes.

        No other transaction changes them meanwhile if the book was opened for this project.
        """

    def put(self, change: Change) -> Change:
        """Write a change with all that follows from it, and return the whole.

        Raises:
            WindowConflictError: the database itself found an overlap.
        """


class Store(Protocol):
    """The booking tree of all nodes, in a database."""

    def last_beat(self, kind: str) -> datetime | None:
        """Return when a process of a kind last gave a sign of life, None if none ever did."""

    def node(
        self, machine: Sighting, resource_type: str, now: datetime, asked: datetime | None = None
    ) -> Node:
        """Return the row of a machine, made or brought up to date, in its own transaction.

        Args:
            machine: what was seen of it.
            resource_type: its type.
            now: when it was seen.
            asked: when its service was asked; what was seen after that instant stays. None: `now`.
        """

    def remember(self, projects: Collection[Project]) -> None:
        """Keep the names of projects in the directory that lists read."""

    def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of those projects that the directory has."""

    def booking(
        self, node_id: int, now: datetime, *, project_id: str | None = None
    ) -> AbstractContextManager[Book]:
        """Open a node's booking tree: one transaction whose first statement locks the node's row.

        Args:
            node_id: the node's key.
            now: the present instant.
            project_id: a project whose leases are counted; its row is locked next.
        """

    def offers(
        self, scope: Scope, query: Query, now: datetime | None = None
    ) -> Sequence[OfferView]:
        """List offers, in a constant number of statements.

        Args:
            scope: what the caller may see.
            query: what he wants to see of it.
            now: the instant from which on free windows are shown; None shows none.
        """

    def leases(self, scope: Scope, query: Query) -> Sequence[LeaseView]:
        """List leases, in a constant number of statements."""

    def contracts(self, scope: Scope, query: Query) -> Sequence[ContractView]:
        """List contracts, in a constant number of statements."""

    def nodes(self, scope: NodeScope, query: Query, now: datetime) -> Sequence[NodeView]:
        """List nodes with what is booked on them from now on, in a constant number of statements.

        Those that are gone are left out, unless something is booked on them.
        """

    def keep_recall(self, recall: Recall, node_ids: Sequence[int]) -> None:
        """Write a new recall of some nodes, of which nothing is done yet."""

    def cancel_recall(self, uuid: str, now: datetime) -> Sequence[int]:
        """Note that a recall is over; return the keys of its nodes that something is to be done of.

        Once it is, it stays: whoever works on one of its nodes finds it so.
        """

    def unfinished_recalls(self, before: datetime) -> Sequence[tuple[str, int]]:
        """Return of which recalls, and nodes, somebody began before an instant what is not done."""

    def recalls(self, scope: Scope, query: Query) -> Sequence[RecallView]:
        """List recalls, in a constant number of statements."""

    def recall_items(self, uuid: str) -> Sequence[ItemView]:
        """Return how far each node of a recall is."""

    def given(self, project_id: str) -> Sequence[Given]:
        """Return the nodes that a project has offered or leased out."""

    def events(self, scope: Scope, query: EventQuery) -> Sequence[EventView]:
        """List events, all that are visible by now, in the order of their ids."""
