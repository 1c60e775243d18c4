"""Calls to other services under a claim on one node: none is begun that the claim may not outlast.

A call ends with its result or with the reason to try again later. A machine that its service does
not have any more is no error: it is None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.errors import LeapError, NodeBusyError, NodeNotFoundError, UnavailableError
from esi_leap.core.handover.machine import VOLUMES, Machine
from esi_leap.core.handover.steps import (
    Act,
    BeginHandOver,
    EnterState,
    Look,
    LookCloser,
    Outcome,
    ReadVolumes,
    RetryLater,
    Step,
)
from esi_leap.core.node import Node
from esi_leap.core.ports.cloud import Nodes
from esi_leap.core.retry import Pace
from esi_leap.manager.deps import Deps

_Result = TypeVar('_Result')

#: Looks of one task without a pause; a node that needs more goes in circles.
_MOST_LOOKS = 24


class OutOfTimeError(Exception):
    """The claim is too short for another call; the rest is done under the next one."""

    def __str__(self) -> str:
        return self.__doc__ or ''


class _Gone(Exception):  # noqa: N818 - it never leaves this module
    """The service does not have the machine any more."""


class _Later(Exception):  # noqa: N818 - it never leaves this module
    """The service cannot be used now."""

    def __init__(self, outcome: RetryLater) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Sighted:
    """A machine as it was seen last, and when its service was asked."""

    resource_type: str
    machine: Machine
    asked_at: datetime


class Calls:
    """The calls for one node.

    Args:
        deps: the manager's world.
        until: when the last call must have begun, on the monotonic clock in seconds.
    """

    def __init__(self, deps: Deps, until: float) -> None:
        self._deps = deps
        self._until = until
        self.seen: Sighted | None = None

    def drive(self, node: Node, decide: Callable[[Machine | None], Step], look: Look) -> Outcome:
        """Look, decide and act, until a decision is an outcome or a service is in the way.

        Args:
            node: the node.
            decide: returns the next step for its machine; None if the machine is gone.
            look: how much of the machine is read at the first look.

        Raises:
            OutOfTimeError: the claim may not outlast the next call.
        """
        try:
            return self._drive(node, decide, look)
        except _Later as later:
            return later.outcome

    def _drive(self, node: Node, decide: Callable[[Machine | None], Step], look: Look) -> Outcome:
        nodes = self._nodes(node)
        for _ in range(_MOST_LOOKS):
            machine = self._look(node, nodes, look)
            step = decide(machine)
            look = step.look if isinstance(step, LookCloser) else Look.FIELDS
            if isinstance(step, LookCloser):
                continue
            if machine is None or not isinstance(step, Act | ReadVolumes):
                return _outcome(step)
            try:
                if isinstance(step, ReadVolumes):
                    volumes = self.call(partial(nodes.volumes, machine.uuid))
                    return BeginHandOver({**machine.fields, VOLUMES: volumes})
                self.call(partial(nodes.do, machine, step.verb))
            except _Gone:
                return _outcome(decide(None))
            if step.state is not None:
                return EnterState(step.state)
        return RetryLater(Reason(Cause.NO_PROGRESS))

    def ask(self, question: Callable[[], _Result]) -> _Result | RetryLater:
        """Ask a service that has no machines, such as the gate; errors as `drive`."""
        try:
            return self.call(question)
        except _Later as later:
            return later.outcome

    def call(self, request: Callable[[], _Result]) -> _Result:
        """Make one request; its errors become the reason to try again later."""
        if self._deps.monotonic() >= self._until:
            raise OutOfTimeError
        try:
            return request()
        except NodeNotFoundError as error:
            self._deps.meter.failed(error.code)
            raise _Gone from error
        except NodeBusyError as error:
            raise self._later(error, Cause.SERVICE_REFUSED, Pace.OBSTRUCTED) from error
        except UnavailableError as error:
            raise self._later(error, Cause.SERVICE_UNAVAILABLE, Pace.UNAVAILABLE) from error

    def _later(self, error: LeapError, cause: Cause, pace: Pace) -> _Later:
        self._deps.meter.failed(error.code)
        return _Later(RetryLater(Reason(cause, error.message), pace))

    def _look(self, node: Node, nodes: Nodes, look: Look) -> Machine | None:
        asked_at, uuid = self._deps.now(), node.resource_uuid
        closely, ports = look is Look.LEFTOVERS, look is not Look.FIELDS
        try:
            machine = self.call(lambda: nodes.get(uuid, closely=closely, ports=ports))
        except _Gone:
            return None
        self.seen = Sighted(node.resource_type, machine, asked_at)
        return machine

    def _nodes(self, node: Node) -> Nodes:
        if node.resource_type not in self._deps.fleet:
            message = f'The resource type {node.resource_type} is not configured.'
            raise self._later(
                UnavailableError(message), Cause.SERVICE_UNAVAILABLE, Pace.UNAVAILABLE
            )
        return self._deps.fleet[node.resource_type]


def _outcome(step: Step) -> Outcome:
    """Return a step that is an outcome.

    Raises:
        TypeError: it needs a machine, and there is none: a defect of this service.
    """
    if isinstance(step, Act | LookCloser | ReadVolumes):
        raise TypeError(f'{step} without a machine')
    return step
