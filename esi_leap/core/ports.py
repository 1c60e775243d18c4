"""What the use cases and the manager need of the world. The adapters are held to these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from esi_leap.core.booking import Change
from esi_leap.core.calendar import Calendar
from esi_leap.core.console_auth_token import ConsoleAuthToken
from esi_leap.core.contract import Contract
from esi_leap.core.contract import Status as ContractStatus
from esi_leap.core.criteria import Criterion
from esi_leap.core.gate import Verdict
from esi_leap.core.handover import Machine, Node, Verb
from esi_leap.core.interval import Interval
from esi_leap.core.inventory import Sighting
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.core.recall import Item, ItemStatus, Recall
from esi_leap.core.recall import Status as RecallStatus


class Caller(Protocol):
    """Who asks: the request's context."""

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


@dataclass(frozen=True, slots=True)
class Project:
    """A project as the directory knows it."""

    id: str
    name: str


class Identity(Protocol):
    """Keystone, as far as we ask it."""

    def project(self, ident: str, domain_id: str | None) -> Project:
        """Find a project by id, by name in the caller's domain, or by `domain/name`.

        Raises:
            UnknownProjectError: there is none.
            UnavailableError: Keystone does not answer.
        """

    def ancestors(self, project_id: str) -> frozenset[str]:
        """Return the project, its parents, and its domain."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port on it."""

    host: str
    port: int


class Nodes(Protocol):
    """The service that has the machines: Ironic, or the dummy fleet."""

    def find(self, ident: str) -> Machine:
        """Find a machine by uuid or name.

        Raises:
            NodeNotFoundError: there is none.
            UnavailableError: the service does not answer.
        """

    def get(self, uuid: str, *, closely: bool = False, ports: bool = False) -> Machine:
        """Read a machine with its virtual interfaces; errors as `find`, and those of `do`.

        Args:
            uuid: its uuid.
            closely: also read what is left beside its fields, `Machine.left`, and its ports.
            ports: also read `Machine.ports`, where there is a network service.
        """

    def volumes(self, uuid: str) -> Mapping[str, str]:
        """Read a machine's `Leftovers.volumes`; errors as `find`."""

    def do(self, machine: Machine, verb: Verb) -> None:
        """Carry out one verb. Doing it again does no harm.

        Raises:
            NodeBusyError: not now; the node is locked or in transition.
            NodeNotFoundError: the node is gone.
            UnavailableError: the service does not answer, or did not in time.
        """

    def pages(self) -> Iterator[Sequence[Sighting]]:
        """Read all machines, page after page. Each step of the iterator asks the service once.

        Raises:
            UnavailableError: the service does not answer, in any of the steps.
        """

    def lets_open_console(self, uuid: str, token: str | None) -> bool:
        """Tell whether the machine's own service would let the user of `token` open its console.

        Raises:
            UnauthenticatedError: the token is not valid any more.
            UnavailableError: the service does not answer.
        """

    def console(self, uuid: str) -> Address:
        """Return where the serial line of a machine is reached.

        Raises:
            NoConsoleError: it is switched off, or not of a kind that can be reached.
            NodeNotFoundError: the node is gone.
            UnavailableError: the service does not answer.
        """


#: One nodes adapter for each resource type of this deployment.
Fleet: TypeAlias = Mapping[str, Nodes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a gate is asked.

    Attributes:
        node: our row of the node; its `trial` has the direction, and the driver's last phase and
            evidence.
        lease: the lease that the node is for, None if it is on its way back.
        now: the present instant.
    """

    node: Node
    lease: Lease | None
    now: datetime


class Gate(Protocol):
    """A driver that says whether a node may pass; see `esi_leap.core.gate`."""

    def ask(self, question: Question) -> Verdict:
        """Judge a node, as far as that can be done now.

        It is asked again and again until it says pass or reject, by any of several managers, and
        the same question may come twice. While it says wait it may use the node; when it says pass
        the node is as it was: available, and with the holding project.

        Raises:
            UnavailableError: what it needs does not answer; so does everything else that it raises
                make the node wait.
        """


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may see in a list, as the store turns it into WHERE.

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
class OfferView:
    """An offer with what its readers want beside it."""

    offer: Offer
    node: Node
    names: Mapping[str, str]
    free: Sequence[Interval] = ()


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease with what its readers want beside it.

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
    """A node with what its readers want beside it.

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
class NodeScope:
    """What a caller may see of nodes.

    Attributes:
        nodes: those that he sees whole: all, or those that his project owns or holds.
        offers: the offers he may see; he sees their nodes, too.
        leases: the leases he may see, likewise.
    """

    nodes: Scope
    offers: Scope
    leases: Scope


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract with its leases' uuids."""

    contract: Contract
    status: ContractStatus
    leases: Sequence[str]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ItemView:
    """The recall of one node, with what its readers want beside it.

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
class EventQuery:
    """What somebody wants to see of the events, in the order of their ids.

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


class Book(Protocol):
    """One node's calendar, open for change under the node's row lock.

    Attributes:
        regained: how long each recall took that has ended with a change: the node is its owner's.
    """

    node: Node
    regained: Sequence[timedelta]

    def occupancy(self, window: Interval | None = None) -> Calendar:
        """Read the bookings that hold a part of `window`, or all that hold one."""

    def offer(self, uuid: str) -> Offer:
        """Read an offer of the node as it is now."""

    def lease(self, uuid: str) -> Lease:
        """Read a lease of the node as it is now."""

    def recalls(self) -> Sequence[tuple[Recall, Item]]:
        """Read the recalls of the node that something is still to come of."""

    def note(self, item: Item) -> None:
        """Write how far a recall of the node is; it ends if the node is back already."""

    def held(self, project_id: str) -> int:
        """Count the leases of a project that have not ended, on all nodes.

        Nobody else changes them meanwhile if the calendar was opened for this project.
        """

    def put(self, change: Change) -> None:
        """Write a change and its events.

        Raises:
            WindowConflictError: the database itself found an overlap.
        """


class Store(Protocol):
    """The calendar of all nodes, in a database."""

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
        """Open a node's calendar: one transaction whose first statement locks the node's row.

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
        """Let the manager look at once at nodes that were seen otherwise than the calendar says.

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


class ConsoleAuthTokens(Protocol):
    """The store as the consoles see it. Tokens are known by their hashes alone."""

    def keep_token(self, token: ConsoleAuthToken) -> None:
        """Keep a new token."""

    def drop_tokens(self, node_id: int) -> None:
        """Delete the tokens of a node; what they opened is closed."""

    def token(self, token_hash: str, now: datetime) -> ConsoleAuthToken | None:
        """Read a token that can be used now."""

    def use_token(self, token_hash: str, now: datetime) -> bool:
        """Use a token, compare-and-swap; False if it cannot be used (any more)."""

    def living_tokens(
        self, hashes: Collection[str], now: datetime
    ) -> Mapping[str, datetime | None]:
        """Return which of these tokens still have the node, each with when its lease ends."""

    def purge_tokens(self, now: datetime) -> int:
        """Delete tokens of which nothing can come any more; return how many."""


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
        """Open a node's calendar, as `Store.booking`, and only if the claim is still ours.

        Raises:
            StaleClaimError: it is not.
        """
