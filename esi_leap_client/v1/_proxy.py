"""The lease service as an openstacksdk proxy: `conn.lease`."""

import urllib.parse
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from openstack import exceptions, proxy

from esi_leap_client import moments
from esi_leap_client.v1 import _wait
from esi_leap_client.v1._base import Answer, Kept, Listed
from esi_leap_client.v1.console_auth_token import ConsoleAuthToken
from esi_leap_client.v1.contract import Contract
from esi_leap_client.v1.event import Event
from esi_leap_client.v1.lease import Lease
from esi_leap_client.v1.node import Node
from esi_leap_client.v1.offer import Offer
from esi_leap_client.v1.recall import Recall

_R = TypeVar('_R', bound=Listed)
_K = TypeVar('_K', bound=Kept)
_L = TypeVar('_L', bound=Listed)
_A = TypeVar('_A', bound=Answer)
_Progress = Callable[[Any], None]


class Proxy(proxy.Proxy):  # type: ignore[misc]  # untyped SDK
    """Deeds on offers, leases, contracts, nodes, events and console auth tokens.

    An ident is a uuid, a name (the service finds out whose), or the object itself. Projects
    and nodes go by uuid or name too. Times are text as on the wire or aware `datetime`s.
    Every deed raises `openstack.exceptions.HttpException` (`NotFoundException`,
    `ConflictException`, …) where the service refuses, and
    `openstack.exceptions.InvalidRequest` for an attribute or filter that does not exist.
    """

    api_version = '1'
    skip_discovery = True
    _resource_registry = {  # noqa: RUF012 - the SDK declares it so
        'offer': Offer,
        'lease': Lease,
        'contract': Contract,
        'recall': Recall,
        'node': Node,
        'event': Event,
        'console_auth_token': ConsoleAuthToken,
    }

    def offers(self, **query: object) -> Iterator[Offer]:
        """List offers, page after page.

        Args:
            **query: Filters of the service; `limit` is the size of a page.

        Returns:
            The offers, fetched while they are read.
        """
        return self._found(Offer, query)

    def create_offer(self, **attrs: object) -> Offer:
        """Offer a node.

        Args:
            **attrs: `resource_uuid`, and what else an offer has.

        Returns:
            The offer.
        """
        return self._made(Offer, attrs)

    def get_offer(self, offer: str | Offer) -> Offer:
        """Read an offer by uuid or name."""
        return self._read(Offer, offer)

    def find_offer(self, offer: str, *, ignore_missing: bool = False) -> Offer | None:
        """Read an offer by uuid or name; None if `ignore_missing` and there is none."""
        return self._find_one(Offer, offer, ignore_missing=ignore_missing)

    def delete_offer(self, offer: str | Offer, *, ignore_missing: bool = False) -> Offer | None:
        """Withdraw an offer; None if `ignore_missing` and there is none."""
        return self._remove(Offer, offer, ignore_missing=ignore_missing)

    def claim_offer(self, offer: str | Offer, **attrs: object) -> Lease:
        """Claim a window of an offer.

        Args:
            offer: Its ident.
            **attrs: `start_time`, `end_time`, `name`, `purpose`, `properties`.

        Returns:
            The lease that was made.
        """
        wanted = _wired(Lease, attrs)
        try:
            return self._understood(self._at(Offer, offer).claim(self, **wanted))
        except TypeError:  # it is JSON, but no object
            raise self._stranger() from None

    def leases(self, **query: object) -> Iterator[Lease]:
        """List leases, page after page.

        Args:
            **query: Filters of the service; `view='all'` for every project's, `limit` is the
                size of a page.

        Returns:
            The leases, fetched while they are read.
        """
        return self._found(Lease, query)

    def create_lease(self, **attrs: object) -> Lease:
        """Lease a node of one's own to a project.

        Args:
            **attrs: `resource_uuid`, `project_id`, and what else a lease has.

        Returns:
            The lease.
        """
        return self._made(Lease, attrs)

    def get_lease(self, lease: str | Lease) -> Lease:
        """Read a lease by uuid or name."""
        return self._read(Lease, lease)

    def find_lease(self, lease: str, *, ignore_missing: bool = False) -> Lease | None:
        """Read a lease by uuid or name; None if `ignore_missing` and there is none."""
        return self._find_one(Lease, lease, ignore_missing=ignore_missing)

    def update_lease(self, lease: str | Lease, **attrs: object) -> Lease:
        """Change a lease.

        Args:
            lease: Its ident.
            **attrs: `end_time`, `name`, `purpose`, `properties`.

        Returns:
            The lease as it is now.
        """
        found = self._at(Lease, lease)
        found._update(**_wired(Lease, attrs))  # noqa: SLF001 - as the SDK's own proxies do
        changed: Lease = found.commit(self)
        return self._understood(changed)

    def delete_lease(self, lease: str | Lease, *, ignore_missing: bool = False) -> Lease | None:
        """End a lease; None if `ignore_missing` and there is none."""
        return self._remove(Lease, lease, ignore_missing=ignore_missing)

    def contracts(self, **query: object) -> Iterator[Contract]:
        """List contracts, page after page.

        Args:
            **query: Filters of the service; `view='all'` for every project's, `limit` is the
                size of a page.

        Returns:
            The contracts, fetched while they are read.
        """
        return self._found(Contract, query)

    def get_contract(self, contract: str | Contract) -> Contract:
        """Read a contract by uuid or name."""
        return self._read(Contract, contract)

    def find_contract(self, contract: str, *, ignore_missing: bool = False) -> Contract | None:
        """Read a contract by uuid or name; None if `ignore_missing` and there is none."""
        return self._find_one(Contract, contract, ignore_missing=ignore_missing)

    def delete_contract(
        self, contract: str | Contract, *, ignore_missing: bool = False
    ) -> Contract | None:
        """End a contract with its leases; None if `ignore_missing` and there is none."""
        return self._remove(Contract, contract, ignore_missing=ignore_missing)

    def recalls(self, **query: object) -> Iterator[Recall]:
        """List recalls, page after page.

        Args:
            **query: Filters of the service; `view='all'` for every project's, `limit` is the
                size of a page.

        Returns:
            The recalls, fetched while they are read; `nodes` is not in a list.
        """
        return self._found(Recall, query)

    def create_recall(self, **attrs: object) -> Recall:
        """Have nodes back before the time for which they were lent is over.

        Args:
            **attrs: `nodes`, or `all=True`, or `resource_class` and `count`; `deadline` or `notice`
                (seconds), `reason`, `project_id`.

        Returns:
            The recall.
        """
        return self._made(Recall, attrs)

    def get_recall(self, recall: str | Recall) -> Recall:
        """Read a recall by uuid, with how far each of its nodes is."""
        return self._read(Recall, recall)

    def delete_recall(self, recall: str | Recall, *, ignore_missing: bool = False) -> Recall | None:
        """Cancel a recall; None if `ignore_missing` and there is none."""
        return self._remove(Recall, recall, ignore_missing=ignore_missing)

    def wait_for_recall(
        self,
        recall: Recall,
        *,
        wait: float | None = None,
        interval: float = 1,
        progress: _Progress | None = None,
    ) -> Recall:
        """Wait until all nodes of a recall that can come back are back.

        Args:
            recall: What to watch.
            wait: Seconds; None waits for ever.
            interval: Seconds between two looks.
            progress: Called with the recall after every look.

        Returns:
            The recall as it then is: `complete`, or `cancelled` by somebody.

        Raises:
            openstack.exceptions.ResourceTimeout: It did not in time.
        """
        look = _wait.Look(lambda: self._again(recall), interval, wait, progress)
        return look.until_settled(recall)

    def nodes(self, **query: object) -> Iterator[Node]:
        """List the nodes that one owns, holds or may claim, page after page.

        Args:
            **query: Filters of the service: `owner`, `lessee`, `resource_class`, `property`
                (one condition such as `cpus>=40`, or a list of which all must hold), …;
                `limit` is the size of a page.

        Returns:
            The nodes, fetched while they are read.
        """
        return self._found(Node, query)

    def get_node(self, node: str | Node) -> Node:
        """Read a node by uuid or name."""
        return self._read(Node, node)

    def find_node(self, node: str, *, ignore_missing: bool = False) -> Node | None:
        """Read a node by uuid or name; None if `ignore_missing` and there is none."""
        return self._find_one(Node, node, ignore_missing=ignore_missing)

    def reset_node(self, node: str | Node) -> Node:
        """Let a node that the gate has rejected be cleaned and tried once more.

        Args:
            node: Its ident.

        Returns:
            The node as it is now.
        """
        return self._understood(self._at(Node, node).reset(self))

    def events(self, **query: object) -> Iterator[Event]:
        """List events, the oldest first, page after page.

        Args:
            **query: Filters of the service: `last_event_id` and `last_event_time` for what
                came later, `event_type`, `lessee_or_owner_id`, `resource_type`,
                `resource_uuid`; `limit` is the size of a page.

        Returns:
            The events, fetched while they are read.
        """
        return self._found(Event, query)

    def create_console_auth_token(
        self,
        node_uuid_or_name: str | Node,
        token_ttl: int | None = None,
        *,
        read_only: bool = False,
    ) -> ConsoleAuthToken:
        """Get a token for the serial console of a node that one has.

        Args:
            node_uuid_or_name: The node's ident.
            token_ttl: Seconds that it is good for; the service's own choice if None.
            read_only: Whether what is typed is dropped.

        Returns:
            The token, and the address that takes it.
        """
        node = node_uuid_or_name
        attrs: dict[str, Any] = {
            'node_uuid_or_name': node.uuid if isinstance(node, Node) else node,
            'token_ttl': token_ttl,
            'read_only': read_only or None,
        }
        given = {key: value for key, value in attrs.items() if value is not None}
        return self._made(ConsoleAuthToken, given)

    def delete_console_auth_token(self, node_uuid_or_name: str | Node) -> None:
        """Make all console tokens of a node invalid, and close the consoles that they opened.

        Args:
            node_uuid_or_name: The node's ident.
        """
        node = node_uuid_or_name
        ident = _step(node.uuid if isinstance(node, Node) else node)
        self._delete(
            ConsoleAuthToken, ConsoleAuthToken.existing(node_uuid=ident), ignore_missing=False
        )

    def wait_for_status(
        self,
        resource: _K,
        status: str = 'active',
        *,
        wait: float | None = None,
        interval: float = 1,
        progress: _Progress | None = None,
    ) -> _K:
        """Wait until something has reached a status.

        Args:
            resource: What to watch.
            status: What it is to become.
            wait: Seconds; None waits for ever.
            interval: Seconds between two looks.
            progress: Called with the object after every look.

        Returns:
            The object as it then is.

        Raises:
            openstack.exceptions.ResourceFailure: It can no longer get there.
            openstack.exceptions.ResourceTimeout: It did not in time.
        """
        look = _wait.Look(lambda: self._again(resource), interval, wait, progress)
        return look.until_status(resource, status)

    def wait_for_delete(
        self,
        resource: _K,
        *,
        wait: float | None = None,
        interval: float = 1,
        progress: _Progress | None = None,
    ) -> _K:
        """Wait until something deleted is gone: `deleted`, `expired` or not found.

        Args:
            resource: What to watch.
            wait: Seconds; None waits for ever.
            interval: Seconds between two looks.
            progress: Called with the object after every look that finds it.

        Returns:
            The object as it was last seen.

        Raises:
            openstack.exceptions.ResourceFailure: It went into `error`.
            openstack.exceptions.ResourceTimeout: It did not go in time.
        """
        look = _wait.Look(lambda: self._again(resource), interval, wait, progress)
        return look.until_gone(resource)

    def _found(self, kind: type[_L], query: dict[str, Any]) -> Iterator[_L]:
        allowed = {*kind._query_mapping._mapping, 'limit', 'marker'}  # noqa: SLF001
        if unknown := sorted(query.keys() - allowed):
            raise exceptions.InvalidRequest(
                f'There is no filter {", ".join(unknown)} on {kind.resources_key}.'
            )
        sent = {key: _text(value) for key, value in query.items() if value is not None}
        return self._pages(kind, sent)

    def _pages(self, kind: type[_L], sent: dict[str, Any]) -> Iterator[_L]:
        try:
            # Not self._list: it has an argument of its own named resource_type.
            yield from kind.list(self, **sent)
        except (KeyError, TypeError):  # it is JSON, but not the object with the key we know
            raise self._stranger() from None

    def _made(self, kind: type[_A], attrs: dict[str, Any]) -> _A:
        # Not self._create, likewise.
        new = kind.new(connection=self._get_connection(), **_wired(kind, attrs))
        made: _A = new.create(self)
        return self._understood(made)

    def _understood(self, answer: _A) -> _A:
        """Refuse an answer that was not the JSON of a lease service; the SDK lets it pass."""
        if getattr(answer, answer.proof) is None:
            raise self._stranger()
        return answer

    def _stranger(self) -> exceptions.SDKException:
        return exceptions.SDKException(
            f'What answers at {self.endpoint_override} is not a lease service.'
        )

    def _at(self, kind: type[_R], ident: str | _R) -> _R:
        """Take the object itself, or one that stands for the ident until it is read."""
        if isinstance(ident, kind):
            return ident
        return kind.existing(connection=self._get_connection(), uuid=_step(str(ident)))  # type: ignore[no-any-return]

    def _read(self, kind: type[_R], ident: str | _R) -> _R:
        found: _R = self._at(kind, ident).fetch(self)
        return self._understood(found)

    def _again(self, resource: _R) -> _R:
        fresh: _R = self._at(type(resource), resource.uuid).fetch(self, skip_cache=True)
        return self._understood(fresh)

    def _find_one(self, kind: type[_R], ident: str, *, ignore_missing: bool) -> _R | None:
        try:
            return self._read(kind, ident)
        except exceptions.NotFoundException:
            if ignore_missing:
                return None
            raise

    def _remove(self, kind: type[_R], ident: str | _R, *, ignore_missing: bool) -> _R | None:
        return self._delete(  # type: ignore[no-any-return]
            kind, self._at(kind, ident), ignore_missing=ignore_missing
        )


def _step(ident: str) -> str:
    """Write an ident as a step of a path.

    Raises:
        openstack.exceptions.InvalidRequest: It would lead elsewhere.
    """
    if ident in {'', '.', '..'}:
        raise exceptions.InvalidRequest(f"'{ident}' is not the uuid or name of anything.")
    if '/' in ident:
        # However it is quoted, servers take it for a further step of the path.
        raise exceptions.InvalidRequest(f"'{ident}' has a slash, so only its uuid will do.")
    return urllib.parse.quote(ident, safe='')


def _wired(kind: type[Answer], attrs: dict[str, Any]) -> dict[str, Any]:
    """Check the names of attributes, which the SDK would drop in silence, and write times."""
    if unknown := sorted(attrs.keys() - kind._body_mapping().keys()):  # noqa: SLF001
        raise exceptions.InvalidRequest(
            f'A {kind.__name__.lower()} has no attribute {", ".join(unknown)}.'
        )
    return {key: _text(value) for key, value in attrs.items()}


def _text(value: object) -> object:
    return moments.wire(value) if isinstance(value, datetime) else value
