"""Giving a machine to a lessee and taking it back: decisions one by one."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.gate import Direction
from esi_leap.core.handover.back import give_back, take
from esi_leap.core.handover.drift import drift, intruders, is_back, repair, seize, stray
from esi_leap.core.handover.give import hand_over, refusal
from esi_leap.core.handover.leftovers import BootAsUsual, EjectMedia, Leftovers, RemoveVolume
from esi_leap.core.handover.machine import LABEL, LESSEE, Machine
from esi_leap.core.handover.network import Attachments, Unbind
from esi_leap.core.handover.steps import (
    Act,
    ConsoleOff,
    DetachVif,
    Done,
    LookCloser,
    Lost,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    Refused,
    SetTraits,
    Untouched,
    Wait,
)
from esi_leap.core.lease import Status
from esi_leap.core.node import TRANSITIONS, Node, State

from .given import HOLDING, STRANGER, TENANT, a_lease, a_machine, a_node, at
from .metal import FIELDS, FOREIGN, LOCKED, MINE, RAMDISK, STATES, Metal, metals

LEASE = a_lease()
BEFORE = a_node(state=State.PREPARING, lease=LEASE.uuid, remembered=(FIELDS,))
HELD = a_node(state=State.HANDED_OVER, lease=LEASE.uuid, remembered=(FIELDS,))
RETURNING = a_node(state=State.RETURNING, lease=LEASE.uuid, remembered=(FIELDS,))

#: Written by hand: the table that the documentation promises.
DOCUMENTED = {
    'available': {'preparing', 'returning'},  # returning: it was with somebody without a lease
    'preparing': {'gating', 'handed over', 'returning', 'available', 'lost'},
    'gating': {
        'handed over',
        'preparing',  # the return has passed, for who sub-lets it; or what was proved is void
        'returning',  # the lease is over
        'cleaning',
        'available',  # the return has passed, or the hand-over comes to nothing
        'rejected',
        'lost',
    },
    'handed over': {'returning', 'preparing', 'lost'},  # preparing: for a sub-lease
    # preparing: for who sub-lets it
    'returning': {'cleaning', 'gating', 'available', 'preparing', 'lost'},
    # returning: back when cleaning failed, once more
    'cleaning': {'gating', 'available', 'returning', 'preparing', 'lost'},
    'rejected': {'returning'},  # an operator's reset
    'lost': {'available', 'preparing', 'returning'},  # returning: it showed up with its tenant
}

#: What stands against a hand-over, each alone.
OBSTACLES: Mapping[str, Mapping[str, object]] = {
    'owner': {'owner': STRANGER},
    'foreign': {'lessee': STRANGER},
    'reserved': {'busy': 'conductor-1'},
    'maintenance': {'maintenance': True, 'maintenance_reason': 'a fan'},
    'retired': {'retired': True},
    'fault': {'fault': 'power failure'},
    'instance': {'instance': 'i1'},
    'automatic': {'automatic_lessee': True},
    'vifs': {'vifs': ('v1',)},
    'ports': {'ports': Attachments((MINE,))},
    **{
        state: {'provision_state': state, 'busy': 'on its way' if state in LOCKED else None}
        for state in STATES
        if state != 'available'
    },
}

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

    def follow(self, step: Act | Wait | Done | Lost | Refused) -> bool:
        """Do a step; tell whether it was the last."""
        if isinstance(step, Act):
            self.metal.do(step.verb)
            if step.state is not None and not next(self._crashing, False):
                self.node = self.node.to(step.state)
        elif isinstance(step, Wait):
            assert step.reason
            if step.moving:
                self.metal.tick(next(self._ways, 0))
            else:
                assert self.metal.machine.maintenance, step.reason
                by_hand(self.metal)
        return not isinstance(step, Act | Wait)

    def take(self) -> None:
        for _ in range(60):
            step = take(self.metal.machine, HELD, LEASE, (), HOLDING)
            if self.follow(step):
                assert step == Done()
                return
        pytest.fail(f'never taken: {self.metal}')

    def give_back(self) -> None:
        for _ in range(100):
            step = give_back(self.metal.machine, self.node, (), HOLDING, require_clean=False)
            if self.follow(step):
                assert step == Done()
                self.node = self.node.freed((), at(1))
                return
        pytest.fail(f'never back: {self.metal}')


def test_the_machine_has_exactly_the_documented_transitions() -> None:
    assert {
        str(state): {str(each) for each in among} for state, among in TRANSITIONS.items()
    } == DOCUMENTED


@pytest.mark.parametrize('state', State)
@pytest.mark.parametrize('target', State)
def test_no_other_transition_can_be_made(state: State, target: State) -> None:
    node = a_node(state=state, lease='a', attempts=3, retry_at=at(1), remembered=(FIELDS,))
    if target in DOCUMENTED[state] or target is state:
        assert node.to(target, 'why') == a_node(
            state=target, lease='a', reason='why', remembered=(FIELDS,)
        )
    else:
        with pytest.raises(ValueError, match=f'node n1: {state} -> {target}'):
            node.to(target)


@pytest.mark.parametrize('state', State)
def test_every_state_leads_back_to_available(state: State) -> None:
    reached = {state}
    while more := set().union(*(TRANSITIONS[each] for each in reached)) - reached:
        reached |= more
    assert State.AVAILABLE in reached


@pytest.mark.parametrize('state', State)
def test_a_node_is_with_the_lease_that_gets_or_has_it(state: State) -> None:
    node = a_node(state=state, lease='a', trial=None)
    assert node.is_with(a_lease('a')) is (state in {'preparing', 'handed over'})
    assert not node.is_with(a_lease('b'))


def test_a_node_at_the_gate_is_with_a_lease_on_the_way_to_it_only() -> None:
    to, back = (BEFORE.gated(each, at(10), None) for each in Direction)
    assert (to.is_with(LEASE), to.is_coming, to.is_going) == (True, True, False)
    assert (back.is_with(LEASE), back.is_coming, back.is_going) == (False, False, True)


def test_a_freed_node_remembers_nothing() -> None:
    assert RETURNING.waiting('busy', at(1)).freed((), at(1)) == a_node()


def test_a_waiting_node_counts_the_tries() -> None:
    node = RETURNING.waiting('busy', at(1)).waiting('busy', at(2))
    assert (node.state, node.reason, node.retry_at) == ('returning', 'busy', at(2))
    assert node.attempts == 2
    assert node.waiting('locked', at(3)).attempts == 1


@pytest.mark.parametrize('obstacle', OBSTACLES)
def test_what_is_in_the_way_is_said_and_nothing_is_done(obstacle: str) -> None:
    machine = a_machine(**OBSTACLES[obstacle])
    reason = refusal(machine, LEASE, (), HOLDING)
    assert reason
    assert hand_over(machine, LEASE, (), HOLDING) == Refused(reason)


@pytest.mark.parametrize('obstacle', sorted(OBSTACLES.keys() - {'foreign'}))
def test_what_comes_in_the_way_of_a_hand_over_frees_the_node(obstacle: str) -> None:
    machine = a_machine(**{'lessee': HOLDING, **OBSTACLES[obstacle]})
    step = hand_over(machine, LEASE, (), HOLDING)
    if machine.busy:
        assert isinstance(step, Wait)
    else:
        assert step == Act(Patch({LESSEE: None}))


@given(metals(lessee=TENANT, label='of another lease'))
def test_a_node_that_is_still_with_the_same_tenant_is_foreign(metal: Metal) -> None:
    assert isinstance(hand_over(metal.machine, LEASE, (), HOLDING), Refused)


def test_the_holding_project_has_the_node_first() -> None:
    metal = Metal()
    assert hand_over(metal.machine, LEASE, (), HOLDING) == Act(Patch({LESSEE: HOLDING}))
    metal.do(Patch({LESSEE: HOLDING}))
    step = hand_over(metal.machine, LEASE, (), HOLDING)
    assert step == Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
    metal.do(Patch({LESSEE: TENANT, LABEL: 'a'}))
    assert hand_over(metal.machine, LEASE, (), HOLDING) == Done()


def test_a_node_without_owner_in_ironic_can_be_handed_over() -> None:
    assert refusal(a_machine(owner=None), LEASE, (), HOLDING) is None


@pytest.mark.parametrize(
    ('values', 'says'),
    [
        ({'lessee': TENANT}, None),
        ({'lessee': TENANT, 'owner': None}, None),
        ({'lessee': None}, 'cleared'),
        ({'lessee': STRANGER}, 'changed'),
        ({'lessee': HOLDING}, 'changed'),
        ({'lessee': TENANT, 'owner': STRANGER}, 'another owner'),
    ],
)
def test_drift(values: Mapping[str, object], says: str | None) -> None:
    found = drift(a_machine(**values), LEASE, ())
    assert found is None if says is None else found is not None and says in found


@given(metals(lessee=TENANT, label='a'), choices, crashes)
def test_a_tenant_loses_the_node_whatever_he_does_with_it(
    metal: Metal, ways: list[int], crashing: list[bool]
) -> None:
    walk = Walk(metal, BEFORE, ways, crashing)
    walk.take()
    assert metal.machine.lessee == HOLDING
    assert not metal.machine.fields['protected']
    assert metal.machine.lease_label == 'a'
    assert take(metal.machine, HELD, LEASE, (), HOLDING) == Done()


def test_a_tenant_whose_inspection_waits_loses_the_node_before_it_is_aborted() -> None:
    """Ironic takes the PATCH then, and not every driver can abort an inspection."""
    waits = a_machine(lessee=TENANT, lease_label='a', provision_state='inspect wait')
    assert take(waits, HELD, LEASE, (), HOLDING) == Act(Patch({LESSEE: HOLDING}))
    locked = replace(waits, busy='on its way', provision_state='wait call-back')
    assert take(locked, HELD, LEASE, (), HOLDING) == Act(Provision('abort'))


@given(metals(lessee=STRANGER, label='a'), st.sampled_from([None, 'a', 'b']))
def test_a_foreign_lessee_keeps_the_node(metal: Metal, label: str | None) -> None:
    machine = replace(metal.machine, lease_label=label)
    assert isinstance(take(machine, HELD, LEASE, (), HOLDING), Lost)
    assert isinstance(hand_over(machine, LEASE, (), HOLDING), Refused)
    for state in (State.RETURNING, State.CLEANING):
        node = a_node(state=state, lease='a', remembered=(FIELDS,))
        assert isinstance(give_back(machine, node, (), HOLDING, require_clean=True), Lost)


@pytest.mark.parametrize('state', STATES)
def test_a_node_whose_lessee_was_cleared_is_cleaned_only_if_it_is_idle(state: str) -> None:
    step = take(a_machine(provision_state=state), HELD, LEASE, (), HOLDING)
    if state in {'available', 'manageable', 'enroll'}:
        assert step == Act(Patch({LESSEE: HOLDING}))
    else:
        assert isinstance(step, Lost)


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
    assert isinstance(step, Wait)
    assert step.moving
    step = give_back(machine, RETURNING, (), HOLDING, require_clean=True)
    assert step == Act(Provision('abort'))


def test_what_is_left_beside_the_fields_is_looked_for_when_it_matters() -> None:
    blind = a_machine(lessee=HOLDING, left=None)
    for state in (State.RETURNING, State.CLEANING):
        node = replace(RETURNING, state=state)
        assert give_back(blind, node, (), HOLDING, require_clean=True) == LookCloser()
    moving = replace(blind, provision_state='cleaning', busy='cleaning')
    assert isinstance(give_back(moving, RETURNING, (), HOLDING, require_clean=True), Wait)
    assert hand_over(replace(blind, lessee=None), LEASE, (), HOLDING) == Act(
        Patch({LESSEE: HOLDING})
    )


def test_media_go_before_the_tear_down_and_volumes_after_it() -> None:
    left = Leftovers(media=True, volumes={'targets/mine': 'now'}, boots=True)
    machine = a_machine(
        lessee=HOLDING, lease_label='a', fields=FIELDS, provision_state='active', left=left
    )
    metal, node, done = Metal(machine, deployed=True), RETURNING, []
    while (step := give_back(metal.machine, node, (), HOLDING, require_clean=True)) != Done():
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


def test_nobody_gets_a_node_before_its_ports_were_looked_at() -> None:
    for lessee in (None, HOLDING):  # once more when nobody else can attach anything any more
        machine = a_machine(lessee=lessee, ports=None)
        assert hand_over(machine, LEASE, (), HOLDING) == LookCloser(left=False)
        blind = replace(machine, ports=Attachments(unseen='Neutron is away.'))
        assert hand_over(blind, LEASE, (), HOLDING) == Wait('Neutron is away.')


def test_ports_of_tenants_are_unbound_before_the_cleaning_and_every_one_before_its_end() -> None:
    ports = Attachments((RAMDISK, MINE, FOREIGN))
    metal = Metal(a_machine(lessee=HOLDING, fields=FIELDS, vifs=('v1',), ports=ports))
    node, done = RETURNING, []
    while (step := give_back(metal.machine, node, (), HOLDING, require_clean=True)) != Done():
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
    away = Attachments(unseen='Neutron is away.')
    machine = a_machine(lessee=HOLDING, fields=FIELDS, provision_state='active', ports=away)
    metal, node = Metal(machine, deployed=True), RETURNING
    while (step := give_back(metal.machine, node, (), HOLDING, require_clean=True)) != Wait(
        'Neutron is away.'
    ):
        if isinstance(step, Act):
            metal.do(step.verb)
            node = node.to(step.state or node.state)
        else:
            metal.tick()
    assert (metal.state, metal.traces, metal.machine.lessee) == ('available', frozenset(), HOLDING)
    metal.set(ports=None)
    assert give_back(metal.machine, node, (), HOLDING, require_clean=True) == LookCloser()
    metal.set(ports=Attachments())
    step = give_back(metal.machine, node, (), HOLDING, require_clean=True)
    assert step == Act(Patch({LESSEE: None}))


def test_a_tenant_loses_the_node_while_neutron_is_away() -> None:
    for ports in (None, Attachments(unseen='Neutron is away.')):
        machine = a_machine(lessee=TENANT, lease_label='a', ports=ports)
        assert take(machine, HELD, LEASE, (), HOLDING) == Act(Patch({LESSEE: HOLDING}))


@pytest.mark.parametrize(
    ('ports', 'named'),
    [
        (None, None),
        (Attachments(unseen='Neutron is away.'), None),
        (Attachments((MINE,)), None),
        (Attachments((MINE, FOREIGN)), FOREIGN.id),
    ],
)
def test_ports_of_others_on_a_leased_node_are_named(
    ports: Attachments | None, named: str | None
) -> None:
    found = intruders(a_machine(lessee=TENANT, ports=ports), LEASE)
    assert found is None if named is None else found is not None and named in found


def test_the_owner_keeps_the_volumes_that_nobody_has_changed() -> None:
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
    assert isinstance(step, Wait)
    assert 'automated_clean' in step.reason
    assert not step.moving
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
        elif isinstance(step, Wait) and step.moving:
            metal.tick()
        elif isinstance(step, Wait):
            metal.set(cleans=True)
        else:
            break
    assert step == Done()
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
        assert step == Wait('In maintenance: a fan.')


@pytest.mark.parametrize('fault', ['clean failure', 'rescue abort failure', 'service failure'])
def test_a_tenant_cannot_keep_a_node_back_by_work_that_fails(fault: str) -> None:
    machine = a_machine(
        lessee=HOLDING, provision_state='clean failed', maintenance=True, fault=fault
    )
    step = give_back(machine, RETURNING, (), HOLDING, require_clean=True)
    assert step == Act(Maintain(None))
    ours = replace(RETURNING, state=State.CLEANING)
    assert isinstance(give_back(machine, ours, (), HOLDING, require_clean=True), Wait)
    by_hand = replace(machine, fault=None)
    assert isinstance(give_back(by_hand, RETURNING, (), HOLDING, require_clean=True), Wait)


@pytest.mark.parametrize(
    ('values', 'back'),
    [
        ({}, True),
        ({'lessee': STRANGER}, False),
        ({'lessee': HOLDING}, False),
        ({'lease_label': 'a'}, False),
        ({'provision_state': 'active'}, False),
    ],
)
def test_a_lost_node_is_back_when_it_is_nobodys(
    values: Mapping[str, object], *, back: bool
) -> None:
    assert is_back(a_machine(**values)) is back


# Sub-leases: GUEST's lease lies in LEASE, whose lessee has the node

GUEST = 'sub-p-tenant'
INNER = a_lease('in', 12, 15, owner_id=TENANT, lessee_id=GUEST, parent='a', parent_lease='a')
OUTER = a_lease(status=Status.ACTIVE)
LEFT = {**FIELDS, 'extra': {'mine': TENANT}}
FOR_GUEST = HELD.prepared(INNER, [OUTER], LEFT)
FROM_GUEST = a_node(state=State.CLEANING, lease='in', remembered=(FIELDS, LEFT))


def with_tenant(**values: object) -> Machine:
    return a_machine(lessee=TENANT, lease_label='a', fields=LEFT, **values)


def test_what_is_remembered_is_a_stack() -> None:
    assert FOR_GUEST.remembered == (FIELDS, LEFT)
    assert (FOR_GUEST.state, FOR_GUEST.lease) == (State.PREPARING, 'in')
    assert FOR_GUEST.left([OUTER], at(13)) == replace(HELD, retry_at=at(13))
    assert FROM_GUEST.before([OUTER]) == LEFT
    assert FROM_GUEST.before([]) == FIELDS
    back = FROM_GUEST.freed([OUTER], at(13))
    assert back == a_node(state=State.PREPARING, lease='a', remembered=(FIELDS,), retry_at=at(13))
    assert FROM_GUEST.freed([], at(13)) == a_node()
    unknown = replace(HELD, remembered=()).prepared(INNER, [OUTER], LEFT)
    assert unknown.remembered == ({}, LEFT)
    assert replace(FROM_GUEST, remembered=()).before([OUTER]) == {}


def test_a_guest_gets_the_node_from_his_lender_by_way_of_the_holding_project() -> None:
    metal = Metal(with_tenant(console=True), traces=frozenset({TENANT}))
    verbs = []
    while isinstance(step := hand_over(metal.machine, INNER, [OUTER], HOLDING), Act):
        verbs.append(step.verb)
        metal.do(step.verb)
    assert step == Done()
    assert verbs == [
        Patch({LESSEE: HOLDING}),
        ConsoleOff(),
        Patch({LESSEE: GUEST, LABEL: 'in'}),
    ]


@pytest.mark.parametrize('name', OBSTACLES)
def test_what_stands_against_a_hand_over_stands_against_one_to_a_guest(name: str) -> None:
    machine = replace(with_tenant(), **OBSTACLES[name])
    reason = refusal(machine, INNER, [OUTER], HOLDING)
    assert reason
    assert hand_over(machine, INNER, [OUTER], HOLDING) == Refused(reason)
    if name == 'foreign':
        return
    taken = replace(machine, lessee=HOLDING)
    undone = hand_over(taken, INNER, [OUTER], HOLDING)
    busy = taken.busy is not None
    assert undone == (Wait(reason) if busy else Act(Patch({LESSEE: TENANT})))


def test_a_node_whose_lessee_was_cleared_is_not_handed_to_a_guest() -> None:
    assert refusal(with_tenant(), INNER, [OUTER], HOLDING) is None
    assert refusal(a_machine(), INNER, [OUTER], HOLDING) is not None


def test_the_owner_of_a_node_that_is_sub_let_is_who_provides_the_outer_lease() -> None:
    machine = a_machine(lessee=GUEST, lease_label='in')
    assert drift(machine, INNER, [OUTER]) is None
    assert drift(replace(machine, owner=TENANT), INNER, [OUTER]) is not None


def test_a_hand_over_to_a_guest_of_which_nothing_was_done_is_not_torn_down() -> None:
    for state in STATES:
        found = with_tenant(provision_state=state, vifs=('v1',))
        assert take(found, FOR_GUEST, INNER, [OUTER], HOLDING) == Untouched()
    begun = a_machine(lessee=HOLDING, lease_label='a')
    assert take(begun, FOR_GUEST, INNER, [OUTER], HOLDING) == Done()
    done = a_machine(lessee=GUEST, lease_label='in')
    assert take(done, FOR_GUEST, INNER, [OUTER], HOLDING) == Act(Patch({LESSEE: HOLDING}))


def test_a_lessee_who_sub_lets_to_himself_loses_the_inner_lease() -> None:
    own = replace(INNER, lessee_id=TENANT)
    has = a_machine(lessee=TENANT, lease_label='in')
    assert take(has, FOR_GUEST, own, [OUTER], HOLDING) == Act(Patch({LESSEE: HOLDING}))
    assert take(with_tenant(), FOR_GUEST, own, [OUTER], HOLDING) == Untouched()


def test_a_node_that_the_lender_took_from_his_guest_is_left_alone() -> None:
    given = replace(FOR_GUEST, state=State.HANDED_OVER)
    assert isinstance(take(with_tenant(), given, INNER, [OUTER], HOLDING), Lost)


def test_a_node_for_an_heir_stays_with_the_holding_project_and_is_as_he_left_it() -> None:
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
    assert give_back(ready, FROM_GUEST, [OUTER], HOLDING, require_clean=True) == Done()
    nobodys = give_back(ready, FROM_GUEST, [], HOLDING, require_clean=True)
    assert nobodys == Act(Patch({'extra': FIELDS['extra'], LESSEE: None}))


def test_an_heir_gets_it_as_anybody_does() -> None:
    ready = a_machine(lessee=HOLDING, fields=LEFT)
    assert hand_over(ready, OUTER, [], HOLDING) == Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
    assert hand_over(a_machine(), OUTER, [], HOLDING) == Act(Patch({LESSEE: HOLDING}))
    assert hand_over(with_tenant(), OUTER, [], HOLDING) == Done()


@pytest.mark.parametrize('name', OBSTACLES)
def test_what_is_in_the_way_of_an_heir_is_waited_for(name: str) -> None:
    machine = replace(a_machine(lessee=HOLDING), **OBSTACLES[name])
    step = hand_over(machine, OUTER, [], HOLDING)
    assert isinstance(step, Wait)
    assert step.moving is (machine.busy is not None)


# What was changed past this service


def test_a_lessee_gets_back_what_was_taken_from_him_past_this_service() -> None:
    for lessee in (None, STRANGER, HOLDING):
        metal = a_machine(lessee=lessee)
        step = repair(metal, LEASE, ())
        assert step == Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
        waits = repair(replace(metal, busy='locked'), LEASE, ())
        assert isinstance(waits, Wait)
        assert waits.moving
    assert repair(a_machine(lessee=TENANT), LEASE, ()) == Done()


def test_whose_a_node_is_only_people_can_say() -> None:
    step = repair(a_machine(lessee=TENANT, owner=STRANGER), LEASE, ())
    assert step == Wait('The node belongs to another owner now.')


def test_who_has_a_node_without_a_lease_loses_it() -> None:
    assert stray(a_machine()) is None
    assert stray(a_machine(lessee=STRANGER)) == stray(a_machine(lessee=HOLDING)) is not None
    assert seize(a_machine(lessee=STRANGER), HOLDING) == Act(Patch({LESSEE: HOLDING}))
    assert isinstance(seize(a_machine(lessee=STRANGER, busy='locked'), HOLDING), Wait)
    assert seize(a_machine(lessee=HOLDING), HOLDING) == Done()
    assert seize(a_machine(), HOLDING) == Untouched()
