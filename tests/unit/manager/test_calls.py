"""Calls under a claim: none is begun that the claim may not outlast."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from esi_leap.core.duty.rules import Rules
from esi_leap.manager.calls import Calls, OutOfTimeError
from esi_leap.manager.work import work_on
from tests.unit.core.given import HOLDING, a_lease, a_node, at
from tests.unit.core.metal import Metal
from tests.unit.manager.memory import Memory, OneMachine, Silent


@dataclass
class Claimed(Memory):
    """The rows of one node, and whether its claim was given back."""

    released: list[str] = field(default_factory=list)

    def claim(self, *_: object) -> bool:
        return True

    def release(self, _: int, claim: str) -> None:
        self.released.append(claim)


def deps(seconds: list[float]) -> Any:  # noqa: ANN401 - the part of the manager's world that is used
    clock = chain(seconds, repeat(seconds[-1]))
    lease = a_lease()
    return SimpleNamespace(
        agenda=Claimed(node=a_node(), now=at(12), bookings={lease.uuid: lease}),
        fleet={'ironic_node': OneMachine(Metal())},
        meter=Silent(),
        now=lambda: at(12),
        monotonic=lambda: next(clock),
        new_uuid=lambda: 'claim',
        settings=SimpleNamespace(claim_time=30, call_time=20),
        rules=Rules(holding_project=HOLDING),
        gate=None,
    )


@pytest.mark.parametrize(('now', 'begun'), [(9.9, True), (10.0, False), (11.0, False)])
def test_call_is_begun_before_the_last_instant_only(now: float, begun: bool) -> None:  # noqa: FBT001
    calls = Calls(deps([now]), until=10.0)
    with nullcontext() if begun else pytest.raises(OutOfTimeError):
        assert calls.call(lambda: 'answer') == 'answer'


def test_no_call_is_begun_that_may_last_longer_than_the_claim() -> None:
    """The claim lasts for 30 s, a call for 20 s: after 10 s the rest needs another claim."""
    world = deps([0.0, 10.0])
    with pytest.raises(OutOfTimeError):
        work_on(world, 1, lambda: False)
    assert world.agenda.released == ['claim']
