"""Taking a machine from a lessee and returning it, step by step."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.cause import Cause
from esi_leap.core.handover.back import give_back, take
from esi_leap.core.handover.give import GONE, hand_over
from esi_leap.core.handover.leftovers import BootAsUsual, EjectMedia, Leftovers, RemoveVolume
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.network import Attachments, Unbind
from esi_leap.core.handover.steps import (
    Act,
    DetachVif,
    EndLease,
    FreeNode,
    LeaveNode,
    LookCloser,
    LoseNode,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    RefuseNode,
    RetryLater,
    SetTraits,
    Step,
)
from esi_leap.core.node import Node, State
from esi_leap.core.retry import Pace
from tests.unit.core.given import (
    HOLDING,
    STRANGER,
    TENANT,
    a_machine,
    a_node,
    at,
)
from tests.unit.core.metal import (
    FIELDS,
    FOREIGN,
    LOCKED,
    MINE,
    RAMDISK,
    STATES,
    VERBS,
    Metal,
    metals,
)

from .given import (
    AWAY,
    BEFORE,
    FOR_GUEST,
    FROM_GUEST,
    GUEST,
    HELD,
    INNER,
    LEASE,
    LEFT,
    OUTER,
    RETURNING,
    UNSEEN,
    with_tenant,
)

choices = st.lists(st.integers(0, 3), max_size=8)
crashes = st.lists(st.booleans(), max_size=8)


def by_hand(metal: Metal) -> None:
    """A person puts right what cleaning left."""
    metal.set(maintenance=False, fault=None)


class Walk:
    """Step after step: verbs done, Ironic moving, and crashes before what was done is written."""

    def __init__(self, metal: Metal, node: Node, ways: list[int], crashing: list[bool]) -> None:
        self.metal = metal
        self.node = node
        self._ways = iter(ways)
        self._crashing = iter(crashing)

    def follow(self, step: Step) -> bool:
        """Do a step; tell whether it was the last."""
        if isinstance(step, Act):
            self.metal.do(step.verb)
            if step.state is not None and not next(self._crashing, False):
                self.node = self.node.to(step.state)
        elif isinstance(step, RetryLater):
            assert step.reason
            if self.metal.state == 'clean hold':  # a person has to let the cleaning go on
                self.metal.enter(VERBS['clean hold', 'unhold'])
            elif step.pace is Pace.MOVING:
                self.metal.tick(next(self._ways, 0))
            else:
                assert self.metal.machine.maintenance, step.reason
                by_hand(self.metal)
        return not isinstance(step, Act | RetryLater)

    def take(self) -> None:
        for _ in range(60):
            step = take(self.metal.machine, HELD, LEASE, (), HOLDING)
            if self.follow(step):
                assert step == EndLease()
                return
        pytest.fail(f'never taken: {self.metal}')

    def give_back(self) -> None:
        for _ in range(100):
            step = give_back(self.metal.machine, self.node, (), HOLDING, require_clean=False)
            if self.follow(step):
                assert step == FreeNode()
                self.node = self.node.freed((), at(1))
                return
        pytest.fail(f'never back: {self.metal}')


@given(metals(lessee=TENANT, label='a'), choices, crashes)
def test_a_tenant_loses_the_node_whatever_the_lessee_does_with_it(
    metal: Metal, ways: list[int], crashing: list[bool]
) -> None:
    walk = Walk(metal, BEFORE, ways, crashing)
    walk.take()
    assert metal.machine.lessee == HOLDING
    assert not metal.machine.fields['protected']
    assert metal.machine.lease_label == 'a'
    assert take(metal.machine, HELD, LEASE, (), HOLDING) == EndLease()


def test_a_tenant_whose_inspection_waits_loses_the_node_before_it_is_aborted() -> None:
    """Ironic takes the PATCH then, and not every driver can abort an inspection."""
    waits = a_machine(lessee=TENANT, lease_label='a', provision_state='inspect wait')
    assert take(waits, HELD, LEASE, (), HOLDING) == Act(Patch({LESSEE: HOLDING}))
    locked = replace(waits, busy='on its way', provision_state='wait call-back')
    assert take(locked, HELD, LEASE, (), HOLDING) == Act(Provision('abort'))


@given(metals(lessee=STRANGER, label='a'), st.sampled_from([None, 'a', 'b']))
def test_a_foreign_lessee_keeps_the_node(metal: Metal, label: str | None) -> None:
    machine = replace(metal.machine, lease_label=label)
    assert isinstance(take(machine, HELD, LEASE, (), HOLDING), LoseNode)
    assert isinstance(hand_over(machine, LEASE, (), HOLDING), RefuseNode)
    for state in (State.RETURNING, State.CLEANING):
        node = a_node(state=state, lease='a', remembered=(FIELDS,))
        assert isinstance(give_back(machine, node, (), HOLDING, require_clean=True), LoseNode)


@pytest.mark.parametrize('state', STATES)
def test_a_node_whose_lessee_was_cleared_is_cleaned_only_if_it_is_idle(state: str) -> None:
    step = take(a_machine(provision_state=state), HELD, LEASE, (), HOLDING)
    if state in {'available', 'manageable', 'enroll'}:
        assert step == Act(Patch({LESSEE: HOLDING}))
    else:
        assert isinstance(step, LoseNode)


def test_a_lease_that_loses_its_node_says_what_was_done_to_the_lessee() -> None:
    for machine, said in (
        (a_machine(provision_state='active'), 'cleared'),
        (a_machine(lessee=STRANGER), 'changed'),
    ):
        step = take(machine, HELD, LEASE, (), HOLDING)
        assert isinstance(step, LoseNode)
        assert str(step.reason) == (
            f"The node's lessee was {said} outside this service; it was left as found."
        )
    assert take(None, HELD, LEASE, (), HOLDING) == LoseNode(GONE)
    assert give_back(None, RETURNING, (), HOLDING, require_clean=True) == LoseNode(GONE)


@given(metals(lessee=TENANT, label='a'), choices, crashes)
def test_a_node_comes_back_from_every_state_as_it_was(
    metal: Metal, ways: list[int], crashing: list[bool]
) -> None:
    walk = Walk(metal, RETURNING, ways, crashing)
    walk.take()
    walk.give_back()
    assert metal.machine == a_machine(
        fields=FIELDS,
        cleans=metal.machine.cleans,
        maintenance_reason=metal.machine.maintenance_reason,
        power_state=metal.machine.power_state,
    )
    assert metal.machine.power_state != 'power on'  # or nobody can tell
    assert not metal.deployed
    assert not metal.traces or not metal.machine.cleans
    assert walk.node == a_node()


@pytest.mark.parametrize('state', STATES)
def test_a_node_comes_back_from(state: str) -> None:
    machine = a_machine(
        lessee=TENANT,
        lease_label='a',
        provision_state=state,
        busy='on its way' if state in LOCKED else None,
        fields={**FIELDS, 'extra': {}, 'protected': True, 'properties': {'cpus': 1, 'a': 2}},
        console=True,
        left=Leftovers(media=True, volumes={'targets/mine': 'now'}, boots=True),
        instance='i1',
        vifs=('v1', 'v2'),
        power_state='power on',
        instance_info=True,
    )
    metal = Metal(machine, traces=frozenset({TENANT}))
    walk = Walk(metal, RETURNING, [], [])
    walk.take()
    walk.give_back()
    assert metal.machine == a_machine(fields=FIELDS)
    assert not metal.traces


@given(metals(lessee=HOLDING, label='a'), st.sampled_from([State.RETURNING, State.CLEANING]))
def test_every_verb_is_repeated_until_its_work_is_seen(metal: Metal, state: State) -> None:
    node = a_node(state=state, lease='a', remembered=(FIELDS,))
    step = give_back(metal.machine, node, (), HOLDING, require_clean=False)
    assert give_back(metal.machine, node, (), HOLDING, require_clean=False) == step
    if isinstance(step, Act) and not metal.machine.fields['protected']:
        metal.do(step.verb)
        again = give_back(metal.machine, node, (), HOLDING, require_clean=False)
        assert again != step


@pytest.mark.parametrize('busy', [None, 'on its way'])
def test_the_cleaning_of_a_return_is_waited_for_and_that_of_a_tenant_is_not(
    busy: str | None,
) -> None:
    machine = a_machine(lessee=HOLDING, provision_state='clean wait', busy=busy)
    cleaning = a_node(state=State.CLEANING, lease='a', remembered=(FIELDS,))
    step = give_back(machine, cleaning, (), HOLDING, require_clean=True)
    assert isinstance(step, RetryLater)
    assert step.pace is Pace.MOVING
    step = give_back(machine, RETURNING, (), HOLDING, require_clean=True)
    assert step == Act(Provision('abort'))


def test_what_is_left_beside_the_fields_is_looked_for_when_it_matters() -> None:
    blind = a_machine(lessee=HOLDING, left=None)
    for state in (State.RETURNING, State.CLEANING):
        node = replace(RETURNING, state=state)
        assert give_back(blind, node, (), HOLDING, require_clean=True) == LookCloser()
    moving = replace(blind, provision_state='cleaning', busy='cleaning')
    assert isinstance(give_back(moving, RETURNING, (), HOLDING, require_clean=True), RetryLater)
    assert hand_over(replace(blind, lessee=None), LEASE, (), HOLDING) == Act(
        Patch({LESSEE: HOLDING})
    )


def test_media_go_before_the_tear_down_and_volumes_after_it() -> None:
    left = Leftovers(media=True, volumes={'targets/mine': 'now'}, boots=True)
    machine = a_machine(
        lessee=HOLDING, lease_label='a', fields=FIELDS, provision_state='active', left=left
    )
    metal, node, done = Metal(machine, deployed=True), RETURNING, []
    while (step := give_back(metal.machine, node, (), HOLDING, require_clean=True)) != FreeNode():
        if isinstance(step, Act):
            metal.do(step.verb)
            node = node.to(step.state or node.state)
            done.append(step.verb)
        else:
            metal.tick()
    assert done == [
        EjectMedia(),
        Provision('deleted'),
        RemoveVolume('targets/mine'),
        BootAsUsual(),
        Patch({LABEL: None, LESSEE: None}),
    ]


def test_ports_of_tenants_are_unbound_before_the_cleaning_and_every_one_before_its_end() -> None:
    ports = Attachments((RAMDISK, MINE, FOREIGN))
    metal = Metal(a_machine(lessee=HOLDING, fields=FIELDS, vifs=('v1',), attachments=ports))
    node, done = RETURNING, []
    while (step := give_back(metal.machine, node, (), HOLDING, require_clean=True)) != FreeNode():
        if isinstance(step, Act):
            metal.do(step.verb)
            node = node.to(step.state or node.state)
            done.append(step.verb)
        else:
            metal.tick()
    assert done == [
        DetachVif('v1'),
        Unbind(MINE.id),
        Unbind(FOREIGN.id),
        Provision('manage'),
        Provision('provide'),
        Unbind(RAMDISK.id),
        Patch({LESSEE: None}),
    ]


def test_a_node_is_torn_down_and_cleaned_and_waits_then_while_neutron_is_away() -> None:
    away = UNSEEN
    machine = a_machine(lessee=HOLDING, fields=FIELDS, provision_state='active', attachments=away)
    metal, node = Metal(machine, deployed=True), RETURNING
    while (step := give_back(metal.machine, node, (), HOLDING, require_clean=True)) != RetryLater(
        AWAY
    ):
        if isinstance(step, Act):
            metal.do(step.verb)
            node = node.to(step.state or node.state)
        else:
            metal.tick()
    assert (metal.state, metal.traces, metal.machine.lessee) == ('available', frozenset(), HOLDING)
    metal.set(attachments=None)
    assert give_back(metal.machine, node, (), HOLDING, require_clean=True) == LookCloser()
    metal.set(attachments=Attachments())
    step = give_back(metal.machine, node, (), HOLDING, require_clean=True)
    assert step == Act(Patch({LESSEE: None}))


def test_a_tenant_loses_the_node_while_neutron_is_away() -> None:
    for ports in (None, UNSEEN):
        machine = a_machine(lessee=TENANT, lease_label='a', attachments=ports)
        assert take(machine, HELD, LEASE, (), HOLDING) == Act(Patch({LESSEE: HOLDING}))


def test_return_keeps_unchanged_volumes_of_the_owner() -> None:
    volumes = {'connectors/1': 'long ago', 'connectors/2': 'long ago'}
    node = replace(RETURNING, state=State.CLEANING, remembered=({**FIELDS, 'volumes': volumes},))
    machine = a_machine(lessee=HOLDING, fields=FIELDS, left=Leftovers(volumes=volumes))
    step = give_back(machine, node, (), HOLDING, require_clean=True)
    assert step == Act(Patch({LESSEE: None}))
    touched = Leftovers(volumes={**volumes, 'connectors/2': 'now'})
    step = give_back(replace(machine, left=touched), node, (), HOLDING, require_clean=True)
    assert step == Act(RemoveVolume('connectors/2'))


def test_a_volume_goes_from_a_node_whose_power_nobody_knows_when_it_is_switched_off() -> None:
    node = replace(RETURNING, state=State.CLEANING)
    left = Leftovers(volumes={'connectors/mine': 'now'})
    machine = a_machine(lessee=HOLDING, fields=FIELDS, left=left, power_state=None)
    step = give_back(machine, node, (), HOLDING, require_clean=True)
    assert step == Act(PowerOff())
    step = give_back(
        replace(machine, power_state='power off'), node, (), HOLDING, require_clean=True
    )
    assert step == Act(RemoveVolume('connectors/mine'))


def test_traits_and_properties_come_back_before_the_node_is_anybodys() -> None:
    fields = {**FIELDS, 'traits': ['CUSTOM_MINE'], 'properties': {'cpus': 1, 'mine': 2}}
    machine = a_machine(lessee=HOLDING, lease_label='a', fields=fields, instance='i1')
    node = replace(RETURNING, state=State.CLEANING)
    step = give_back(machine, node, (), HOLDING, require_clean=True)
    assert step == Act(SetTraits(('CUSTOM_FAST',)))
    machine = replace(machine, fields={**fields, 'traits': ['CUSTOM_FAST']})
    step = give_back(machine, node, (), HOLDING, require_clean=True)
    assert step == Act(
        Patch(
            {
                'properties': {'cpus': 16},  # without the label
                'instance_uuid': None,
                LESSEE: None,
            }
        )
    )


def uncleanable(**values: object) -> Machine:
    return a_machine(lessee=HOLDING, lease_label='a', fields=FIELDS, cleans=False, **values)


@pytest.mark.parametrize('state', [State.RETURNING, State.CLEANING])
def test_a_node_that_is_not_cleaned_is_handed_on_only_if_that_is_allowed(state: State) -> None:
    node = a_node(state=state, lease='a', remembered=(FIELDS,))
    step = give_back(uncleanable(), node, (), HOLDING, require_clean=True)
    assert isinstance(step, RetryLater)
    assert step.reason.cause is Cause.CLEANING_OFF
    assert 'automated_clean' in str(step.reason)
    assert step.pace is Pace.OBSTRUCTED
    step = give_back(uncleanable(), node, (), HOLDING, require_clean=False)
    assert step == Act(Patch({LABEL: None, LESSEE: None}))


def test_a_node_whose_cleaning_is_switched_on_again_is_cleaned() -> None:
    metal = Metal(
        uncleanable(provision_state='active', busy=None), deployed=True, traces=frozenset({TENANT})
    )
    node = RETURNING
    for _ in range(20):
        step = give_back(metal.machine, node, (), HOLDING, require_clean=True)
        if isinstance(step, Act):
            metal.do(step.verb)
            node = node.to(step.state or node.state)
        elif isinstance(step, RetryLater) and step.pace is Pace.MOVING:
            metal.tick()
        elif isinstance(step, RetryLater):
            metal.set(cleans=True)
        else:
            break
    assert step == FreeNode()
    assert not metal.traces


def test_what_nobody_remembered_is_not_restored() -> None:
    machine = a_machine(lessee=HOLDING, fields={'extra': {'mine': True}})
    node = a_node(state=State.CLEANING, lease='a', remembered=())
    assert give_back(machine, node, (), HOLDING, require_clean=True) == Act(Patch({LESSEE: None}))


@pytest.mark.parametrize('state', STATES)
def test_a_node_in_maintenance_is_torn_down_but_not_cleaned(state: str) -> None:
    machine = a_machine(
        lessee=HOLDING, lease_label='a', provision_state=state, maintenance=True, last_error='a fan'
    )
    step = give_back(machine, RETURNING, (), HOLDING, require_clean=True)
    if step == Act(Provision('deleted'), State.CLEANING):
        assert Metal(machine, deployed=True).state not in {'available', 'manageable', 'enroll'}
    else:
        assert isinstance(step, RetryLater)
        assert (step.pace, step.reason.cause) == (Pace.OBSTRUCTED, Cause.NODE_MAINTENANCE)
        assert str(step.reason) == 'The node is in maintenance: a fan.'


@pytest.mark.parametrize('fault', ['clean failure', 'rescue abort failure', 'service failure'])
def test_a_tenant_cannot_keep_a_node_back_by_work_that_fails(fault: str) -> None:
    machine = a_machine(
        lessee=HOLDING, provision_state='clean failed', maintenance=True, fault=fault
    )
    step = give_back(machine, RETURNING, (), HOLDING, require_clean=True)
    assert step == Act(Maintain(None))
    ours = replace(RETURNING, state=State.CLEANING)
    assert isinstance(give_back(machine, ours, (), HOLDING, require_clean=True), RetryLater)
    by_hand = replace(machine, fault=None)
    assert isinstance(give_back(by_hand, RETURNING, (), HOLDING, require_clean=True), RetryLater)


def test_a_hand_over_to_a_guest_of_which_nothing_was_done_is_not_torn_down() -> None:
    for state in STATES:
        found = with_tenant(provision_state=state, vifs=('v1',))
        assert take(found, FOR_GUEST, INNER, [OUTER], HOLDING) == LeaveNode()
    begun = a_machine(lessee=HOLDING, lease_label='a')
    assert take(begun, FOR_GUEST, INNER, [OUTER], HOLDING) == EndLease()
    done = a_machine(lessee=GUEST, lease_label='in')
    assert take(done, FOR_GUEST, INNER, [OUTER], HOLDING) == Act(Patch({LESSEE: HOLDING}))


def test_a_lessee_who_is_also_the_guest_loses_the_inner_lease() -> None:
    own = replace(INNER, lessee_id=TENANT)
    has = a_machine(lessee=TENANT, lease_label='in')
    assert take(has, FOR_GUEST, own, [OUTER], HOLDING) == Act(Patch({LESSEE: HOLDING}))
    assert take(with_tenant(), FOR_GUEST, own, [OUTER], HOLDING) == LeaveNode()


def test_a_node_that_the_lender_took_from_the_guest_is_left_alone() -> None:
    given = replace(FOR_GUEST, state=State.HANDED_OVER)
    assert isinstance(take(with_tenant(), given, INNER, [OUTER], HOLDING), LoseNode)


def test_a_node_for_an_heir_stays_with_the_holding_project_and_is_as_the_heir_left_it() -> None:
    machine = a_machine(
        lessee=HOLDING, lease_label='in', fields={**FIELDS, 'description': 'x'}, instance_info=True
    )
    step = give_back(machine, FROM_GUEST, [OUTER], HOLDING, require_clean=True)
    assert step == Act(
        Patch(
            {
                'extra': LEFT['extra'],
                'description': LEFT['description'],
                'instance_info': None,
                LABEL: None,
            }
        )
    )
    ready = a_machine(lessee=HOLDING, fields=LEFT)
    assert give_back(ready, FROM_GUEST, [OUTER], HOLDING, require_clean=True) == FreeNode()
    nobodys = give_back(ready, FROM_GUEST, [], HOLDING, require_clean=True)
    assert nobodys == Act(Patch({'extra': FIELDS['extra'], LESSEE: None}))
