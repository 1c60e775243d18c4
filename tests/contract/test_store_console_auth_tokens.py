"""Tokens for consoles in a store: used once, expired in time, and dead with what they hang on."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from esi_leap.core.console_auth_token import ConsoleAuthToken, digest, holder
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node, State
from esi_leap.db.console_auth_tokens import ConsoleAuthTokens
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import console_auth_tokens, nodes

from .given import NOW, OWNER, STRANGER, TENANT, a_lease, a_node, at, change, write

HASHES = (digest(str(number)) for number in itertools.count())


def handed_over(
    store: Store, uuid: str = 'l', status: Status = Status.ACTIVE
) -> tuple[Node, Lease]:
    """A node that a lease over ten hours has."""
    node = a_node(store, f'node-of-{uuid}')
    lease = a_lease(node, uuid)
    write(store, lease)
    change(store, replace(lease, status=status))
    set_node(store, node, State.HANDED_OVER, uuid)
    return node, lease


def set_node(store: Store, node: Node, state: State, lease: str | None) -> None:
    """Set a node to any state and lease, also to those that no deed leads to."""
    with store._session.writer() as connection:  # noqa: SLF001 - for want of such a deed
        connection.execute(
            nodes.update().where(nodes.c.id == node.id).values(state=str(state), lease_uuid=lease)
        )


def kept(tokens: ConsoleAuthTokens, node: Node, **values: object) -> str:
    """Keep a token that lives for an hour, and return its hash."""
    given: dict[str, object] = {
        'hash': next(HASHES),
        'lease': None,
        'project_id': OWNER,
        'user_id': 'u',
        'read_only': False,
        'created_at': NOW,
        'expires_at': NOW + timedelta(hours=1),
        **values,
    }
    tokens.keep_token(ConsoleAuthToken(node=node, **given))  # type: ignore[arg-type]
    return str(given['hash'])


def count(database: Database) -> int:
    with database.reader() as connection:
        return int(
            connection.execute(
                sa.select(sa.func.count()).select_from(console_auth_tokens)
            ).scalar_one()
        )


def test_a_token_is_read_as_it_was_kept(store: Store, tokens: ConsoleAuthTokens) -> None:
    node, lease = handed_over(store)
    token = ConsoleAuthToken(
        hash=next(HASHES),
        node=node,
        lease=lease.uuid,
        project_id=TENANT,
        user_id=None,
        read_only=True,
        created_at=NOW,
        expires_at=at(0.5),
    )
    tokens.keep_token(token)
    kept(tokens, node)

    found = tokens.token(token.hash, NOW)

    assert found is not None
    assert found.node.resource_uuid == node.resource_uuid
    assert replace(found, node=node) == token
    assert tokens.token(digest('another'), NOW) is None


def test_a_token_is_used_once(store: Store, tokens: ConsoleAuthTokens) -> None:
    node, lease = handed_over(store)
    first, other = (kept(tokens, node, lease=lease.uuid, project_id=TENANT) for _ in range(2))
    assert tokens.use_token(first, NOW)
    assert not tokens.use_token(first, NOW)
    assert tokens.token(first, NOW) is None
    assert tokens.use_token(other, NOW)


def test_one_of_many_concurrent_uses_of_a_token_succeeds(
    store: Store, tokens: ConsoleAuthTokens
) -> None:
    node, lease = handed_over(store)
    token = kept(tokens, node, lease=lease.uuid, project_id=TENANT)
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda _: tokens.use_token(token, NOW), range(8)))
    assert sorted(won) == [False] * 7 + [True]


@pytest.mark.parametrize(('hours', 'good'), [(0, True), (0.999, True), (1, False), (2, False)])
def test_expiry_is_looked_at_when_it_is_used(
    store: Store,
    tokens: ConsoleAuthTokens,
    hours: float,
    good: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    token = kept(tokens, a_node(store))
    assert (tokens.token(token, at(hours)) is not None) is good
    assert tokens.use_token(token, at(hours)) is good


def test_the_statement_says_of_tokens_what_the_core_says_of_their_node(
    store: Store, tokens: ConsoleAuthTokens
) -> None:
    node, lease = handed_over(store)
    kept_for = {
        kept(tokens, node, lease=of, project_id=project, expires_at=at(100)): (of, project)
        for of, project in itertools.product((None, lease.uuid), (OWNER, TENANT, STRANGER))
    }
    good = 0
    for status in Status:
        change(store, replace(lease, status=status))
        seen = replace(lease, status=status)
        for state, held_by in itertools.product(State, (None, lease.uuid, 'another')):
            set_node(store, node, state, held_by)
            at_hand = replace(node, state=state, lease=held_by)
            for now in (at(-1), at(0), at(9.9), at(10)):
                has_it = (held_by, holder(at_hand, seen, now))
                alive = {token for token, bound in kept_for.items() if bound == has_it}
                assert set(tokens.living_tokens(list(kept_for), now)) == alive, (state, status, now)
                good += len(alive)
    # Eight statuses at four instants for the owner, one status at two for the lessee.
    assert good == 8 * 4 + 2


@pytest.mark.parametrize('held_by', [None, 'l', 'another'])
def test_who_has_the_node_no_more_uses_no_token(
    store: Store, tokens: ConsoleAuthTokens, held_by: str | None
) -> None:
    node, lease = handed_over(store)
    token = kept(tokens, node, lease=lease.uuid, project_id=TENANT)
    set_node(store, node, State.RETURNING, held_by)
    assert tokens.token(token, NOW) is None
    assert not tokens.use_token(token, NOW)


def test_what_is_open_is_alive_until_the_lease_ends(
    store: Store, tokens: ConsoleAuthTokens
) -> None:
    node, lease = handed_over(store, 'a')
    token = kept(tokens, node, lease='a', project_id=TENANT)
    idle = a_node(store, 'idle')
    own = kept(tokens, idle)
    both = [token, own]
    for each in both:
        assert tokens.use_token(each, NOW)

    late = at(5)  # long after both have expired
    assert tokens.living_tokens(both, late) == {token: at(10), own: None}
    assert tokens.living_tokens([], late) == {}
    change(store, replace(lease, status=Status.ACTIVE, window=replace(lease.window, end=at(4))))
    assert tokens.living_tokens(both, late) == {own: None}
    set_node(store, idle, State.PREPARING, 'next')
    assert tokens.living_tokens(both, late) == {}


def test_all_tokens_of_a_node_are_deleted_and_no_others(
    store: Store, tokens: ConsoleAuthTokens
) -> None:
    one, other = a_node(store, 'one'), a_node(store, 'other')
    gone = [kept(tokens, one) for _ in range(3)]
    stays = kept(tokens, other)
    tokens.use_token(gone[0], NOW)
    tokens.drop_tokens(one.id)
    assert tokens.living_tokens([*gone, stays], NOW) == {stays: None}


def test_a_purge_leaves_what_can_be_used_or_is_open(
    store: Store, tokens: ConsoleAuthTokens, database: Database
) -> None:
    node, lease = handed_over(store)
    lent = {'lease': lease.uuid, 'project_id': TENANT}
    fresh = kept(tokens, node, **lent, expires_at=at(3))
    is_open = kept(tokens, node, **lent)
    unused, used_by_owner = kept(tokens, node, **lent), kept(tokens, a_node(store, 'own'))
    for each in (is_open, used_by_owner):
        assert tokens.use_token(each, NOW)
    assert tokens.purge_tokens(at(0.5)) == 0

    assert tokens.purge_tokens(at(2)) == 1
    assert set(tokens.living_tokens([fresh, is_open, unused, used_by_owner], at(2))) == {
        fresh,
        is_open,
        used_by_owner,
    }
    change(store, replace(lease, status=Status.EXPIRED))
    assert tokens.purge_tokens(at(2.5)) == 1
    assert count(database) == 2  # the owner's, open, and one that has not expired


def test_times_are_kept_to_the_microsecond(store: Store, tokens: ConsoleAuthTokens) -> None:
    node = a_node(store)
    expires = datetime.fromisoformat('2032-02-01T00:00:00.000001+00:00')
    token = kept(tokens, node, expires_at=expires)
    just_before = expires - timedelta(microseconds=1)
    assert tokens.token(token, just_before) is not None
    assert tokens.token(token, expires) is None
