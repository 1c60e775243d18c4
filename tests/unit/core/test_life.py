"""One node through many leases: the rules of due, lease and handover together, on a model.

Tenants do with the node what Ironic lets them, its owner meddles, the manager crashes between a
verb and writing it down. What the model forbids (`metal`) and what is said here must hold at each
step; and when everybody is quiet, the node is back, clean and as it was.
"""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from esi_leap.core import booking, due
from esi_leap.core.handover import (
    Act,
    Done,
    Lost,
    Node,
    Refused,
    State,
    Step,
    Wait,
    drift,
    give_back,
    hand_over,
    is_back,
    refusal,
    take,
)
from esi_leap.core.lease import Lease, Status

from .given import HOLDING, STRANGER, TENANT, a_lease, a_machine, a_node, at
from .metal import FIELDS, LOCKED, VERBS, Metal

OTHER = 'p-other-tenant'


class Life(RuleBasedStateMachine):
    """The node, its leases, its manager and everybody who touches it."""

    def __init__(self) -> None:
        super().__init__()
        self.hour = 0
        self.metal = Metal()
        self.node: Node = a_node()
        self.leases: dict[str, Lease] = {}
        self.meddled = False

    @property
    def holding(self) -> list[Lease]:
        return [each for each in self.leases.values() if each.holding]

    @property
    def free_from(self) -> float:
        ends = [(each.window.end - at(0)).total_seconds() / 3600 for each in self.holding]
        return max([self.hour, *ends])

    # What people and time do

    @initialize()
    def two_leases_back_to_back(self) -> None:
        self.book(gap=0, hours=3, who=TENANT)
        self.book(gap=0, hours=3, who=OTHER)
        self.manager_works(tasks=6, crashes=False)
        assert self.metal.tenant == TENANT

    @rule(gap=st.integers(0, 1), hours=st.integers(2, 6), who=st.sampled_from([TENANT, OTHER]))
    @precondition(lambda self: len(self.holding) < 2 and self.free_from < self.hour + 9)
    def book(self, gap: int, hours: int, who: str) -> None:
        start = self.free_from + gap
        uuid = f'l{len(self.leases)}'
        self.leases[uuid] = a_lease(uuid, start, start + hours, lessee_id=who)

    @rule()
    def time_passes(self) -> None:
        self.hour += 1

    @rule(number=st.integers(0, 1))
    @precondition(lambda self: len(self.holding) == 2)
    def cancel(self, number: int) -> None:
        self.write(booking.plan_cancel(self.holding[number], self.node, at(self.hour)))

    @rule(choices=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=4))
    @precondition(lambda self: self.metal.tenant in {TENANT, OTHER})
    def tenant_sends_verbs(self, choices: list[tuple[int, int]]) -> None:
        for choice, way in choices:
            known = [verb for state, verb in VERBS if state == self.metal.state]
            if known and not self.metal.machine.maintenance:
                verb = known[choice % len(known)]
                if not (verb == 'deleted' and self.metal.machine.fields['protected']):
                    self.metal.enter(VERBS[self.metal.state, verb])
            self.metal.tick(way)

    @rule(what=st.sampled_from(['power', 'console', 'vif', 'extra', 'protected', 'image']))
    @precondition(
        lambda self: self.metal.tenant in {TENANT, OTHER} and self.metal.state not in LOCKED
    )
    def tenant_writes(self, what: str) -> None:
        match what:
            case 'power':
                self.metal.set(power_state='power on')
            case 'console':
                self.metal.set(console=True)
            case 'vif':
                self.metal.set(vifs=(*self.metal.machine.vifs, f'v{len(self.metal.machine.vifs)}'))
            case 'extra':
                self.metal.write(extra={'mine': True}, description=None)
            case 'protected' if self.metal.state in {'active', 'rescue'}:
                self.metal.write(protected=True, protected_reason='hands off')
            case 'image':
                self.metal.set(instance_info=True)

    @rule(choice=st.integers(0, 3))
    def ironic_goes_on(self, choice: int) -> None:
        self.metal.tick(choice)

    @rule()
    def maintenance_comes_and_goes(self) -> None:
        self.metal.set(maintenance=not self.metal.machine.maintenance, maintenance_reason='a fan')

    # What the manager does

    @rule(tasks=st.integers(1, 6), crashes=st.booleans())
    def manager_works(self, tasks: int, *, crashes: bool) -> None:
        """Do some tasks; a crash comes after the last, before it is written down."""
        for number in range(1, tasks + 1):
            before = self.node, dict(self.leases)
            task = due.plan(self.node, self.holding, at(self.hour))
            if task is not None and self.perform(task) and crashes and number == tasks:
                self.node, self.leases = before

    def perform(self, task: due.Task) -> bool:
        """Do a task and write it down; tell whether something was done to the machine."""
        machine = self.metal.machine
        match task:
            case due.End(each):
                self.keep(each.ended(at(self.hour)))
            case due.Blocked(each, reason):
                self.keep(each.postponed(reason, at(self.hour + 1)))
            case due.Prepare(each):
                self.prepare(each, refusal(machine, each, frozenset()))
            case due.Take(each):
                return self.settle_end(each, take(machine, each, HOLDING))
            case due.HandOver(each):
                return self.settle_start(each, hand_over(machine, each, HOLDING))
            case due.GiveBack():
                step = give_back(machine, self.node, HOLDING, require_clean=True)
                return self.settle_return(step)
            case due.Check(each):
                self.settle_check(each, drift(machine, each))
            case due.Search():
                self.settle_search(back=is_back(machine))
        return False

    def prepare(self, each: Lease, reason: str | None) -> None:
        if reason is None:
            remembered = dict(self.metal.machine.fields)
            self.node = self.node.to(State.PREPARING, lease=each.uuid, remembered=remembered)
        else:
            self.keep(each.postponed(reason, at(self.hour + 1)))

    def settle_check(self, each: Lease, reason: str | None) -> None:
        if reason is None:
            self.node = replace(self.node, retry_at=at(self.hour + 1))
            return
        self.node = self.node.to(State.LOST, reason, retry_at=at(self.hour))
        self.keep(each.failed(reason))

    def settle_search(self, *, back: bool) -> None:
        later = at(self.hour + 1)
        self.node = self.node.freed() if back else self.node.waiting('It is not back yet.', later)

    def settle_end(self, each: Lease, step: Step) -> bool:
        now = at(self.hour)
        match step:
            case Act(verb):
                self.metal.do(verb)
                return True
            case Done():
                self.keep(each.ended(now))
                self.node = self.node.to(State.RETURNING, retry_at=now)
            case Lost(reason):
                self.keep(each.ended(now, reason))
                self.node = self.node.to(State.LOST, reason, retry_at=now)
            case Wait(reason):
                self.keep(each.detained(reason, now))
        return False

    def settle_start(self, each: Lease, step: Step) -> bool:
        match step:
            case Act(verb):
                self.metal.do(verb)
                return True
            case Done():
                self.keep(each.activated(at(self.hour)))
                self.node = self.node.to(State.HANDED_OVER, retry_at=at(self.hour + 1))
            case Refused(reason):
                self.keep(each.postponed(reason, at(self.hour + 1)))
                self.node = self.node.freed()
            case Wait(reason):
                self.keep(each.postponed(reason, at(self.hour)))
        return False

    def settle_return(self, step: Step) -> bool:
        now = at(self.hour)
        match step:
            case Act(verb, state):
                self.metal.do(verb)
                self.node = self.node.to(state or self.node.state, retry_at=now)
                return True
            case Done():
                self.node = self.node.freed()
            case Lost(reason):
                self.node = self.node.to(State.LOST, reason, retry_at=now)
            case Wait(reason, moving):
                self.node = self.node.waiting(reason, now if moving else at(self.hour + 1))
        return False

    def keep(self, each: Lease) -> None:
        assert self.leases[each.uuid].holding, 'what is over stays over'
        self.leases[each.uuid] = each

    def write(self, change: booking.Change) -> None:
        for each in change.bookings:
            assert isinstance(each, Lease)
            self.keep(each)

    # What must hold

    @invariant()
    def one_lease_has_the_node(self) -> None:
        active = [each for each in self.leases.values() if each.status is Status.ACTIVE]
        assert len(active) <= 1
        for each in active:
            assert self.node.lease == each.uuid
            assert self.node.state is State.HANDED_OVER
            if not self.meddled and each.window.holds(at(self.hour)):
                assert self.metal.machine.lessee == each.lessee_id
                assert self.metal.machine.lease_label == each.uuid

    @invariant()
    def nobody_has_it_without_a_lease(self) -> None:
        if self.metal.tenant in {TENANT, OTHER}:
            held = self.leases[str(self.metal.machine.lease_label)]
            assert held.holding
            assert held.lessee_id == self.metal.tenant
            assert self.meddled or self.node.is_with(held)

    @invariant()
    def an_available_node_is_as_its_owner_left_it(self) -> None:
        if self.node.state is State.AVAILABLE and not self.meddled:
            machine = self.metal.machine
            assert machine.lessee is None
            assert machine.lease_label is None
            assert machine.fields == FIELDS
            assert not machine.vifs
            assert not machine.console
            assert not machine.instance_info
            assert machine.power_state == 'power off'
            assert not self.metal.dirty

    def teardown(self) -> None:
        """Everybody keeps quiet; the owner puts right what he did himself."""
        for _ in range(60):
            self.metal.set(maintenance=False, fault=None)
            if self.meddled and self.node.state in {State.LOST, State.AVAILABLE}:
                self.metal = Metal()
                self.meddled = False
            self.hour += 1
            self.metal.tick()
            self.manager_works(tasks=3, crashes=False)
        assert not self.holding
        assert self.node == a_node()
        self.an_available_node_is_as_its_owner_left_it()
        reason = self.metal.machine.maintenance_reason
        assert self.metal.machine == a_machine(fields=FIELDS, maintenance_reason=reason)


class MeddledLife(Life):
    """The same with an owner who writes `lessee` himself."""

    @rule(lessee=st.sampled_from([None, STRANGER]))
    @precondition(lambda self: self.node.state is not State.AVAILABLE)
    @precondition(lambda self: self.metal.state not in LOCKED)
    def owner_meddles(self, lessee: str | None) -> None:
        self.meddled = True
        self.metal.set(lessee=lessee)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=50)
TestMeddledLife = MeddledLife.TestCase
TestMeddledLife.settings = settings(max_examples=15, stateful_step_count=50)
