"""The lease service as an openstacksdk proxy: `conn.lease`."""

import urllib.parse
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from openstack import exceptions, proxy

from esi_leap_client import moments
from esi_leap_client.v1 import _wait
from esi_leap_client.v1._base import Resource
from esi_leap_client.v1.contract import Contract
from esi_leap_client.v1.lease import Lease
from esi_leap_client.v1.offer import Offer

_R = TypeVar('_R', bound=Resource)
_Progress = Callable[[Any], None]


class Proxy(proxy.Proxy):  # type: ignore[misc]  # untyped SDK
    """Deeds on offers, leases and contracts.

    An ident is a uuid, a name (the service finds out whose), or the object itself. Projects
    and nodes go by uuid or name too. Times are text as on the wire or aware `datetime`s.
    Every deed raises `openstack.exceptions.HttpException` (`NotFoundException`,
    `ConflictException`, …) where the service refuses, and
    `openstack.exceptions.InvalidRequest` for an attribute or filter that does not exist.
    """

    api_version = '1'
    skip_discovery = True
    _resource_registry = {'offer': Offer, 'lease': Lease, 'contract': Contract}  # noqa: RUF012

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
        return self._at(Offer, offer).claim(self, **_wired(Lease, attrs))

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

    def wait_for_status(
        self,
        resource: _R,
        status: str = 'active',
        *,
        wait: float | None = None,
        interval: float = 1,
        progress: _Progress | None = None,
    ) -> _R:
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
        resource: _R,
        *,
        wait: float | None = None,
        interval: float = 1,
        progress: _Progress | None = None,
    ) -> _R:
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

    def _found(self, kind: type[_R], query: dict[str, Any]) -> Iterator[_R]:
        allowed = {*kind._query_mapping._mapping, 'limit', 'marker'}  # noqa: SLF001
        if unknown := sorted(query.keys() - allowed):
            raise exceptions.InvalidRequest(
                f'There is no filter {", ".join(unknown)} on {kind.resources_key}.'
            )
        sent = {key: _text(value) for key, value in query.items() if value is not None}
        # Not self._list: it has an argument of its own named resource_type.
        return kind.list(self, **sent)  # type: ignore[no-any-return]

    def _made(self, kind: type[_R], attrs: dict[str, Any]) -> _R:
        # Not self._create, likewise.
        new = kind.new(connection=self._get_connection(), **_wired(kind, attrs))
        made: _R = new.create(self)
        return self._understood(made)

    def _understood(self, answer: _R) -> _R:
        """Refuse an answer that was not the JSON of a lease service; the SDK lets it pass."""
        if answer.status is None:
            raise exceptions.SDKException(
                f'What answers at {self.endpoint_override} is not a lease service.'
            )
        return answer

    def _at(self, kind: type[_R], ident: str | _R) -> _R:
        """Take the object itself, or one that stands for the ident until it is read."""
        if isinstance(ident, kind):
            return ident
        text = str(ident)
        if text in {'', '.', '..'}:
            raise exceptions.InvalidRequest(f"'{text}' is not the uuid or name of anything.")
        if '/' in text:
            # However it is quoted, servers take it for a further step of the path.
            raise exceptions.InvalidRequest(f"'{text}' has a slash, so only its uuid will do.")
        quoted = urllib.parse.quote(text, safe='')
        return kind.existing(connection=self._get_connection(), uuid=quoted)  # type: ignore[no-any-return]

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


def _wired(kind: type[Resource], attrs: dict[str, Any]) -> dict[str, Any]:
    """Check the names of attributes, which the SDK would drop in silence, and write times."""
    if unknown := sorted(attrs.keys() - kind._body_mapping().keys()):  # noqa: SLF001
        raise exceptions.InvalidRequest(
            f'A {kind.__name__.lower()} has no attribute {", ".join(unknown)}.'
        )
    return {key: _text(value) for key, value in attrs.items()}


def _text(value: object) -> object:
    return moments.wire(value) if isinstance(value, datetime) else value
