"""The lease service as an openstacksdk proxy: `conn.lease`."""

import urllib.parse
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from openstack import exceptions, proxy

from esi_leap_client import moments, retry
from esi_leap_client.v1 import _wait
from esi_leap_client.v1._base import Answer, Booked, Listed
from esi_leap_client.v1.console_auth_token import ConsoleAuthToken
from esi_leap_client.v1.contract import Contract
from esi_leap_client.v1.event import Event
from esi_leap_client.v1.lease import Lease
from esi_leap_client.v1.node import Node
from esi_leap_client.v1.offer import Offer
from esi_leap_client.v1.recall import Recall

_R = TypeVar('_R', bound=Listed)
_K = TypeVar('_K', bound=Booked)
_L = TypeVar('_L', bound=Listed)
_A = TypeVar('_A', bound=Answer)
_Progress = Callable[[Any], None]


class Proxy(proxy.Proxy):  # type: ignore[misc]  # untyped SDK
    """Calls on offers, leases, contracts, recalls, nodes, events and console auth tokens.

    An object is given by its uuid, by its name, or as the object itself. Projects and nodes are
    given by uuid or name too. Times are text as on the wire or aware `datetime`s.
    Every call raises `openstack.exceptions.HttpException` (`NotFoundException`,
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
        """List offers.

        Args:
            **query: Filters of the service, see its API; `limit` is the size of a page.

        Returns:
            An iterator over the offers, which fetches page after page.
        """
        return self._found(Offer, query)

    def create_offer(self, **attrs: object) -> Offer:
        """Create an offer of a node.

        Args:
            **attrs: Attributes of the offer; `resource_uuid` is required.

        Returns:
            The offer.
        """
        return self._made(Offer, attrs)

    def get_offer(self, offer: str | Offer) -> Offer:
        """Read an offer by uuid or name."""
        return self._read(Offer, offer)

    def find_offer(self, offer: str, *, ignore_missing: bool = False) -> Offer | None:
        """Read an offer by uuid or name; None if there is none and `ignore_missing`."""
        return self._find_one(Offer, offer, ignore_missing=ignore_missing)

    def delete_offer(self, offer: str | Offer, *, ignore_missing: bool = False) -> Offer | None:
        """Withdraw an offer; None if there is none and `ignore_missing`."""
        return self._remove(Offer, offer, ignore_missing=ignore_missing)

    def claim_offer(self, offer: str | Offer, **attrs: object) -> Lease:
        """Claim a window of an offer.

        Args:
            offer: The offer, its uuid or its name.
            **attrs: `start_time`, `end_time`, `name`, `purpose`, `properties`.

        Returns:
            The new lease.
        """
        wanted = _wired(Lease, attrs)
        try:
            return self._checked(self._at(Offer, offer).claim(self, **wanted))
        except TypeError:  # JSON, but not an object
            raise self._not_a_service() from None

    def leases(self, **query: object) -> Iterator[Lease]:
        """List leases.

        Args:
            **query: Filters of the service; `view='all'` for every project's, `limit` is the
                size of a page.

        Returns:
            An iterator over the leases, which fetches page after page.
        """
        return self._found(Lease, query)

    def create_lease(self, **attrs: object) -> Lease:
        """Lease a node of the caller's project to a project.

        Args:
            **attrs: Attributes of the lease; `resource_uuid` and `project_id` are required.

        Returns:
            The lease.
        """
        return self._made(Lease, attrs)

    def get_lease(self, lease: str | Lease) -> Lease:
        """Read a lease by uuid or name."""
        return self._read(Lease, lease)

    def find_lease(self, lease: str, *, ignore_missing: bool = False) -> Lease | None:
        """Read a lease by uuid or name; None if there is none and `ignore_missing`."""
        return self._find_one(Lease, lease, ignore_missing=ignore_missing)

    def update_lease(self, lease: str | Lease, **attrs: object) -> Lease:
        """Change a lease.

        Args:
            lease: The lease, its uuid or its name.
            **attrs: `end_time`, `name`, `purpose`, `properties`.

        Returns:
            The changed lease.
        """
        found = self._at(Lease, lease)
        found._update(**_wired(Lease, attrs))  # noqa: SLF001 - as the SDK's own proxies do
        changed: Lease = found.commit(self)
        return self._checked(changed)

    def delete_lease(self, lease: str | Lease, *, ignore_missing: bool = False) -> Lease | None:
        """Cancel a lease; None if there is none and `ignore_missing`."""
        return self._remove(Lease, lease, ignore_missing=ignore_missing)

    def contracts(self, **query: object) -> Iterator[Contract]:
        """List contracts.

        Args:
            **query: Filters of the service; `view='all'` for every project's, `limit` is the
                size of a page.

        Returns:
            An iterator over the contracts, which fetches page after page.
        """
        return self._found(Contract, query)

    def get_contract(self, contract: str | Contract) -> Contract:
        """Read a contract by uuid or name."""
        return self._read(Contract, contract)

    def find_contract(self, contract: str, *, ignore_missing: bool = False) -> Contract | None:
        """Read a contract by uuid or name; None if there is none and `ignore_missing`."""
        return self._find_one(Contract, contract, ignore_missing=ignore_missing)

    def delete_contract(
        self, contract: str | Contract, *, ignore_missing: bool = False
    ) -> Contract | None:
        """Cancel a contract with its leases; None if there is none and `ignore_missing`."""
        return self._remove(Contract, contract, ignore_missing=ignore_missing)

    def recalls(self, **query: object) -> Iterator[Recall]:
        """List recalls.

        Args:
            **query: Filters of the service; `view='all'` for every project's, `limit` is the
                size of a page.

        Returns:
            An iterator over the recalls, which fetches page after page; `nodes` is None in them.
        """
        return self._found(Recall, query)

    def create_recall(self, **attrs: object) -> Recall:
        """Recall nodes before the end of their leases.

        Args:
            **attrs: `nodes`, or `all=True`, or `resource_class` and `count`; `deadline` or `notice`
                (seconds), `reason`, `project_id`.

        Returns:
            The recall.
        """
        return self._made(Recall, attrs)

    def get_recall(self, recall: str | Recall) -> Recall:
        """Read a recall by uuid, with the progress of each of its nodes."""
        return self._read(Recall, recall)

    def delete_recall(self, recall: str | Recall, *, ignore_missing: bool = False) -> Recall | None:
        """Cancel a recall; None if there is none and `ignore_missing`."""
        return self._remove(Recall, recall, ignore_missing=ignore_missing)

    def wait_for_recall(
        self,
        recall: Recall,
        *,
        wait: float | None = None,
        interval: float = retry.LOOK,
        progress: _Progress | None = None,
    ) -> Recall:
        """Wait until a recall is complete: every node is back, or cannot come back.

        Args:
            recall: The recall.
            wait: Seconds after which to give up; None for never.
            interval: Seconds between two looks.
            progress: Called with the recall after every look.

        Returns:
            The recall with the status `complete` or `cancelled`.

        Raises:
            openstack.exceptions.ResourceTimeout: It took too long.
        """
        poll = retry.Poll(lambda: self._reread(recall), interval, wait, progress)
        return _wait.wait_for_recall(poll, recall)

    def nodes(self, **query: object) -> Iterator[Node]:
        """List the nodes that the caller's project owns, holds or may claim.

        Args:
            **query: Filters of the service: `owner`, `lessee`, `resource_class`, `property`
                (one condition such as `cpus>=40`, or a list of which all must hold), …;
                `limit` is the size of a page.

        Returns:
            An iterator over the nodes, which fetches page after page.
        """
        return self._found(Node, query)

    def get_node(self, node: str | Node) -> Node:
        """Read a node by uuid or name."""
        return self._read(Node, node)

    def find_node(self, node: str, *, ignore_missing: bool = False) -> Node | None:
        """Read a node by uuid or name; None if there is none and `ignore_missing`."""
        return self._find_one(Node, node, ignore_missing=ignore_missing)

    def reset_node(self, node: str | Node) -> Node:
        """Reset a node that the gate has rejected: clean it and ask the gate again.

        Args:
            node: The node, its uuid or its name.

        Returns:
            The changed node.
        """
        return self._checked(self._at(Node, node).reset(self))

    def events(self, **query: object) -> Iterator[Event]:
        """List events, the oldest first.

        Args:
            **query: Filters of the service: `last_event_id` and `last_event_time` for
                later events, `event_type`, `lessee_or_owner_id`, `resource_type`,
                `resource_uuid`; `limit` is the size of a page.

        Returns:
            An iterator over the events, which fetches page after page.
        """
        return self._found(Event, query)

    def create_console_auth_token(
        self,
        node_uuid_or_name: str | Node,
        token_ttl: int | None = None,
        *,
        read_only: bool = False,
    ) -> ConsoleAuthToken:
        """Create a token for the serial console of a node that the caller's project holds.

        Args:
            node_uuid_or_name: The node, its uuid or its name.
            token_ttl: Seconds in which the token has to be used; None for the service's default.
            read_only: Whether the console drops what is typed.

        Returns:
            The token, with the address of the console.
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
        """Delete all console tokens of a node, which closes the consoles that they opened.

        Args:
            node_uuid_or_name: The node, its uuid or its name.
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
        interval: float = retry.LOOK,
        progress: _Progress | None = None,
    ) -> _K:
        """Wait until an object has a status.

        Args:
            resource: An offer, lease or contract.
            status: The status.
            wait: Seconds after which to give up; None for never.
            interval: Seconds between two looks.
            progress: Called with the object after every look.

        Returns:
            The object with the status.

        Raises:
            openstack.exceptions.ResourceFailure: It can no longer reach the status.
            openstack.exceptions.ResourceTimeout: It took too long.
        """
        poll = retry.Poll(lambda: self._reread(resource), interval, wait, progress)
        reached: _K = _wait.wait_for_status(poll, resource, status)
        return reached

    def wait_for_delete(
        self,
        resource: _K,
        *,
        wait: float | None = None,
        interval: float = retry.LOOK,
        progress: _Progress | None = None,
    ) -> _K:
        """Wait until an object is gone: its status is `deleted` or `expired`, or it is not found.

        Args:
            resource: An offer, lease or contract.
            wait: Seconds after which to give up; None for never.
            interval: Seconds between two looks.
            progress: Called with the object after every look that finds it.

        Returns:
            The object as it was last seen.

        Raises:
            openstack.exceptions.ResourceFailure: Its status became `error`.
            openstack.exceptions.ResourceTimeout: It did not go in time.
        """
        poll = retry.Poll(lambda: self._reread(resource), interval, wait, progress)
        gone: _K = _wait.wait_for_delete(poll, resource)
        return gone

    def _found(self, kind: type[_L], query: dict[str, Any]) -> Iterator[_L]:
        allowed = {*kind._query_mapping._mapping, 'limit', 'marker'}  # noqa: SLF001
        if unknown := sorted(query.keys() - allowed):
            raise exceptions.InvalidRequest(
                f'Unknown filter of {kind.resources_key}: {", ".join(unknown)}. '
                f'Known: {", ".join(sorted(allowed))}.'
            )
        sent = {key: _text(value) for key, value in query.items() if value is not None}
        return self._pages(kind, sent)

    def _pages(self, kind: type[_L], sent: dict[str, Any]) -> Iterator[_L]:
        try:
            # Not self._list: it has an argument of its own named resource_type.
            yield from kind.list(self, **sent)
        except (KeyError, TypeError):  # JSON, but not an object with the expected key
            raise self._not_a_service() from None

    def _made(self, kind: type[_A], attrs: dict[str, Any]) -> _A:
        # Not self._create, likewise.
        new = kind.new(connection=self._get_connection(), **_wired(kind, attrs))
        made: _A = new.create(self)
        return self._checked(made)

    def _checked(self, answer: _A) -> _A:
        """Return an answer, checked: the SDK also accepts JSON of other services.

        Raises:
            openstack.exceptions.SDKException: It is not from a lease service.
        """
        if getattr(answer, answer.proof) is None:
            raise self._not_a_service()
        return answer

    def _not_a_service(self) -> exceptions.SDKException:
        return exceptions.SDKException(
            f'What answers at {self.endpoint_override} is not a lease service.'
        )

    def _at(self, kind: type[_R], ident: str | _R) -> _R:
        """Return the object itself, or an unread object for a uuid or name."""
        if isinstance(ident, kind):
            return ident
        return kind.existing(connection=self._get_connection(), uuid=_step(str(ident)))  # type: ignore[no-any-return]

    def _read(self, kind: type[_R], ident: str | _R) -> _R:
        found: _R = self._at(kind, ident).fetch(self)
        return self._checked(found)

    def _reread(self, resource: _R) -> _R:
        fresh: _R = self._at(type(resource), resource.uuid).fetch(self, skip_cache=True)
        return self._checked(fresh)

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
    """Return a uuid or name quoted as one step of a path.

    Raises:
        openstack.exceptions.InvalidRequest: It would become several steps, or none.
    """
    if ident in {'', '.', '..'}:
        raise exceptions.InvalidRequest(f"'{ident}' is not the uuid or name of anything.")
    if '/' in ident:
        # Servers take even a quoted slash for the beginning of a further step.
        raise exceptions.InvalidRequest(f"'{ident}' has a slash; use the uuid instead.")
    return urllib.parse.quote(ident, safe='')


def _wired(kind: type[Answer], attrs: dict[str, Any]) -> dict[str, Any]:
    """Return attributes for the wire; the SDK would silently drop unknown ones.

    Raises:
        openstack.exceptions.InvalidRequest: An attribute is unknown.
    """
    if unknown := sorted(attrs.keys() - kind._body_mapping().keys()):  # noqa: SLF001
        raise exceptions.InvalidRequest(
            f'A {kind.__name__.lower()} has no attribute {", ".join(unknown)}.'
        )
    return {key: _text(value) for key, value in attrs.items()}


def _text(value: object) -> object:
    return moments.wire(value) if isinstance(value, datetime) else value
