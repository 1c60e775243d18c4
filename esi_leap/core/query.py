"""Queries of lists: scope, filters, order and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from esi_leap.core.criteria import Criterion
from esi_leap.core.interval import Interval


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows of a list that a caller may see; the store turns it into WHERE.

    Attributes:
        everything: no limit.
        project_id: the project whose side of things is visible.
        tree: for offers, the projects a restriction to which includes the caller.
        sublet: for leases, whether those are visible that lie in a lease by this project.
        rejected: for offers by others, whether those of nodes are visible that the gate has
            rejected.
    """

    everything: bool = False
    project_id: str | None = None
    tree: frozenset[str] = frozenset()
    sublet: bool = False
    rejected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A list request: equality filters, time filters, order and page.

    Attributes:
        equal: column to value, or to the set of values of which it has one.
        spanning: bookings whose window contains this one.
        meeting: bookings whose window overlaps this one.
        criteria: conditions on the properties of the node, all of which it meets.
        free: offers that contain this window and have nothing booked in it.
        sort: (key, descending) pairs; the row's id decides between equals.
        limit: most rows returned; one more tells whether there is a next page.
        marker: uuid of the last object of the page before.
    """

    equal: Mapping[str, object] = field(default_factory=dict)
    spanning: Interval | None = None
    meeting: Interval | None = None
    free: Interval | None = None
    criteria: Sequence[Criterion] = ()
    sort: Sequence[tuple[str, bool]] = ()
    limit: int | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class NodeScope:
    """The nodes that a caller may see.

    Attributes:
        nodes: nodes seen with all fields: all, or those that the project owns or leases.
        offers: offers that the caller may see, with their nodes.
        leases: leases that the caller may see, with their nodes.
    """

    nodes: Scope
    offers: Scope
    leases: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """A query of events, in the order of their ids.

    Attributes:
        equal: column to value.
        node: uuid or name of a node.
        party: project that is one of the sides.
        after: events with a larger id.
        since: events after this instant.
        limit: most events returned; one more tells whether there is a next page.
    """

    equal: Mapping[str, str] = field(default_factory=dict)
    node: str | None = None
    party: str | None = None
    after: int | None = None
    since: datetime | None = None
    limit: int | None = None
