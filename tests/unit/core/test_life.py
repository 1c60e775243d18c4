"""One node through many leases: the rules of due, lease and handover together, on a model.

Tenants do with the node what Ironic lets them, its owner meddles, the manager crashes between a
verb and writing it down, a gate lets it pass or does not. What the model forbids (`metal`) and what
is said here must hold at each step; and when everybody is quiet, the node is back, clean and as it
was. Tenants sub-let, and their tenants do as well.
"""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from esi_leap.core import change
from esi_leap.core.booking import plan
from esi_leap.core.booking.quota import Limits
from esi_leap.core.change import bookings_of
from esi_leap.core.duty import due
from esi_leap.core.errors import LeapError
from esi_leap.core.gate import Answer, Barrier, Direction, Rules, Verdict
from esi_leap.core.handover.back import confine, give_back, take
from esi_leap.core.handover.drift import drift, is_back
from esi_leap.core.handover.give import hand_over, refusal
from esi_leap.core.handover.leftovers import Leftovers
from esi_leap.core.handover.machine import LESSEE
from esi_leap.core.handover.network import NO_ATTACHMENTS, Attachments
from esi_leap.core.handover.steps import (
    Act,
    Ask,
    Done,
    Lost,
    Patch,
    Refused,
    Restart,
    Step,
    Untouched,
    Verb,
    Wait,
)
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node, State
from esi_leap.core.tree import BookingTree

from .given import HOLDING, STRANGER, TENANT, a_lease, a_machine, a_node, at
from .metal import FIELDS, FOREIGN, LOCKED, MINE, VERBS, Metal

OTHER = 'p-other-tenant'
PASS = Verdict(answer=Answer.PASS, evidence={'clean': True})
VERDICTS = [
    PASS,
    Verdict(answer=Answer.WAIT, reason='It boots.'),
    Verdict(answer=Answer.REJECT, reason='It is dirty.'),
]


#: What a tenant writes on the node.
WRITTEN = ['power', 'console', 'vif', 'extra', 'protected', 'image', 'allocation', 'inspection']


class Life(RuleBasedStateMachine):
    """The node, its leases, its manager and everybody who touches it.

    Attributes:
        left: what each lessee had written on the node when it was prepared for a sub-lease.
    """

    def __init__(self) -> None:
        super().__init__()
        self.deep = mock.patch.object(plan, 'SUBLETTING_DEPTH', 2)
        self.deep.start()
        self.left: dict[str, object] = {}
        self.hour = 0
        self.metal = Metal()
        self.node: Node = a_node()
        self.leases: dict[str, Lease] = {}
        self.meddled = False
        self.rules: Rules | None = None
        self.verdict = PASS

    @property
    def blocking(self) -> list[Lease]:
        return [each for each in self.leases.values() if each.blocks]

    @property
    def tree(self) -> BookingTree:
        return BookingTree(self.leases.values())

    @property
    def of_the_owner(self) -> list[Lease]:
        return [each for each in self.blocking if each.parent_lease is None]

    @property
    def free_from(self) -> float:
        ends = [(each.window.end - at(0)).total_seconds() / 3600 for each in self.blocking]
        return max([self.hour, *ends])

    # What people and time do

    @initialize(levels=st.integers(0, 2))
    def two_leases_back_to_back(self, levels: int) -> None:
        self.book(gap=0, hours=6, who=TENANT)
        self.book(gap=0, hours=3, who=OTHER)
        for level in range(levels):
            self.sublet(number=-level, start=0, hours=4 - level)
        self.manager_works(tasks=8 + 9 * levels, crashes=False)
        assert self.metal.tenant == 'sub-' * levels + TENANT

    @rule(gap=st.integers(0, 1), hours=st.integers(2, 6), who=st.sampled_from([TENANT, OTHER]))
    @precondition(lambda self: len(self.of_the_owner) < 2 and self.free_from < self.hour + 9)
    def book(self, gap: int, hours: int, who: str) -> None:
        start = self.free_from + gap
        uuid = f'l{len(self.leases)}'
        self.leases[uuid] = a_lease(uuid, start, start + hours, lessee_id=who)

    @rule(number=st.integers(0, 3), start=st.integers(0, 3), hours=st.integers(1, 3))
    @precondition(lambda self: self.blocking)
    def sublet(self, number: int, start: int, hours: int) -> None:
        lender = self.blocking[number % len(self.blocking)]
        begins = max(at(self.hour), lender.window.start) + timedelta(hours=start)
        begun = (begins - at(0)).total_seconds() / 3600
        new = a_lease(
            f'l{len(self.leases)}',
            begun,
            begun + hours,
            owner_id=lender.lessee_id,
            lessee_id=f'sub-{lender.lessee_id}',
            parent=lender.uuid,
            parent_lease=lender.uuid,
        )
        limits = Limits(timedelta(hours=9), None)
        try:
            change = plan.plan_lease(new, self.node, self.tree, limits, at(self.hour))
        except LeapError:
            return
        self.leases[new.uuid] = new
        self.write(change)

    @rule()
    def time_passes(self) -> None:
        self.hour += 1

    @rule(number=st.integers(0, 3))
    @precondition(lambda self: len(self.blocking) >= 2)
    def cancel(self, number: int) -> None:
        lease = self.blocking[number % len(self.blocking)]
        self.write(plan.plan_cancel(lease, self.node, self.tree, at(self.hour)))

    @rule(choices=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=4))
    @precondition(lambda self: self.metal.tenant not in {None, STRANGER})
    def tenant_sends_verbs(self, choices: list[tuple[int, int]]) -> None:
        for choice, way in choices:
            known = [verb for state, verb in VERBS if state == self.metal.state]
            if known and not self.metal.machine.maintenance:
                verb = known[choice % len(known)]
                if not (verb == 'deleted' and self.metal.machine.fields['protected']):
                    self.metal.enter(VERBS[self.metal.state, verb])
            self.metal.tick(way)

    @rule(what=st.sampled_from(WRITTEN))
    @precondition(
        lambda self: self.metal.tenant not in {None, STRANGER} and self.metal.state not in LOCKED
    )
    def tenant_writes(self, what: str) -> None:
        match what:
            case 'allocation':
                self.metal.set(instance=self.metal.tenant)
            case 'inspection':
                self.metal.write(properties={'cpus': 1, 'of': self.metal.tenant})
            case 'power':
                self.metal.set(power_state='power on')
            case 'console':
                self.metal.set(console=True)
            case 'vif':
                self.metal.set(vifs=(*self.metal.machine.vifs, f'v{len(self.metal.machine.vifs)}'))
            case 'extra':
                self.metal.write(extra={'mine': self.metal.tenant}, description=None)
            case 'protected' if self.metal.state in {'active', 'rescue'}:
                self.metal.write(protected=True, protected_reason='hands off')
            case 'image':
                self.metal.set(instance_info=True)

    @rule(what=st.sampled_from(['media', 'boots', 'volume', 'port']))
    @precondition(
        lambda self: self.metal.tenant not in {None, STRANGER} and self.metal.state not in LOCKED
    )
    def tenant_leaves(self, what: str) -> None:
        if what == 'port':
            self.metal.set(ports=Attachments((MINE, FOREIGN)))
            return
        volumes = {**self.metal.machine.left.volumes, f'targets/{self.metal.tenant}': 'now'}
        self.metal.leave(**({'volumes': volumes} if what == 'volume' else {what: True}))

    @rule()
    @precondition(lambda self: self.metal.tenant not in {None, STRANGER})
    def tenant_gives_way(self) -> None:
        """He leaves the node as one that he sub-lets has to be."""
        self.metal.deployed = False
        self.metal.set(vifs=(), ports=NO_ATTACHMENTS, console=False, instance=None)
        self.metal.set(power_state='power off')
        self.metal.write(protected=False, protected_reason=None)
        self.metal.enter('available')

    @rule(choice=st.integers(0, 3))
    def ironic_goes_on(self, choice: int) -> None:
        self.metal.tick(choice)

    @rule()
    def maintenance_comes_and_goes(self) -> None:
        self.metal.set(maintenance=not self.metal.machine.maintenance, maintenance_reason='a fan')

    # What the manager does

    @rule(tasks=st.integers(1, 9), crashes=st.booleans())
    def manager_works(self, tasks: int, *, crashes: bool) -> None:
        """Do some tasks; a crash comes after the last, before it is written down."""
        for number in range(1, tasks + 1):
            before = self.node, dict(self.leases)
            task = due.plan(self.node, self.blocking, at(self.hour))
            if task is not None and self.perform(task) and crashes and number == tasks:
                self.node, self.leases = before

    def perform(self, task: due.Task) -> bool:
        """Do a task and write it down; tell whether something was done to the machine."""
        machine = self.metal.machine
        match task:
            case due.End() | due.Blocked() | due.Fail():
                self.keep(self.without_a_look(task))
            case due.Prepare(each):
                self.prepare(each, refusal(machine, each, self.lenders(each), HOLDING))
            case due.Confine():
                return self.settle_confinement(confine(machine, 'It is dirty.'))
            case due.Take(each):
                step = take(machine, self.node, each, self.lenders(each), HOLDING)
                return self.settle_end(each, step)
            case due.HandOver(each):
                barrier = self.node.barrier(self.rules, at(self.hour))
                step = hand_over(machine, each, self.lenders(each), HOLDING, barrier)
                return self.settle_start(each, step)
            case due.GiveBack(heirs):
                barrier = self.node.barrier(self.rules, at(self.hour))
                step = give_back(
                    machine, self.node, heirs, HOLDING, require_clean=True, barrier=barrier
                )
                return self.settle_return(step, heirs)
            case due.Check(each):
                self.settle_check(each, drift(machine, each, self.lenders(each)))
            case due.Search():
                self.settle_search(back=is_back(machine))
        return False

    def without_a_look(self, task: due.End | due.Blocked | due.Fail) -> Lease:
        now, later = at(self.hour), at(self.hour + 1)
        match task:
            case due.End(each):
                return each.ended(now)
            case due.Fail(each, reason):
                return each.failed(reason)
            case due.Blocked(each, reason) if each.ends(now):
                return each.detained(reason, later)
        return task.lease.postponed(task.reason, later)

    def lenders(self, each: Lease) -> tuple[Lease, ...]:
        return self.tree.lenders(each)

    def prepare(self, each: Lease, reason: str | None) -> None:
        if reason is None:
            lenders, fields = self.lenders(each), dict(self.metal.machine.fields)
            if lenders:
                self.left[lenders[0].uuid] = fields
            volumes = dict(self.metal.machine.left.volumes)
            self.node = self.node.prepared(each, lenders, {**fields, 'volumes': volumes})
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
        heirs = due.heirs(self.tree, at(self.hour))
        if back:
            self.node = self.node.freed(heirs, at(self.hour))
        else:
            self.node = self.node.waiting('It is not back yet.', later)

    def settle_confinement(self, step: Step) -> bool:
        if isinstance(step, Act):
            self.metal.do(step.verb)
            return True
        self.node = replace(self.node, retry_at=None)
        return False

    def at_the_gate(self, direction: Direction, each: Lease | None) -> None:
        """Come to the gate, or be asked there; `each` is the lease that waits for its start."""
        now = at(self.hour)
        due_at = None if each else now
        if self.node.state is not State.GATING:
            self.node = self.node.gated(direction, now, due_at)
            return
        assert self.metal.machine.lessee == HOLDING
        assert self.node.trial is not None
        trial = self.node.trial.judged(self.verdict, self.rules or Rules(), now)
        if trial.answer is Answer.REJECT:
            self.node = self.node.to(State.REJECTED, trial.reason, trial=trial, retry_at=now)
            if each is not None:
                self.keep(each.failed(str(trial.reason)))
            return
        self.node = replace(self.node, trial=trial, retry_at=due_at)
        if trial.answer is Answer.WAIT and each is not None:
            self.keep(each.postponed(str(trial.reason), at(self.hour + 1)))
        elif trial.answer is Answer.WAIT:
            self.node = self.node.waiting(str(trial.reason), at(self.hour + 1))

    def settle_end(self, each: Lease, step: Step) -> bool:
        now = at(self.hour)
        match step:
            case Act(verb):
                self.metal.do(verb)
                return True
            case Done():
                self.keep(each.ended(now))
                self.node = self.node.to(State.RETURNING, retry_at=now)
            case Untouched():
                self.node = self.node.left(self.lenders(each), at(self.hour + 1))
                self.keep(each.ended(now))
            case Lost(reason):
                self.keep(each.ended(now, reason))
                self.node = self.node.to(State.LOST, reason, retry_at=now)
            case Wait(reason):
                self.keep(each.detained(reason, now))
        return False

    def settle_start(self, each: Lease, step: Step) -> bool:
        again = each.status is Status.ACTIVE
        match step:
            case Act(verb):
                self.check_passed(verb, each.lessee_id)
                self.metal.do(verb)
                return True
            case Ask():
                self.at_the_gate(Direction.HAND_OVER, None if again else each)
            case Restart():
                self.node = self.node.to(State.PREPARING, retry_at=at(self.hour) if again else None)
            case Done():
                if not again:
                    self.keep(each.activated(at(self.hour)))
                elif not self.meddled:
                    assert self.metal.machine.fields == self.left[each.uuid]
                self.node = self.node.to(State.HANDED_OVER, retry_at=at(self.hour + 1))
            case Refused(reason):
                assert not again
                self.node = self.node.left(self.lenders(each), at(self.hour + 1))
                self.keep(each.postponed(reason, at(self.hour + 1)))
            case Wait(reason) if again:
                self.node = self.node.waiting(reason, at(self.hour + 1))
            case Wait(reason):
                self.keep(each.postponed(reason, at(self.hour)))
        return False

    def settle_return(self, step: Step, heirs: tuple[Lease, ...]) -> bool:
        now = at(self.hour)
        match step:
            case Act(verb, state):
                self.check_passed(verb, None)
                self.metal.do(verb)
                self.node = self.node.to(state or self.node.state, retry_at=now)
                return True
            case Ask():
                self.at_the_gate(Direction.RETURN, None)
            case Done():
                self.node = self.node.freed(heirs, now)
            case Lost(reason):
                self.node = self.node.to(State.LOST, reason, retry_at=now)
            case Wait(reason, moving):
                self.node = self.node.waiting(reason, now if moving else at(self.hour + 1))
        return False

    def check_passed(self, verb: Verb, lessee: str | None) -> None:
        """Nobody gets it past the gate: when he does, the pass is on the row, and is fresh."""
        if isinstance(verb, Patch) and verb.values.get(LESSEE, HOLDING) == lessee:
            passed = self.node.barrier(self.rules, at(self.hour))
            assert passed in {Barrier.NONE, Barrier.PASSED}

    def keep(self, each: Lease) -> None:
        assert self.leases[each.uuid].blocks, 'what is over stays over'
        self.leases[each.uuid] = each

    def write(self, change: change.Change) -> None:
        for each in bookings_of(change):
            assert isinstance(each, Lease)
            self.keep(each)

    # What must hold

    @invariant()
    def the_innermost_lease_has_the_node_or_gets_it_back(self) -> None:
        active = [each for each in self.leases.values() if each.status is Status.ACTIVE]
        active.sort(key=lambda each: len(self.lenders(each)))
        for lender, lessee in pairwise(active):
            assert lessee.parent_lease == lender.uuid
        innermost = active[-1] if active else None
        if innermost is None or self.node.state is not State.HANDED_OVER:
            return
        if self.node.lease != innermost.uuid:  # it is being taken from one inside
            inside = self.leases[str(self.node.lease)]
            assert inside.ending
            assert innermost in self.lenders(inside)
        elif not self.meddled and innermost.window.holds(at(self.hour)):
            assert self.metal.machine.lessee == innermost.lessee_id
            assert self.metal.machine.lease_label == innermost.uuid

    @invariant()
    def a_lease_that_runs_has_the_node_or_will(self) -> None:
        running = [each for each in self.leases.values() if each.status is Status.ACTIVE]
        if running:
            assert self.node.state is not State.AVAILABLE

    @invariant()
    def a_lender_outlives_his_tenants(self) -> None:
        for each in self.blocking:
            if each.parent_lease is not None:
                assert self.leases[each.parent_lease].blocks

    @invariant()
    def nobody_has_it_without_a_lease(self) -> None:
        if self.metal.tenant not in {None, STRANGER}:
            held = self.leases[str(self.metal.machine.lease_label)]
            assert held.blocks
            assert held.lessee_id == self.metal.tenant
            begun = self.node.is_coming and self.node.lease in {
                each.uuid for each in self.blocking if each.parent_lease == held.uuid
            }
            assert self.meddled or self.node.is_with(held) or begun

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
            assert machine.instance is None
            assert machine.left == Leftovers()
            assert machine.ports == NO_ATTACHMENTS
            assert machine.power_state == 'power off'
            assert not self.metal.traces

    def teardown(self) -> None:
        """Everybody keeps quiet; the owner puts right what he did himself."""
        try:
            self.quiet()
        finally:
            self.deep.stop()

    def quiet(self) -> None:
        for _ in range(60):
            self.metal.set(maintenance=False, fault=None)
            if self.meddled and self.node.state in {State.LOST, State.AVAILABLE}:
                self.metal = Metal()
                self.meddled = False
            self.hour += 1
            self.metal.tick()
            self.manager_works(tasks=5, crashes=False)
        assert not self.blocking
        assert replace(self.node, trial=None) == a_node()
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


class GatedLife(Life):
    """The same with a gate, whose driver says this and that, and operators who reset."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = Rules(max_age=timedelta(minutes=30))

    @rule(verdict=st.sampled_from(VERDICTS))
    def driver_sees_it_otherwise(self, verdict: Verdict) -> None:
        self.verdict = verdict

    @rule()
    @precondition(lambda self: self.node.state is State.REJECTED)
    def operator_resets(self) -> None:
        self.node = self.node.to(State.RETURNING, retry_at=at(self.hour))

    @invariant()
    def who_stands_at_the_gate_is_with_the_holding_project_or_has_passed(self) -> None:
        if self.node.barrier(self.rules, at(self.hour)) is Barrier.ASKED:
            trial = self.node.trial
            late = trial is not None and trial.answer is Answer.PASS  # given to him, not written
            assert late or self.metal.machine.lessee == HOLDING

    @invariant()
    def a_rejected_node_is_with_the_holding_project(self) -> None:
        if self.node.state is State.REJECTED:
            assert self.metal.machine.lessee == HOLDING

    def quiet(self) -> None:
        self.verdict = PASS
        if self.node.state is State.REJECTED:
            self.operator_resets()
        super().quiet()


# As everywhere in hypothesis, a state machine has no deadline: the machine may be busy.
TestLife = Life.TestCase
TestLife.settings = settings(Life.TestCase.settings, max_examples=25, stateful_step_count=50)
TestMeddledLife = MeddledLife.TestCase
TestMeddledLife.settings = settings(TestLife.settings, max_examples=15)
TestGatedLife = GatedLife.TestCase
TestGatedLife.settings = settings(TestLife.settings)
