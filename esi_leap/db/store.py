"""The store: `core.ports.Store` and `core.ports.Agenda` over one database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from oslo_db import api as db_api
from oslo_db import exception as db_errors

from esi_leap.cache import Cache
from esi_leap.core.console_auth_token import ConsoleAuthToken
from esi_leap.core.errors import (
    ConflictError,
    OutdatedError,
    StaleClaimError,
    UnavailableError,
    WindowConflictError,
)
from esi_leap.core.event import Priority
from esi_leap.core.inventory import Sighting
from esi_leap.core.node import Node
from esi_leap.core.ports.bus import Message
from esi_leap.core.ports.cloud import Project
from esi_leap.core.ports.manager import Backlog
from esi_leap.core.query import EventQuery, NodeScope, Query, Scope
from esi_leap.core.recall import Recall
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
from esi_leap.db import (
    chores,
    console_auth_tokens,
    contracts,
    events,
    heartbeats,
    leases,
    offers,
    outbox,
    recalls,
    revision,
    rows,
)
from esi_leap.db import nodes as inventory
from esi_leap.db.book import Book
from esi_leap.db.engine import Database
from esi_leap.db.tables import NO_OVERLAP, bookings, nodes, projects

#: How long, in seconds, a process trusts that the directory still has the name it saw there.
_NAMES_TTL = 60
#: Tries of a write that several processes may do at once.
_ATTEMPTS = 5
#: Nodes whose rows a refresh locks at a time.
_LOCKED = 50


class Store:
    """Reads lists, opens booking trees, and tells the manager what is due.

    Args:
        database: where it all is.
        level: the least priority of the notifications that changes leave for the message bus, None
            if they leave none.
    """

    def __init__(self, database: Database, level: Priority | None = None) -> None:
        self._database = database
        self._level = level
        self._names: Cache[str] = Cache(_NAMES_TTL)

    def last_beat(self, kind: str) -> datetime | None:
        """Return when a process of a kind last gave a sign of life, None if none ever did."""
        with self._reader() as connection:
            return heartbeats.newest(connection, kind)

    def backlog(self, now: datetime) -> Backlog:
        """Return how far behind the managers are."""
        with self._reader() as connection:
            return leases.backlog(connection, now)

    def beat(self, kind: str, host: str, now: datetime) -> None:
        """Give a sign of life."""
        with self._translated():
            self._beat(kind, host, now)

    # First signs at the same time get in each other's way: of two of one host the second finds the
    # first, and those of several are a deadlock to MariaDB, which locks the gap they are to fill.
    @db_api.wrap_db_retry(
        max_retries=5,
        retry_interval=0.1,
        retry_on_deadlock=True,
        exception_checker=lambda error: isinstance(error, db_errors.DBDuplicateEntry),
    )
    def _beat(self, kind: str, host: str, now: datetime) -> None:
        with self._database.writer() as connection:
            heartbeats.write(connection, kind, host, now)

    def node(
        self, machine: Sighting, resource_type: str, now: datetime, asked: datetime | None = None
    ) -> Node:
        """Return the row of a machine, made or brought up to date, in its own transaction."""
        with self._reader() as connection:
            row = inventory.known(connection, resource_type, [machine]).get(machine.uuid)
        if row is None or inventory.is_news(machine, row):
            ids = {} if row is None else {machine.uuid: row.id}
            self._write(resource_type, [machine], ids, asked=asked or now, now=now)
            with self._reader() as connection:
                row = inventory.known(connection, resource_type, [machine])[machine.uuid]
        return rows.node(row)

    def see(
        self, resource_type: str, seen: Sequence[Sighting], asked: datetime, now: datetime
    ) -> None:
        """Bring the rows of machines up to date; those that say the same are not written."""
        with self._reader() as connection:
            known = inventory.known(connection, resource_type, seen)
        news = [
            each
            for each in seen
            if each.uuid not in known or inventory.is_news(each, known[each.uuid])
        ]
        # Few rows are locked at a time: bookings of the same nodes wait for these locks.
        for start in range(0, len(news), _LOCKED):
            some = news[start : start + _LOCKED]
            ids = {each.uuid: known[each.uuid].id for each in some if each.uuid in known}
            self._write(resource_type, some, ids, asked=asked, now=now)

    def miss(
        self, resource_type: str, seen: Collection[str], asked: datetime, now: datetime
    ) -> None:
        """Note that a service does not have those machines any more that it did not show."""
        with self._reader() as connection:
            gone = inventory.missing(connection, resource_type, seen, asked)
        for start in range(0, len(gone), _LOCKED):
            with self._writer() as connection:
                inventory.write_off(connection, gone[start : start + _LOCKED], asked, now)

    def wake(self, now: datetime) -> None:
        """Let the manager look at once at nodes that differ from their booking trees."""
        with self._reader() as connection:
            found = inventory.drifted(connection)
        for start in range(0, len(found), _LOCKED):
            with self._writer() as connection:
                inventory.wake(connection, found[start : start + _LOCKED], now)

    def nameless(self, limit: int) -> Sequence[str]:
        """Return projects whose names lists would show and nobody knows."""
        with self._reader() as connection:
            return inventory.nameless(connection, limit)

    def claim_chore(self, name: str, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a chore, or lengthen one's own claim; False if somebody else has it."""
        with self._writer() as connection:
            chores.ensure(connection, name)
        with self._writer() as connection:
            return chores.claim(connection, name, claim, now, until)

    def release_chore(self, name: str, claim: str, done_at: datetime | None) -> None:
        """Give the claim back; `done_at` says that the chore was done, and as of when."""
        with self._writer() as connection:
            chores.release(connection, name, claim, done_at)

    def chores(self, names: Collection[str]) -> Mapping[str, datetime]:
        """Return when chores were last done; those that never were are left out."""
        with self._reader() as connection:
            return chores.done(connection, names)

    def remember(self, found: Collection[Project]) -> None:
        """Keep the names of projects in the directory that lists read."""
        wanted = {each.id: each.name for each in found if self._names.peek(each.id) != each.name}
        known = self._read_names(wanted)
        for project, name in wanted.items():
            if known.get(project) == name:
                continue
            with self._writer() as connection:
                if project not in known:
                    try:
                        with connection.begin_nested():
                            connection.execute(projects.insert().values(id=project, name=name))
                    except db_errors.DBDuplicateEntry:
                        pass  # another request was first
                connection.execute(
                    projects.update().where(projects.c.id == project).values(name=name)
                )
            self._names.put(project, name)

    def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of those projects that the directory has."""
        known = {each: name for each in ids if (name := self._names.peek(each)) is not None}
        return known | self._read_names(set(ids) - set(known))

    @contextmanager
    def booking(
        self,
        node_id: int,
        now: datetime,
        claim: str | None = None,
        *,
        project_id: str | None = None,
    ) -> Iterator[Book]:
        """Open a node's booking tree: one transaction whose first statement locks the node's row.

        Anything read before the lock would be read from a snapshot that the lock does not renew
        (MariaDB's REPEATABLE READ), and two requests could book the same window. A project is
        locked after the node and before any plain read, for the same reason.
        """
        lock = sa.select(*rows.NODE).where(nodes.c.id == node_id).with_for_update()
        with self._writer() as connection:
            node = rows.node(connection.execute(lock).one())
            if claim is not None and node.claim != claim:
                raise StaleClaimError(f'The claim on node {node.resource_uuid} is not ours.')
            if project_id is not None:
                mine = sa.select(projects.c.id).where(projects.c.id == project_id)
                connection.execute(mine.with_for_update())
            yield Book(connection, node, now, self._level)

    def offers(
        self, scope: Scope, query: Query, now: datetime | None = None
    ) -> Sequence[OfferView]:
        """List offers."""
        with self._reader() as connection:
            return offers.read(connection, scope, query, now)

    def leases(self, scope: Scope, query: Query) -> Sequence[LeaseView]:
        """List leases."""
        with self._reader() as connection:
            return leases.read(connection, scope, query)

    def nodes(self, scope: NodeScope, query: Query, now: datetime) -> Sequence[NodeView]:
        """List nodes."""
        with self._reader() as connection:
            return inventory.read(connection, scope, query, now)

    def contracts(self, scope: Scope, query: Query) -> Sequence[ContractView]:
        """List contracts."""
        with self._reader() as connection:
            return contracts.read(connection, scope, query)

    def events(self, scope: Scope, query: EventQuery) -> Sequence[EventView]:
        """List events."""
        self.number_events()
        with self._reader() as connection:
            return events.read(connection, scope, query)

    def keep_recall(self, recall: Recall, node_ids: Sequence[int]) -> None:
        """Write a new recall of some nodes, of which nothing is done yet."""
        with self._writer() as connection:
            recalls.insert(connection, recall, node_ids)

    def cancel_recall(self, uuid: str, now: datetime) -> Sequence[int]:
        """Note that a recall is over; return the nodes that something is to be done of."""
        with self._writer() as connection:
            return recalls.cancel(connection, uuid, now)

    def unfinished_recalls(self, before: datetime) -> Sequence[tuple[str, int]]:
        """Return what of recalls was begun before an instant and is not done."""
        with self._reader() as connection:
            return recalls.unfinished(connection, before)

    def recalls(self, scope: Scope, query: Query) -> Sequence[RecallView]:
        """List recalls."""
        with self._reader() as connection:
            return recalls.read(connection, scope, query)

    def recall_items(self, uuid: str) -> Sequence[ItemView]:
        """Return how far each node of a recall is."""
        with self._reader() as connection:
            return recalls.items(connection, uuid)

    def given(self, project_id: str) -> Sequence[Given]:
        """Return the nodes that a project has offered or leased out."""
        with self._reader() as connection:
            return recalls.given(connection, project_id)

    def number_events(self) -> None:
        """Give the events that have no id yet their ids."""
        with self._reader() as connection:
            if not events.unnumbered(connection):
                return
        with self._writer() as connection:
            chores.ensure(connection, events.CHORE)
        with self._writer() as connection:
            events.number(connection)

    def outgoing(self, limit: int) -> Sequence[Message]:
        """Return the oldest notifications, in the order in which they were written."""
        with self._reader() as connection:
            return outbox.read(connection, limit)

    def sent(self, message_id: int) -> None:
        """Forget a notification."""
        with self._writer() as connection:
            outbox.delete(connection, message_id)

    def _read_names(self, ids: Collection[str]) -> dict[str, str]:
        if not ids:
            return {}
        select = sa.select(projects.c.id, projects.c.name).where(projects.c.id.in_(ids))
        with self._reader() as connection:
            found = dict(connection.execute(select).all())
        for project, name in found.items():
            self._names.put(project, name)
        return found

    def due(self, now: datetime, limit: int) -> Sequence[int]:
        """Return the nodes for which something is due and that nobody has claimed, latest first."""
        booked, looked = bookings.c.due_at, nodes.c.retry_at
        moments = sa.union_all(
            sa.select(bookings.c.node_id, booked.label('moment')).where(booked <= now),
            sa.select(nodes.c.id, looked).where(looked <= now),
        ).subquery()
        select = (
            sa.select(nodes.c.id)
            .join(moments, moments.c.node_id == nodes.c.id)
            .where(sa.or_(nodes.c.claimed_until.is_(None), nodes.c.claimed_until <= now))
            .group_by(nodes.c.id)
            .order_by(sa.func.min(moments.c.moment))
            .limit(limit)
        )
        with self._reader() as connection:
            return list(connection.execute(select).scalars())

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next thing is due after `now`."""
        # The first entry of each index; a minimum of both together would be looked for in all.
        moments = sa.union_all(
            *(
                sa.select(sa.func.min(moment).label('moment')).where(moment > now)
                for moment in (bookings.c.due_at, nodes.c.retry_at)
            )
        ).subquery()
        with self._reader() as connection:
            return connection.execute(sa.select(sa.func.min(moments.c.moment))).scalar()

    def claim(self, node_id: int, claim: str, now: datetime, until: datetime) -> bool:
        """Claim a node, compare-and-swap."""
        free = sa.or_(nodes.c.claimed_until.is_(None), nodes.c.claimed_until <= now)
        with self._writer() as connection:
            taken = connection.execute(
                nodes.update()
                .where(nodes.c.id == node_id, free)
                .values(claim=claim, claimed_until=until)
            )
            return taken.rowcount == 1

    def release(self, node_id: int, claim: str) -> None:
        """Give a claim back."""
        with self._writer() as connection:
            connection.execute(
                nodes.update()
                .where(nodes.c.id == node_id, nodes.c.claim == claim)
                .values(claim=None, claimed_until=None)
            )

    def _write(
        self,
        resource_type: str,
        seen: Sequence[Sighting],
        ids: Mapping[str, int],
        *,
        asked: datetime,
        now: datetime,
    ) -> None:
        """Write what was seen of nodes; again if the database ended a deadlock with it."""
        for attempt in reversed(range(_ATTEMPTS)):
            try:
                with self._writer() as connection:
                    inventory.write(connection, resource_type, seen, ids, asked=asked, now=now)
            except ConflictError:
                if not attempt:
                    raise
            else:
                return

    def keep_token(self, token: ConsoleAuthToken) -> None:
        """Keep a new token for a console."""
        with self._writer() as connection:
            console_auth_tokens.keep(connection, token)

    def drop_tokens(self, node_id: int) -> None:
        """Delete the tokens of a node."""
        with self._writer() as connection:
            console_auth_tokens.drop(connection, node_id)

    def token(self, token_hash: str, now: datetime) -> ConsoleAuthToken | None:
        """Read a token that can be used now."""
        with self._reader() as connection:
            return console_auth_tokens.find(connection, token_hash, now)

    def use_token(self, token_hash: str, now: datetime) -> bool:
        """Use a token, compare-and-swap."""
        with self._writer() as connection:
            return console_auth_tokens.use(connection, token_hash, now)

    def living_tokens(
        self, hashes: Collection[str], now: datetime
    ) -> Mapping[str, datetime | None]:
        """Return which of these tokens still have the node."""
        with self._reader() as connection:
            return console_auth_tokens.alive(connection, hashes, now)

    def purge_tokens(self, now: datetime) -> int:
        """Delete tokens of which nothing can come any more."""
        with self._writer() as connection:
            return console_auth_tokens.purge(connection, now)

    @contextmanager
    def _writer(self) -> Iterator[sa.Connection]:
        with self._translated(), self._database.writer() as connection:
            yield connection

    @contextmanager
    def _reader(self) -> Iterator[sa.Connection]:
        with self._translated(), self._database.reader() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what the database says into errors that users understand."""
        try:
            yield
        except db_errors.DBConnectionError as error:
            raise UnavailableError('The database does not answer; try again.') from error
        except sa.exc.TimeoutError as error:
            raise UnavailableError(
                'All connections to the database are in use; try again.'
            ) from error
        except db_errors.DBDeadlock as error:
            raise ConflictError('Another request changed the same node; try again.') from error
        except (db_errors.DBError, sa.exc.DBAPIError) as error:
            # No connection: refused, starting up, or too many there.
            if isinstance(error, sa.exc.OperationalError) and error.statement is None:
                raise UnavailableError('The database does not answer; try again.') from error
            if NO_OVERLAP in str(error):
                raise WindowConflictError(
                    'Time conflict: another request booked the window.'
                ) from error
            if revision.is_behind(self._database):
                raise OutdatedError.of() from error
            raise
