"""The row of a node: who owns it, and how far its hand-over is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from esi_leap.core.gate import Answer, Barrier, Direction, Rules, Trial
from esi_leap.core.lease import Lease, in_a_row


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
