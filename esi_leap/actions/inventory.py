"""The refresh of the rows of nodes from the services that have the nodes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from esi_leap.core import retry
from esi_leap.core.errors import LeapError, StaleClaimError, UnavailableError, UnknownProjectError
from esi_leap.core.inventory import chore
from esi_leap.core.ports import manager
from esi_leap.core.ports.cloud import Fleet, Identity, Nodes

_LOG = logging.getLogger(__name__)

#: Time without a sign of life after which a refresh loses its chore to another process.
_CLAIM = timedelta(minutes=2)
#: Longest time, in seconds, that a request waits for the very first refresh.
_PATIENCE = 10.0
#: Maximum number of projects whose names one refresh asks for.
_NAMES = 100
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _State:
    """State of one process.

    Attributes:
        good_until: when the inventory becomes too old.
        lock: held while a refresh runs beside the requests.
        nameless: ids of projects that Keystone does not know.
    """

    good_until: datetime = _NEVER
    lock: threading.Lock = field(default_factory=threading.Lock)
    nameless: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The inventory and its refresh.

    Attributes:
        identity: source of project names; None leaves unknown names unknown.
        max_age: maximum age of the inventory that a request gets.
        pause: sleeps for a number of seconds.
    """

    store: manager.Inventory
    fleet: Fleet
    identity: Identity | None
    now: Callable[[], datetime]
    new_uuid: Callable[[], str]
    pause: Callable[[float], None]
    max_age: timedelta
    _state: _State = field(default_factory=_State)

    def refresh(self, older_than: timedelta) -> None:
        """Read all nodes of each service that was last read completely before `older_than` ago.

        Services that another process reads now are skipped.

        Raises:
            LeapError: a service, or the database, does not answer. The other services are read.
        """
        failed: list[LeapError] = []
        for kind, service in self.fleet.items():
            try:
                if self._is_older(kind, older_than) and self._read(kind, service, older_than):
                    self._fetch_names()
            except LeapError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def freshen(self) -> None:
        """Start a refresh in a thread if the inventory is too old; the caller uses the old one.

        Before the very first refresh the caller waits for it.

        Raises:
            UnavailableError: the very first refresh did not end in time.
        """
        now = self.now()
        if now < self._state.good_until:
            return
        done = self.as_of()
        waited = 0.0
        while done is None:
            self.refresh(timedelta())
            done = self.as_of()
            if done is None and waited >= _PATIENCE:
                raise UnavailableError(
                    'The first inventory of the nodes is not complete yet; try again.'
                )
            if done is None:  # another process makes it
                self.pause(retry.REQUEST)
                waited += retry.REQUEST
        self._state.good_until = done + self.max_age
        if self._state.good_until <= now and self._state.lock.acquire(blocking=False):
            threading.Thread(target=self._refresh_in_thread, name='inventory', daemon=True).start()

    def _refresh_in_thread(self) -> None:
        try:
            self.refresh(self.max_age)
        except LeapError as error:
            _LOG.warning('refreshing the inventory: %s', error.message)
            self._state.good_until = self.now() + timedelta(seconds=retry.INVENTORY)
        finally:
            self._state.lock.release()

    def as_of(self) -> datetime | None:
        """Return the time of the last refresh of the oldest service; None if one was never read."""
        names = [chore(kind) for kind in self.fleet]
        done = self.store.chores(names)
        return min(done.values()) if len(done) == len(names) else None

    def _is_older(self, kind: str, age: timedelta) -> bool:
        done = self.store.chores([chore(kind)])
        return self.now() - done.get(chore(kind), _NEVER) >= age

    def _read(self, kind: str, service: Nodes, older_than: timedelta) -> bool:
        """Read all nodes of one service; return False if another process does or just did."""
        name, claim, begun = chore(kind), self.new_uuid(), self.now()
        if not self.store.claim_chore(name, claim, begun, begun + _CLAIM):
            return False
        done_at = None
        try:
            if not self._is_older(
                kind, older_than
            ):  # it was refreshed between the look and the claim
                return False
            seen: set[str] = set()
            pages = service.pages()
            asked = begun
            while (page := next(pages, None)) is not None:
                self.store.see(kind, page, asked, self.now())
                seen.update(each.uuid for each in page)
                asked = self.now()
                if not self.store.claim_chore(name, claim, asked, asked + _CLAIM):
                    raise StaleClaimError(f'The claim on {name} is not ours any more.')
            if seen:  # an empty answer more likely means that the nodes are hidden from us
                self.store.miss(kind, seen, begun, self.now())
                self.store.wake(self.now())
            done_at = begun
        finally:
            self.store.release_chore(name, claim, done_at)
        return True

    def _fetch_names(self) -> None:
        """Ask Keystone for unknown names of projects, one by one."""
        if self.identity is None:
            return
        for project in self.store.nameless(_NAMES + len(self._state.nameless)):
            if project in self._state.nameless:
                continue
            try:
                found = self.identity.project(project, None)
            except UnknownProjectError:
                found = None
            if found is None or found.id != project:  # Ironic accepts any text as an owner
                self._state.nameless.add(project)
            else:
                self.store.remember([found])
