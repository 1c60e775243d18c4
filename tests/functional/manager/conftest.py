"""A manager over a real store and a real fleet of files, with a clock that tests move."""

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from esi_leap import metrics
from esi_leap.actions.inventory import Inventory
from esi_leap.actions.recalls import carry_out
from esi_leap.cloud.dummy import DummyNodes
from esi_leap.core.booking import plan, quota
from esi_leap.core.event import Priority
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.steps import Verb
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.query import Query, Scope
from esi_leap.core.recall import Recall
from esi_leap.db import schema
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.db.inventory import Inventory as InventoryStore
from esi_leap.db.outbox import Outbox
from esi_leap.db.store import Store
from esi_leap.manager.deps import Deps, Settings
from esi_leap.manager.work import work_on

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)
EVERYTHING = Scope(everything=True)


class Killed(BaseException):
    """The manager's process dies here."""


class Watched:
    """The dummy fleet, with its calls counted and with hooks before and after a call."""

    def __init__(self, nodes: DummyNodes) -> None:
        self._nodes = nodes
        self.calls = 0
        self.before: Callable[[int], None] = lambda call: None
        self.after: Callable[[int], None] = lambda call: None
        self.verbs: list[Verb] = []

    def find(self, ident: str) -> Machine:
        return self._nodes.find(ident)

    def get(self, uuid: str, **how: bool) -> Machine:
        return self._counted(lambda: self._nodes.get(uuid, **how))

    def volumes(self, uuid: str) -> Mapping[str, str]:
        return self._counted(lambda: self._nodes.volumes(uuid))

    def do(self, machine: Machine, verb: Verb) -> None:
        self.verbs.append(verb)
        self._counted(lambda: self._nodes.do(machine, verb))

    def _counted(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the call returns
        self.calls += 1
        self.before(self.calls)
        result = call()
        self.after(self.calls)
        return result


class World:
    """One node, its bookings, its managers, and a clock."""

    def __init__(self, folder: Path, database: Database | None = None) -> None:
        self.now = NOON
        self.folder = folder / 'nodes'
        self.folder.mkdir()
        self.nodes = Watched(DummyNodes(str(self.folder)))
        self.database = database or Database(f'sqlite:///{folder}/leap.sqlite')
        schema.upgrade(self.database)
        self.notify(None)
        self.inventory, self.outbox = InventoryStore(self.database), Outbox(self.database)
        self._uuids = (f'00000000-0000-4000-8000-{number:012d}' for number in itertools.count(1))
        self.meter = metrics.Manager()
        self.deps = self.manager()

    def notify(self, level: Priority | None) -> None:
        """Let changes write notifications of at least a priority from now on."""
        self.store, self.agenda = Store(self.database, level), Agenda(self.database, level)

    def manager(self, **settings: object) -> Deps:
        values: dict[str, Any] = {
            'host': 'here',
            'holding_project': 'holding',
            'poll_interval': 0.05,
            'threads': 4,
            'claim_time': 60,
            'retry_max': 30,
            'max_attempts': 3,
            'check_interval': 60,
            'require_clean': True,
            'call_time': 20,
        }
        return Deps(
            agenda=self.agenda,
            fleet={'dummy_node': self.nodes},
            meter=self.meter,
            now=lambda: self.now,
            monotonic=self._seconds,
            new_uuid=self._uuids.__next__,
            settings=Settings(**{**values, **settings}),
        )

    def _seconds(self) -> float:
        return self.now.timestamp()

    def machine(self, uuid: str = 'n1', **content: object) -> None:
        described = {'project_owner_id': 'lender', 'provision_state': 'available', **content}
        (self.folder / uuid).write_text(json.dumps(described))

    def change(self, uuid: str = 'n1', **content: object) -> None:
        self.machine(uuid, **{**self.file(uuid), **content})

    def file(self, uuid: str = 'n1') -> dict[str, Any]:
        return json.loads((self.folder / uuid).read_text())

    def row(self, uuid: str = 'n1') -> Any:  # noqa: ANN401 - a Node
        found = self.store.leases(EVERYTHING, Query(equal={'resource_uuid': uuid}))
        return found[0].node

    def lease(
        self, lessee: str, start: int, end: int, uuid: str = 'n1', *, inside: str | None = None
    ) -> str:
        """Lease the node from minute `start` to minute `end` after noon; or sub-lease it."""
        machine = self.nodes.find(uuid)
        node = self.store.node(machine, 'dummy_node', self.now)
        lease = Lease(
            uuid=next(self._uuids),
            name=None,
            node_id=node.id,
            contract=next(self._uuids),
            owner_id='lender' if inside is None else self.see(inside).lessee_id,
            lessee_id=lessee,
            window=Interval(NOON + timedelta(minutes=start), NOON + timedelta(minutes=end)),
            parent=inside,
            parent_lease=inside,
        )
        limits = quota.Limits(timedelta(days=7), None)
        with self.store.booking(node.id, self.now) as book:
            book.put(plan.plan_lease(lease, book.node, book.tree(), limits, self.now))
        return lease.uuid

    def cancel(self, uuid: str) -> None:
        found = self.see(uuid)
        with self.store.booking(found.node_id, self.now) as book:
            tree = book.tree()
            book.put(plan.plan_cancel(book.lease(uuid), book.node, tree, self.now))

    def recall(self, minutes: int, uuid: str = 'n1', *, owner: str = 'lender') -> str:
        """Request a recall with a deadline in `minutes` from now; return its uuid."""
        made = Recall(
            uuid=next(self._uuids),
            owner_id=owner,
            reason='a drill',
            deadline=self.now + timedelta(minutes=minutes),
            created_at=self.now,
        )
        node = self.store.node(self.nodes.find(uuid), 'dummy_node', self.now)
        self.store.keep_recall(made, [node.id])
        carry_out(self.store, made.uuid, node.id, self.now)
        return made.uuid

    def see(self, uuid: str) -> Lease:
        return self.store.leases(EVERYTHING, Query(equal={'uuid': uuid}))[0].lease

    def events(self, uuid: str) -> list[str]:
        with self.database.reader() as connection:
            rows = connection.exec_driver_sql(
                'SELECT event_type FROM events WHERE object_uuid = ? ORDER BY id', (uuid,)
            )
            return [row[0].removeprefix('esi_leap.lease.') for row in rows]

    def order(self) -> list[str]:
        """Return the uuids of the leases that have ended, in the order of their events."""
        with self.database.reader() as connection:
            rows = connection.exec_driver_sql(
                'SELECT object_uuid FROM events WHERE event_type = ? ORDER BY id',
                ('esi_leap.lease.delete.end',),
            )
            return [row[0] for row in rows]

    def tick(self, deps: Deps | None = None) -> None:
        """Perform all tasks that are due now."""
        for node_id in self.agenda.due(self.now, 100):
            work_on(deps or self.deps, node_id, lambda: False)

    def wait(self, seconds: float = 0, minutes: float = 0) -> None:
        """Move the clock, and perform all tasks that are due then."""
        self.now += timedelta(seconds=seconds, minutes=minutes)
        self.tick()


def refresh(world: World) -> int:
    """Refresh the inventory, as a manager does every minute; perform all tasks that are due."""
    world.now += timedelta(seconds=61)
    before = world.nodes.calls
    Inventory(
        store=world.inventory,
        fleet={'dummy_node': DummyNodes(str(world.folder))},
        identity=None,
        now=lambda: world.now,
        new_uuid=world.deps.new_uuid,
        pause=lambda seconds: None,
        max_age=timedelta(minutes=3),
    ).refresh(timedelta())
    world.tick()
    return world.nodes.calls - before


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.machine()
    yield made
    made.database.close()
