"""Views: values of the core, with names and counts for readers of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from esi_leap.core.contract import Contract
from esi_leap.core.contract import Status as ContractStatus
from esi_leap.core.interval import Interval
from esi_leap.core.inventory import Sighting
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.core.recall import Item, ItemStatus, Recall
from esi_leap.core.recall import Status as RecallStatus


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer with its node, the names of its projects, and its free windows."""

    offer: Offer
    node: Node
    names: Mapping[str, str]
    free: Sequence[Interval] = ()


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease with its node, the names of its projects, and its recall.

    Attributes:
        recalled_for: why its node is recalled, as its owner said.
        elsewhere: uuids of offers that its lessee may claim instead, when its node is recalled.
    """

    lease: Lease
    node: Node
    names: Mapping[str, str]
    recalled_for: str | None = None
    elsewhere: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node with its sighting, names, and bookings.

    Attributes:
        seen: what its own service says of it; None is for callers who only see what is booked.
        owner: the name of its owner, empty if that is unknown or not for the caller.
        lessee: likewise.
        reason: what it, or a lease of it that the caller may see, waits for, in a sentence.
        refreshed_at: as of when it is known.
        offer: uuid of the offer that is open now.
        lease: uuid of the lease that has it now.
        future_offers: uuids of those that begin later.
        future_leases: likewise.
    """

    node: Node
    seen: Sighting | None
    owner: str
    lessee: str
    reason: str | None
    refreshed_at: datetime
    offer: str | None
    lease: str | None
    future_offers: Sequence[str]
    future_leases: Sequence[str]

    @property
    def uuid(self) -> str:
        """The node's uuid."""
        return self.node.resource_uuid


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract with its leases' uuids."""

    contract: Contract
    status: ContractStatus
    leases: Sequence[str]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ItemView:
    """The recall of one node, with its lease and the name of the lessee.

    Attributes:
        lease: the lease that has or had the node, None if none does.
        lessee: the name of its lessee, empty if that is unknown.
    """

    item: Item
    node: Node
    lease: Lease | None
    lessee: str


@dataclass(frozen=True, slots=True)
class Given:
    """A node that a project has given away.

    Attributes:
        leases: those with which it did so; none if it has only offered the node.
        recalled: whether a recall is about to bring it back.
    """

    node: Node
    leases: Sequence[Lease]
    recalled: bool


@dataclass(frozen=True, slots=True)
class RecallView:
    """A recall with how many of its nodes are how far."""

    recall: Recall
    status: RecallStatus
    owner: str
    counts: Mapping[ItemStatus, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event as it was written. Its id is larger than those of all events visible before."""

    id: int
    type: str
    time: datetime
    object_type: str
    object_uuid: str
    resource_type: str
    resource_uuid: str
    lessee_id: str | None
    owner_id: str | None
