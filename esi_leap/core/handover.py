"""Giving a node to a lessee and taking it back: the physical side, a state machine on the node.

available -> preparing -> gating -> handed over -> returning -> cleaning -> gating -> available, and
rejected and lost. The lease ends the instant the lessee has lost the node; the node is free only
when it is clean. What to do next is decided here from what Ironic says now, never from what we did
before: so each step can be repeated after a crash, and finds its work already done.

Only the gate is different: that a node has passed it cannot be seen on the node. So the pass is
written down, with its evidence, before the verb that it allows.

Order of a return: first the lessee loses the node (the holding project becomes lessee), then
console, virtual media, undeploy or VIFs, ports that are bound still, power, cleaning, what is left
beside it, traits; last, in one PATCH, the remembered fields come back and the node is nobody's.
Media go before the cleaning, which must not boot from them; `instance_info` and volumes only after
the tear-down, which needs them.

Leases that are sub-let nest: a node that is handed over can be prepared for a lease inside the one
that has it, and what it was is remembered once more. A return then ends with the node clean, as
the lender left it, and still with the holding project; from there it is handed over to him again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from esi_leap.core.gate import Answer, Barrier, Direction, Rules, Trial
from esi_leap.core.inventory import Sighting
from esi_leap.core.lease import Lease, Status, in_a_row
from esi_leap.core.leftovers import EjectMedia, Leftovers, Removal, RemoveVolume
from esi_leap.core.network import NO_PORTS, Ports, Unbind


class State(StrEnum):
    """Where a node is on its way to a lessee and back."""

    AVAILABLE = 'available'
    PREPARING = 'preparing'
    GATING = 'gating'
    HANDED_OVER = 'handed over'
    RETURNING = 'returning'
    CLEANING = 'cleaning'
    REJECTED = 'rejected'
    LOST = 'lost'


TRANSITIONS: Mapping[State, frozenset[State]] = {
    # RETURNING: it was with somebody to whom nobody had leased it
    State.AVAILABLE: frozenset({State.PREPARING, State.RETURNING}),
    State.PREPARING: frozenset(
        {State.GATING, State.HANDED_OVER, State.RETURNING, State.AVAILABLE, State.LOST}
    ),
    State.GATING: frozenset(State) - {State.GATING},
    State.HANDED_OVER: frozenset({State.PREPARING, State.RETURNING, State.LOST}),
    State.RETURNING: frozenset(
        {State.CLEANING, State.GATING, State.AVAILABLE, State.PREPARING, State.LOST}
    ),
    State.CLEANING: frozenset(
        {State.RETURNING, State.GATING, State.AVAILABLE, State.PREPARING, State.LOST}
    ),
    State.REJECTED: frozenset({State.RETURNING}),
    # RETURNING: it showed up again as it was with the lessee
    State.LOST: frozenset({State.AVAILABLE, State.PREPARING, State.RETURNING}),
}

#: Fields that a PATCH writes, each as a whole.
PATCHED = (
    'extra',
    'description',
    'resource_class',
    'protected',
    'protected_reason',
    'properties',
)
#: Fields a lessee may be able to write, by himself or by having the node inspected; remembered at
#: hand-over, restored at the end of a return. Of `properties` all but the label of the lease.
REMEMBERED = (*PATCHED, 'traits')
#: Beside them the volumes are remembered.
VOLUMES = 'volumes'

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

#: States with a target in which Ironic takes a PATCH all the same. A failed step keeps the target
#: that it did not reach.
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

#: States that Ironic leaves by itself, for better or worse.
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

#: Power states of a node that needs no switching off; None is that of one without power control.
_OFF = frozenset({'power off', None})

#: Why Ironic puts a node in maintenance by itself, when work that anybody has begun ends badly. A
#: lessee can bring that about. It tells nothing of the hardware until our own cleaning fails, too.
_FAULTS = frozenset({'clean failure', 'rescue abort failure', 'service failure'})

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
        remembered: the values of `REMEMBERED` and `VOLUMES` before each hand-over that was not
            undone: the first is the owner's, the next that of the lessee who sub-lets.
        retry_at: when the manager looks at the node again.
        claim: the claim of the manager that works on it.
        trial: how it stands at the gate, or last stood there.
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
    remembered: tuple[Mapping[str, Any], ...] = ()
    retry_at: datetime | None = None
    attempts: int = 0
    claim: str | None = None
    claimed_until: datetime | None = None
    trial: Trial | None = None

    @property
    def uuid(self) -> str:
        """The uuid that its service knows it by."""
        return self.resource_uuid

    def is_with(self, lease: Lease) -> bool:
        """Tell whether the lease has, or is getting, the node: there is something to tear down."""
        return self.lease == lease.uuid and (self.state is State.HANDED_OVER or self.coming)

    @property
    def coming(self) -> bool:
        """Whether it is on its way to a lessee."""
        return self.state is State.PREPARING or self._gating(Direction.HAND_OVER)

    @property
    def going(self) -> bool:
        """Whether it is on its way back from one."""
        returning = {State.RETURNING, State.CLEANING}
        return self.state in returning or self._gating(Direction.RETURN)

    def _gating(self, direction: Direction) -> bool:
        trial = self.trial
        return self.state is State.GATING and trial is not None and trial.direction is direction

    def barrier(self, rules: Rules | None, now: datetime) -> Barrier:
        """Tell how the gate stands for the node; no `rules`: there is no gate."""
        if rules is None:
            return Barrier.NONE
        if self.state is not State.GATING or self.trial is None:
            return Barrier.SHUT
        return Barrier.PASSED if self.trial.passed(rules, now) else Barrier.ASKED

    @property
    def reset(self) -> bool:
        """Whether it was rejected, and is on its way to another trial."""
        trial = self.trial
        return self.going and trial is not None and trial.answer is Answer.REJECT

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

    def prepared(
        self, lease: Lease, lenders: Sequence[Lease], fields: Mapping[str, object]
    ) -> Node:
        """Return the node on its way to a lease, its present fields remembered."""
        unknown = len(lenders) - len(self.remembered)  # of one that came to us handed over
        remembered = (*self.remembered, *unknown * ({},), fields)
        return self.to(State.PREPARING, lease=lease.uuid, remembered=remembered)

    def gated(self, direction: Direction, now: datetime, retry_at: datetime | None) -> Node:
        """Return the node at the gate, where nobody has been asked yet."""
        trial = Trial(direction=direction, begun_at=now)
        return self.to(State.GATING, trial=trial, retry_at=retry_at)

    def left(self, lenders: Sequence[Lease], retry_at: datetime) -> Node:
        """Return the node whose hand-over has come to nothing: with whom it was before."""
        return self._of(lenders, State.HANDED_OVER, retry_at)

    def freed(self, heirs: Sequence[Lease], retry_at: datetime) -> Node:
        """Return the node that is back: on its way to the first heir again, or available."""
        return self._of(heirs, State.PREPARING, retry_at)

    def before(self, heirs: Sequence[Lease]) -> Mapping[str, Any]:
        """Return what is remembered of the time before a return to these is due."""
        return next(iter(self.remembered[len(heirs) :]), {})

    def _of(self, heirs: Sequence[Lease], state: State, retry_at: datetime) -> Node:
        if not heirs:
            return self.to(State.AVAILABLE, lease=None, remembered=())
        kept = self.remembered[: len(heirs)]
        return self.to(state, lease=heirs[0].uuid, remembered=kept, retry_at=retry_at)

    def waiting(self, reason: str, retry_at: datetime) -> Node:
        """Return the node in the same state, one attempt later."""
        attempts = in_a_row(self, reason)
        return replace(self, reason=reason, retry_at=retry_at, attempts=attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine(Sighting):
    """What the node's own service (Ironic) says of it now, all that a hand-over looks at.

    Attributes:
        lease_label: the value of `properties/lease_uuid`; a label for others, not the truth.
        fields: the present values of `REMEMBERED`.
        busy: why it takes no PATCH: the reservation of a conductor, or what it is on the way to.
        vifs: ids of the virtual interfaces attached to it.
        cleans: False if cleaning is switched off on it.
        left: what is beside its fields; None: nobody has looked.
        ports: what Neutron says of it, empty where there is none; None: nobody has looked.
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
    ports: Ports | None = NO_PORTS


@dataclass(frozen=True, slots=True)
class Patch:
    """Set fields of the node. None removes one; `properties/…` names one key."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Provision:
    """Send a provision verb."""

    target: Literal['abort', 'deleted', 'manage', 'provide']


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


@dataclass(frozen=True, slots=True)
class Maintain:
    """Put the node in maintenance for a reason, or take it out of it: None."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class SetTraits:
    """Let the node have these traits and no others."""

    traits: tuple[str, ...]


Verb: TypeAlias = (
    Patch | Provision | PowerOff | ConsoleOff | DetachVif | Unbind | Maintain | SetTraits | Removal
)


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


@dataclass(frozen=True, slots=True)
class Untouched:
    """Nothing of the hand-over is on the machine: who had it before has it still."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Nothing but the gate is in the way: ask it."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Somebody else had the node while it stood at the gate: what was proved is void."""


@dataclass(frozen=True, slots=True)
class LookCloser:
    """What is beside the fields of the machine decides; look at that too.

    Attributes:
        left: whether at all that is left there; else only at its ports.
    """

    left: bool = True


Step: TypeAlias = Act | Wait | Done | Refused | Lost | Untouched | Ask | Restart | LookCloser

_FOREIGN = 'The node has a lessee that this service did not set.'

LESSEE = 'lessee'
LABEL = 'properties/lease_uuid'
#: What the reason of a maintenance begins with that is ours to end.
_REJECTED = 'Rejected by the gate of the lease service: '


def refusal(machine: Machine, lease: Lease, lenders: Sequence[Lease], holding: str) -> str | None:
    """Say why the machine cannot be handed over, or None if it can.

    Args:
        machine: what Ironic says now.
        lease: the lease that is due.
        lenders: the leases that it was sub-let from, the nearest first.
        holding: the project that has the node meanwhile.
    """
    return _unfit(machine, _owner(lease, lenders), {_had(lenders), holding})


def _unfit(machine: Machine, owner: str, lessees: Collection[str | None]) -> str | None:
    """Say why the machine cannot be given to anybody, or None if it can.

    Args:
        machine: what Ironic says now.
        owner: who has to own it.
        lessees: who may be its lessee at this point without being foreign.
    """
    if machine.owner is not None and machine.owner != owner:
        return 'The node belongs to another owner now.'
    if machine.lessee not in lessees:
        return _FOREIGN
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
        (bool(_bound(machine)), f'has network ports bound to it: {", ".join(_bound(machine))}'),
    ):
        if said:
            return f'The node {why}.'
    return None


def hand_over(
    machine: Machine,
    lease: Lease,
    lenders: Sequence[Lease],
    holding: str,
    barrier: Barrier = Barrier.NONE,
) -> Step:
    """Decide the next step of giving the machine to the lessee of `lease`.

    Args:
        machine: what Ironic says now.
        lease: the lease whose hand-over has begun; an active one gets it back from a sub-lease.
        lenders: the leases that it was sub-let from, the nearest first.
        holding: the project that has the node meanwhile.
        barrier: how the gate stands for it.
    """
    if machine.lessee == lease.lessee_id and machine.lease_label == lease.uuid:
        return Done()
    if barrier in {Barrier.ASKED, Barrier.PASSED} and machine.lessee != holding:
        return Restart()
    if barrier is Barrier.ASKED:  # meanwhile the driver may use the machine
        return Ask()
    had = None if lease.status is Status.ACTIVE else _had(lenders)
    reason = _unfit(machine, _owner(lease, lenders), {had, holding})
    if reason is not None:
        return _obstructed(machine, lease, reason, had, holding)
    return (
        _sighted(machine)
        or _prepare(machine, holding, barrier)
        or Act(Patch({LESSEE: lease.lessee_id, LABEL: lease.uuid}))
    )


def _prepare(machine: Machine, holding: str, barrier: Barrier) -> Step | None:
    """What has to be done before the lessee gets the machine."""
    if machine.lessee != holding:
        return Act(Patch({LESSEE: holding}))
    if machine.console:
        return Act(ConsoleOff())
    return Ask() if barrier is Barrier.SHUT else None


def _obstructed(machine: Machine, lease: Lease, reason: str, had: str | None, holding: str) -> Step:
    """Its owner, or who sub-lets it, has to be able to put right what is wrong with it."""
    if lease.status is Status.ACTIVE:
        return Wait(reason, moving=machine.busy is not None)
    if machine.lessee != holding:
        return Refused(reason)
    return Wait(reason) if machine.busy else Act(Patch({LESSEE: had}))


def drift(machine: Machine, lease: Lease, lenders: Sequence[Lease]) -> str | None:
    """Say in what the machine differs from what its running lease promises, or None."""
    if machine.lessee is None:
        return "The node's lessee was cleared outside this service."
    if machine.lessee != lease.lessee_id:
        return "The node's lessee was changed outside this service."
    if machine.owner is not None and machine.owner != _owner(lease, lenders):
        return 'The node belongs to another owner now.'
    return None


def intruders(machine: Machine, lease: Lease) -> str | None:
    """Say which ports on the machine are neither its lessee's nor Ironic's own, or None."""
    foreign = () if machine.ports is None else machine.ports.foreign(lease.lessee_id)
    return f'Network ports of others are on the node: {", ".join(foreign)}.' if foreign else None


def repair(machine: Machine, lease: Lease, lenders: Sequence[Lease]) -> Step:
    """Decide the next step of giving the machine back to a lessee who lost it past this service."""
    reason = drift(machine, lease, lenders)
    if reason is None:
        return Done()
    if machine.owner is not None and machine.owner != _owner(lease, lenders):
        return Wait(reason)  # whose it is only people can say
    if machine.busy is not None:
        return Wait(f'{reason} It is busy: {machine.busy}.', moving=True)
    return Act(Patch({LESSEE: lease.lessee_id, LABEL: lease.uuid}))


def stray(machine: Machine) -> str | None:
    """Say what is wrong with the machine of a node that nobody should have, or None."""
    return None if machine.lessee is None else _FOREIGN


def seize(machine: Machine, holding: str) -> Step:
    """Decide the next step of taking the machine from somebody to whom nobody has leased it."""
    if machine.lessee is None:
        return Untouched()
    if machine.lessee == holding:
        return Done()
    if machine.busy is not None:
        return Wait(f'{_FOREIGN} It is busy: {machine.busy}.', moving=True)
    return Act(Patch({LESSEE: holding}))


def take(
    machine: Machine, node: Node, lease: Lease, lenders: Sequence[Lease], holding: str
) -> Step:
    """Decide the next step of taking the machine from the lessee; Done: he has lost it."""
    if machine.lessee == holding:
        return Done()
    never = node.coming and machine.lease_label != lease.uuid
    if lenders and never and machine.lessee == _had(lenders):
        return Untouched()
    cleared = machine.lessee is None and machine.provision_state not in IDLE
    if cleared or machine.lessee not in {lease.lessee_id, None}:
        how = 'cleared' if cleared else 'changed'
        return Lost(f"The node's lessee was {how} outside this service; it was left as found.")
    if machine.busy is not None:
        if machine.provision_state in ABORTABLE:
            return Act(Provision('abort'))
        return Wait(f'The node is busy: {machine.busy}.', moving=True)
    values: dict[str, object] = {LESSEE: holding}
    if machine.fields.get('protected'):
        values['protected'] = False
    return Act(Patch(values))


def give_back(
    machine: Machine,
    node: Node,
    heirs: Sequence[Lease],
    holding: str,
    *,
    require_clean: bool,
    barrier: Barrier = Barrier.NONE,
) -> Step:
    """Decide the next step from "the lessee has lost it" to "clean, and free or for its heir".

    Args:
        machine: what Ironic says now.
        node: our row of it.
        heirs: the lease whose lessee gets it back, then that lease's lenders; empty if none.
        holding: the project that has the node meanwhile.
        require_clean: whether a node that Ironic does not clean stays where it is.
        barrier: how the gate stands for it.
    """
    if machine.lessee is None and node.reset:
        return Act(Patch({LESSEE: holding}))  # whoever repaired it may have had it to himself
    if machine.lessee != holding:
        cleaned = node.state in {State.CLEANING, State.GATING} or not machine.cleans
        through = barrier in {Barrier.NONE, Barrier.PASSED}
        if cleaned and through and machine.lessee is None and machine.lease_label is None:
            return Done()  # our last PATCH, done already
        return Lost('The node was taken from the holding project outside this service.')
    if barrier is Barrier.ASKED:  # meanwhile the driver may use the machine
        return Ask()
    step = (
        _obstacle(machine, node)
        or _tear_down(machine, node)
        or _clean(machine, node, require_clean=require_clean)
        or _clear(machine, node.before(heirs))
    )
    if step is None and barrier is Barrier.SHUT:
        return Ask()
    return step or _restore(machine, node, heirs)


def _owner(lease: Lease, lenders: Sequence[Lease]) -> str:
    """Who has to own the machine: the provider of the outermost lease."""
    return (lease, *lenders)[-1].owner_id


def _had(lenders: Sequence[Lease]) -> str | None:
    """Who has to be the machine's lessee before a hand-over."""
    return lenders[0].lessee_id if lenders else None


def _obstacle(machine: Machine, node: Node) -> Step | None:
    """What has to pass before anything can be done to the machine."""
    state = machine.provision_state
    of_lease = node.state is State.RETURNING and machine.fault in _FAULTS
    if machine.maintenance and (of_lease or (node.reset and _is_ours(machine))):
        return Act(Maintain(None))
    if machine.maintenance and state not in UNDEPLOYABLE:
        return Wait(f'In maintenance: {machine.maintenance_reason or machine.last_error}.')
    if state in ABORTABLE and node.state is State.RETURNING:
        return Act(Provision('abort'))
    if machine.busy is not None or state in MOVING or state == 'clean wait':
        return Wait(f'Ironic is at it: {machine.busy or state}.', moving=True)
    return None


def _tear_down(machine: Machine, node: Node) -> Step | None:
    """What the tenant left on the machine."""
    if machine.console:
        return Act(ConsoleOff())
    cleaned = node.state is not State.RETURNING and machine.provision_state == 'available'
    if not cleaned and (machine.left is None or machine.left.media):
        return Act(EjectMedia()) if machine.left else LookCloser()
    if machine.provision_state in UNDEPLOYABLE:
        return Act(Provision('deleted'), _cleaning(machine))
    cut = _disconnect(machine)
    if cut is not None:
        return cut
    if machine.provision_state in MANAGEABLE:
        return Act(Provision('manage'), State.RETURNING)
    return None


def _disconnect(machine: Machine) -> Step | None:
    """Take it off every tenant's network: what cleans it is not for them."""
    if machine.vifs:
        return Act(DetachVif(machine.vifs[0]))
    bound = () if machine.ports is None else machine.ports.of_tenants
    return Act(Unbind(bound[0])) if bound else None


def _cleaning(machine: Machine) -> State | None:
    """Only a node that Ironic cleans counts as cleaned, also if that is switched on later."""
    return State.CLEANING if machine.cleans else None


def _clean(machine: Machine, node: Node, *, require_clean: bool) -> Step | None:
    """Nothing is deployed and nothing attached: power off, and clean."""
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
    return None


def _provide(machine: Machine) -> Step:
    return Act(Provision('provide'), _cleaning(machine))


def _clean_retired(machine: Machine, node: Node) -> Step | None:
    """Ironic leaves a retired node manageable after its cleaning, and cleans none that is."""
    if node.state not in {State.CLEANING, State.GATING}:
        return Wait('The node is retired, and Ironic cleans no retired node.')
    return None if machine.power_state in _OFF else Act(PowerOff())


def _clear(machine: Machine, before: Mapping[str, Any]) -> Step | None:
    """The node is clean and off: remove what is left beside its fields."""
    if machine.left is None or machine.ports is None:
        return LookCloser()
    if _bound(machine):
        return Act(Unbind(_bound(machine)[0]))
    removal = machine.left.removal(before.get(VOLUMES, {}))
    if isinstance(removal, RemoveVolume) and machine.power_state is None:
        return Act(PowerOff())  # they go only from a node that Ironic knows to be off
    if removal is not None:
        return Act(removal)
    traits = machine.fields.get('traits')
    if before.get('traits', traits) != traits:
        return Act(SetTraits(tuple(before['traits'])))
    return _sighted(machine)


def _bound(machine: Machine) -> tuple[str, ...]:
    return () if machine.ports is None else machine.ports.bound


def _sighted(machine: Machine) -> Step | None:
    """What is missing to know which ports lead to the machine."""
    if machine.ports is None:
        return LookCloser(left=False)
    return None if machine.ports.unseen is None else Wait(machine.ports.unseen)


def _restore(machine: Machine, node: Node, heirs: Sequence[Lease]) -> Step:
    """The node is clean: let it be what it was, and nobody's if no heir waits for it."""
    before = node.before(heirs)
    values: dict[str, object] = {
        name: before[name]
        for name in PATCHED
        if name in before and machine.fields.get(name) != before[name]
    }
    if machine.instance_info:
        values['instance_info'] = None
    if machine.instance is not None:
        values['instance_uuid'] = None  # and the allocation that the tenant had made
    if machine.lease_label is not None and 'properties' not in values:  # which are without it
        values[LABEL] = None
    if not heirs:
        values[LESSEE] = None
    return Act(Patch(values)) if values else Done()


def confine(machine: Machine, reason: str) -> Step:
    """Decide the next step of keeping a rejected machine from everybody: it is in maintenance."""
    return Done() if machine.maintenance else Act(Maintain(f'{_REJECTED}{reason}'))


def _is_ours(machine: Machine) -> bool:
    return (machine.maintenance_reason or '').startswith(_REJECTED)


def is_back(machine: Machine) -> bool:
    """Tell whether a lost node was put in order by its owner: nobody's, idle and unlabelled."""
    return (
        machine.lessee is None
        and machine.lease_label is None
        and machine.provision_state == 'available'
    )
