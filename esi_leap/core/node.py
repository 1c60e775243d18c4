"""The row of a node: its owner, and how far its hand-over or its return is.

===========  ==================================================  ==================================
state        meaning                                             what follows
===========  ==================================================  ==================================
available    clean, and leased to no project                     preparing
preparing    the holding project is, or becomes, its lessee      gating, handed over
gating       a driver of the gate judges it                      handed over, available, rejected
handed over  the lessee has it                                   returning, preparing (sub-lease)
returning    the holding project has it; it is torn down         cleaning
cleaning     Ironic cleans it                                    gating, available, preparing
rejected     the gate rejected it; it stays in maintenance       returning, after a reset
lost         it was taken from this service                      available, once it is in order
===========  ==================================================  ==================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from esi_leap.core.cause import Reason
from esi_leap.core.gate import Answer, Barrier, Direction, Rules, Trial
from esi_leap.core.lease import Lease, count_attempts


class State(StrEnum):
    """How far the hand-over or the return of a node is."""

    AVAILABLE = 'available'
    PREPARING = 'preparing'
    GATING = 'gating'
    HANDED_OVER = 'handed over'
    RETURNING = 'returning'
    CLEANING = 'cleaning'
    REJECTED = 'rejected'
    LOST = 'lost'


#: States of a node that its owner, or its lessee, can use.
USABLE = frozenset({State.AVAILABLE, State.HANDED_OVER})

TRANSITIONS: Mapping[State, frozenset[State]] = {
    # RETURNING: a project had it without a lease.
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
    # RETURNING: it showed up again, still with the lessee of the lease that has ended.
    State.LOST: frozenset({State.AVAILABLE, State.PREPARING, State.RETURNING}),
}

#: The beginning of the maintenance reason that this service gives a rejected node in Ironic.
_MAINTENANCE = 'Rejected by the gate of the lease service: '


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The row of a node.

    Attributes:
        id: key of the row.
        resource_type: `ironic_node` or `dummy_node`.
        resource_uuid: uuid of the node in its own service.
        owner_id: project that owns it, empty if none does.
        lease: uuid of the lease that has, gets or had the node; None while it is available, and
            while it is not known to which lease of the existing service it belongs.
        reason: why its hand-over or its return does not go on.
        remembered: values of `REMEMBERED` and `VOLUMES` before each hand-over that was not undone:
            first the owner's, then those of the lessee who sub-lets.
        retry_at: when the manager looks at the node again.
        attempts: failed attempts of the current step in a row, with one cause.
        claim: uuid of the claim of the manager at work on it.
        trial: its present, or last, trial at the gate.
        maintenance_reason: text with which this service put the node in maintenance in Ironic; a
            maintenance with another text is somebody else's. None: this service did not.
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
    reason: Reason | None = None
    remembered: tuple[Mapping[str, Any], ...] = ()
    retry_at: datetime | None = None
    attempts: int = 0
    claim: str | None = None
    claimed_until: datetime | None = None
    trial: Trial | None = None
    maintenance_reason: str | None = None

    @property
    def uuid(self) -> str:
        """The uuid of the node in its own service."""
        return self.resource_uuid

    def is_with(self, lease: Lease) -> bool:
        """Tell whether the lease has, or is getting, the node, so that it has to be torn down."""
        return self.lease == lease.uuid and (self.state is State.HANDED_OVER or self.is_coming)

    @property
    def is_coming(self) -> bool:
        """Whether it is on its way to a lessee."""
        return self.state is State.PREPARING or self._is_gating(Direction.HAND_OVER)

    @property
    def is_going(self) -> bool:
        """Whether it is on its way back from a lessee."""
        returning = {State.RETURNING, State.CLEANING}
        return self.state in returning or self._is_gating(Direction.RETURN)

    def _is_gating(self, direction: Direction) -> bool:
        trial = self.trial
        return self.state is State.GATING and trial is not None and trial.direction is direction

    def barrier(self, rules: Rules | None, now: datetime) -> Barrier:
        """Return how the gate stands for the node; `rules` None means that there is no gate."""
        if rules is None:
            return Barrier.NONE
        if self.state is not State.GATING or self.trial is None:
            return Barrier.SHUT
        return Barrier.PASSED if self.trial.passed(rules, now) else Barrier.ASKED

    @property
    def is_retried(self) -> bool:
        """Whether the gate rejected it, and it is on its way to another trial."""
        trial = self.trial
        return self.is_going and trial is not None and trial.answer is Answer.REJECT

    @property
    def is_inherited(self) -> bool:
        """Whether the existing service had the node, and its lease is not recognised yet."""
        return self.state is State.HANDED_OVER and self.lease is None

    def recognised(self, lease: str | None, now: datetime) -> Node:
        """Return an inherited node with its lease; None makes it available.

        This is no transition: the life of the node under this service begins here.
        """
        state, look = (State.HANDED_OVER, now) if lease else (State.AVAILABLE, None)
        return replace(self, state=state, lease=lease, reason=None, retry_at=look, attempts=0)

    def to(self, state: State, reason: Reason | None = None, **changes: object) -> Node:
        """Return the node in another state.

        Raises:
            ValueError: `TRANSITIONS` has no such change: a defect of this service.
        """
        if state not in TRANSITIONS[self.state] and state is not self.state:
            raise ValueError(f'node {self.resource_uuid}: {self.state} -> {state}')
        fresh: dict[str, object] = {'retry_at': None, 'attempts': 0, **changes}
        return replace(self, state=state, reason=reason, **fresh)  # type: ignore[arg-type]

    def prepared(
        self, lease: Lease, lenders: Sequence[Lease], fields: Mapping[str, object]
    ) -> Node:
        """Return the node on its way to a lease; its present fields are remembered."""
        unknown = len(lenders) - len(self.remembered)  # of one that was taken over handed over
        remembered = (*self.remembered, *unknown * ({},), fields)
        return self.to(State.PREPARING, lease=lease.uuid, remembered=remembered)

    def gated(self, direction: Direction, now: datetime, retry_at: datetime | None) -> Node:
        """Return the node at the gate, before the first question to its driver."""
        trial = Trial(direction=direction, begun_at=now)
        return self.to(State.GATING, trial=trial, retry_at=retry_at)

    def rejected(self, reason: Reason, trial: Trial, now: datetime) -> Node:
        """Return the node that the gate rejected; it is put in maintenance next."""
        maintenance = f'{_MAINTENANCE}{trial.reason or reason}'
        return self.to(
            State.REJECTED, reason, trial=trial, retry_at=now, maintenance_reason=maintenance
        )

    def left(self, lenders: Sequence[Lease], retry_at: datetime) -> Node:
        """Return the node after a hand-over without success: with its lender, or available."""
        return self._with(lenders, State.HANDED_OVER, retry_at)

    def freed(self, heirs: Sequence[Lease], retry_at: datetime) -> Node:
        """Return the node that is back: on its way to the first heir, or available."""
        return self._with(heirs, State.PREPARING, retry_at)

    def before(self, heirs: Sequence[Lease]) -> Mapping[str, Any]:
        """Return the remembered fields that a return to these heirs restores; empty if none."""
        return next(iter(self.remembered[len(heirs) :]), {})

    def _with(self, heirs: Sequence[Lease], state: State, retry_at: datetime) -> Node:
        if not heirs:
            return self.to(State.AVAILABLE, lease=None, remembered=(), maintenance_reason=None)
        return self.to(
            state,
            lease=heirs[0].uuid,
            remembered=self.remembered[: len(heirs)],
            retry_at=retry_at,
            maintenance_reason=None,
        )

    def waiting(self, reason: Reason, retry_at: datetime) -> Node:
        """Return the node in the same state, one attempt later."""
        attempts = count_attempts(self, reason)
        return replace(self, reason=reason, retry_at=retry_at, attempts=attempts)
