"""The verbs that are sent to a node, and the steps that decisions return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from esi_leap.core.handover.leftovers import Removal
from esi_leap.core.handover.network import Unbind
from esi_leap.core.node import State


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
