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
        """Read an offer of the node.

        Raises:
            OfferNotFoundError: the node has no such offer.
        """

    def lease(self, uuid: str) -> Lease:
        """Read a lease of the node.

        Raises:
            LeaseNotFoundError: the node has no such lease.
        """

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
    """The booking trees of all nodes, and the lists that the API shows of them.

    Every method raises UnavailableError if the database does not answer, and OutdatedError if its
    schema is older than this release needs.
    """

    def last_beat(self, kind: str) -> datetime | None:
        """Return the newest heartbeat of a kind of process, None if there is none.

        Args:
            kind: kind of process, `manager` for example.
        """

    def node(
        self, machine: Sighting, resource_type: str, now: datetime, asked: datetime | None = None
    ) -> Node:
        """Insert or update the row of a machine in its own transaction, and return the node.

        Args:
            machine: the machine as its service showed it.
            resource_type: its resource type.
            now: when its service had answered.
            asked: when its service was asked, None for `now`; a row written after this instant
                stays as it is.
        """

    def remember(self, projects: Collection[Project]) -> None:
        """Write the names of projects into the directory, which lists read."""

    def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of projects by id; a project that the directory lacks is left out."""

    def booking(
        self, node_id: int, now: datetime, *, project_id: str | None = None
    ) -> AbstractContextManager[Book]:
        """Open a node's booking tree: one transaction whose first statement locks the node's row.

        The transaction ends with the block: it is committed, or rolled back if the block raises.

        Args:
            node_id: key of the node.
            now: the present instant.
            project_id: project whose leases are counted; its row is locked next.

        Raises:
            ConflictError: the database ended a deadlock with this transaction.
        """

    def offers(
        self, scope: Scope, query: Query, now: datetime | None = None
    ) -> Sequence[OfferView]:
        """Return a page of offers, in a constant number of statements.

        Args:
            scope: which offers the caller may see.
            query: filters, order and page.
            now: start of the free windows that are shown; None shows no free windows.

        Raises:
            InvalidError: the marker is no offer in `scope`, or a sort key is unknown.
        """

    def leases(self, scope: Scope, query: Query) -> Sequence[LeaseView]:
        """Return a page of leases, in a constant number of statements; errors as `offers`."""

    def contracts(self, scope: Scope, query: Query) -> Sequence[ContractView]:
        """Return a page of contracts, in a constant number of statements; errors as `offers`."""

    def nodes(self, scope: NodeScope, query: Query, now: datetime) -> Sequence[NodeView]:
        """Return a page of nodes with their bookings that are not over at `now`.

        It takes a constant number of statements. A node that is gone is left out, unless it has a
        booking. Errors as `offers`.
        """

    def keep_recall(self, recall: Recall, node_ids: Sequence[int]) -> None:
        """Write a new recall, with an item in state requested for each node."""

    def cancel_recall(self, uuid: str, now: datetime) -> Sequence[int]:
        """Cancel a recall for good; return the keys of the nodes whose items are not final.

        The caller carries out the cancellation on each of these nodes.
        """

    def unfinished_recalls(self, before: datetime) -> Sequence[tuple[str, int]]:
        """Return (recall uuid, node id) of open items whose request began before `before`."""

    def recalls(self, scope: Scope, query: Query) -> Sequence[RecallView]:
        """Return a page of recalls, in a constant number of statements; errors as `offers`."""

    def recall_items(self, uuid: str) -> Sequence[ItemView]:
        """Return the items of a recall, each with its node and the lease that it waits for."""

    def given(self, project_id: str) -> Sequence[Given]:
        """Return the nodes that a project has offered or leased out, with their leases."""

    def events(self, scope: Scope, query: EventQuery) -> Sequence[EventView]:
        """Return a page of events in the order of their ids.

        Each committed event has an id by then, and no later call shows an event with a lower id.
        """
