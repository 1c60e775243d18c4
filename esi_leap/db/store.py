"""The store as the use cases see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from esi_leap.core.event import Priority
from esi_leap.core.inventory import Sighting
from esi_leap.core.node import Node
from esi_leap.core.ports import store as port
from esi_leap.core.ports.cloud import Project
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
from esi_leap.db import contracts, events, heartbeats, leases, nodes, offers, recalls
from esi_leap.db.engine import Database
from esi_leap.db.inventory import refresh_node
from esi_leap.db.lock import open_book
from esi_leap.db.numbering import number_events
from esi_leap.db.projects import Projects
from esi_leap.db.session import Session


class Store(port.Store):
    """Implements `core.ports.store.Store`, which documents the methods.

    Args:
        database: the database.
        level: least priority of the notifications that a change writes; None writes none.
    """

    def __init__(self, database: Database, level: Priority | None = None) -> None:
        self._session = Session(database)
        self._level = level
        self._projects = Projects(self._session)

    def last_beat(self, kind: str) -> datetime | None:
        with self._session.reader() as connection:
            return heartbeats.newest(connection, kind)

    def node(
        self, machine: Sighting, resource_type: str, now: datetime, asked: datetime | None = None
    ) -> Node:
        return refresh_node(self._session, machine, resource_type, asked=asked or now, now=now)

    def remember(self, projects: Collection[Project]) -> None:
        self._projects.remember(projects)

    def names(self, ids: Collection[str]) -> Mapping[str, str]:
        return self._projects.names(ids)

    def booking(
        self, node_id: int, now: datetime, *, project_id: str | None = None
    ) -> AbstractContextManager[port.Book]:
        return open_book(self._session, node_id, now, self._level, project_id=project_id)

    def offers(
        self, scope: Scope, query: Query, now: datetime | None = None
    ) -> Sequence[OfferView]:
        with self._session.reader() as connection:
            return offers.read(connection, scope, query, now)

    def leases(self, scope: Scope, query: Query) -> Sequence[LeaseView]:
        with self._session.reader() as connection:
            return leases.read(connection, scope, query)

    def contracts(self, scope: Scope, query: Query) -> Sequence[ContractView]:
        with self._session.reader() as connection:
            return contracts.read(connection, scope, query)

    def nodes(self, scope: NodeScope, query: Query, now: datetime) -> Sequence[NodeView]:
        with self._session.reader() as connection:
            return nodes.read(connection, scope, query, now)

    def keep_recall(self, recall: Recall, node_ids: Sequence[int]) -> None:
        with self._session.writer() as connection:
            recalls.insert(connection, recall, node_ids)

    def cancel_recall(self, uuid: str, now: datetime) -> Sequence[int]:
        with self._session.writer() as connection:
            return recalls.cancel(connection, uuid, now)

    def unfinished_recalls(self, before: datetime) -> Sequence[tuple[str, int]]:
        with self._session.reader() as connection:
            return recalls.unfinished(connection, before)

    def recalls(self, scope: Scope, query: Query) -> Sequence[RecallView]:
        with self._session.reader() as connection:
            return recalls.read(connection, scope, query)

    def recall_items(self, uuid: str) -> Sequence[ItemView]:
        with self._session.reader() as connection:
            return recalls.items(connection, uuid)

    def given(self, project_id: str) -> Sequence[Given]:
        with self._session.reader() as connection:
            return recalls.given(connection, project_id)

    def events(self, scope: Scope, query: EventQuery) -> Sequence[EventView]:
        number_events(self._session)
        with self._session.reader() as connection:
            return events.read(connection, scope, query)
