"""Giving a machine to a lessee, step by step."""

from dataclasses import replace

import pytest
from hypothesis import given

from esi_leap.core.handover.give import GONE, find_obstacle, hand_over, prepare
from esi_leap.core.handover.machine import LABEL, LESSEE
from esi_leap.core.handover.steps import (
    Act,
    ConsoleOff,
    Look,
    LookCloser,
    LoseNode,
    Patch,
    ReadVolumes,
    RefuseNode,
    RetryLater,
    StartLease,
)
from esi_leap.core.retry import Pace
from tests.unit.core.given import HOLDING, OWNER, TENANT, a_machine
from tests.unit.core.metal import Metal, metals

from .given import (
    AWAY,
    GUEST,
    INNER,
    LEASE,
    LEFT,
    OBSTACLES,
    OUTER,
    UNSEEN,
    with_tenant,
)

#: Written by hand: the sentences that operators read.
SENTENCES = {
    'owner': 'The node belongs to another owner now.',
    'foreign': 'The node has a lessee that this service did not set.',
    'reserved': 'The node is busy: conductor-1.',
    'maintenance': 'The node is in maintenance: a fan.',
    'retired': 'The node is retired.',
    'fault': 'The node has the fault power failure.',
    'instance': 'The node carries the instance or allocation i1.',
    'automatic': 'The node has a lessee set by a deployment (automatic_lessee).',
    'vifs': 'The node has virtual interfaces attached: v1.',
    'ports': 'The node has network ports bound to it: v1.',
    'active': 'The node is active, not available.',
    'deploying': 'The node is busy: on its way.',
}


@pytest.mark.parametrize('obstacle', OBSTACLES)
def test_obstacle_is_returned_as_reason_without_a_verb(obstacle: str) -> None:
    machine = a_machine(**OBSTACLES[obstacle])
    step = prepare(machine, LEASE, (), HOLDING)
    assert isinstance(step, RetryLater)
    assert step.pace is Pace.OBSTRUCTED
    assert str(step.reason) == SENTENCES.get(obstacle, str(step.reason))
    assert hand_over(machine, LEASE, (), HOLDING) == RefuseNode(step.reason)


def test_a_node_in_maintenance_without_a_reason_says_so() -> None:
    reason = find_obstacle(a_machine(maintenance=True), OWNER, {None})
    assert str(reason) == 'The node is in maintenance: no reason given.'


def test_a_node_that_is_gone_is_waited_for_and_a_hand_over_of_it_is_over() -> None:
    assert prepare(None, LEASE, (), HOLDING) == RetryLater(GONE)
    assert hand_over(None, LEASE, (), HOLDING) == LoseNode(GONE)


@pytest.mark.parametrize('obstacle', sorted(OBSTACLES.keys() - {'foreign'}))
def test_what_comes_in_the_way_of_a_hand_over_frees_the_node(obstacle: str) -> None:
    machine = a_machine(**{'lessee': HOLDING, **OBSTACLES[obstacle]})
    step = hand_over(machine, LEASE, (), HOLDING)
    if machine.busy:
        assert isinstance(step, RetryLater)
    else:
        assert step == Act(Patch({LESSEE: None}))


@given(metals(lessee=TENANT, label='of another lease'))
def test_a_node_that_is_still_with_the_same_tenant_is_foreign(metal: Metal) -> None:
    assert isinstance(hand_over(metal.machine, LEASE, (), HOLDING), RefuseNode)


def test_the_holding_project_has_the_node_first() -> None:
    metal = Metal()
    assert hand_over(metal.machine, LEASE, (), HOLDING) == Act(Patch({LESSEE: HOLDING}))
    metal.do(Patch({LESSEE: HOLDING}))
    step = hand_over(metal.machine, LEASE, (), HOLDING)
    assert step == Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
    metal.do(Patch({LESSEE: TENANT, LABEL: 'a'}))
    assert hand_over(metal.machine, LEASE, (), HOLDING) == StartLease()


def test_a_node_without_owner_in_ironic_can_be_handed_over() -> None:
    assert prepare(a_machine(owner=None), LEASE, (), HOLDING) == ReadVolumes()


def test_nobody_gets_a_node_before_its_ports_were_looked_at() -> None:
    for lessee in (None, HOLDING):  # once more when nobody else can attach anything any more
        machine = a_machine(lessee=lessee, attachments=None)
        assert hand_over(machine, LEASE, (), HOLDING) == LookCloser(Look.NETWORK)
        blind = replace(machine, attachments=UNSEEN)
        assert hand_over(blind, LEASE, (), HOLDING) == RetryLater(AWAY)


def test_a_guest_gets_the_node_from_the_lender_by_way_of_the_holding_project() -> None:
    metal = Metal(with_tenant(console=True), traces=frozenset({TENANT}))
    verbs = []
    while isinstance(step := hand_over(metal.machine, INNER, [OUTER], HOLDING), Act):
        verbs.append(step.verb)
        metal.do(step.verb)
    assert step == StartLease()
    assert verbs == [
        Patch({LESSEE: HOLDING}),
        ConsoleOff(),
        Patch({LESSEE: GUEST, LABEL: 'in'}),
    ]


@pytest.mark.parametrize('name', OBSTACLES)
def test_what_stands_against_a_hand_over_stands_against_one_to_a_guest(name: str) -> None:
    machine = replace(with_tenant(), **OBSTACLES[name])
    step = prepare(machine, INNER, [OUTER], HOLDING)
    assert isinstance(step, RetryLater)
    reason = step.reason
    assert hand_over(machine, INNER, [OUTER], HOLDING) == RefuseNode(reason)
    if name == 'foreign':
        return
    taken = replace(machine, lessee=HOLDING)
    undone = hand_over(taken, INNER, [OUTER], HOLDING)
    busy = taken.busy is not None
    assert undone == (RetryLater(reason) if busy else Act(Patch({LESSEE: TENANT})))


def test_a_node_whose_lessee_was_cleared_is_not_handed_to_a_guest() -> None:
    assert prepare(with_tenant(), INNER, [OUTER], HOLDING) == ReadVolumes()
    assert isinstance(prepare(a_machine(), INNER, [OUTER], HOLDING), RetryLater)


def test_an_heir_gets_it_as_anybody_does() -> None:
    ready = a_machine(lessee=HOLDING, fields=LEFT)
    assert hand_over(ready, OUTER, [], HOLDING) == Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
    assert hand_over(a_machine(), OUTER, [], HOLDING) == Act(Patch({LESSEE: HOLDING}))
    assert hand_over(with_tenant(), OUTER, [], HOLDING) == StartLease()


@pytest.mark.parametrize('name', OBSTACLES)
def test_what_is_in_the_way_of_an_heir_is_waited_for(name: str) -> None:
    machine = replace(a_machine(lessee=HOLDING), **OBSTACLES[name])
    step = hand_over(machine, OUTER, [], HOLDING)
    assert isinstance(step, RetryLater)
    assert (step.pace is Pace.MOVING) is (machine.busy is not None)
