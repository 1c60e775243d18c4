"""A running service and people who call it over HTTP."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from esi_leap import clock
from esi_leap.core.change import Turn
from esi_leap.core.gate import Answer, Direction, Rules, Trial, Verdict
from esi_leap.core.node import State
from esi_leap.core.query import NodeScope, Query, Scope
from esi_leap.db.store import Store
from esi_leap.fixture import Service
from tests.patience import PATIENCE, until

from . import answers

#: What each role implies in Keystone; a token carries them all.
IMPLIED = {
    'reader': ('reader',),
    'member': ('member', 'reader'),
    'manager': ('manager', 'member', 'reader'),
    'admin': ('admin', 'manager', 'member', 'reader'),
}


@dataclass(frozen=True)
class Who:
    """A caller: his project, and the roles he was given in it."""

    project: str
    role: str = 'member'

    @property
    def headers(self) -> dict[str, str]:
        roles = IMPLIED.get(self.role, (self.role,))
        return {
            'X-Project-Id': self.project,
            'X-Project-Name': f'{self.project}-name',
            'X-User-Id': f'{self.project}-{self.role}',
            'X-Roles': ','.join(roles),
        }


ADMIN = Who('operator', 'admin')
OWNER = Who('owner')
LESSEE = Who('lessee')
STRANGER = Who('stranger')
NOBODY = Who('nobody', 'auditor')


class World:
    """A service, its nodes, and calls to it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._numbers = itertools.count(1)
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def node(self, owner: str = 'owner', **content: object) -> str:
        """Add a node and return its uuid."""
        uuid = f'machine-{next(self._numbers):05}'
        self.service.node(uuid, owner, **content)
        return uuid

    def reject(self, node: str) -> None:
        """Let the gate have rejected a node: here it is only written down, as a manager does it."""
        self.service.refresh()
        store, now = Store(self.service._database), clock.now()  # noqa: SLF001 - as a manager has it
        scope = NodeScope(*[Scope(everything=True)] * 3)
        (seen,) = store.nodes(scope, Query(equal={'uuid': node}), now)
        trial = Trial(direction=Direction.HAND_OVER, begun_at=now)
        judged = trial.judged(
            Verdict(answer=Answer.REJECT, reason='A drill.', evidence={'pcr': 'bad'}), Rules(), now
        )
        with store.booking(seen.node.id, now) as book:
            rejected = replace(book.node, state=State.REJECTED, trial=judged, reason='A drill.')
            book.put((Turn(rejected),))

    def call(
        self,
        who: Who,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        session: requests.Session | None = None,
    ) -> requests.Response:
        return (session or self._session).request(
            method,
            self.service.url + path,
            json=body,
            headers={**who.headers, **(headers or {})},
            timeout=PATIENCE,
        )

    def make(self, who: Who, path: str, **body: object) -> dict[str, Any]:
        """Make something, and return it as the answer shows it."""
        answer = self.call(who, 'POST', path, body)
        assert answer.status_code == requests.codes.created, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def until(self, lease: str, status: str) -> dict[str, Any]:
        """Wait until a lease has a status, and return it as it is then."""
        shown: dict[str, Any] = {}

        def come() -> bool:
            shown.update(self.call(ADMIN, 'GET', f'/v1/leases/{lease}').json())
            return bool(shown['status'] == status)

        until(come, f'{status} of lease {lease}')
        return shown

    def end_soon(self, lease: str, seconds: float = 2) -> datetime:
        """Shorten a lease when what has to come before its end has come; return the end.

        A window that is fixed beforehand is over too early where the machine is slow today.
        """
        while True:
            end = datetime.now(UTC) + timedelta(seconds=seconds)
            body = {'end_time': end.isoformat()}
            answer = self.call(ADMIN, 'PATCH', f'/v1/leases/{lease}', body)
            if answer.ok:
                return end
            # Only a machine that stood still is excused.
            assert end < datetime.now(UTC), answer.text


@contextmanager
def world(folder: Path, **settings: Any) -> Iterator[World]:  # noqa: ANN401 - of Service
    """Run a service in an empty folder, all of whose answers must be as they are declared."""
    watch = answers.Watch()
    with Service(folder, around=watch.around, **settings) as service:
        made = World(service)
        try:
            yield made
        finally:
            made.close()
    assert not watch.wrong, '\n\n'.join(dict.fromkeys(watch.wrong))


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL statements of this process, those that open and end transactions left out."""
    seen: list[str] = []

    def note(*call: Any) -> None:  # noqa: ANN401 - what SQLAlchemy passes
        if not call[2].startswith(('BEGIN', 'COMMIT', 'ROLLBACK', 'PRAGMA', 'SAVEPOINT')):
            seen.append(call[2])

    sa.event.listen(sa.Engine, 'before_cursor_execute', note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, 'before_cursor_execute', note)


class Pool:
    """Counts the connections of this process that are checked out of their pools."""

    def __init__(self) -> None:
        self._out: set[int] = set()
        self.most = 0

    @property
    def out(self) -> int:
        return len(self._out)

    def checkout(self, _connection: object, record: object, _proxy: object) -> None:
        self._out.add(id(record))
        self.most = max(self.most, len(self._out))

    def checkin(self, _connection: object, record: object) -> None:
        self._out.discard(id(record))


@contextmanager
def pool() -> Iterator[Pool]:
    """Watch the connection pools of this process."""
    watched = Pool()
    for name in ('checkout', 'checkin'):
        sa.event.listen(sa.Pool, name, getattr(watched, name))
    try:
        yield watched
    finally:
        for name in ('checkout', 'checkin'):
            sa.event.remove(sa.Pool, name, getattr(watched, name))


@contextmanager
def policy_questions() -> Iterator[set[str]]:
    """Collect the rules that oslo.policy is asked, from its own debug log."""
    asked: set[str] = set()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if str(record.msg).startswith('enforce: rule='):
                asked.add(str(record.args[0]).strip('"\''))  # type: ignore[index]

    log = logging.getLogger('oslo_policy.policy')
    level, listener = log.level, Listener()
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    try:
        yield asked
    finally:
        log.removeHandler(listener)
        log.setLevel(level)
