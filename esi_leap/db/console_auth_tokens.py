"""The store as the consoles see it: tokens that are used once, each for one console."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.console_auth_token import ConsoleAuthToken
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from esi_leap.core.ports import tokens as port
from esi_leap.db import rows
from esi_leap.db.engine import Database
from esi_leap.db.session import Session
from esi_leap.db.tables import bookings, nodes
from esi_leap.db.tables import console_auth_tokens as tokens


class ConsoleAuthTokens(port.ConsoleAuthTokens):
    """Implements `core.ports.tokens.ConsoleAuthTokens`, which documents the methods.

    Args:
        database: the database.
    """

    def __init__(self, database: Database) -> None:
        self._session = Session(database)

    def keep_token(self, token: ConsoleAuthToken) -> None:
        insert = tokens.insert().values(
            token_hash=token.hash,
            node_id=token.node.id,
            lease_uuid=token.lease,
            project_id=token.project_id,
            user_id=token.user_id,
            read_only=token.read_only,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
        with self._session.writer() as connection:
            connection.execute(insert)

    def drop_tokens(self, node_id: int) -> None:
        with self._session.writer() as connection:
            connection.execute(tokens.delete().where(tokens.c.node_id == node_id))

    def token(self, token_hash: str, now: datetime) -> ConsoleAuthToken | None:
        select = sa.select(tokens, nodes).join(nodes, nodes.c.id == tokens.c.node_id)
        with self._session.reader() as connection:
            row = connection.execute(select.where(*_usable(token_hash, now))).first()
        if row is None:
            return None
        cell, column = row._mapping, tokens.c  # noqa: SLF001 - the documented way to read by column
        return ConsoleAuthToken(
            hash=token_hash,
            node=rows.node(row),
            lease=cell[column.lease_uuid],
            project_id=cell[column.project_id],
            user_id=cell[column.user_id],
            read_only=cell[column.read_only],
            created_at=cell[column.created_at],
            expires_at=cell[column.expires_at],
        )

    def use_token(self, token_hash: str, now: datetime) -> bool:
        update = tokens.update().where(*_usable(token_hash, now)).values(used_at=now)
        with self._session.writer() as connection:
            return connection.execute(update).rowcount == 1

    def living_tokens(
        self, hashes: Collection[str], now: datetime
    ) -> Mapping[str, datetime | None]:
        select = (
            sa.select(tokens.c.token_hash, bookings.c.end_time)
            .join(bookings, bookings.c.uuid == tokens.c.lease_uuid, isouter=True)
            .where(tokens.c.token_hash.in_(hashes), _has_node(now))
        )
        with self._session.reader() as connection:
            return {row.token_hash: row.end_time for row in connection.execute(select)}

    def purge_tokens(self, now: datetime) -> int:
        with self._session.writer() as connection:
            return connection.execute(tokens.delete().where(is_over(now))).rowcount


def is_over(before: datetime) -> sa.ColumnElement[bool]:
    """Match tokens that expired before an instant and that no open console can depend on."""
    closed = sa.or_(tokens.c.used_at.is_(None), ~_has_node(before))
    return sa.and_(tokens.c.expires_at <= before, closed)


def _usable(token_hash: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Match the token with a hash if it can be used now."""
    return (
        tokens.c.token_hash == token_hash,
        tokens.c.used_at.is_(None),
        tokens.c.expires_at > now,
        _has_node(now),
    )


def _has_node(now: datetime) -> sa.ColumnElement[bool]:
    """Match tokens whose project has the node now; the twin of `core.console_auth_token.holder`."""
    node, lease = nodes.alias('held'), bookings.alias('holder')
    own = sa.and_(
        tokens.c.lease_uuid.is_(None),
        node.c.lease_uuid.is_(None),
        node.c.state == str(State.AVAILABLE),
        node.c.owner_id == tokens.c.project_id,
    )
    running = (
        sa.exists()
        .where(
            lease.c.uuid == tokens.c.lease_uuid,
            lease.c.lessee_id == tokens.c.project_id,
            lease.c.status == str(Status.ACTIVE),
            lease.c.start_time <= now,
            lease.c.end_time > now,
        )
        .correlate(tokens)
    )
    leased = sa.and_(
        node.c.lease_uuid == tokens.c.lease_uuid,
        node.c.state == str(State.HANDED_OVER),
        running,
    )
    return sa.exists().where(node.c.id == tokens.c.node_id, sa.or_(own, leased)).correlate(tokens)
