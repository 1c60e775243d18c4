"""Giving a node to a lessee and taking it back: the physical side, a state machine on the node.

available -> preparing -> handed over -> returning -> cleaning -> available, and lost. The lease
ends the instant the lessee has lost the node; the node is free only when it is clean. What to do
next is decided here from what Ironic says now, never from what we did before: so each step can be
repeated after a crash, and finds its work already done.

Order of a return: first the lessee loses the node (the holding project becomes lessee), then
console, undeploy or VIFs, power, cleaning; last, in one PATCH, the remembered fields come back and
the node is nobody's. `instance_info` goes only after the tear-down, which needs it to release
volumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from esi_leap.core.inventory import Sighting
from esi_leap.core.lease import Lease


class State(StrEnum):
    """Where a node is on its way to a lessee and back."""

    AVAILABLE = 'available'
    PREPARING = 'preparing'
    HANDED_OVER = 'handed over'
    RETURNING = 'returning'
    CLEANING = 'cleaning'
    LOST = 'lost'


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.AVAILABLE: frozenset({State.PREPARING}),
    State.PREPARING: frozenset({State.HANDED_OVER, State.RETURNING, State.AVAILABLE, State.LOST}),
    State.HANDED_OVER: frozenset({State.RETURNING, State.LOST}),
    State.RETURNING: frozenset({State.CLEANING, State.AVAILABLE, State.LOST}),
    State.CLEANING: frozenset({State.RETURNING, State.AVAILABLE, State.LOST}),
    State.LOST: frozenset({State.AVAILABLE}),
}

#: Fields a lessee may be able to write; remembered at hand-over, restored at the end of a return.
REMEMBERED = ('extra', 'description', 'resource_class', 'protected', 'protected_reason')

#: Provision states without an instance, from which a return only has to clean.
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

#: Waiting and held states that `abort` ends; nothing else can be done to the node in them.
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

#: Power states of a node that needs no switching off; None is that of one without power control.
_OFF = frozenset({'power off', None})

#: States that `manage` ends.
MANAGEABLE = frozenset({'clean failed', 'inspect failed', 'adopt failed', 'enroll'})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Our row of a node: who owns it, what it is, and how far its hand-over is.

    Attributes:
        owner_id: the project that owns it, empty if nobody does.
        lease: uuid of the lease that has, gets or had the node; None while it is available, and
            while nobody has looked whom the existing service left it with.
        reason: what the node waits for, in a sentence.
        remembered: the values of `REMEMBERED` before the hand-over.
        retry_at: when the manager looks at the node again.
        claim: the claim of the manager that works on it.
    """

    id: int
    resource_type: str
    resource_uuid: str
    name: str
    owner_id: str
    resource_class: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    state: State = State.AVAILABLE
    lease: str | None = None
    reason: str | None = None
    remembered: Mapping[str, object] = field(default_factory=dict)
    retry_at: datetime | None = None
    attempts: int = 0
    claim: str | None = None
    claimed_until: datetime | None = None

    def is_with(self, lease: Lease) -> bool:
        """Tell whether the lease has, or is getting, the node: there is something to tear down."""
        return self.lease == lease.uuid and self.state in {State.PREPARING, State.HANDED_OVER}

    @property
    def inherited(self) -> bool:
        """Whether the existing service had the node, and nobody has looked whom it left it with."""
        return self.state is State.HANDED_OVER and self.lease is None

    def recognised(self, lease: str | None, now: datetime) -> Node:
        """Say whom an inherited node is with: the lease, or nobody.

        This is no transition: the node's life under this service begins here.
        """
        state, look = (State.HANDED_OVER, now) if lease else (State.AVAILABLE, None)
        return replace(self, state=state, lease=lease, reason=None, retry_at=look, attempts=0)

    def to(self, state: State, reason: str | None = None, **changes: object) -> Node:
        """Return the node in another state.

        Raises:
            ValueError: the machine has no such transition: a defect of ours.
        """
        if state not in TRANSITIONS[self.state] and state is not self.state:
            raise ValueError(f'node {self.resource_uuid}: {self.state} -> {state}')
        fresh: dict[str, object] = {'retry_at': None, 'attempts': 0, **changes}
        return replace(self, state=state, reason=reason, **fresh)  # type: ignore[arg-type]

    def freed(self) -> Node:
        """Return the node available to the next lease."""
        return self.to(State.AVAILABLE, lease=None, remembered={})

    def waiting(self, reason: str, retry_at: datetime) -> Node:
        """Return the node in the same state, one attempt later."""
        return replace(self, reason=reason, retry_at=retry_at, attempts=self.attempts + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine(Sighting):
    """What the node's own service (Ironic) says of it now, all that a hand-over looks at.

    Attributes:
        lease_label: the value of `properties/lease_uuid`; a label for others, not the truth.
        fields: the present values of `REMEMBERED`.
        busy: the reservation of a conductor, or the state it is on the way to. A failed state is
            on no way, though Ironic still names its target: it takes PATCHes and verbs.
        vifs: ids of the virtual interfaces attached to it.
        cleans: False if cleaning is switched off on it.
    """

    lease_label: str | None
    fields: Mapping[str, object] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True)
class Patch:
    """Set fields of the node. None removes one; `properties/…` names one key."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Provision:
    """Send a provision verb: manage, provide, deleted or abort."""

    target: str


@dataclass(frozen=True, slots=True)
class PowerOff:
    """Switch the node off."""


@dataclass(frozen=True, slots=True)
class ConsoleOff:
    """Stop the serial console."""


@dataclass(frozen=True, slots=True)
class DetachVif:
    """Detach one virtual interface."""

    vif: str


Verb: TypeAlias = Patch | Provision | PowerOff | ConsoleOff | DetachVif


@dataclass(frozen=True, slots=True)
class Act:
    """Do this now, then look again. `state` is the node's state from here on, if it changes."""

    verb: Verb
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done now. `moving`: Ironic is at it; else somebody else has to act."""

    reason: str
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The step is reached."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The machine cannot be handed over now, and nothing of ours is on it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The node was taken out of our hands; it is left as it was found."""

    reason: str


Step: TypeAlias = Act | Wait | Done | Refused | Lost

LESSEE = 'lessee'
LABEL = 'properties/lease_uuid'


def refusal(machine: Machine, lease: Lease, ours: frozenset[str]) -> str | None:
    """Say why the machine cannot be handed over, or None if it can.

    Args:
        machine: what Ironic says now.
        lease: the lease that is due.
        ours: the projects that may be its lessee at this point without being foreign.
    """
    if machine.owner is not None and machine.owner != lease.owner_id:
        return 'The node belongs to another owner now.'
    if machine.lessee is not None and machine.lessee not in ours:
        return 'The node has a lessee that this service did not set.'
    if machine.busy is not None:
        return f'The node is busy: {machine.busy}.'
    if machine.maintenance:
        return f'The node is in maintenance: {machine.maintenance_reason or "no reason given"}.'
    for said, why in (
        (machine.provision_state != 'available', f'is {machine.provision_state}, not available'),
        (machine.retired, 'is retired'),
        (machine.fault is not None, f'has the fault {machine.fault}'),
        (machine.instance is not None, f'carries the instance or allocation {machine.instance}'),
        (machine.automatic_lessee, 'has a lessee set by a deployment (automatic_lessee)'),
        (bool(machine.vifs), f'has virtual interfaces attached: {", ".join(machine.vifs)}'),
    ):
        if said:
            return f'The node {why}.'
    return None


def hand_over(machine: Machine, lease: Lease, holding: str) -> Step:
    """Decide the next step of giving the machine to the lessee of `lease`.

    Args:
        machine: what Ironic says now.
        lease: the lease, whose hand-over has begun.
        holding: the project that has the node meanwhile.
    """
    if machine.lessee == lease.lessee_id and machine.lease_label == lease.uuid:
        return Done()
    reason = refusal(machine, lease, frozenset({holding}))
    if reason is not None and machine.lessee != holding:
        return Refused(reason)
    if reason is not None:
        # Its owner has to be able to put right what is wrong with it.
        return Wait(reason) if machine.busy else Act(Patch({LESSEE: None}))
    if machine.lessee is None:
        return Act(Patch({LESSEE: holding}))
    return Act(Patch({LESSEE: lease.lessee_id, LABEL: lease.uuid}))


def drift(machine: Machine, lease: Lease) -> str | None:
    """Say in what the machine differs from what its running lease promises, or None."""
    if machine.lessee is None:
        return "The node's lessee was cleared outside this service."
    if machine.lessee != lease.lessee_id:
        return "The node's lessee was changed outside this service."
    if machine.owner is not None and machine.owner != lease.owner_id:
        return 'The node belongs to another owner now.'
    return None


def take(machine: Machine, lease: Lease, holding: str) -> Step:
    """Decide the next step of taking the machine from the lessee; Done: he has lost it."""
    if machine.lessee == holding:
        return Done()
    if machine.lessee not in {lease.lessee_id, None}:
        return Lost("The node's lessee was changed outside this service; it was left as found.")
    if machine.lessee is None and machine.provision_state not in IDLE:
        return Lost("The node's lessee was cleared outside this service; it was left as found.")
    if machine.provision_state in ABORTABLE:
        return Act(Provision('abort'))
    if machine.busy is not None:
        return Wait(f'The node is busy: {machine.busy}.', moving=True)
    values: dict[str, object] = {LESSEE: holding}
    if machine.fields.get('protected'):
        values['protected'] = False
    return Act(Patch(values))


def give_back(machine: Machine, node: Node, holding: str, *, require_clean: bool) -> Step:
    """Decide the next step from "the lessee has lost it" to "free and clean"."""
    if machine.lessee != holding:
        cleaned = node.state is State.CLEANING or not machine.cleans
        if cleaned and machine.lessee is None and machine.lease_label is None:
            return Done()  # our last PATCH, done already
        return Lost('The node was taken from the holding project outside this service.')
    return (
        _obstacle(machine, node)
        or _tear_down(machine)
        or _clean(machine, node, require_clean=require_clean)
    )


def _obstacle(machine: Machine, node: Node) -> Step | None:
    """What has to pass before anything can be done to the machine."""
    state = machine.provision_state
    if machine.maintenance and state not in UNDEPLOYABLE:
        return Wait(f'In maintenance: {machine.maintenance_reason or machine.last_error}.')
    if state in ABORTABLE and node.state is State.RETURNING:
        return Act(Provision('abort'))
    if machine.busy is not None or state in {'cleaning', 'clean wait'}:
        return Wait(f'Ironic is at it: {machine.busy or state}.', moving=True)
    return None


def _tear_down(machine: Machine) -> Step | None:
    """What the tenant left on the machine."""
    if machine.console:
        return Act(ConsoleOff())
    if machine.provision_state in UNDEPLOYABLE:
        return Act(Provision('deleted'), _cleaning(machine))
    if machine.vifs:
        return Act(DetachVif(machine.vifs[0]))
    if machine.provision_state in MANAGEABLE:
        return Act(Provision('manage'), State.RETURNING)
    return None


def _cleaning(machine: Machine) -> State | None:
    """Only a node that Ironic cleans counts as cleaned, also if that is switched on later."""
    return State.CLEANING if machine.cleans else None


def _clean(machine: Machine, node: Node, *, require_clean: bool) -> Step:
    """Nothing is deployed and nothing attached: power off, clean, and restore."""
    if machine.provision_state == 'manageable':
        return _clean_retired(machine, node) if machine.retired else _provide(machine)
    if machine.provision_state != 'available':
        error = machine.last_error or 'no error given'
        return Wait(f'The node is {machine.provision_state}: {error}.')
    if not machine.cleans and require_clean:
        return Wait('Cleaning is switched off on the node (automated_clean), so it is not clean.')
    if machine.power_state not in _OFF:
        return Act(PowerOff())
    if node.state is State.RETURNING and machine.cleans:
        return Act(Provision('manage'))
    return Act(Patch(_restored(machine, node)))


def _provide(machine: Machine) -> Step:
    return Act(Provision('provide'), _cleaning(machine))


def _clean_retired(machine: Machine, node: Node) -> Step:
    """Ironic leaves a retired node manageable after its cleaning, and cleans none that is."""
    if node.state is not State.CLEANING:
        return Wait('The node is retired, and Ironic cleans no retired node.')
    if machine.power_state not in _OFF:
        return Act(PowerOff())
    return Act(Patch(_restored(machine, node)))


def _restored(machine: Machine, node: Node) -> dict[str, object]:
    values: dict[str, object] = {
        name: value for name, value in node.remembered.items() if machine.fields.get(name) != value
    }
    if machine.instance_info:
        values['instance_info'] = None
    if machine.lease_label is not None:
        values[LABEL] = None
    return {**values, LESSEE: None}


def is_back(machine: Machine) -> bool:
    """Tell whether a lost node was put in order by its owner: nobody's, idle and unlabelled."""
    return (
        machine.lessee is None
        and machine.lease_label is None
        and machine.provision_state == 'available'
    )
