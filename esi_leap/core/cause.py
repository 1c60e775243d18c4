"""Why a booking or a node waits, failed or is suspended: a cause, and the sentence made from it.

Code compares causes; people read sentences. Each cause has two: the full one is for the owner and
for operators; the plain one holds nothing that Ironic, a BMC or another project said, so a lessee
may read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Cause(StrEnum):
    """A cause as it is stored, in the column `cause` of bookings and nodes."""

    # The machine is not, or not any more, that of the owner or the lessee.
    OWNER_CHANGED = 'owner_changed'
    NODE_GONE = 'node_gone'
    LESSEE_CLEARED = 'lessee_cleared'
    LESSEE_CHANGED = 'lessee_changed'
    LESSEE_FOREIGN = 'lessee_foreign'
    NODE_LOST = 'node_lost'
    HOLDING_LOST = 'holding_lost'
    PORTS_FOREIGN = 'ports_foreign'
    # The state of the machine is in the way.
    NODE_BUSY = 'node_busy'
    NODE_MOVING = 'node_moving'
    NODE_MAINTENANCE = 'node_maintenance'
    NODE_STATE = 'node_state'
    NODE_STUCK = 'node_stuck'
    NODE_RETIRED = 'node_retired'
    NODE_FAULTY = 'node_faulty'
    NODE_ALLOCATED = 'node_allocated'
    NODE_AUTOMATIC = 'node_automatic'
    VIFS_ATTACHED = 'vifs_attached'
    PORTS_BOUND = 'ports_bound'
    PORTS_UNKNOWN = 'ports_unknown'
    CLEANING_OFF = 'cleaning_off'
    CLEANING_REFUSED = 'cleaning_refused'
    NO_PROGRESS = 'no_progress'
    # Another service, or this one.
    SERVICE_UNAVAILABLE = 'service_unavailable'
    SERVICE_REFUSED = 'service_refused'
    SERVICE_ERROR = 'service_error'
    # Another booking of the node.
    NODE_TAKEN = 'node_taken'
    NODE_OCCUPIED = 'node_occupied'
    NODE_SUBLET = 'node_sublet'
    NODE_NOT_BACK = 'node_not_back'
    SUBLEASE_OPEN = 'sublease_open'
    # The gate.
    GATE_WAITS = 'gate_waits'
    GATE_REJECTED = 'gate_rejected'
    # A database of the existing service.
    TAKEN_OVER = 'taken_over'
    NOT_RECOGNISED = 'not_recognised'


class _Text(NamedTuple):
    """The sentences of a cause: `{}` in `full` is the detail; `plain` None is the full one."""

    full: str
    plain: str | None = None


_TEXTS: Mapping[Cause, _Text] = {
    Cause.OWNER_CHANGED: _Text('The node belongs to another owner now.'),
    Cause.NODE_GONE: _Text('The node does not exist any more.'),
    Cause.LESSEE_CLEARED: _Text("The node's lessee was cleared outside this service."),
    Cause.LESSEE_CHANGED: _Text("The node's lessee was changed outside this service."),
    Cause.LESSEE_FOREIGN: _Text('The node has a lessee that this service did not set.'),
    Cause.NODE_LOST: _Text(
        "The node's lessee was {} outside this service; it was left as found.",
        "The node's lessee was changed outside this service.",
    ),
    Cause.HOLDING_LOST: _Text('The node was taken from the holding project outside this service.'),
    Cause.PORTS_FOREIGN: _Text(
        'Network ports of others are on the node: {}.', 'Network ports of others are on the node.'
    ),
    Cause.NODE_BUSY: _Text('The node is busy: {}.', 'The node is busy.'),
    Cause.NODE_MOVING: _Text('Ironic is at it: {}.', 'The node is busy.'),
    Cause.NODE_MAINTENANCE: _Text('The node is in maintenance: {}.', 'The node is in maintenance.'),
    Cause.NODE_STATE: _Text('The node is {}, not available.', 'The node is not available.'),
    Cause.NODE_STUCK: _Text('The node is {}.', 'The node cannot be cleaned at present.'),
    Cause.NODE_RETIRED: _Text('The node is retired.'),
    Cause.NODE_FAULTY: _Text('The node has the fault {}.', 'The node has a fault.'),
    Cause.NODE_ALLOCATED: _Text(
        'The node carries the instance or allocation {}.', 'The node is allocated.'
    ),
    Cause.NODE_AUTOMATIC: _Text(
        'The node has a lessee set by a deployment (automatic_lessee).',
        'The node has a lessee that this service did not set.',
    ),
    Cause.VIFS_ATTACHED: _Text(
        'The node has virtual interfaces attached: {}.', 'The node is attached to a network.'
    ),
    Cause.PORTS_BOUND: _Text(
        'The node has network ports bound to it: {}.', 'The node is attached to a network.'
    ),
    Cause.PORTS_UNKNOWN: _Text('{}', 'The networks of the node are not known at present.'),
    Cause.CLEANING_OFF: _Text(
        'Cleaning is switched off on the node (automated_clean), so it is not clean.',
        'The node is not clean.',
    ),
    Cause.CLEANING_REFUSED: _Text(
        'The node is retired, and Ironic cleans no retired node.', 'The node is not clean.'
    ),
    Cause.NO_PROGRESS: _Text('The node does not reach the state that it was asked for.'),
    Cause.SERVICE_UNAVAILABLE: _Text('{}', 'A service of the cloud does not answer; try again.'),
    Cause.SERVICE_REFUSED: _Text('{}', 'The node cannot be changed at present; try again.'),
    Cause.SERVICE_ERROR: _Text(
        'The service made an error ({}); operators find it in the log.',
        'The service made an error; operators find it in the log.',
    ),
    Cause.NODE_TAKEN: _Text('The node is being taken from the lessee.'),
    Cause.NODE_OCCUPIED: _Text('{}', 'The node is not free yet.'),
    Cause.NODE_SUBLET: _Text('The node is with lease {}.'),
    Cause.NODE_NOT_BACK: _Text(
        'The node is not back from a sub-lease yet: {}',
        'The node is not back from a sub-lease yet.',
    ),
    Cause.SUBLEASE_OPEN: _Text('Lease {}, which lies in it, has not ended.'),
    Cause.GATE_WAITS: _Text('The gate: {}', 'The node is being checked by the gate.'),
    Cause.GATE_REJECTED: _Text(
        'The gate has rejected the node (gate.rejected): {}',
        'The gate has rejected the node (gate.rejected).',
    ),
    Cause.TAKEN_OVER: _Text('{}', 'The booking was made under the existing service.'),
    Cause.NOT_RECOGNISED: _Text(
        'The existing service had this node; nobody has looked yet whom it is with.'
    ),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause with its detail.

    Attributes:
        cause: None in rows that an earlier release wrote in words of its own.
        detail: what the full sentence says beside the cause; without a cause, the sentence itself.

    >>> str(Reason(Cause.NODE_BUSY, 'it is locked'))
    'The node is busy: it is locked.'
    >>> Reason(Cause.NODE_BUSY, 'it is locked').plain
    'The node is busy.'
    """

    cause: Cause | None
    detail: str = ''

    def __str__(self) -> str:
        """Return the full sentence, for the owner and for operators."""
        return self.detail if self.cause is None else _TEXTS[self.cause].full.format(self.detail)

    @property
    def plain(self) -> str | None:
        """The sentence that a lessee may read; None of a reason without a cause."""
        if self.cause is None:
            return None
        text = _TEXTS[self.cause]
        return text.full.format(self.detail) if text.plain is None else text.plain
