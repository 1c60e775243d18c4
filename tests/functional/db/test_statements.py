"""A list costs the same number of SQL statements however many rows it has; so does a booking."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from esi_leap.core.change import put
from esi_leap.core.criteria import parse
from esi_leap.core.interval import Interval
from esi_leap.core.ports.cloud import Project
from esi_leap.core.query import NodeScope, Query, Scope
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.db.inventory import Inventory
from esi_leap.db.store import Store

from .given import ALL, NOW, OWNER, TENANT, a_lease, a_machine, a_node, agreed, an_offer, at

NODES, SIZES = 10, (10, 100, 1000)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements that are sent, without those that begin and end a transaction."""
    sent: list[str] = []

    def _sent(*call: object) -> None:
        statement = str(call[2])
        if not statement.startswith(('BEGIN', 'SAVEPOINT', 'RELEASE')):
            sent.append(statement)

    sa.event.listen(database.engine, 'before_cursor_execute', _sent)
    try:
        yield sent
    finally:
        sa.event.remove(database.engine, 'before_cursor_execute', _sent)


def fill(store: Store, have: int, want: int) -> None:
    """Bring the offers, the leases claimed from them and their contracts to a number."""
    for node in (a_node(store, f'n{n}') for n in range(NODES)):
        with store.booking(node.id, NOW) as book:
            for n in range(have // NODES, want // NODES):
                offer = an_offer(node.id, f'o-{node.id}-{n}', n, n + 1)
                book.put(put(offer))
                inside = {'parent': offer.uuid, 'offer': offer.uuid}
                book.put(agreed(a_lease(node.id, f'l-{node.id}-{n}', n, n + 0.5, **inside)))


LISTS: dict[str, Callable[[Store, Query], object]] = {
    'offers': lambda store, query: store.offers(ALL, query, NOW),
    'leases': lambda store, query: store.leases(ALL, query),
    'contracts': lambda store, query: store.contracts(ALL, query),
}
MOST = {'offers': 2, 'leases': 1, 'contracts': 2}


def test_lists_cost_a_constant_number_of_statements(
    database: Database, store: Store, subtests: pytest.Subtests
) -> None:
    store.remember([Project(OWNER, 'owner'), Project(TENANT, 'tenant')])
    costs: dict[str, list[int]] = {kind: [] for kind in LISTS}
    pages: dict[str, list[int]] = {kind: [] for kind in LISTS}
    have = 0
    for size in SIZES:
        fill(store, have, size)
        have = size
        for kind, seen in LISTS.items():
            with counted(database) as sent:
                found = seen(store, Query())
            assert len(found) == size  # type: ignore[arg-type]
            costs[kind].append(len(sent))
            first = found[0]  # type: ignore[index]
            thing = getattr(first, kind.removesuffix('s'))
            assert first.names == {thing.owner_id: 'owner'} | (
                {TENANT: 'tenant'} if kind != 'offers' else {}
            )
            page = Query(limit=5, marker=thing.uuid, sort=[('start_time', True), ('name', False)])
            with counted(database) as sent:
                seen(store, page)
            pages[kind].append(len(sent))

    for kind in LISTS:
        with subtests.test(kind=kind):
            assert costs[kind] == [MOST[kind]] * len(SIZES)
            assert len(set(pages[kind])) == 1
            assert pages[kind][0] <= MOST[kind] + 1  # one for the marker


def test_a_list_of_nodes_costs_a_constant_number_of_statements(
    database: Database, store: Store, inventory: Inventory
) -> None:
    store.remember([Project(OWNER, 'owner'), Project(TENANT, 'tenant')])
    mine = Scope(project_id=OWNER, tree=frozenset({OWNER, 'd'}))
    part = NodeScope(mine, mine, mine)
    page = Query(limit=5, marker='n9', sort=[('name', True)])
    costs: dict[str, list[int]] = {'all': [], 'mine': [], 'page': []}
    have = 0
    for size in SIZES:
        seen = [a_machine(f'n{n}', {'cpus': n}) for n in range(have, size)]
        inventory.see('ironic_node', seen, NOW, NOW)
        have = size
        for scope, query, kind in (
            (NodeScope(ALL, ALL, ALL), Query(), 'all'),
            (part, Query(criteria=[parse('cpus<5000')]), 'mine'),
            (part, page, 'page'),
        ):
            with counted(database) as sent:
                found = store.nodes(scope, query, NOW)
            assert len(found) == (6 if kind == 'page' else size)
            assert {each.owner for each in found} == {'owner'}
            costs[kind].append(len(sent))
    # One to look whether there are few, and one for the marker.
    assert costs == {'all': [3] * 3, 'mine': [4] * 3, 'page': [5] * 3}


def test_a_refresh_without_news_costs_one_statement_a_page(
    database: Database, inventory: Inventory
) -> None:
    seen = [a_machine(f'n{n}', {'cpus': n}) for n in range(100)]
    inventory.see('ironic_node', seen, NOW, NOW)
    with counted(database) as sent:
        inventory.see('ironic_node', seen, at(1), at(1))
    assert len(sent) == 1


def test_a_booking_costs_a_constant_number_of_statements(database: Database, store: Store) -> None:
    costs, have = [], 0
    node = a_node(store, 'n0')
    for size in SIZES[:2]:
        fill(store, have, size)
        have = size
        with counted(database) as sent, store.booking(node.id, NOW) as book:
            book.tree(Interval(at(-9), at(9999)))
            book.put(agreed(a_lease(node.id, f'late-{size}', 2000 + size, 2001 + size)))
        assert 'FROM nodes' in sent[0], 'the first statement locks the row of the node'
        assert database.url.startswith('sqlite') or sent[0].endswith('FOR UPDATE')
        costs.append(len(sent))
    assert costs == [5, 5]


def test_what_the_manager_asks_each_tick_costs_one_statement(
    database: Database, store: Store, agenda: Agenda
) -> None:
    fill(store, 0, 100)
    for ask in (lambda: agenda.due(at(5), 10), lambda: agenda.next_due(NOW)):
        with counted(database) as sent:
            ask()
        assert len(sent) == 1
