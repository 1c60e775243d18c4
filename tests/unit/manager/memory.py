"""Doubles at the ports of the manager: a booking tree, a machine and a gate, all in memory.

The book completes and checks each change as the one of the database does, with the same code of the
core; the machine is the model of Ironic in `tests.unit.core.metal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from esi_leap.core import consequences, lease, offer
from esi_leap.core.change import Agree, Change, Note, Put, Tell, Turn
from esi_leap.core.consequences import Agreement
from esi_leap.core.contract import Contract
from esi_leap.core.gate import Verdict
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.steps import Look, Verb
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node
from esi_leap.core.ports.cloud import Question
from esi_leap.core.recall import Item, Recall
from esi_leap.core.tree import Booking, BookingTree
from tests.unit.core.metal import Metal


class Killed(BaseException):
    """The process of the manager ended here."""


class Forbidden(BaseException):
    """The manager did what the model forbids."""


@dataclass
class Memory:
    """The rows of one node, and the book in which they are changed."""

    node: Node
    now: datetime
    bookings: dict[str, Booking] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    items: dict[str, tuple[Recall, Item]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    turned: Callable[[Node, Node], None] = lambda before, after: None

    @contextmanager
    def booking(self, node_id: int, now: datetime, claim: str | None = None) -> Iterator[Memory]:
        """Open the book; what is written inside is undone if it fails."""
        del node_id, now, claim
        kept = self.node, dict(self.bookings), dict(self.contracts), dict(self.items)
        try:
            yield self
        except BaseException:
            self.node, self.bookings, self.contracts, self.items = kept
            raise

    def tree(self, window: object = None) -> BookingTree:
        assert window is None
        return BookingTree(self.bookings.values())

    def lease(self, uuid: str) -> Lease:
        found = self.bookings[uuid]
        assert isinstance(found, Lease)
        return found

    def known(self, uuid: str) -> Booking | None:
        return self.bookings.get(uuid)

    def recalls(self) -> Sequence[tuple[Recall, Item]]:
        return list(self.items.values())

    def agreements(self, changed: Sequence[Lease]) -> Sequence[Agreement]:
        wanted = dict.fromkeys(each.contract for each in changed)
        return [
            Agreement(
                self.contracts[uuid],
                {
                    each.uuid: (each.status, each.window)
                    for each in self.bookings.values()
                    if isinstance(each, Lease) and each.contract == uuid
                },
            )
            for uuid in wanted
            if uuid in self.contracts
        ]

    def put(self, change: Change) -> Change:
        """Write a change with its consequences; what is over stays over."""
        complete = consequences.complete(change, self)
        for effect in complete:
            match effect:
                case Put(booking):
                    self._write(booking)
                case Agree(contract):
                    self.contracts[contract.uuid] = contract
                case Turn(node):
                    self.turned(self.node, node)
                    self.node = node
                case Note(recall, item):
                    self.items[recall.uuid] = recall, item
                case Tell(event):
                    self.told.append(event.type)
        return complete

    def _write(self, booking: Booking) -> None:
        before = self.bookings.get(booking.uuid)
        if before is not None:
            machine = lease if isinstance(booking, Lease) else offer
            allowed = {before.status} | machine.TRANSITIONS[before.status]  # type: ignore[index]
            assert before.blocks, 'what is over stays over'
            assert booking.status in allowed
        assert (booking.due_at is None) is (not booking.blocks)
        self.bookings[booking.uuid] = booking


@dataclass
class OneMachine:
    """The service of one machine, which may be killed after a verb, or fail before a call.

    Attributes:
        metal: the machine; None once its service does not have it any more.
        kills: whether the next verb is the last that the manager sends before it is killed.
        fails: error of the next call.
        sent: is told each verb before it is sent.
    """

    metal: Metal
    kills: bool = False
    fails: Exception | None = None
    sent: Callable[[Verb], None] = lambda verb: None

    def get(self, uuid: str, *, look: Look = Look.FIELDS) -> Machine:
        self._fail()
        assert uuid == self.metal.machine.uuid
        machine = self.metal.machine
        return replace(
            machine,
            left=machine.left if look is Look.LEFTOVERS else None,
            attachments=machine.attachments if look is not Look.FIELDS else None,
        )

    def volumes(self, uuid: str) -> Mapping[str, str]:
        self._fail()
        assert uuid == self.metal.machine.uuid
        return self.metal.machine.left.volumes if self.metal.machine.left else {}

    def do(self, machine: Machine, verb: Verb) -> None:
        self._fail()
        assert machine.uuid == self.metal.machine.uuid
        try:
            self.sent(verb)
            self.metal.do(verb)
        except AssertionError as error:
            raise Forbidden(f'{verb}: {error}') from error
        if self.kills:
            raise Killed

    def _fail(self) -> None:
        failure, self.fails = self.fails, None
        if failure is not None:
            raise failure


@dataclass
class Saying:
    """A gate that gives one verdict."""

    verdict: Verdict
    asked: Callable[[Question], None] = lambda question: None

    def ask(self, question: Question) -> Verdict:
        try:
            self.asked(question)
        except AssertionError as error:
            raise Forbidden(str(error)) from error
        return self.verdict


class Silent:
    """Meters that nobody reads."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *values: None
