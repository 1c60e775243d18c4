"""Projects: in Keystone, or without it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from typing_extensions import override

from esi_leap.cache import Cache
from esi_leap.cloud.rest import AnswerError, Service, SilenceError
from esi_leap.core.errors import UnavailableError, UnknownProjectError
from esi_leap.core.ports.cloud import Identity, Project

#: How long, in seconds, the parents of a project are cached.
_TREE_TTL = 60

#: Form of an id; any other text would be a path or a query in the URL it is put into.
_ID = re.compile(r'[0-9A-Za-z_-]{1,64}')


class Keystone(Identity):
    """Projects in Keystone; the parents of a project are cached for a minute.

    Args:
        service: the API of Keystone, version 3, with a system reader's rights.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._chains: Cache[frozenset[str]] = Cache(_TREE_TTL)

    @override
    def project(self, ident: str, domain_id: str | None) -> Project:
        with _keystone_errors():
            domain, name = domain_id, ident
            if '/' in ident:
                domain_name, name = ident.split('/', 1)
                named = self._service.get('/domains', params={'name': domain_name})['domains']
                if not named:
                    raise UnknownProjectError.of(ident, domain_name)
                domain = named[0]['id']
            elif (known := self._read(ident)) is not None:
                return Project(known['id'], known['name'])
            if domain is not None:
                where = {'name': name, 'domain_id': domain}
                for found in self._service.get('/projects', params=where)['projects']:
                    return Project(found['id'], found['name'])
        raise UnknownProjectError.of(ident, domain or 'of the token, which has none')

    @override
    def ancestors(self, project_id: str) -> frozenset[str]:
        return self._chains.get(project_id, lambda: self._chain(project_id))

    def _chain(self, project_id: str) -> frozenset[str]:
        chain: set[str] = set()
        with _keystone_errors():
            current: str | None = project_id
            while current is not None and current not in chain:
                chain.add(current)
                found = self._read(current)
                if found is None:
                    break
                domain, parent = found.get('domain_id'), found.get('parent_id')
                if domain:
                    chain.add(domain)
                current = parent if parent != domain else None
        return frozenset(chain)

    def _read(self, project_id: str) -> dict[str, Any] | None:
        """Return a project of Keystone; None if there is none."""
        if not _ID.fullmatch(project_id):
            return None
        try:
            found: dict[str, Any] = self._service.get(f'/projects/{project_id}')['project']
        except AnswerError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        return found


class NoKeystone(Identity):
    """Development without Keystone: every text is the id and the name of a project."""

    @override
    def project(self, ident: str, domain_id: str | None) -> Project:
        del domain_id
        return Project(ident, ident)

    @override
    def ancestors(self, project_id: str) -> frozenset[str]:
        return frozenset({project_id})


@contextmanager
def _keystone_errors() -> Iterator[None]:
    """Turn errors of Keystone into `UnavailableError`."""
    try:
        yield
    except (AnswerError, *SilenceError) as error:
        raise UnavailableError('Keystone does not answer; try again.') from error
