"""Values that the tests of the core start from. Times are hours on one far day."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from esi_leap.core.handover.leftovers import Leftovers
from esi_leap.core.handover.machine import Machine
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer

DAY = datetime(2032, 1, 31, tzinfo=UTC)
OWNER, TENANT, STRANGER, HOLDING = 'p-owner', 'p-tenant', 'p-stranger', 'p-holding'


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def window(start: float, end: float) -> Interval:
    return Interval(at(start), at(end))


def a_lease(uuid: str = 'a', start: float = 10, end: float = 20, **values: object) -> Lease:
    given: dict[str, object] = {
        'name': None,
        'node_id': 1,
        'contract': f'contract-{uuid}',
        'owner_id': OWNER,
        'lessee_id': TENANT,
        **values,
    }
    return Lease(uuid=uuid, window=window(start, end), **given)  # type: ignore[arg-type]


def an_offer(uuid: str = 'o', start: float = 0, end: float = 100, **values: object) -> Offer:
    given: dict[str, object] = {
        'name': None,
        'node_id': 1,
        'owner_id': OWNER,
        'lessee_id': None,
        **values,
    }
    return Offer(uuid=uuid, window=window(start, end), **given)  # type: ignore[arg-type]


def a_node(**values: object) -> Node:
    given: dict[str, object] = {
        'id': 1,
        'resource_type': 'ironic_node',
        'resource_uuid': 'n1',
        'name': 'metal-1',
        'owner_id': OWNER,
        **values,
    }
    return Node(**given)  # type: ignore[arg-type]


def a_machine(**values: object) -> Machine:
    given: dict[str, object] = {
        'uuid': 'n1',
        'name': 'metal-1',
        'owner': OWNER,
        'lessee': None,
        'lease_label': None,
        'provision_state': 'available',
        'power_state': 'power off',
        'left': Leftovers(),
        **values,
    }
    return Machine(**given)  # type: ignore[arg-type]


def windows(low: int = 0, high: int = 24) -> st.SearchStrategy[Interval]:
    """Windows between full hours: so few that they often touch, overlap and coincide."""
    hours = st.tuples(st.integers(low, high), st.integers(low, high))
    return hours.filter(lambda pair: pair[0] != pair[1]).map(
        lambda pair: window(min(pair), max(pair))
    )
