"""A machine: the fields of a node in Ironic that a hand-over and a return look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from esi_leap.core.handover.leftovers import Leftovers
from esi_leap.core.handover.network import NO_ATTACHMENTS, Attachments
from esi_leap.core.inventory import Sighting

#: Fields that a PATCH writes, each as a whole.
PATCHED = (
    'extra',
    'description',
    'resource_class',
    'protected',
    'protected_reason',
    'properties',
)


#: Fields that a lessee may change, directly or by an inspection; remembered at the hand-over and
#: restored at the end of the return. Of `properties` all but the label of the lease.
REMEMBERED = (*PATCHED, 'traits')


#: Key of the volumes among the remembered values.
VOLUMES = 'volumes'


#: Provision states without an instance: a return only has to clean.
IDLE = frozenset({'available', 'manageable', 'enroll'})


#: Provision states from which Ironic accepts the verb `deleted`.
UNDEPLOYABLE = frozenset(
    {
        'active',
        'deploy failed',
        'error',
        'rescue',
        'rescue failed',
        'unrescue failed',
        'service failed',
    }
)


#: Waiting and held states, in which Ironic accepts no verb but `abort`.
ABORTABLE = frozenset(
    {
        'wait call-back',
        'clean wait',
        'rescue wait',
        'service wait',
        'inspect wait',
        'deploy hold',
        'clean hold',
        'service hold',
    }
)


#: States with a target in which Ironic accepts a PATCH all the same: a failed step keeps the
#: target that it did not reach.
PATCHABLE = frozenset(
    {
        'adopt failed',
        'clean failed',
        'deploy failed',
        'error',
        'inspect failed',
        'inspect wait',
        'rescue failed',
        'service failed',
        'service hold',
        'unrescue failed',
        'verifying',
    }
)


#: States that Ironic leaves by itself, to a good or a bad end.
MOVING = frozenset(
    {
        'adopting',
        'cleaning',
        'deleting',
        'deploying',
        'inspecting',
        'rescuing',
        'servicing',
        'unrescuing',
        'verifying',
    }
)


#: Power states of a node that is off; None is that of a node without power control.
OFF = frozenset({'power off', None})


#: Faults with which Ironic puts a node in maintenance by itself when work on it fails. A lessee can
#: bring that about, so it says nothing of the hardware until our own cleaning fails, too.
FAULTS = frozenset({'clean failure', 'rescue abort failure', 'service failure'})


#: Provision states from which `manage` leads to `manageable`.
MANAGEABLE = frozenset({'clean failed', 'inspect failed', 'adopt failed', 'enroll'})


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine(Sighting):
    """A machine as its service (Ironic) shows it now, as far as a hand-over looks at it.

    Attributes:
        lease_label: the value of `properties/lease_uuid`; a label for others, not the truth.
        fields: the present values of `REMEMBERED`.
        busy: why it takes no PATCH: the reservation of a conductor, or what it is on the way to.
        vifs: ids of the virtual interfaces attached to it.
        cleans: False if cleaning is switched off on it.
        left: what is beside its fields; None if it was not read.
        attachments: its ports in Neutron, empty without Neutron; None if they were not read.
    """

    lease_label: str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    busy: str | None = None
    maintenance_reason: str | None = None
    retired: bool = False
    fault: str | None = None
    instance: str | None = None
    instance_info: bool = False
    console: bool = False
    vifs: tuple[str, ...] = ()
    cleans: bool = True
    automatic_lessee: bool = False
    last_error: str | None = None
    left: Leftovers | None = None
    attachments: Attachments | None = NO_ATTACHMENTS

    @property
    def bound(self) -> tuple[str, ...]:
        """Ids of the Neutron ports that are bound to the machine, as far as they are known."""
        return () if self.attachments is None else self.attachments.bound


LESSEE = 'lessee'


LABEL = 'properties/lease_uuid'
