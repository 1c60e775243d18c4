"""The verbs that are sent to a node, and the steps that decisions return.

A decision returns one step at a time. `Act` and `LookCloser` lead to another look at the machine;
every other step ends the work on it for now. Those are the outcomes: the class of an outcome says
what happens next, and `core.duty.settle` writes it down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeAlias

from esi_leap.core.cause import Reason
from esi_leap.core.gate import Verdict
from esi_leap.core.handover.leftovers import Removal
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.network import Unbind
from esi_leap.core.node import State
from esi_leap.core.retry import Pace


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
    """Put the node in maintenance with this reason; None takes it out of maintenance."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class SetTraits:
    """Replace the traits of the node by these."""

    traits: tuple[str, ...]


Verb: TypeAlias = (
    Patch | Provision | PowerOff | ConsoleOff | DetachVif | Unbind | Maintain | SetTraits | Removal
)


@dataclass(frozen=True, slots=True)
class Act:
    """Send a verb, then look again; with it, the node enters `state`, if there is one."""

    verb: Verb
    state: State | None = None


class Look(Enum):
    """How much of a machine is read beside its fields."""

    FIELDS = 'nothing'
    NETWORK = 'its network attachments'
    LEFTOVERS = 'its network attachments, media, volumes and boot device'


@dataclass(frozen=True, slots=True)
class LookCloser:
    """Look again, and closer: also beside the fields of the machine."""

    look: Look = Look.LEFTOVERS


@dataclass(frozen=True, slots=True)
class ReadVolumes:
    """Read the volumes of the machine, which its owner may have, and begin the hand-over."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The step is not reached; try again after the back-off of its pace."""

    reason: Reason
    pace: Pace = Pace.OBSTRUCTED


@dataclass(frozen=True, slots=True)
class Fail:
    """The service made an error of this kind; a lease that waits is not tried without end."""

    error: str


@dataclass(frozen=True, slots=True)
class BeginHandOver:
    """The machine can be handed over; remember these fields and begin."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StartLease:
    """The lessee has the machine."""


@dataclass(frozen=True, slots=True)
class RefuseNode:
    """The machine cannot be handed over, and bears no trace of the attempt."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class EndLease:
    """The lessee has lost the machine; the return begins."""


@dataclass(frozen=True, slots=True)
class LeaveNode:
    """The machine bears no trace of the hand-over: its lender still has it."""


@dataclass(frozen=True, slots=True)
class LoseNode:
    """The machine was taken out of the hands of this service; it is left as found."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class EnterState:
    """A verb was sent with which the node enters another state."""

    state: State


@dataclass(frozen=True, slots=True)
class FreeNode:
    """The machine is clean, and as it was before it was lent."""


@dataclass(frozen=True, slots=True)
class AskGate:
    """Only the gate is in the way: bring the node to it, or ask its driver."""


@dataclass(frozen=True, slots=True)
class BeginAgain:
    """Another project had the machine while it stood at the gate: its trial is void."""


@dataclass(frozen=True, slots=True)
class NoteDrift:
    """The machine was changed outside this service; None if it is as it was set."""

    reason: Reason | None


@dataclass(frozen=True, slots=True)
class BeginReturn:
    """The machine was taken from a project without a lease; it is returned next."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The rejected machine is in maintenance."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The machine of an inherited node was seen; None if its service does not have it any more."""

    machine: Machine | None


Outcome: TypeAlias = (
    RetryLater
    | Fail
    | BeginHandOver
    | StartLease
    | RefuseNode
    | EndLease
    | LeaveNode
    | LoseNode
    | EnterState
    | FreeNode
    | AskGate
    | BeginAgain
    | NoteDrift
    | BeginReturn
    | Confined
    | Recognised
    | Verdict
)
Step: TypeAlias = Act | LookCloser | ReadVolumes | Outcome
