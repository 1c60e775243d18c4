"""Leases, nodes and machines that the tests of hand-overs and returns start from."""

from collections.abc import Mapping

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.network import Attachments
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from tests.unit.core.given import STRANGER, TENANT, a_lease, a_machine, a_node
from tests.unit.core.metal import FIELDS, LOCKED, MINE, STATES

LEASE = a_lease()
BEFORE = a_node(state=State.PREPARING, lease=LEASE.uuid, remembered=(FIELDS,))
HELD = a_node(state=State.HANDED_OVER, lease=LEASE.uuid, remembered=(FIELDS,))
RETURNING = a_node(state=State.RETURNING, lease=LEASE.uuid, remembered=(FIELDS,))

#: Neutron, while it does not answer.
UNSEEN = Attachments(unseen='Neutron is away.')
AWAY = Reason(Cause.PORTS_UNKNOWN, 'Neutron is away.')

#: What stands against a hand-over, each alone.
OBSTACLES: Mapping[str, Mapping[str, object]] = {
    'owner': {'owner': STRANGER},
    'foreign': {'lessee': STRANGER},
    'reserved': {'busy': 'conductor-1'},
    'maintenance': {'maintenance': True, 'maintenance_reason': 'a fan'},
    'retired': {'retired': True},
    'fault': {'fault': 'power failure'},
    'instance': {'instance': 'i1'},
    'automatic': {'automatic_lessee': True},
    'vifs': {'vifs': ('v1',)},
    'ports': {'attachments': Attachments((MINE,))},
    **{
        state: {'provision_state': state, 'busy': 'on its way' if state in LOCKED else None}
        for state in STATES
        if state != 'available'
    },
}

# A sub-lease: the lease of GUEST lies in LEASE, whose lessee has the node.
GUEST = 'sub-p-tenant'
INNER = a_lease('in', 12, 15, owner_id=TENANT, lessee_id=GUEST, parent='a', parent_lease='a')
OUTER = a_lease(status=Status.ACTIVE)
LEFT = {**FIELDS, 'extra': {'mine': TENANT}}
FOR_GUEST = HELD.prepared(INNER, [OUTER], LEFT)
FROM_GUEST = a_node(state=State.CLEANING, lease='in', remembered=(FIELDS, LEFT))


def with_tenant(**values: object) -> Machine:
    return a_machine(lessee=TENANT, lease_label='a', fields=LEFT, **values)
