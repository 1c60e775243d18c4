"""Values that the tests of the store start from. Times are hours on one far day."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from esi_leap.core.change import Agree, Change, put
from esi_leap.core.contract import Contract
from esi_leap.core.handover.machine import Machine
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from esi_leap.core.query import Scope
from esi_leap.core.tree import Booking
from esi_leap.db.store import Store

NOW = datetime(2032, 1, 31, 9, 30, 59, 123457, tzinfo=UTC)
OWNER, TENANT, STRANGER = 'p-owner', 'p-tenant', 'p-stranger'
ALL = Scope(everything=True)

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


def at(hour: float) -> datetime:
    return NOW + timedelta(hours=hour)


def window(start: float, end: float) -> Interval:
    return Interval(at(start), at(end))


def a_machine(uuid: str = 'n1', **values: object) -> Machine:
    given: dict[str, object] = {
        'name': f'metal-{uuid}',
        'owner': OWNER,
        'lessee': None,
        'lease_label': None,
        'provision_state': 'available',
        'power_state': 'power off',
        **values,
    }
    return Machine(uuid=uuid, **given)  # type: ignore[arg-type]


def a_node(store: Store, uuid: str = 'n1', **values: object) -> Node:
    return store.node(a_machine(uuid, **values), 'ironic_node', NOW)


def an_offer(
    node: Node, uuid: str = 'o', start: float = 0, end: float = 10, **values: object
) -> Offer:
    given: dict[str, object] = {
        'name': None,
        'node_id': node.id,
        'owner_id': OWNER,
        'lessee_id': None,
        'window': window(start, end),
        **values,
    }
    return Offer(uuid=uuid, **given)  # type: ignore[arg-type]


def a_lease(
    node: Node, uuid: str = 'l', start: float = 0, end: float = 10, **values: object
) -> Lease:
    given: dict[str, object] = {
        'name': None,
        'node_id': node.id,
        'contract': f'c-{uuid}',
        'owner_id': OWNER,
        'lessee_id': TENANT,
        'window': window(start, end),
        **values,
    }
    return Lease(uuid=uuid, **given)  # type: ignore[arg-type]


def contract_of(lease: Lease) -> Contract:
    return Contract(
        uuid=lease.contract,
        name=lease.name,
        owner_id=lease.owner_id,
        lessee_id=lease.lessee_id,
        window=lease.window,
        offer=lease.offer,
    )


def created(booking: Booking) -> Change:
    """The change that makes a booking; a lease has a contract of its own."""
    contract = contract_of(booking) if isinstance(booking, Lease) else None
    return (Agree(contract), *put(booking))


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
