"""Tokens for consoles: kept, used once, and looked at while what they opened is open."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from esi_leap.core.console_auth_token import ConsoleAuthToken
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from esi_leap.db import rows
from esi_leap.db.tables import bookings, nodes
from esi_leap.db.tables import console_auth_tokens as tokens


def keep(connection: sa.Connection, token: ConsoleAuthToken) -> None:
    """Keep a new token."""
    connection.execute(
        tokens.insert().values(
            token_hash=token.hash,
            node_id=token.node.id,
            lease_uuid=token.lease,
            project_id=token.project_id,
            user_id=token.user_id,
            read_only=token.read_only,
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )


def drop(connection: sa.Connection, node_id: int) -> None:
    """Delete the tokens of a node."""
    connection.execute(tokens.delete().where(tokens.c.node_id == node_id))


def find(connection: sa.Connection, token_hash: str, now: datetime) -> ConsoleAuthToken | None:
    """Read a token that can be used now."""
    select = sa.select(tokens, nodes).join(nodes, nodes.c.id == tokens.c.node_id)
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


def use(connection: sa.Connection, token_hash: str, now: datetime) -> bool:
    """Use a token, compare-and-swap; False if it cannot be used (any more)."""
    used = connection.execute(tokens.update().where(*_usable(token_hash, now)).values(used_at=now))
    return used.rowcount == 1


def alive(
    connection: sa.Connection, hashes: Collection[str], now: datetime
) -> Mapping[str, datetime | None]:
    """Return which of these tokens still have the node, each with when its lease ends."""
    select = (
        sa.select(tokens.c.token_hash, bookings.c.end_time)
        .join(bookings, bookings.c.uuid == tokens.c.lease_uuid, isouter=True)
        .where(tokens.c.token_hash.in_(hashes), _holding(now))
    )
    return {found.token_hash: found.end_time for found in connection.execute(select)}


def purge(connection: sa.Connection, now: datetime) -> int:
    """Delete tokens of which nothing can come any more."""
    return connection.execute(tokens.delete().where(over(now))).rowcount


def over(before: datetime) -> sa.ColumnElement[bool]:
    """Tokens that expired before an instant, and that no open console can hang on."""
    closed = sa.or_(tokens.c.used_at.is_(None), ~_holding(before))
    return sa.and_(tokens.c.expires_at <= before, closed)


def _usable(token_hash: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        tokens.c.token_hash == token_hash,
        tokens.c.used_at.is_(None),
        tokens.c.expires_at > now,
        _holding(now),
    )


def _holding(now: datetime) -> sa.ColumnElement[bool]:
    """The twin of `core.console_auth_token.holder`: tokens whose project has the node now."""
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
