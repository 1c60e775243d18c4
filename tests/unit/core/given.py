"""Values that the tests of the core start from. Times are hours on one far day."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from esi_leap.core.handover.leftovers import Leftovers
from esi_leap.core.handover.machine import Machine
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.offer import Offer
from tests.given import (  # noqa: F401 - the tests of the core have them from here
    HOLDING,
    OWNER,
    STRANGER,
    TENANT,
    Hours,
    make_lease,
    make_machine,
    make_offer,
)

DAY = datetime(2032, 1, 31, tzinfo=UTC)
_HOURS = Hours(DAY)
at, window = _HOURS.at, _HOURS.window


def a_lease(uuid: str = 'a', start: float = 10, end: float = 20, **values: object) -> Lease:
    given = {'node_id': 1, 'contract': f'contract-{uuid}', **values}
    return make_lease(uuid, window(start, end), **given)


def an_offer(uuid: str = 'o', start: float = 0, end: float = 100, **values: object) -> Offer:
    return make_offer(uuid, window(start, end), **{'node_id': 1, **values})


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
    return make_machine('n1', **{'name': 'metal-1', 'left': Leftovers(), **values})


def windows(low: int = 0, high: int = 24) -> st.SearchStrategy[Interval]:
    """Windows between full hours: so few that they often touch, overlap and coincide."""
    hours = st.tuples(st.integers(low, high), st.integers(low, high))
    return hours.filter(lambda pair: pair[0] != pair[1]).map(
        lambda pair: window(min(pair), max(pair))
    )
