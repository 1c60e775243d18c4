"""What a manager asks Ironic to change in the life of a lease, step by step, and how it fails.

A step fails once in a life, in a way in which it has not failed before.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, get_args, get_type_hints

from esi_leap.core.handover import steps
from esi_leap.core.handover.network import Unbind
from tests.sandbox.faulty import Fault, Request


class Step(NamedTuple):
    """A change that a manager asks Ironic for.

    Attributes:
        where: how far the lease is: a verb that comes at two points of it is two steps.
        method: of HTTP.
        verb: as `esi_leap.core.handover.steps` calls it.
    """

    where: str
    method: str
    verb: str

    def __str__(self) -> str:
        return f'{self.where}: {self.method} {self.verb}'


#: How far a lease is after so many changes of the node's lessee.
_WHERE = ('free', 'coming', 'lent', 'going', 'back')
#: The requests with which `esi_leap.cloud.ironic` carries a verb out.
_VERBS = {
    r'PATCH /nodes/[^/]+': 'Patch',
    r'PUT /nodes/[^/]+/states/power': 'PowerOff',
    r'PUT /nodes/[^/]+/states/console': 'ConsoleOff',
    r'(PUT|DELETE) /nodes/[^/]+/maintenance': 'Maintain',
    r'DELETE /nodes/[^/]+/vifs/.+': 'DetachVif',
    r'PUT /nodes/[^/]+/traits': 'SetTraits',
    r'DELETE /nodes/[^/]+/vmedia': 'EjectMedia',
    r'DELETE /volume/.+': 'RemoveVolume',
    r'PUT /nodes/[^/]+/management/boot_device': 'BootAsUsual',
}


def known() -> set[str]:
    """Return all verbs that a hand-over or a return may use; those of provisioning one by one.

    Ports are unbound in Neutron: tests/sandbox/test_networks.py.
    """
    others = {steps.Provision, Unbind}
    verbs = {each.__name__ for each in get_args(steps.Verb) if each not in others}
    return verbs | set(get_args(get_type_hints(steps.Provision)['target']))


def _verb(request: Request) -> str:
    if request.path.endswith('/states/provision') and isinstance(request.body, dict):
        return str(request.body['target'])
    said = f'{request.method} {request.path}'
    return next(verb for pattern, verb in _VERBS.items() if re.fullmatch(pattern, said))


class Table:
    """In which ways each step of each course has failed, over all lives.

    Args:
        ways: all of them.
        may: says whether something can fail in this way just now.

    Attributes:
        failed: the ways in which a step of a course has failed.
        used: how often each way was taken.
    """

    def __init__(self, ways: Sequence[str], may: Callable[[str], bool]) -> None:
        self.ways = ways
        self._may = may
        self._lock = threading.Lock()
        self.failed: dict[tuple[str, Step], set[str]] = defaultdict(set)
        self.used: Counter[str] = Counter()

    def choose(self, course: str, step: Step) -> str | None:
        """Return a way in which the step has not failed yet, that which is rarest so far."""
        with self._lock:
            failed = self.failed[course, step]
            left = [way for way in self.ways if way not in failed]
            for way in sorted(left, key=self.used.__getitem__):
                if self._may(way):
                    failed.add(way)
                    self.used[way] += 1
                    return way
            return None

    def missing(self, course: str, steps: Sequence[Step]) -> int:
        """Return how many ways are left in which steps of a course have not failed."""
        with self._lock:
            return sum(len(self.ways) - len(self.failed[course, step]) for step in steps)


class Life:
    """One lease of a node.

    Attributes:
        lessees: who was made the node's lessee, one after the other.
        steps: those that were seen, each once, in their order.
    """

    def __init__(
        self, course: str, node: str, table: Table | None, faults: Mapping[str, Fault]
    ) -> None:
        self.course = course
        self.node = node
        self._table = table
        self._faults = faults
        self._lock = threading.Lock()
        self.lessees: list[str | None] = []
        self.steps: list[Step] = []

    def meet(self, request: Request) -> Fault | None:
        """Say what goes wrong with a request: nothing, when the step has failed before."""
        with self._lock:
            step = self._step(request)
            if step in self.steps:
                return self._noted(request, Fault())
            self.steps.append(step)
        way = self._table.choose(self.course, step) if self._table else None
        return self._noted(request, self._faults[way] if way else Fault())

    def _step(self, request: Request) -> Step:
        done = len(self.lessees)
        if self.lessees and _lessee(request) == self.lessees[-1]:
            done -= 1  # once more
        return Step(_WHERE[min(done, 4)], request.method, _verb(request))

    def _noted(self, request: Request, fault: Fault) -> Fault:
        """Note a new lessee when Ironic is told; told again it is the same."""
        if (lessee := _lessee(request)) is _SAME:
            return fault

        def before() -> int | None:
            instead = fault.before()
            if instead is None and lessee not in self.lessees[-1:]:
                self.lessees.append(lessee)
            return instead

        return Fault(before, fault.after)


_SAME = 'the lessee stays'


def _lessee(request: Request) -> str | None:
    """Return whom a request makes the lessee."""
    if isinstance(request.body, list):
        for each in request.body:
            if each['path'] == '/lessee':
                return each.get('value')  # type: ignore[no-any-return] # JSON
    return _SAME
