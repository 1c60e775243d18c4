"""Refreshing the inventory: what is seen, what is gone, who does it, and what it does not touch."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from esi_leap.actions.inventory import Inventory
from esi_leap.core.errors import StaleClaimError, UnavailableError, UnknownProjectError
from esi_leap.core.handover.machine import Machine
from esi_leap.core.inventory import Sighting
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import Query
from esi_leap.db.engine import Database
from esi_leap.db.inventory import Inventory as InventoryStore
from esi_leap.db.store import Store
from esi_leap.db.tables import chores, node_properties, nodes
from tests.patience import PATIENCE

from .given import ALL, NOW, OWNER, TENANT, a_lease, a_machine, a_node, at, write

DAY = timedelta(days=1)


@dataclass
class Service:
    """Has machines, shows them in pages, and lets the test in between two of them."""

    machines: list[Machine] = field(default_factory=list)
    size: int = 2
    between: Callable[[int], None] = lambda turn: None

    def pages(self) -> Iterator[Sequence[Sighting]]:
        for turn, start in enumerate(range(0, len(self.machines), self.size)):
            page = self.machines[start : start + self.size]
            self.between(turn)
            yield page


@dataclass
class Directory:
    """Keystone, with a few projects."""

    known: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def project(self, ident: str, domain_id: str | None) -> Project:
        self.asked.append(ident)
        if ident not in self.known:
            raise UnknownProjectError.of(ident, 'd')
        return Project(ident, self.known[ident])


class World:
    """A store, a service, time, and the inventory of one process."""

    def __init__(self, store: Store, database: Database) -> None:
        self.store, self.kept, self.database = store, InventoryStore(database), database
        self.service = Service([a_machine(f'n{n}') for n in range(5)])
        self.directory = Directory({OWNER: 'the owner', TENANT: 'the tenant'})
        self.hour = 0.0
        self.uuids = map(str, itertools.count())
        self.inventory = self.process()

    def process(self, **more: object) -> Inventory:
        given: dict[str, object] = {
            'store': self.kept,
            'fleet': {'ironic_node': self.service},
            'identity': self.directory,
            'now': self.now,
            'new_uuid': self.uuids.__next__,
            'pause': self.pause,
            'max_age': timedelta(hours=1),
        }
        return Inventory(**{**given, **more})  # type: ignore[arg-type]

    def now(self) -> datetime:
        return at(self.hour)

    def pause(self, seconds: float) -> None:
        self.hour += seconds / 3600

    def refresh(self) -> None:
        self.hour += 1
        self.inventory.refresh(timedelta())

    def rows(self) -> dict[str, sa.Row]:
        with self.database.reader() as connection:
            return {row.resource_uuid: row for row in connection.execute(sa.select(nodes))}

    def gone(self) -> set[str]:
        return {uuid for uuid, row in self.rows().items() if row.gone_at is not None}


@pytest.fixture
def world(store: Store, database: Database) -> World:
    return World(store, database)


def test_all_pages_are_kept(world: World) -> None:
    properties = {'cpus': '40', 'arch': 'x86_64', 'list': [1]}
    world.service.machines[4] = a_machine(
        'n4',
        owner=None,
        lessee=TENANT,
        resource_class='gpu',
        properties=properties,
        target_provision_state='active',
        target_power_state='power on',
        maintenance=True,
    )
    world.refresh()

    rows = world.rows()
    assert sorted(rows) == ['n0', 'n1', 'n2', 'n3', 'n4']
    row = rows['n4']
    assert (row.name, row.owner_id, row.lessee_id) == ('metal-n4', '', TENANT)
    assert (row.resource_class, row.properties) == ('gpu', properties)
    assert (row.provision_state, row.target_provision_state) == ('available', 'active')
    assert (row.power_state, row.target_power_state) == ('power off', 'power on')
    assert (row.maintenance, row.refreshed_at, row.gone_at) == (True, at(1), None)
    with world.database.reader() as connection:
        kept = connection.execute(sa.select(node_properties)).all()
    assert {(each.name, each.text, each.number) for each in kept} == {
        ('cpus', '40', 40),
        ('arch', 'x86_64', None),
        ('list', None, None),
    }
    assert world.inventory.as_of() == at(1)


def test_only_what_changed_is_written(world: World) -> None:
    world.refresh()
    world.service.machines[3] = a_machine('n3', provision_state='active', properties={'a': 'b'})
    world.refresh()
    world.service.machines[3] = a_machine('n3', provision_state='active', properties={'a': 'c'})
    world.refresh()

    rows = world.rows()
    assert {uuid: row.refreshed_at for uuid, row in rows.items()} == {
        **dict.fromkeys(rows, at(1)),
        'n3': at(3),
    }
    assert world.inventory.as_of() == at(3)
    with world.database.reader() as connection:
        assert connection.execute(sa.select(node_properties.c.text)).scalars().all() == ['c']


def test_a_node_that_is_not_shown_is_gone_until_it_is_shown_again(world: World) -> None:
    world.refresh()
    away = world.service.machines.pop(2)
    world.refresh()
    assert world.gone() == {'n2'}
    assert world.rows()['n2'].gone_at == at(2)
    world.refresh()
    assert world.rows()['n2'].gone_at == at(2)
    world.service.machines.append(away)
    world.refresh()
    assert world.gone() == set()


def test_a_service_that_shows_nothing_hides_it_rather(world: World) -> None:
    world.refresh()
    world.service.machines.clear()
    world.refresh()
    assert world.gone() == set()


def test_nodes_of_another_type_are_not_missed(world: World) -> None:
    world.store.node(a_machine('n9'), 'dummy_node', NOW)
    world.refresh()
    assert world.gone() == set()


def test_what_is_seen_while_a_page_is_read_is_not_overwritten_by_it(world: World) -> None:
    world.refresh()
    world.service.machines[1] = a_machine('n1', name='as the page has it')

    def hand_over(turn: int) -> None:
        world.hour += 0.1
        if turn == 0:  # the first page is asked for, and not yet here
            world.store.node(a_machine('n1', lessee=TENANT), 'ironic_node', at(world.hour))
            world.store.node(a_machine('n9'), 'ironic_node', at(world.hour))
            world.hour += 0.1

    world.service.between = hand_over
    world.refresh()

    row = world.rows()['n1']
    assert (row.name, row.lessee_id) == ('metal-n1', TENANT)
    assert 'n9' not in world.gone(), 'it was made after its page was read'


def test_one_process_at_a_time_reads_and_the_others_leave_it_to_it(world: World) -> None:
    begun, go_on = threading.Event(), threading.Event()
    turns = []

    def wait(turn: int) -> None:
        turns.append(turn)
        begun.set()
        assert go_on.wait(PATIENCE)

    world.service.between = wait
    thread = threading.Thread(target=world.refresh)
    thread.start()
    assert begun.wait(PATIENCE)
    for _ in range(3):
        world.process().refresh(timedelta())
    assert turns == [0]
    go_on.set()
    thread.join()
    assert turns == [0, 1, 2]

    world.process().refresh(DAY)
    assert turns == [0, 1, 2], 'it is not a day old'
    world.process().refresh(timedelta())
    assert len(turns) == 6


def test_the_chore_of_a_process_that_died_is_taken_over(world: World) -> None:
    assert world.kept.claim_chore('inventory ironic_node', 'dead', at(0), at(2))
    world.refresh()
    assert world.rows() == {}
    world.refresh()
    assert len(world.rows()) == 5
    world.kept.release_chore('inventory ironic_node', 'dead', at(9))
    assert world.inventory.as_of() == at(2)


def test_a_refresh_whose_claim_ran_out_stops(world: World) -> None:
    def steal(turn: int) -> None:
        if turn == 1:
            assert world.kept.claim_chore('inventory ironic_node', 'new', at(99), at(100))

    world.service.between = steal
    with pytest.raises(StaleClaimError):
        world.refresh()
    assert world.inventory.as_of() is None
    with world.database.reader() as connection:
        assert connection.execute(sa.select(chores.c.claim)).scalar_one() == 'new'


def test_many_processes_that_begin_together_read_once(world: World) -> None:
    read = []
    world.service.between = read.append
    together = [
        threading.Thread(target=world.process().refresh, args=(timedelta(hours=1),))
        for _ in range(8)
    ]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert read == [0, 1, 2]
    assert len(world.rows()) == 5


def test_a_service_that_does_not_answer_keeps_nobody_from_the_others(world: World) -> None:
    def broken(turn: int) -> None:
        raise UnavailableError('Ironic does not answer; try again.')

    ill = Service([a_machine('x')], between=broken)
    both = world.process(fleet={'broken': ill, 'ironic_node': world.service})
    with pytest.raises(UnavailableError):
        both.refresh(timedelta())
    assert len(world.rows()) == 5
    assert both.as_of() is None
    ill.between = lambda turn: None
    both.refresh(timedelta())
    assert both.as_of() == at(0)


def test_bookings_go_on_while_pages_are_read(world: World) -> None:
    node = a_node(world.store, 'n0')
    world.service.machines[0] = a_machine('n0', name='renamed')

    def book(turn: int) -> None:
        write(world.store, a_lease(node, f'l{turn}', turn, turn + 1))

    world.service.between = book
    world.refresh()
    assert world.rows()['n0'].name == 'renamed'
    assert len(world.store.leases(ALL, Query())) == 3


class TestNames:
    def test_those_that_nobody_knows_are_asked_for_once(self, world: World) -> None:
        world.service.machines += [
            a_machine('n5', owner=None, lessee=TENANT),
            a_machine('n6', owner='a/b', lessee='nobody'),
        ]
        write(world.store, a_lease(a_node(world.store, 'n0'), 'l', lessee_id='of-a-lease'))
        world.directory.known['of-a-lease'] = 'of a lease'
        world.refresh()
        asked = sorted(world.directory.asked)
        assert asked == sorted([OWNER, TENANT, 'a/b', 'nobody', 'of-a-lease'])
        wanted = {OWNER, TENANT, 'of-a-lease', 'nobody'}
        assert world.store.names(wanted) == {
            OWNER: 'the owner',
            TENANT: 'the tenant',
            'of-a-lease': 'of a lease',
        }
        world.refresh()
        assert sorted(world.directory.asked) == asked

    def test_a_keystone_that_does_not_answer_does_not_spoil_the_rest(self, world: World) -> None:
        class Away:
            def project(self, ident: str, domain_id: str | None) -> Project:
                raise UnavailableError('Keystone does not answer; try again.')

        with pytest.raises(UnavailableError):
            world.process(identity=Away()).refresh(timedelta())
        assert len(world.rows()) == 5
        assert world.inventory.as_of() == at(0)


class TestUse:
    def test_the_first_use_waits_for_the_first_refresh(self, world: World) -> None:
        world.inventory.freshen()
        assert len(world.rows()) == 5

    def test_a_fresh_one_is_not_looked_at(self, world: World) -> None:
        world.inventory.freshen()
        world.service.between = lambda turn: pytest.fail('it is fresh')
        world.hour += 0.9
        world.inventory.freshen()
        world.process().freshen()

    def test_a_stale_one_is_refreshed_beside_the_one_who_uses_it(self, world: World) -> None:
        world.inventory.freshen()
        world.service.machines.append(a_machine('n9'))
        begun, go_on = threading.Event(), threading.Event()
        turns = []

        def wait(turn: int) -> None:
            turns.append(turn)
            begun.set()
            assert go_on.wait(PATIENCE)

        world.service.between = wait
        world.hour += 1
        for _ in range(5):
            world.inventory.freshen()
        assert begun.wait(PATIENCE)
        world.process().freshen()
        go_on.set()
        for thread in threading.enumerate():
            if thread.name == 'inventory':
                thread.join()
        assert 'n9' in world.rows()
        assert turns == [0, 1, 2]

    def test_nobody_waits_for_ever_for_the_first_one(self, world: World) -> None:
        assert world.kept.claim_chore('inventory ironic_node', 'slow', at(0), at(9))
        with pytest.raises(UnavailableError, match='is not complete yet'):
            world.inventory.freshen()

    def test_who_waits_for_the_first_one_of_another_gets_it(self, world: World) -> None:
        assert world.kept.claim_chore('inventory ironic_node', 'other', at(0), at(9))

        def pause(seconds: float) -> None:
            world.kept.release_chore('inventory ironic_node', 'other', at(0))

        world.process(pause=pause).freshen()

    def test_without_any_answer_ever_the_use_fails(self, world: World) -> None:
        def broken(turn: int) -> None:
            raise UnavailableError('Ironic does not answer; try again.')

        world.service.between = broken
        with pytest.raises(UnavailableError, match='Ironic'):
            world.inventory.freshen()
        world.service.between = lambda turn: None
        world.inventory.freshen()
        assert len(world.rows()) == 5
