"""Lists: who sees what, every filter, every order, pages that stay right, free windows."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import chain, combinations, count, product
from typing import Any

import pytest

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.change import Agree, put
from esi_leap.core.contract import Contract, status_of
from esi_leap.core.contract import Status as ContractStatus
from esi_leap.core.errors import InvalidError
from esi_leap.core.instant import FOREVER
from esi_leap.core.interval import Interval
from esi_leap.core.node import Node
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import Query, Scope
from esi_leap.core.tree import Booking
from esi_leap.db import contracts as contract_lists
from esi_leap.db import leases as lease_lists
from esi_leap.db import offers as offer_lists
from esi_leap.db.store import Store

from .given import (
    ALL,
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
    uuids,
    window,
    write,
)

NOBODY = Scope(project_id='')

List = Callable[[Scope, Query], list[str]]


def listing(store: Store, kind: str) -> List:
    """The list of a kind, as the uuids that it shows."""

    def seen(scope: Scope, query: Query) -> list[str]:
        if kind == 'offers':
            return uuids(store.offers(scope, query, NOW))
        return uuids((store.leases if kind == 'leases' else store.contracts)(scope, query))

    return seen


def some_nodes(store: Store) -> list[Node]:
    """Four nodes that share some values and differ in others."""
    return [
        store.node(a_machine(uuid, **values), kind, NOW)
        for kind, uuid, values in (
            ('ironic_node', 'n1', {'name': 'metal', 'resource_class': 'gpu'}),
            ('ironic_node', 'n2', {'name': 'Metal', 'resource_class': 'cpu'}),
            ('ironic_node', 'n3', {'name': TEXTS, 'owner': STRANGER}),
            ('dummy_node', 'n1', {'name': 'n2', 'resource_class': 'gpu'}),
        )
    ]


def some_offers(store: Store) -> list[offers.Offer]:
    """Offers that share some values and differ in others; `o0` was made first."""
    one, two, three, four = some_nodes(store)
    gone, broken = offers.Status.DELETED, offers.Status.ERROR
    made = [
        an_offer(one, 'o0', 0, 4, name='spare', properties={'rack': 'r1', 'row': 'a'}),
        an_offer(one, 'o1', 4, 8, name='Spare', lessee_id=TENANT, properties={'rack': 'r2'}),
        an_offer(two, 'o2', 0, 4, name='spare', status=gone, properties={'rack': 'r1'}),
        an_offer(two, 'o3', 2, 9, lessee_id=STRANGER, properties={'rack': 7, 'row': None}),
        an_offer(three, 'o4', owner_id=STRANGER, window=Interval(at(1), FOREVER), name=TEXTS),
        an_offer(
            four, 'o5', 0, 4, status=broken, properties={'größe 🚀': TEXTS, "a'b %s": 'x"\\y'}
        ),
        an_offer(
            four, 'o6', 6, 7, name='Späre', properties={'a.b': {'c': 'nested'}}, parent_lease='l'
        ),
    ]
    for hour, each in enumerate(made):
        write(store, each, now=at(hour // 2))
    return made


def some_leases(store: Store) -> list[leases.Lease]:
    """Leases that share some values and differ in others, three of them claimed from an offer."""
    one, two, three, four = some_nodes(store)
    write(store, an_offer(one, 'o', 0, 9, name='spare'))
    claimed = {'offer': 'o', 'parent': 'o'}
    status = leases.Status
    made = [
        a_lease(
            one,
            'l0',
            0,
            4,
            name='spare',
            purpose='class',
            **claimed,
            status=status.ACTIVE,
            parent_lease='l4',
        ),
        a_lease(one, 'l1', 4, 5, name='Spare', purpose='Class', **claimed),
        a_lease(one, 'l2', 4, 9, name='spare', status=status.DELETED, **claimed),
        a_lease(two, 'l3', 2, 9, lessee_id=STRANGER, properties={'rack': 'r1'}),
        a_lease(three, 'l4', owner_id=STRANGER, window=Interval(at(1), FOREVER), name=TEXTS),
        a_lease(four, 'l5', 0, 4, lessee_id=OWNER, status=status.WAIT_EXPIRE, purpose=TEXTS),
        a_lease(four, 'l6', 6, 7, status=status.ERROR, properties={'rack': 'r1', 'row': 'a'}),
    ]
    for hour, each in enumerate(made):
        write(store, each, now=at(hour // 2))
    return made


MAKERS: dict[str, Callable[[Store], list[Booking]]] = {
    'offers': some_offers,
    'leases': some_leases,
    'contracts': some_leases,
}

EVERY = '0123456'
SCOPES = [
    ('offers', ALL, EVERY),
    ('offers', Scope(project_id=OWNER), EVERY),
    ('offers', Scope(project_id=TENANT), '02456'),  # open ones only: the tree is empty
    ('offers', Scope(project_id=TENANT, tree=frozenset({TENANT})), '012456'),
    ('offers', Scope(project_id='p-child', tree=frozenset({'p-child', TENANT, 'd'})), '012456'),
    ('offers', Scope(project_id=STRANGER, tree=frozenset({STRANGER, TENANT})), EVERY),
    ('offers', NOBODY, '02456'),
    ('offers', Scope(), '02456'),
    ('leases', ALL, EVERY),
    ('leases', Scope(project_id=OWNER), '012356'),
    ('leases', Scope(project_id=TENANT), '01246'),
    ('leases', Scope(project_id=TENANT, tree=frozenset({STRANGER})), '01246'),
    ('leases', Scope(project_id=STRANGER), '34'),
    ('leases', Scope(project_id=STRANGER, sublet=True), '034'),  # l0 lies in l4
    ('leases', Scope(project_id=OWNER, sublet=True), '012356'),
    ('leases', NOBODY, ''),
    ('leases', Scope(), ''),
    ('contracts', ALL, EVERY),
    ('contracts', Scope(project_id=OWNER), '012356'),
    ('contracts', Scope(project_id=TENANT), '01246'),
    ('contracts', Scope(project_id=STRANGER), '34'),
    ('contracts', NOBODY, ''),
    ('contracts', Scope(), ''),
]


@pytest.mark.parametrize('kind', MAKERS)
def test_who_sees_what(store: Store, kind: str, subtests: pytest.Subtests) -> None:
    MAKERS[kind](store)
    seen = listing(store, kind)
    for scope, expected in (case[1:] for case in SCOPES if case[0] == kind):
        with subtests.test(scope=scope):
            assert seen(scope, Query(equal={'uuid': _named(kind, EVERY)})) == _named(kind, expected)


FILTERS = [
    ('offers', 'uuid', 'o3', '3'),
    ('offers', 'uuid', {'o3', 'o0', 'x'}, '03'),
    ('offers', 'uuid', 'O3', ''),
    ('offers', 'name', 'spare', '02'),
    ('offers', 'name', 'Spare', '1'),
    ('offers', 'name', TEXTS, '4'),
    ('offers', 'owner_id', OWNER, '012356'),
    ('offers', 'lessee_id', TENANT, '1'),
    ('offers', 'lessee_id', {TENANT, STRANGER}, '13'),
    ('offers', 'status', 'available', '01346'),
    ('offers', 'status', offers.Status.ERROR, '5'),
    ('offers', 'status', offers.BLOCKING, '013456'),
    ('offers', 'status', frozenset(), ''),
    ('offers', 'start_time', at(0), '025'),
    ('offers', 'end_time', FOREVER, '4'),
    ('offers', 'created_at', at(1), '23'),
    ('offers', 'resource_type', 'dummy_node', '56'),
    ('offers', 'resource_uuid', 'n1', '0156'),
    ('offers', 'resource', 'metal', '01'),
    ('offers', 'resource_class', 'gpu', '0156'),
    ('offers', 'node', 'n1', '0156'),
    ('offers', 'node', 'n2', '2356'),
    ('offers', 'node', 'Metal', '23'),
    ('offers', 'parent_lease_uuid', 'l', '6'),
    ('offers', 'properties', {}, EVERY),
    ('offers', 'properties', {'rack': 'r1'}, '02'),
    ('offers', 'properties', {'rack': 'r1', 'row': 'a'}, '0'),
    ('offers', 'properties', {'rack': 'R1'}, ''),
    ('offers', 'properties', {'x': 'y'}, ''),
    ('offers', 'properties', {"a'b %s": 'x"\\y'}, '5'),
    ('offers', 'properties', {'a': ''}, ''),
    ('offers', 'properties', {'': 'x'}, ''),
    ('leases', 'uuid', 'l3', '3'),
    ('leases', 'name', 'spare', '02'),
    ('leases', 'name', {'spare', 'Spare'}, '012'),
    ('leases', 'owner_id', STRANGER, '4'),
    ('leases', 'lessee_id', OWNER, '5'),
    ('leases', 'status', {'active', 'error'}, '06'),
    ('leases', 'status', leases.BLOCKING, '013456'),
    ('leases', 'start_time', at(4), '12'),
    ('leases', 'end_time', at(9), '23'),
    ('leases', 'created_at', at(0), '01'),
    ('leases', 'resource_type', 'dummy_node', '56'),
    ('leases', 'resource_uuid', 'n3', '4'),
    ('leases', 'resource', TEXTS, '4'),
    ('leases', 'resource_class', 'cpu', '3'),
    ('leases', 'node', 'n2', '356'),
    ('leases', 'purpose', 'class', '0'),
    ('leases', 'purpose', TEXTS, '5'),
    ('leases', 'offer_uuid', 'o', '012'),
    ('leases', 'contract_uuid', 'c-l5', '5'),
    ('leases', 'parent_lease_uuid', 'l4', '0'),
    ('leases', 'properties', {'rack': 'r1', 'row': 'a'}, '6'),
    ('contracts', 'uuid', 'c-l3', '3'),
    ('contracts', 'name', 'spare', '02'),
    ('contracts', 'owner_id', STRANGER, '4'),
    ('contracts', 'lessee_id', {OWNER, STRANGER}, '35'),
    ('contracts', 'offer_uuid', 'o', '012'),
    ('contracts', 'start_time', at(4), '12'),
    ('contracts', 'end_time', FOREVER, '4'),
    ('contracts', 'created_at', at(3), '6'),
    ('contracts', 'status', 'active', '05'),
    ('contracts', 'status', {'error', 'deleted'}, '26'),
]
COLUMNS = {
    'offers': offer_lists.COLUMNS,
    'leases': lease_lists.COLUMNS,
    'contracts': contract_lists.COLUMNS,
}


@pytest.mark.parametrize('kind', MAKERS)
def test_filters(store: Store, kind: str, subtests: pytest.Subtests) -> None:
    MAKERS[kind](store)
    seen = listing(store, kind)
    for key, value, expected in (case[1:] for case in FILTERS if case[0] == kind):
        with subtests.test(key=key, value=value):
            assert seen(ALL, Query(equal={key: value})) == _named(kind, expected)


def test_every_filter_is_tried() -> None:
    for kind, columns in COLUMNS.items():
        more = set() if kind == 'contracts' else {'node', 'properties'}
        assert {key for which, key, _, _ in FILTERS if which == kind} == {*columns, *more}


# The API refuses a key with a quote or a backslash, on which the databases do not agree.
@pytest.mark.parametrize('key', ['größe', '🚀', "a'b", 'a.b', 'a[0]', '$', ' '])
def test_the_name_of_a_property_may_be_any_text(store: Store, key: str) -> None:
    node = a_node(store)
    write(store, an_offer(node, 'o0', 0, 1, properties={key: 'x'}), an_offer(node, 'o1', 1, 2))
    assert listing(store, 'offers')(ALL, Query(equal={'properties': {key: 'x'}})) == ['o0']


def test_filters_add_up_and_stay_inside_the_scope(store: Store) -> None:
    some_offers(store)
    seen = listing(store, 'offers')
    spare = {'name': 'spare', 'resource_class': 'gpu', 'properties': {'rack': 'r1'}}
    assert seen(ALL, Query(equal=spare)) == ['o0']
    assert seen(ALL, Query(equal={'name': 'spare'}, meeting=window(3, 4))) == ['o0', 'o2']
    assert seen(NOBODY, Query(equal={'uuid': 'o3'})) == []
    assert seen(NOBODY, Query(equal={'lessee_id': TENANT})) == []


@pytest.mark.parametrize('text', ['a', 'ä', 'A', 'a%', '%', '_', '', '🚀', "x'y", '\\'])
def test_texts_are_compared_exactly(store: Store, text: str) -> None:
    node = a_node(store)
    others = ['b', 'Ä', 'á', 'aa', '🚁', "'", '\\\\', 'a_']
    for number, name in enumerate([text, *others]):
        write(store, an_offer(node, f'o{number}', number, number + 1, name=name))
    seen = listing(store, 'offers')
    assert seen(ALL, Query(equal={'name': text})) == ['o0']
    for number, name in enumerate(others, 1):
        assert seen(ALL, Query(equal={'name': name})) == [f'o{number}']


class TestTimes:
    """`spanning`, `meeting` and `free`; the twins of `Interval` are in test_store_laws."""

    def test_windows_that_contain_one(self, store: Store) -> None:
        some_leases(store)
        lease, offer = listing(store, 'leases'), listing(store, 'offers')
        assert lease(ALL, Query(spanning=window(4, 5))) == ['l1', 'l2', 'l3', 'l4']
        assert lease(ALL, Query(spanning=Interval(at(5), FOREVER))) == ['l4']
        assert lease(ALL, Query(spanning=window(-1, 1))) == []
        assert offer(ALL, Query(spanning=window(0, 9))) == ['o']
        assert offer(ALL, Query(spanning=window(0, 10))) == []

    def test_windows_that_meet_one(self, store: Store) -> None:
        some_leases(store)
        seen = listing(store, 'leases')
        assert seen(ALL, Query(meeting=window(-9, 0))) == []
        assert seen(ALL, Query(meeting=window(4, 5))) == ['l1', 'l2', 'l3', 'l4']
        assert seen(ALL, Query(meeting=Interval(at(9), FOREVER))) == ['l4']

    def test_offers_that_are_free_in_one(self, store: Store) -> None:
        one, two, three, _ = some_nodes(store)
        inside = {'offer': 'o1', 'parent': 'o1'}
        write(
            store,
            an_offer(one, 'o1', 0, 10),
            a_lease(one, 'l1', 2, 4, **inside),
            a_lease(one, 'l2', 4, 6, status=leases.Status.DELETED, **inside),
            a_lease(one, 'l3', 8, 9, status=leases.Status.ERROR, **inside),
            an_offer(two, 'o2', 3, 5),
            an_offer(three, 'o3', 0, 10),
            a_lease(three, 'l4', 4.5, 5, lessee_id=OWNER, parent='o3'),
        )
        seen = listing(store, 'offers')
        assert seen(ALL, Query(free=window(0, 2))) == ['o1', 'o3']
        assert seen(ALL, Query(free=window(0, 2.5))) == ['o3']
        assert seen(ALL, Query(free=window(4, 5))) == ['o1', 'o2']
        assert seen(ALL, Query(free=window(3, 4.5))) == ['o2', 'o3']
        assert seen(ALL, Query(free=window(4, 8))) == ['o1']
        assert seen(ALL, Query(free=window(4, 8.5))) == []
        assert seen(ALL, Query(free=window(5, 10))) == ['o3']
        assert seen(ALL, Query(free=window(9, 11))) == []


class TestFreeWindows:
    def test_they_are_what_nothing_holds_from_now_on(self, store: Store) -> None:
        one, two, three, four = some_nodes(store)
        inside = {'offer': 'o1', 'parent': 'o1'}
        write(
            store,
            an_offer(one, 'o1', -5, 10),
            a_lease(one, 'l1', -4, -2, status=leases.Status.WAIT_EXPIRE, **inside),
            a_lease(one, 'l2', 2, 4, **inside),
            a_lease(one, 'l3', 4, 6, status=leases.Status.EXPIRED, **inside),
            a_lease(one, 'l4', 9, 10, status=leases.Status.WAIT_FULFILL, **inside),
            an_offer(two, 'o2', -5, -1),
            an_offer(three, 'o3', 0, 5, status=offers.Status.ERROR),
            an_offer(four, 'o4', window=Interval(at(1), FOREVER)),
            a_lease(four, 'l5', 2, 3, parent='o4', lessee_id=OWNER),
        )
        free = {each.offer.uuid: list(each.free) for each in store.offers(ALL, Query(), NOW)}
        assert free == {
            'o1': [window(0, 2), window(4, 9)],
            'o2': [],
            'o3': [],
            'o4': [window(1, 2), Interval(at(3), FOREVER)],
        }

    def test_an_offer_that_is_all_booked_has_none(self, store: Store) -> None:
        node = a_node(store)
        write(store, an_offer(node), a_lease(node, offer='o', parent='o'))
        [seen] = store.offers(ALL, Query(), NOW)
        assert seen.free == []

    def test_those_of_one_page_only_are_read_and_of_each_the_right_ones(self, store: Store) -> None:
        for n in range(4):
            node = a_node(store, f'n{n}')
            write(store, an_offer(node, f'o{n}'), a_lease(node, f'l{n}', n, 10, parent=f'o{n}'))
        found = store.offers(ALL, Query(limit=1, marker='o1'), NOW)
        assert [list(each.free) for each in found] == [[window(0, 2)], [window(0, 3)]]


def test_names_stand_beside_what_is_seen(store: Store) -> None:
    MAKERS['leases'](store)
    store.remember([Project(OWNER, 'owner'), Project(TENANT, TEXTS), Project('p-x', 'x')])
    both, provider = {OWNER: 'owner', TENANT: TEXTS}, {OWNER: 'owner'}
    for names in (
        [each.names for each in store.leases(ALL, Query())],
        [each.names for each in store.contracts(ALL, Query())],
    ):
        assert names == [both, both, both, provider, {TENANT: TEXTS}, provider, both]
    [seen] = store.offers(ALL, Query(), NOW)
    assert seen.names == provider


@pytest.mark.parametrize('kind', MAKERS)
def test_lists_are_sorted_and_paged_by_every_key(
    store: Store, kind: str, subtests: pytest.Subtests
) -> None:
    made = MAKERS[kind](store)
    seen = listing(store, kind)
    for key, descending in product(COLUMNS[kind], (False, True)):
        with subtests.test(key=key, descending=descending):
            by = {
                uuid: (value, n) for n, (uuid, value) in enumerate(_values(store, kind, key, made))
            }
            expected = sorted(by, key=by.__getitem__, reverse=descending)
            query = Query(sort=[(key, descending)], equal={'uuid': _named(kind, EVERY)})
            assert seen(ALL, query) == expected
            assert _paged(seen, query, 1) == expected
            assert _paged(seen, query, 3) == expected


def test_lists_are_sorted_and_paged_by_two_keys(store: Store, subtests: pytest.Subtests) -> None:
    made = some_offers(store)
    seen = listing(store, 'offers')
    for keys in (('start_time', 'name'), ('name', 'start_time')):
        for ways in product((False, True), repeat=2):
            sort = list(zip(keys, ways, strict=True))
            with subtests.test(sort=sort):
                expected = [each.uuid for each in made]
                if ways[-1]:
                    expected.reverse()  # the row's id goes the way of the last key
                for key, descending in reversed(sort):
                    by = dict(_values(store, 'offers', key, made))
                    expected = _stably(expected, by, descending=descending)
                assert seen(ALL, Query(sort=sort)) == expected
                assert _paged(seen, Query(sort=sort), 2) == expected


@pytest.mark.parametrize('kind', MAKERS)
def test_who_sees_a_part_sees_it_in_the_same_order_page_after_page(
    store: Store, kind: str, subtests: pytest.Subtests
) -> None:
    MAKERS[kind](store)
    seen = listing(store, kind)
    for sort in ((), (('start_time', True),), (('name', False), ('end_time', True))):
        query = Query(sort=sort, equal={'uuid': _named(kind, EVERY)})
        every = seen(ALL, query)
        for scope, expected in (case[1:] for case in SCOPES if case[0] == kind):
            with subtests.test(sort=sort, scope=scope):
                visible = [each for each in every if each in _named(kind, expected)]
                assert seen(scope, query) == visible
                assert _paged(seen, query, 2, scope) == visible


@pytest.mark.parametrize('descending', [False, True], ids=['asc', 'desc'])
@pytest.mark.parametrize('key', ['name', 'lessee_id', 'created_at'])
def test_pages_stay_right_through_ties_while_rows_are_added(
    store: Store,
    key: str,
    descending: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    numbers = count()

    def add() -> None:
        for tie, name in enumerate((None, 'same', 'Same')):
            n = next(numbers)
            write(store, an_offer(a_node(store, f'n{n}'), f'o{n}', tie, 9, name=name), now=at(tie))

    for _ in range(4):
        add()
    seen = listing(store, 'offers')
    query = Query(sort=[(key, descending)])
    before = seen(ALL, query)
    found: list[str] = []
    for turn in range(99):
        page = seen(ALL, replace(query, limit=2, marker=found[-1] if found else None))
        found += page[:2]
        if len(page) <= 2:
            break
        if turn < 5:
            add()

    # None twice, none left out of those that were there from the first page on, all in order.
    assert len(set(found)) == len(found)
    assert [uuid for uuid in found if uuid in before] == before
    after = seen(ALL, query)
    assert found == [uuid for uuid in after if uuid in found]


def test_a_page_holds_one_more_than_asked_for(store: Store) -> None:
    some_leases(store)
    seen = listing(store, 'leases')
    assert seen(ALL, Query(limit=2)) == ['l0', 'l1', 'l2']
    assert seen(ALL, Query(limit=7)) == [f'l{n}' for n in range(7)]
    assert seen(ALL, Query(limit=2, marker='l4')) == ['l5', 'l6']
    assert seen(ALL, Query(limit=2, marker='l6')) == []


@pytest.mark.parametrize('kind', COLUMNS)
def test_an_unknown_marker_or_key_is_the_callers_mistake(store: Store, kind: str) -> None:
    MAKERS[kind](store)
    seen = listing(store, kind)
    for query in (
        Query(marker='x'),
        Query(marker=''),
        Query(marker='x', sort=[('name', True)]),
        Query(sort=[('x', False)]),
        Query(sort=[('id', False)]),
        Query(sort=[('', False)]),
    ):
        with pytest.raises(InvalidError):
            seen(ALL, query)


def test_a_marker_is_found_although_a_filter_leaves_it_out_by_now(store: Store) -> None:
    made = some_leases(store)
    query = Query(equal={'status': leases.BLOCKING}, limit=2)
    seen = listing(store, 'leases')
    assert seen(ALL, query) == ['l0', 'l1', 'l3']
    change(store, replace(made[1], status=leases.Status.EXPIRED))
    assert seen(ALL, replace(query, marker='l1')) == ['l3', 'l4', 'l5']


@pytest.mark.parametrize(
    ('kind', 'scope', 'hidden'),
    [
        ('offers', Scope(project_id=TENANT), 'o3'),
        ('leases', Scope(project_id=STRANGER), 'l0'),
        ('contracts', Scope(project_id=STRANGER), 'c-l0'),
    ],
)
def test_a_marker_that_the_caller_may_not_see_is_as_unknown_as_none(
    store: Store, kind: str, scope: Scope, hidden: str
) -> None:
    MAKERS[kind](store)
    seen = listing(store, kind)
    told = []
    for marker in (hidden, 'x'):
        with pytest.raises(InvalidError) as caught:
            seen(scope, Query(marker=marker))
        told.append(caught.value.message.replace(marker, '…'))
    assert told[0] == told[1]


@pytest.mark.parametrize(('kind', 'marker'), [('leases', 'o'), ('offers', 'l0')])
def test_a_marker_of_another_kind_is_unknown(store: Store, kind: str, marker: str) -> None:
    some_leases(store)
    with pytest.raises(InvalidError):
        listing(store, kind)(ALL, Query(marker=marker))


def test_the_status_of_a_contract_is_that_of_the_core_for_all_its_leases(store: Store) -> None:
    node = a_node(store)
    hours = count()
    expected: dict[str, ContractStatus] = {}
    with store.booking(node.id, NOW) as book:
        for statuses in _subsets(leases.Status):
            uuid = '+'.join(str(each)[:1] + str(each)[-4:] for each in statuses)[:36]
            uuid = f'{len(expected):03}-{uuid}'[:36]
            expected[uuid] = status_of(statuses)
            lines = []
            for status in statuses:
                hour = next(hours)
                lines.append(
                    a_lease(node, f'l{hour}', hour, hour + 1, contract=uuid, status=status)
                )
            book.put((Agree(contract_of(lines[0])), *put(*lines)))

    assert len(expected) == 255
    found = store.contracts(ALL, Query())
    assert {each.contract.uuid: each.status for each in found} == expected
    assert all(len(each.leases) >= 1 for each in found)
    seen = listing(store, 'contracts')
    for status in ContractStatus:
        wanted = [uuid for uuid, each in expected.items() if each is status]
        assert seen(ALL, Query(equal={'status': str(status)})) == wanted
    both = seen(ALL, Query(equal={'status': {'error', 'active'}}))
    assert both == [uuid for uuid, each in expected.items() if each in {'error', 'active'}]


def _subsets(statuses: Iterable[leases.Status]) -> Iterable[tuple[leases.Status, ...]]:
    every = list(statuses)
    return chain.from_iterable(combinations(every, size) for size in range(1, len(every) + 1))


def _stably(found: list[str], by: dict[str, Any], *, descending: bool) -> list[str]:
    return sorted(found, key=by.__getitem__, reverse=descending)


def _named(kind: str, digits: str) -> list[str]:
    prefix = {'offers': 'o', 'leases': 'l', 'contracts': 'c-l'}[kind]
    return [f'{prefix}{digit}' for digit in digits]


def _values(store: Store, kind: str, key: str, made: list[Booking]) -> Iterable[tuple[str, object]]:
    """What each object that was made has under a sort key, in the order of making."""
    nodes = {each.id: each for each in some_nodes(store)}
    for number, each in enumerate(made):
        thing: Booking | Contract = contract_of(each) if kind == 'contracts' else each  # type: ignore[arg-type]
        node = nodes[each.node_id]
        value: object
        match key:
            case 'start_time' | 'end_time':
                value = getattr(thing.window, key.removesuffix('_time'))
            case 'created_at':
                value = at(number // 2)
            case 'resource':
                value = node.name
            case 'resource_type' | 'resource_uuid' | 'resource_class':
                value = getattr(node, key)
            case 'status' if kind == 'contracts':
                value = str(status_of({each.status}))  # type: ignore[arg-type]
            case 'status':
                value = str(each.status)
            case 'offer_uuid' | 'contract_uuid' | 'parent_lease_uuid':
                value = getattr(thing, key.removesuffix('_uuid'))
            case _:
                value = getattr(thing, key)
        yield thing.uuid, value if isinstance(value, datetime) else value or ''


def _paged(seen: List, query: Query, limit: int, scope: Scope = ALL) -> list[str]:
    """All pages of a list after each other."""
    found: list[str] = []
    while True:
        marker = found[-1] if found else None
        page = seen(scope, replace(query, limit=limit, marker=marker))
        found += page[:limit]
        if len(page) <= limit:
            return found
