"""Projects: Keystone through openstacksdk, or no Keystone at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keystoneauth1 import exceptions as ksa
from openstack import exceptions as sdk

from esi_leap.cache import Cache
from esi_leap.core.errors import UnavailableError, UnknownProjectError
from esi_leap.core.ports import Project

#: How long, in seconds, a parent chain is believed.
_TREE_TTL = 60

#: What can be an id; anything else would be a path or a query in the URL it is put into.
_ID = re.compile(r'[0-9A-Za-z_-]{1,64}')


class Keystone:
    """Projects in Keystone; see `core.ports.Identity`.

    Args:
        connection: an openstacksdk connection with a system reader's rights. Its proxy is asked
            for at each use, because making it asks Keystone.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - the SDK has no types
        self._connection = connection
        self._chains: Cache[frozenset[str]] = Cache(_TREE_TTL)

    def project(self, ident: str, domain_id: str | None) -> Project:
        """Find a project by id, by name in the caller's domain, or by `domain/name`."""
        with _reached():
            domain, name = domain_id, ident
            if '/' in ident:
                domain_name, name = ident.split('/', 1)
                named = next(iter(self._connection.identity.domains(name=domain_name)), None)
                if named is None:
                    raise UnknownProjectError.of(ident, domain_name)
                domain = named.id
            elif (known := self._by_id(ident)) is not None:
                return known
            if domain is not None:
                for found in self._connection.identity.projects(name=name, domain_id=domain):
                    return Project(found.id, found.name)
        raise UnknownProjectError.of(ident, domain or 'of the token, which has none')

    def ancestors(self, project_id: str) -> frozenset[str]:
        """Return the project, its parents, and its domain; cached for a minute."""
        return self._chains.get(project_id, lambda: self._chain(project_id))

    def _chain(self, project_id: str) -> frozenset[str]:
        chain: set[str] = set()
        with _reached():
            current: str | None = project_id
            while current is not None and current not in chain:
                chain.add(current)
                try:
                    found = self._connection.identity.get_project(current)
                except sdk.NotFoundException:
                    break
                if found.domain_id:
                    chain.add(found.domain_id)
                current = found.parent_id if found.parent_id != found.domain_id else None
        return frozenset(chain)

    def _by_id(self, ident: str) -> Project | None:
        if not _ID.fullmatch(ident):
            return None
        try:
            found = self._connection.identity.get_project(ident)
        except sdk.NotFoundException:
            return None
        return Project(found.id, found.name)


class NoKeystone:
    """Development without Keystone: every text is a project, named as it is called."""

    def project(self, ident: str, domain_id: str | None) -> Project:
        """Believe that the project exists."""
        del domain_id
        return Project(ident, ident)

    def ancestors(self, project_id: str) -> frozenset[str]:
        """Return the project alone."""
        return frozenset({project_id})


@contextmanager
def _reached() -> Iterator[None]:
    """Turn what stands between us and Keystone into one sentence."""
    try:
        yield
    except (ksa.ClientException, sdk.SDKException) as error:
        raise UnavailableError('Keystone does not answer; try again.') from error
