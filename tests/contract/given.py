"""Values that the tests of the store start from. Times are hours on one far day."""

from collections.abc import Iterable
from datetime import UTC, datetime

from esi_leap.core.change import put
from esi_leap.core.contract import of as contract_of  # noqa: F401 - the tests have it from here
from esi_leap.core.handover.machine import Machine
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.core.tree import Booking
from esi_leap.db.store import Store
from tests.given import (  # noqa: F401 - the tests of the store have them from here
    ALL,
    OWNER,
    STRANGER,
    TENANT,
    Hours,
    created,
    make_lease,
    make_machine,
    make_offer,
)

NOW = datetime(2032, 1, 31, 9, 30, 59, 123457, tzinfo=UTC)

#: What a text may hold: other alphabets, beyond the first plane, quotes, what SQL and JSON escape.
TEXTS = 'Zürich · Καλημέρα · नमस्ते · 🚀 · \'"`\\ %s %(x)s :x {} \t\n end'

#: What JSON may hold.
NOTES = {
    'text': TEXTS,
    TEXTS: 'key',
    'a.b$[0]': 'dotted',
    'number': 17,
    'big': 2**53 - 1,
    'float': 0.1,
    'yes': True,
    'nothing': None,
    'list': [1, 'two', None, {'three': [3]}],
    'nested': {'deep': {'deeper': ['🚀']}},
    'empty': {},
    '': 'no key',
}

_DAY = Hours(NOW)
at, window = _DAY.at, _DAY.window


def a_machine(uuid: str = 'n1', **values: object) -> Machine:
    return make_machine(uuid, **values)


def a_node(store: Store, uuid: str = 'n1', **values: object) -> Node:
    return store.node(a_machine(uuid, **values), 'ironic_node', NOW)


def an_offer(
    node: Node, uuid: str = 'o', start: float = 0, end: float = 10, **values: object
) -> Offer:
    given = {'window': window(start, end), 'node_id': node.id, **values}
    return make_offer(uuid, **given)


def a_lease(
    node: Node, uuid: str = 'l', start: float = 0, end: float = 10, **values: object
) -> Lease:
    given = {'window': window(start, end), 'node_id': node.id, **values}
    return make_lease(uuid, **given)


def write(store: Store, *bookings: Booking, now: datetime = NOW) -> None:
    """Write new bookings, each in a transaction of its own."""
    for each in bookings:
        with store.booking(each.node_id, now) as book:
            book.put(created(each))


def change(store: Store, *bookings: Booking) -> None:
    """Write new values of bookings that exist."""
    for each in bookings:
        with store.booking(each.node_id, NOW) as book:
            (book.lease if isinstance(each, Lease) else book.offer)(each.uuid)
            book.put(put(each))


def uuids(found: Iterable[object]) -> list[str]:
    """The uuids of what a list shows, in order."""
    seen = []
    for view in found:
        for kind in ('offer', 'lease', 'contract'):
            if hasattr(view, kind):
                seen.append(getattr(view, kind).uuid)
                break
    return seen
