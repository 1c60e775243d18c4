"""What a store keeps: nodes, project names, and bookings read back as they were written."""

import threading
from collections.abc import Callable, ItemsView
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

import pytest
import sqlalchemy as sa

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.booking import plan, quota
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import Agree, Tell, Turn, put
from esi_leap.core.errors import (
    ConflictError,
    LeaseNotFoundError,
    OfferNotFoundError,
    WindowConflictError,
)
from esi_leap.core.event import Event
from esi_leap.core.instant import FOREVER
from esi_leap.core.interval import Interval
from esi_leap.core.node import State
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import Query
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.db.tables import events, heartbeats, nodes
from tests.patience import PATIENCE

from .given import (
    ALL,
    NOTES,
    NOW,
    OWNER,
    STRANGER,
    TENANT,
    TEXTS,
    a_lease,
    a_machine,
    a_node,
    an_offer,
    at,
    change,
    contract_of,
    created,
    uuids,
    window,
    write,
)

T = TypeVar('T')


class TestNodes:
    def test_a_node_is_made_when_it_is_first_seen(self, store: Store) -> None:
        machine = a_machine('n1', name=TEXTS, resource_class='gpu', properties=NOTES)

        node = store.node(machine, 'ironic_node', NOW)

        assert (node.resource_type, node.resource_uuid) == ('ironic_node', 'n1')
        assert (node.name, node.owner_id, node.resource_class) == (TEXTS, OWNER, 'gpu')
        assert node.properties == NOTES
        assert node.state is State.AVAILABLE
        assert (node.lease, node.reason, node.remembered, node.retry_at) == (None, None, (), None)
        assert (node.claim, node.claimed_until, node.attempts) == (None, None, 0)
        assert store.node(machine, 'ironic_node', at(1)) == node

    @pytest.mark.parametrize(
        'values',
        [
            {'name': 'renamed'},
            {'name': 'METAL-n1'},
            {'resource_class': 'gpu'},
            {'properties': {'cpus': '64'}},
            {'owner': STRANGER},
            {'owner': None},
            {'lessee': TENANT},
            {'provision_state': 'active', 'target_provision_state': 'deleted'},
            {'power_state': None, 'target_power_state': 'power on'},
            {'maintenance': True},
        ],
    )
    def test_a_node_that_changed_is_brought_up_to_date(
        self, store: Store, database: Database, values: dict[str, object]
    ) -> None:
        before = a_node(store)
        other = a_node(store, 'n2')
        machine = a_machine('n1', **values)

        after = store.node(machine, 'ironic_node', at(1))

        assert after.id == before.id
        assert (after.name, after.resource_class) == (machine.name, machine.resource_class)
        assert (after.owner_id, after.properties) == (machine.owner or '', machine.properties)
        assert (
            _row(database, 'n1')
            >= {
                'lessee_id': machine.lessee,
                'provision_state': machine.provision_state,
                'target_provision_state': machine.target_provision_state,
                'power_state': machine.power_state,
                'target_power_state': machine.target_power_state,
                'maintenance': machine.maintenance,
                'refreshed_at': at(1),
            }.items()
        )
        assert a_node(store, 'n2') == other

    def test_bringing_a_node_up_to_date_leaves_its_hand_over_alone(self, store: Store) -> None:
        node = a_node(store)
        handed = node.to(State.PREPARING, lease='l').to(State.HANDED_OVER)
        with store.booking(node.id, NOW) as book:
            book.put((Turn(handed),))

        assert a_node(store, name='renamed') == replace(handed, name='renamed')

    def test_a_node_that_did_not_change_is_not_written(
        self, store: Store, database: Database
    ) -> None:
        a_node(store)
        store.node(a_machine(), 'ironic_node', at(5))

        with database.reader() as connection:
            assert connection.execute(sa.select(nodes.c.refreshed_at)).scalar_one() == NOW

    def test_a_uuid_is_one_node_for_each_type(self, store: Store) -> None:
        real = a_node(store)
        dummy = store.node(a_machine(), 'dummy_node', NOW)

        assert real.id != dummy.id
        assert (real.resource_type, dummy.resource_type) == ('ironic_node', 'dummy_node')

    def test_many_who_see_a_new_node_first_all_get_one_row(
        self, store: Store, database: Database
    ) -> None:
        def seen(turn: int) -> int:
            return store.node(a_machine(f'r{turn // 8}'), 'ironic_node', NOW).id

        found = _together(8, seen, range(80))

        for first in range(0, 80, 8):
            assert len(set(found[first : first + 8])) == 1
        with database.reader() as connection:
            assert connection.execute(sa.select(sa.func.count(nodes.c.id))).scalar() == 10

    def test_many_who_see_a_node_differently_all_get_an_answer(self, store: Store) -> None:
        def seen(turn: int) -> int:
            machine = a_machine(name=f'name-{turn % 8}')
            return store.node(machine, 'ironic_node', at(turn)).id

        assert len(set(_together(8, seen, range(80)))) == 1
        assert store.node(a_machine(), 'ironic_node', at(99)).name == 'metal-n1'

    def test_what_was_seen_later_stays(self, store: Store) -> None:
        a_node(store)
        late = store.node(a_machine(name='late'), 'ironic_node', at(3))
        for asked, now in ((1, 2), (1, 4), (2.9, 4)):
            found = store.node(a_machine(name='early'), 'ironic_node', at(now), at(asked))
            assert found == late
        assert store.node(a_machine(name='new'), 'ironic_node', at(4), at(3)).name == 'new'


def _row(database: Database, uuid: str) -> ItemsView[str, object]:
    with database.reader() as connection:
        mine = sa.select(nodes).where(nodes.c.resource_uuid == uuid)
        return connection.execute(mine).mappings().one().items()


class TestDirectory:
    def test_names_are_known_to_who_remembered_them_and_to_who_reads_them(
        self, store: Store, database: Database
    ) -> None:
        assert store.names({OWNER, TENANT}) == {}
        store.remember([Project(OWNER, TEXTS), Project(TENANT, 'tenant')])
        for each in (store, Store(database)):
            assert each.names({OWNER, TENANT, 'p-unknown'}) == {OWNER: TEXTS, TENANT: 'tenant'}
            assert each.names(set()) == {}

    def test_a_new_name_is_written_though_the_old_one_is_believed(
        self, store: Store, database: Database
    ) -> None:
        for name in ('old', 'new', 'old'):
            store.remember([Project(OWNER, name)])
            assert store.names({OWNER}) == Store(database).names({OWNER}) == {OWNER: name}

    def test_names_are_remembered_and_renamed(self, store: Store) -> None:
        write(store, a_lease(a_node(store)))
        store.remember([Project(OWNER, TEXTS), Project(TENANT, 'tenant'), Project('p-x', 'x')])
        [seen] = store.leases(ALL, Query())
        assert seen.names == {OWNER: TEXTS, TENANT: 'tenant'}

        store.remember([Project(TENANT, 'Tenant')])
        [seen] = store.leases(ALL, Query())
        assert seen.names == {OWNER: TEXTS, TENANT: 'Tenant'}

    def test_a_name_that_is_not_known_is_left_out(self, store: Store) -> None:
        write(store, a_lease(a_node(store)))
        store.remember([])
        [seen] = store.leases(ALL, Query())
        assert seen.names == {}

    def test_many_remember_at_once(self, store: Store) -> None:
        write(
            store, *(a_lease(a_node(store), f'l{n}', n, n + 1, lessee_id=f'p{n}') for n in range(5))
        )

        def remembered(turn: int) -> None:
            store.remember([Project(f'p{(turn + n) % 5}', f'name-{turn % 3}') for n in range(5)])

        _together(8, remembered, range(40))
        store.remember([Project(f'p{n}', 'last') for n in range(5)])
        assert [each.names for each in store.leases(ALL, Query())] == [
            {f'p{n}': 'last'} for n in range(5)
        ]


#: Offers and leases that differ in every field, with what is hard to keep.
OFFERS = {
    'least': {},
    'forever': {'window': Interval(at(0), FOREVER)},
    'early': {'window': Interval(datetime(1970, 1, 1, tzinfo=UTC), at(0))},
    'an instant': {'window': Interval(at(0), at(0) + timedelta(microseconds=1))},
    'last instant': {'window': Interval(FOREVER - timedelta(microseconds=1), FOREVER)},
    'other zone': {
        'window': Interval(at(0).astimezone(timezone(timedelta(hours=5, minutes=45))), at(1))
    },
    'all': {
        'name': TEXTS,
        'lessee_id': TENANT,
        'status': offers.Status.ERROR,
        'reason': Reason(Cause.NODE_BUSY, TEXTS * 100),
        'properties': NOTES,
    },
    'long name': {'name': '🚀' * 255},
    'expired': {'status': offers.Status.EXPIRED},
    'deleted': {'status': offers.Status.DELETED},
}
LEASES = {
    'least': {},
    'forever': {'window': Interval(at(0), FOREVER)},
    'all': {
        'name': TEXTS,
        'purpose': TEXTS,
        'properties': NOTES,
        'offer': 'an-offer-that-was',
        'reason': Reason(None, TEXTS),  # of an earlier release
        'status': leases.Status.WAIT_FULFILL,
        'fulfill_time': at(0.1),
        'expire_time': FOREVER,
        'retry_at': at(0.3),
        'attempts': 2**31 - 1,
    },
    **{
        str(status): {
            'status': status,
            'retry_at': at(0.5),
            'reason': Reason(Cause.NODE_STUCK, status),
        }
        for status in leases.Status
    },
}


class TestBooking:
    @pytest.mark.parametrize('values', OFFERS.values(), ids=OFFERS)
    def test_an_offer_is_read_back_as_written(
        self, store: Store, values: dict[str, object]
    ) -> None:
        node = a_node(store)
        offer = an_offer(node, **values)

        write(store, offer)

        with store.booking(node.id, NOW) as book:
            assert book.node == node
            assert book.offer('o') == offer
            assert list(book.tree()) == ([offer] if offer.blocks else [])
        [seen] = store.offers(ALL, Query(), NOW)
        assert (seen.offer, seen.node) == (offer, node)

    @pytest.mark.parametrize('values', LEASES.values(), ids=LEASES)
    def test_a_lease_is_read_back_as_written(self, store: Store, values: dict[str, object]) -> None:
        node = a_node(store)
        lease = a_lease(node, **values)

        write(store, lease)

        with store.booking(node.id, NOW) as book:
            assert book.lease('l') == lease
            assert list(book.tree()) == ([lease] if lease.blocks else [])
        [seen] = store.leases(ALL, Query())
        assert (seen.lease, seen.node) == (lease, node)
        [agreed] = store.contracts(ALL, Query())
        assert (agreed.contract, agreed.leases) == (contract_of(lease), ['l'])

    @pytest.mark.parametrize('values', OFFERS.values(), ids=OFFERS)
    def test_an_offer_is_changed(self, store: Store, values: dict[str, object]) -> None:
        node = a_node(store)
        other = an_offer(a_node(store, 'n2'), 'other')
        write(store, an_offer(node), other)

        change(store, an_offer(node, **values))

        with store.booking(node.id, NOW) as book:
            assert book.offer('o') == an_offer(node, **values)
        with store.booking(other.node_id, NOW) as book:
            assert book.offer('other') == other

    @pytest.mark.parametrize('values', LEASES.values(), ids=LEASES)
    def test_a_lease_is_changed(self, store: Store, values: dict[str, object]) -> None:
        node = a_node(store)
        before = a_lease(node, **LEASES['all'])
        write(store, before, a_lease(node, 'other', -9, -8))

        change(store, a_lease(node, **values))

        with store.booking(node.id, NOW) as book:
            assert book.lease('l') == a_lease(node, **values)
            assert book.lease('other') == a_lease(node, 'other', -9, -8)

    def test_new_and_changed_again_in_one_transaction(self, store: Store) -> None:
        node = a_node(store)
        with store.booking(node.id, NOW) as book:
            book.put(created(an_offer(node)))
            book.put(put(an_offer(node, name='second thought')))
            assert book.offer('o').name == 'second thought'
        assert uuids(store.offers(ALL, Query(), NOW)) == ['o']

    def test_a_contract_with_several_leases(self, store: Store) -> None:
        node = a_node(store)
        lines = [a_lease(node, f'l{n}', n, n + 1, contract='c') for n in (2, 0, 1)]
        with store.booking(node.id, NOW) as book:
            book.put((Agree(contract_of(lines[0])), *put(*lines)))

        [seen] = store.contracts(ALL, Query())
        assert seen.contract == contract_of(lines[0])
        assert seen.leases == ['l2', 'l0', 'l1']

    def test_a_contract_names_its_offer(self, store: Store) -> None:
        node = a_node(store)
        offer = an_offer(node, end=20)
        lease = a_lease(node, offer='o', parent='o', name=TEXTS)
        write(store, offer, lease)

        [seen] = store.contracts(ALL, Query())
        assert (seen.contract.offer, seen.contract.name) == ('o', TEXTS)
        with store.booking(node.id, NOW) as book:
            assert book.lease('l') == lease

    def test_events_are_written_with_what_they_are_about(
        self, store: Store, database: Database
    ) -> None:
        node = a_node(store)
        offer, lease = an_offer(node, end=20), a_lease(node, parent='o', offer='o')
        with store.booking(node.id, at(1)) as book:
            book.put(created(offer))
            book.put(created(lease))
            book.put((Tell(Event('esi_leap.lease.drift', lease)),))

        with database.reader() as connection:
            rows = [row[1:-1] for row in connection.execute(sa.select(events).order_by('id'))]
        about_offer = ('offer', 'o', 'ironic_node', 'n1', None, OWNER)
        about_lease = ('lease', 'l', 'ironic_node', 'n1', TENANT, OWNER)
        assert [tuple(row) for row in rows] == [
            ('esi_leap.offer.create.end', at(1), *about_offer),
            ('esi_leap.lease.create.end', at(1), *about_lease),
            ('esi_leap.contract.create.end', at(1), 'contract', 'c-l', *about_lease[2:]),
            ('esi_leap.lease.drift', at(1), *about_lease),
        ]

    def test_the_progress_of_the_hand_over_is_kept(self, store: Store) -> None:
        node, other = a_node(store), a_node(store, 'n2')
        write(store, a_lease(node))
        states = (State.PREPARING, State.HANDED_OVER, State.RETURNING, State.CLEANING, State.LOST)
        for state in states:
            with store.booking(node.id, NOW) as book:
                assert book.node == node
                node = book.node.to(
                    state,
                    Reason(Cause.NODE_STUCK, TEXTS),
                    lease='l',
                    remembered=(NOTES,),
                    attempts=7,
                    retry_at=at(0.5),
                    maintenance_reason=TEXTS,
                )
                book.put((Turn(node),))
                assert book.node == node
            assert a_node(store) == node
        with store.booking(node.id, NOW) as book:
            book.put((Turn(book.node.freed((), at(1))),))
        assert a_node(store).state is State.AVAILABLE
        assert a_node(store, 'n2') == other

    def test_what_the_first_release_remembered_is_the_owners(
        self, store: Store, database: Database
    ) -> None:
        node = a_node(store)
        for kept, stack in (({}, ()), (NOTES, (NOTES,)), ([{}, NOTES], ({}, NOTES))):
            with database.writer() as connection:
                connection.execute(nodes.update().values(remembered=kept))
            with store.booking(node.id, NOW) as book:
                assert book.node.remembered == stack

    def test_a_node_that_nobody_watches_is_not_due(self, store: Store, agenda: Agenda) -> None:
        node = a_node(store)
        with store.booking(node.id, NOW) as book:
            book.put((Turn(replace(node, retry_at=at(-1))),))
        assert agenda.due(NOW, 9) == [node.id]
        with store.booking(node.id, NOW) as book:
            book.put((Turn(book.node.to(State.AVAILABLE)),))
        assert agenda.due(NOW, 9) == []

    def test_an_error_inside_undoes_everything(self, store: Store, database: Database) -> None:
        node = a_node(store)

        def failing() -> None:
            with store.booking(node.id, NOW) as book:
                book.put(created(a_lease(node)))
                book.put((Turn(node.to(State.PREPARING, lease='l')),))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            failing()

        assert store.leases(ALL, Query()) == []
        assert store.contracts(ALL, Query()) == []
        assert a_node(store) == node
        with database.reader() as connection:
            assert connection.execute(sa.select(events)).all() == []

    def test_what_the_node_does_not_have_is_not_found(self, store: Store) -> None:
        node, other = a_node(store), a_node(store, 'n2')
        write(store, an_offer(node), a_lease(other))
        for node_id, uuid in ((node.id, 'l'), (other.id, 'o'), (node.id, 'x')):
            with store.booking(node_id, NOW) as book:
                with pytest.raises(LeaseNotFoundError, match=f' {uuid} '):
                    book.lease(uuid)
                if uuid != 'o' or node_id == other.id:
                    with pytest.raises(OfferNotFoundError, match=f' {uuid} '):
                        book.offer(uuid)
        with store.booking(node.id, NOW) as book, pytest.raises(LeaseNotFoundError):
            book.lease('o')
        with store.booking(other.id, NOW) as book, pytest.raises(OfferNotFoundError):
            book.offer('l')

    def test_occupancy_is_what_holds_a_part_of_the_window(self, store: Store) -> None:
        node, other = a_node(store), a_node(store, 'n2')
        held = [a_lease(node, f'h{n}', n, n + 1) for n in range(5)]
        ended = [
            a_lease(node, f'e-{status}', 0, 5, status=status) for status in sorted(leases.FINAL)
        ]
        gone = [an_offer(node, f'g-{status}', 0, 5, status=status) for status in offers.FINAL]
        write(store, *held, *ended, *gone, a_lease(other, 'elsewhere', 0, 5))

        def seen(within: Interval | None) -> list[str]:
            with store.booking(node.id, NOW) as book:
                return sorted(each.uuid for each in book.tree(within))

        assert seen(None) == ['h0', 'h1', 'h2', 'h3', 'h4']
        assert seen(window(1, 3)) == ['h1', 'h2']
        assert seen(window(0.5, 1.5)) == ['h0', 'h1']
        assert seen(window(2.25, 2.5)) == ['h2']
        assert seen(Interval(at(1) - timedelta(microseconds=1), at(1))) == ['h0']
        assert seen(Interval(at(1), at(1) + timedelta(microseconds=1))) == ['h1']
        assert seen(window(5, 9)) == []
        assert seen(Interval(at(-9), at(0))) == []
        assert seen(Interval(at(4), FOREVER)) == ['h4']

    @pytest.mark.parametrize('status', sorted(leases.FINAL))
    def test_a_window_is_free_again_when_its_lease_has_ended(
        self, store: Store, status: leases.Status
    ) -> None:
        node = a_node(store)
        first = a_lease(node)
        write(store, first)
        change(store, replace(first, status=status))
        write(store, a_lease(node, 'second'))
        with store.booking(node.id, NOW) as book:
            assert [each.uuid for each in book.tree()] == ['second']

    def test_an_offer_is_made_around_leases_and_withdrawn_from_over_them(
        self, store: Store
    ) -> None:
        node = a_node(store)
        write(store, a_lease(node, 'l1', 1, 2), a_lease(node, 'l2', 3, 4))
        with store.booking(node.id, NOW) as book:
            book.put(plan.plan_offer(an_offer(node), node, book.tree(), NOW))
        with store.booking(node.id, NOW) as book:
            assert [each.uuid for each in book.tree().children('o')] == ['l1', 'l2']
            book.put(plan.plan_withdraw(book.offer('o'), node, book.tree(), NOW))
        with store.booking(node.id, NOW) as book:
            assert [each.uuid for each in book.tree().children(None)] == ['l1', 'l2']

    def test_a_claim_is_planned_and_written(self, store: Store) -> None:
        node = a_node(store)
        write(store, an_offer(node))
        limits = quota.Limits(timedelta(days=1), None)
        with store.booking(node.id, NOW) as book:
            tree = book.tree()
            lease = a_lease(node, start=2, end=3)
            book.put(plan.plan_claim(lease, book.offer('o'), tree, limits, NOW))
        with store.booking(node.id, NOW) as book:
            assert book.lease('l') == replace(lease, offer='o', parent='o')
        [seen] = store.offers(ALL, Query(), NOW)
        assert seen.free == [window(0, 2), window(3, 10)]

    def test_two_bookings_of_one_node_come_one_after_the_other(self, store: Store) -> None:
        node = a_node(store)
        inside, order = threading.Barrier(2, timeout=PATIENCE), []

        def first() -> None:
            with store.booking(node.id, NOW) as book:
                inside.wait()
                order.append('first has read')
                book.put(created(a_lease(node)))
                order.append('first has written')

        def second() -> list[str]:
            inside.wait()
            with store.booking(node.id, NOW) as book:
                order.append('second has the lock')
                return [each.uuid for each in book.tree()]

        with ThreadPoolExecutor(2) as pool:
            done = pool.submit(first)
            assert pool.submit(second).result(PATIENCE) == ['l']
            done.result(PATIENCE)
        assert order == ['first has read', 'first has written', 'second has the lock']

    @pytest.mark.parametrize('database_kind', ['mariadb', 'postgresql'], indirect=True)
    def test_bookings_of_two_nodes_do_not_wait_for_each_other(self, store: Store) -> None:
        both = threading.Barrier(2, timeout=PATIENCE)

        def booked(node_id: int) -> None:
            with store.booking(node_id, NOW) as book:
                both.wait()
                book.put(created(an_offer(book.node, f'o-{node_id}')))
                both.wait()

        made = [a_node(store, uuid).id for uuid in ('n1', 'n2')]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(booked, made))
        assert len(store.offers(ALL, Query(), NOW)) == 2

    @pytest.mark.parametrize('database_kind', ['postgresql'], indirect=True)
    def test_an_overlap_that_slipped_past_the_plan_is_a_window_conflict(self, store: Store) -> None:
        node = a_node(store)
        write(store, a_lease(node))
        with pytest.raises(WindowConflictError) as caught:
            write(store, a_lease(node, 'second', 9, 11))
        assert isinstance(caught.value, ConflictError)
        assert uuids(store.leases(ALL, Query())) == ['l']


@pytest.mark.parametrize(
    ('database_kind', 'option'),
    [
        ('mariadb', "&init_command=SET time_zone='%2B05:45'"),
        ('postgresql', '?options=-c%20timezone%3DAsia/Kathmandu'),
    ],
    indirect=['database_kind'],
)
def test_the_time_zone_of_the_session_does_not_matter(
    database: Database, open_database: Callable[..., Database], option: str
) -> None:
    elsewhere = open_database(database.url + option)
    with elsewhere.reader() as connection:
        zone = 'SELECT @@time_zone' if 'mysql' in database.url else 'SHOW timezone'
        assert connection.execute(sa.text(zone)).scalar() in {'+05:45', 'Asia/Kathmandu'}
    here, there = Store(database), Store(elsewhere)
    node = a_node(here)
    first, second = (
        an_offer(node, 'a', 0, 1),
        an_offer(node, 'b', window=Interval(at(1), FOREVER)),
    )
    write(here, first)
    write(there, second)

    for store in (here, there):
        with store.booking(node.id, NOW) as book:
            assert [book.offer('a'), book.offer('b')] == [first, second]
            assert [each.uuid for each in book.tree(window(0, 1))] == ['a']
        assert uuids(store.offers(ALL, Query(spanning=window(0.5, 1)), NOW)) == ['a']
    for agenda in (Agenda(database), Agenda(elsewhere)):
        assert agenda.due(at(1), 9) == [node.id]
        assert agenda.due(at(1) - timedelta(microseconds=1), 9) == []
        assert agenda.next_due(at(1)) == FOREVER


@pytest.mark.parametrize('said', ['', '?charset=utf8'])
@pytest.mark.parametrize('database_kind', ['mariadb'], indirect=True)
def test_a_url_that_names_not_all_characters_means_them(
    database: Database, open_database: Callable[..., Database], said: str
) -> None:
    store = Store(open_database(database.url.removesuffix('?charset=utf8mb4') + said))
    offer = an_offer(a_node(store), name=TEXTS)
    write(store, offer)
    assert Store(database).offers(ALL, Query(), NOW)[0].offer == offer


def test_the_newest_sign_of_life_is_kept_for_each_kind(store: Store, agenda: Agenda) -> None:
    assert store.last_beat('manager') is None
    agenda.beat('manager', 'one', NOW)
    agenda.beat('manager', 'two', NOW + timedelta(seconds=9))
    agenda.beat('manager', 'one', NOW + timedelta(seconds=5))
    agenda.beat('relay', 'one', NOW + timedelta(seconds=20))
    assert store.last_beat('manager') == NOW + timedelta(seconds=9)
    agenda.beat('manager', 'one', NOW + timedelta(seconds=10))
    assert store.last_beat('manager') == NOW + timedelta(seconds=10)


def test_hosts_that_are_gone_for_long_are_forgotten_when_a_new_one_comes(
    agenda: Agenda, database: Database
) -> None:
    agenda.beat('manager', 'gone', NOW)
    agenda.beat('manager', 'quiet', NOW + timedelta(days=6))
    agenda.beat('relay', 'gone', NOW)
    agenda.beat('manager', 'new', NOW + timedelta(days=8))
    with database.reader() as connection:
        hosts = connection.execute(sa.select(heartbeats.c.kind, heartbeats.c.host)).all()
    assert set(hosts) == {('manager', 'quiet'), ('manager', 'new'), ('relay', 'gone')}


def test_first_signs_of_life_at_once(store: Store, agenda: Agenda) -> None:
    def beat(_: int) -> None:
        agenda.beat('manager', 'one', NOW)

    _together(4, beat, range(4))
    assert store.last_beat('manager') == NOW


def _together(threads: int, deed: Callable[[int], T], given: range) -> list[T]:
    """Do something in several threads that all begin at once."""
    start = threading.Barrier(threads, timeout=PATIENCE)
    first = threading.local()

    def done(value: int) -> T:
        if not hasattr(first, 'waited'):
            first.waited = True
            start.wait()
        return deed(value)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(done, given))
