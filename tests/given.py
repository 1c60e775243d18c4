"""Values that tests start from: projects, hours of one far day, and values of the core.

Each room of tests binds them to its own day and its own defaults in a `given` of its own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from esi_leap.core.change import Agree, Change, put
from esi_leap.core.contract import of as contract_of
from esi_leap.core.handover.machine import Machine
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease
from esi_leap.core.offer import Offer
from esi_leap.core.query import Scope
from esi_leap.core.tree import Booking

OWNER, TENANT, STRANGER, HOLDING = 'p-owner', 'p-tenant', 'p-stranger', 'p-holding'
ALL = Scope(everything=True)


@dataclass(frozen=True)
class Hours:
    """Times as hours from an instant."""

    start: datetime

    def at(self, hour: float) -> datetime:
        return self.start + timedelta(hours=hour)

    def window(self, start: float, end: float) -> Interval:
        return Interval(self.at(start), self.at(end))


def make_lease(uuid: str, window: Interval, **values: Any) -> Lease:  # noqa: ANN401 - fields
    given = {'name': None, 'contract': f'c-{uuid}', 'owner_id': OWNER, 'lessee_id': TENANT}
    return Lease(uuid=uuid, **{**given, 'window': window, **values})


def make_offer(uuid: str, window: Interval, **values: Any) -> Offer:  # noqa: ANN401 - fields
    given = {'name': None, 'owner_id': OWNER, 'lessee_id': None}
    return Offer(uuid=uuid, **{**given, 'window': window, **values})


def make_machine(uuid: str, **values: Any) -> Machine:  # noqa: ANN401 - fields
    given = {
        'name': f'metal-{uuid}',
        'owner': OWNER,
        'lessee': None,
        'lease_label': None,
        'provision_state': 'available',
        'power_state': 'power off',
    }
    return Machine(uuid=uuid, **{**given, **values})


def created(booking: Booking) -> Change:
    """The change that makes a booking; a lease has a contract of its own."""
    if isinstance(booking, Offer):
        return put(booking)
    return (Agree(contract_of(booking)), *put(booking))
