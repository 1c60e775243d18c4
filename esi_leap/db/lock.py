"""The row lock of a node, under which its booking tree is read and changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.errors import StaleClaimError
from esi_leap.core.event import Priority
from esi_leap.db import rows
from esi_leap.db.book import Book
from esi_leap.db.session import Session
from esi_leap.db.tables import nodes, projects


@contextmanager
def open_book(
    session: Session,
    node_id: int,
    now: datetime,
    level: Priority | None,
    *,
    claim: str | None = None,
    project_id: str | None = None,
) -> Iterator[Book]:
    """Open a node's booking tree: one transaction whose first statement locks the node's row.

    A read before the lock would see a snapshot that the lock does not renew (MariaDB's REPEATABLE
    READ), and two requests could book the same window. For the same reason the project's row is
    locked after the node's row and before any plain read.

    Args:
        session: where the transaction is opened.
        node_id: key of the node's row.
        now: the present instant.
        level: least priority of the notifications that a change writes; None writes none.
        claim: claim that the node must have; None asks for no claim.
        project_id: project whose leases are counted; its row is locked too.

    Raises:
        StaleClaimError: the node has another claim, or none.
    """
    lock = sa.select(*rows.NODE).where(nodes.c.id == node_id).with_for_update()
    with session.writer() as connection:
        node = rows.node(connection.execute(lock).one())
        if claim is not None and node.claim != claim:
            raise StaleClaimError(f'The claim on node {node.resource_uuid} is not ours.')
        if project_id is not None:
            project = sa.select(projects.c.id).where(projects.c.id == project_id)
            connection.execute(project.with_for_update())
        yield Book(connection, node, now, level)
