"""One node through many leases: the manager's own work, on a model of Ironic.

Tenants do with the node what Ironic lets them, its owner changes it, services fail, the manager is
killed between a verb and writing it down, a gate lets it pass or does not. What the model of the
machine forbids (`metal`) and what is said here must hold at each step; and when everybody is quiet,
the node is back, clean and as it was. Lessees sub-let, and so do their lessees.

Nothing of the manager is copied: tasks come from `core.duty.due`, are decided and settled by
`core.duty.duties`, completed by `core.consequences`, and carried out by `manager.work`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from esi_leap.core.booking import plan, recall
from esi_leap.core.booking.quota import Limits
from esi_leap.core.change import Agree, Change, Note, put
from esi_leap.core.contract import of as contract_of
from esi_leap.core.duty import due
from esi_leap.core.duty.duties import DUTIES
from esi_leap.core.errors import LeapError, NodeBusyError, UnavailableError
from esi_leap.core.gate import Answer, Barrier, Verdict
from esi_leap.core.gate import Rules as GateRules
from esi_leap.core.handover.leftovers import Leftovers
from esi_leap.core.handover.machine import LESSEE
from esi_leap.core.handover.network import NO_ATTACHMENTS, Attachments
from esi_leap.core.handover.steps import Patch, Verb
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Offer
from esi_leap.core.ports.cloud import Question
from esi_leap.core.recall import ItemStatus, Recall
from esi_leap.core.tree import BookingTree
from esi_leap.manager.deps import Deps, Settings
from esi_leap.manager.work import Work
from tests.unit.core.given import (
    HOLDING,
    OWNER,
    STRANGER,
    TENANT,
    a_lease,
    a_machine,
    a_node,
    an_offer,
    at,
)
from tests.unit.core.metal import FIELDS, FOREIGN, LOCKED, MINE, VERBS, Metal
from tests.unit.manager.memory import Killed, Memory, OneMachine, Saying, Silent

OTHER, BUYER = 'p-other-tenant', 'p-other-owner'
PASS = Verdict(answer=Answer.PASS, evidence={'clean': True})
VERDICTS = [
    PASS,
    Verdict(answer=Answer.WAIT, reason='It boots.'),
    Verdict(answer=Answer.REJECT, reason='It is dirty.'),
]
#: What a tenant writes on the node.
WRITTEN = ['power', 'console', 'vif', 'extra', 'protected', 'image', 'allocation', 'inspection']
#: What a call to the service of the node may end with.
ERRORS = [
    NodeBusyError('It is locked.'),
    UnavailableError('It does not answer.'),
    RuntimeError('a defect'),
]
#: How long the manager sleeps in this model when nothing is due.
NAP = timedelta(seconds=100)
#: The kinds of tasks that were carried out in any of the lives, for the last test.
SEEN: Counter[type[due.Task]] = Counter()


class Life(RuleBasedStateMachine):
    """The node, its bookings, its manager and everybody who touches it.

    Attributes:
        left: what each lessee had written on the node when it was prepared for a sub-lease.
        touched: somebody changed the node outside the service, and that is not over.
        remembers: the service knows what the node was before its first lease.
    """

    repair = False
    gated = False

    def __init__(self) -> None:
        super().__init__()
        self.deep = mock.patch.object(plan, 'SUBLETTING_DEPTH', 2)
        self.deep.start()
        self.left: dict[str, object] = {}
        self.touched = False
        self.remembers = True
        self.number = 0
        self.rows = Memory(node=a_node(), now=at(0), turned=self.node_turns)
        self.cloud = OneMachine(Metal(), sent=self.verb_is_sent)
        self.gate = Saying(PASS, asked=self.gate_is_asked)

    # What is there

    @property
    def now(self) -> datetime:
        return self.rows.now

    @property
    def hour(self) -> float:
        return (self.now - at(0)) / timedelta(hours=1)

    @property
    def metal(self) -> Metal:
        return self.cloud.metal

    @property
    def node(self) -> Node:
        return self.rows.node

    @property
    def tree(self) -> BookingTree:
        return self.rows.tree()

    @property
    def leases(self) -> list[Lease]:
        return [each for each in self.rows.bookings.values() if isinstance(each, Lease)]

    @property
    def blocking(self) -> list[Lease]:
        return self.tree.leases

    @property
    def of_the_owner(self) -> list[Lease]:
        return [each for each in self.blocking if each.parent_lease is None]

    @property
    def free_from(self) -> float:
        ends = [(each.window.end - at(0)) / timedelta(hours=1) for each in self.tree]
        return max([self.hour, *ends])

    def new_uuid(self) -> str:
        self.number += 1
        return f'b{self.number}'

    def work(self) -> Work:
        deps = Deps(
            agenda=self.rows,  # type: ignore[arg-type] # only its books are opened
            fleet={'ironic_node': self.cloud},  # type: ignore[dict-item] # what work asks of it
            meter=Silent(),  # type: ignore[arg-type]
            now=lambda: self.now,
            monotonic=lambda: 0.0,
            new_uuid=self.new_uuid,
            settings=Settings(
                host='here',
                holding_project=HOLDING,
                poll_interval=0.5,
                threads=1,
                claim_time=30,
                retry_max=30,
                max_attempts=10,
                check_interval=60,
                require_clean=True,
                call_time=1,
                gate=GateRules(max_age=timedelta(minutes=30)),
                repair=self.repair,
            ),
            gate=self.gate if self.gated else None,
        )
        return Work(deps, 1, 'claim', math.inf)

    def write(self, change: Change) -> None:
        self.rows.put(change)

    # What people and time do

    @initialize(levels=st.integers(0, 2))
    def two_leases_back_to_back(self, levels: int) -> None:
        self.book(gap=0, hours=6, who=TENANT)
        self.book(gap=0, hours=3, who=OTHER)
        for level in range(levels):
            self.sublet(number=-level, start=0, hours=4 - level)
        self.manager_works(tasks=5 + 6 * levels, killed=False)
        assert self.metal.tenant == 'sub-' * levels + TENANT

    @rule(gap=st.integers(0, 1), hours=st.integers(2, 6), who=st.sampled_from([TENANT, OTHER]))
    @precondition(lambda self: len(self.of_the_owner) < 2 and self.free_from < self.hour + 9)
    def book(self, gap: int, hours: int, who: str) -> None:
        start = self.free_from + gap
        new = a_lease(self.new_uuid(), start, start + hours, lessee_id=who)
        self.write((Agree(contract_of(new)), *put(new)))

    @rule(gap=st.integers(0, 1), hours=st.integers(2, 6))
    @precondition(lambda self: not self.tree.offers and self.free_from < self.hour + 9)
    @precondition(lambda self: self.node.owner_id == OWNER)  # the API asks for that
    def offer(self, gap: int, hours: int) -> None:
        start = self.free_from + gap
        new = an_offer(self.new_uuid(), start, start + hours)
        self.write(plan.plan_offer(new, self.node, self.tree, self.now))

    @rule(hours=st.integers(1, 3))
    @precondition(lambda self: self.tree.offers)
    def claim(self, hours: int) -> None:
        for each in self.tree.offers:
            start = max(self.now, each.window.start)
            new = a_lease(self.new_uuid(), 0, 1, owner_id=each.owner_id, lessee_id=OTHER)
            window = replace(new.window, start=start, end=start + timedelta(hours=hours))
            new, limits = replace(new, window=window), Limits(timedelta(hours=9), None)
            try:
                plan.check_claimable(each, self.node)
                self.write(plan.plan_claim(new, each, self.tree, limits, self.now))
            except LeapError:
                continue

    @rule()
    @precondition(lambda self: self.tree.offers)
    def withdraw(self) -> None:
        for each in self.tree.offers:
            self.write(plan.plan_withdraw(each, self.node, self.tree, self.now))

    @rule(number=st.integers(0, 3), start=st.integers(0, 3), hours=st.integers(1, 3))
    @precondition(lambda self: self.blocking)
    def sublet(self, number: int, start: int, hours: int) -> None:
        lender = self.blocking[number % len(self.blocking)]
        begins = max(self.now, lender.window.start) + timedelta(hours=start)
        begun = (begins - at(0)) / timedelta(hours=1)
        new = a_lease(
            self.new_uuid(),
            begun,
            begun + hours,
            owner_id=lender.lessee_id,
            lessee_id=f'sub-{lender.lessee_id}',
            parent=lender.uuid,
            parent_lease=lender.uuid,
        )
        limits = Limits(timedelta(hours=9), None)
        try:
            self.write(plan.plan_lease(new, self.node, self.tree, limits, self.now))
        except LeapError:
            return

    @rule()
    def time_passes(self) -> None:
        self.rows.now += timedelta(hours=1)

    @rule(number=st.integers(0, 3))
    @precondition(lambda self: len(self.blocking) >= 2)
    def cancel(self, number: int) -> None:
        lease = self.blocking[number % len(self.blocking)]
        self.write(plan.plan_cancel(lease, self.node, self.tree, self.now))

    @rule(hours=st.integers(0, 2))
    @precondition(lambda self: self.tree.leases)
    def recall(self, hours: int) -> None:
        """The owner recalls the node; a recall that is pending makes another one refused."""
        new = Recall(
            uuid=self.new_uuid(),
            owner_id=OWNER,
            reason=None,
            deadline=self.now + timedelta(hours=hours),
            created_at=self.now,
        )
        pending = [i for _, i in self.rows.items.values() if i.status is ItemStatus.PENDING]
        item, change = recall.plan(new, self.node, self.tree, pending, self.now)
        self.write((*change, Note(new, item)))

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
            self.metal.set(attachments=Attachments((MINE, FOREIGN)))
            return
        volumes = {**self.metal.machine.left.volumes, f'targets/{self.metal.tenant}': 'now'}
        self.metal.leave(**({'volumes': volumes} if what == 'volume' else {what: True}))

    @rule()
    @precondition(lambda self: self.metal.tenant not in {None, STRANGER})
    def tenant_gives_way(self) -> None:
        """The lessee leaves the node as one that is sub-let has to be."""
        self.metal.deployed = False
        self.metal.set(vifs=(), attachments=NO_ATTACHMENTS, console=False, instance=None)
        self.metal.set(power_state='power off')
        self.metal.write(protected=False, protected_reason=None)
        self.metal.enter('available')

    @rule(choice=st.integers(0, 3))
    def ironic_goes_on(self, choice: int) -> None:
        self.metal.tick(choice)

    @rule()
    def maintenance_comes_and_goes(self) -> None:
        self.metal.set(maintenance=not self.metal.machine.maintenance, maintenance_reason='a fan')

    @rule(error=st.sampled_from(ERRORS))
    def a_call_fails(self, error: Exception) -> None:
        self.cloud.fails = error

    @rule(buyer=st.booleans())
    @precondition(lambda self: self.node.state is State.AVAILABLE and not self.blocking)
    def the_node_changes_hands(self, *, buyer: bool) -> None:
        self.the_node_changes_hands_under_offers(BUYER if buyer else OWNER)

    def the_node_changes_hands_under_offers(self, owner: str) -> None:
        self.metal.set(owner=owner)
        self.rows.node = replace(self.node, owner_id=owner, retry_at=self.now)

    # What the manager does

    @rule(tasks=st.integers(1, 9), killed=st.booleans())
    def manager_works(self, tasks: int, *, killed: bool) -> None:
        """Do some tasks; a kill comes after a verb of the last, before it is written down."""
        for number in range(1, tasks + 1):
            task = due.plan(self.node, self.tree, self.now)
            if task is None:
                self.rows.now += NAP
                continue
            SEEN[type(task)] += 1
            self.cloud.kills = killed and number == tasks
            try:
                self.work().do_first()
            except Killed:
                pass
            finally:
                self.cloud.kills = False

    def node_turns(self, before: Node, after: Node) -> None:
        """Compare what a lender gets back with what the lender left."""
        if after.state is State.PREPARING and len(after.remembered) > len(before.remembered):
            lenders = self.tree.lenders(self.rows.lease(str(after.lease)))
            if lenders:
                self.left[lenders[0].uuid] = dict(self.metal.machine.fields)
        if before.is_coming and after.state is State.HANDED_OVER and before.lease == after.lease:
            held = self.rows.lease(str(after.lease))
            if held.status is Status.ACTIVE and held.uuid in self.left and not self.touched:
                assert self.metal.machine.fields == self.left.pop(held.uuid)

    def verb_is_sent(self, verb: Verb) -> None:
        """No lessee gets the node past the gate: the pass is on the row before, and is fresh."""
        lessee = verb.values.get(LESSEE, HOLDING) if isinstance(verb, Patch) else HOLDING
        given = lessee not in {HOLDING, None} and self.node.is_coming
        freed = lessee is None and self.node.is_going
        if self.gated and (given or freed) and not self.is_given_back():
            assert self.node.barrier(GateRules(max_age=timedelta(minutes=30)), self.now) in {
                Barrier.NONE,
                Barrier.PASSED,
            }

    def is_given_back(self) -> bool:
        """Whether the hand-over is undone: the lender, or nobody, has the node again."""
        return self.metal.machine.lease_label is not None or self.node.state is State.PREPARING

    def gate_is_asked(self, question: Question) -> None:
        assert question.node.state is State.GATING
        assert self.touched or self.metal.machine.lessee == HOLDING

    # What must hold

    @invariant()
    def the_innermost_lease_has_the_node_or_gets_it_back(self) -> None:
        active = [each for each in self.leases if each.status is Status.ACTIVE]
        active.sort(key=lambda each: len(self.tree.lenders(each)))
        for lender, lessee in pairwise(active):
            assert lessee.parent_lease == lender.uuid
        innermost = active[-1] if active else None
        if innermost is None or self.node.state is not State.HANDED_OVER or not self.node.lease:
            return
        if self.node.lease != innermost.uuid:  # it is being taken from one inside
            inside = self.rows.lease(str(self.node.lease))
            assert inside.ending
            assert innermost in self.tree.lenders(inside)
        elif not self.touched and innermost.window.holds(self.now):
            assert self.metal.machine.lessee == innermost.lessee_id
            assert self.metal.machine.lease_label == innermost.uuid

    @invariant()
    def a_lease_that_runs_has_the_node_or_will(self) -> None:
        if any(each.status is Status.ACTIVE for each in self.leases):
            assert self.node.state is not State.AVAILABLE

    @invariant()
    def a_lender_outlives_the_leases_inside(self) -> None:
        for each in self.blocking:
            if each.parent_lease is not None:
                assert self.rows.lease(each.parent_lease).blocks

    @invariant()
    def siblings_never_overlap(self) -> None:
        for parent in {each.parent for each in self.tree}:
            children = [each for each in self.tree.children(parent) if not _is_late(each, self.now)]
            for first, second in pairwise(children):
                assert not first.window.overlaps(second.window)

    @invariant()
    def only_a_lease_lets_a_tenant_have_it(self) -> None:
        if self.metal.tenant in {None, STRANGER} or not self.remembers:
            return
        held = self.rows.lease(str(self.metal.machine.lease_label))
        assert held.blocks or self.touched
        assert held.lessee_id == self.metal.tenant
        begun = self.node.is_coming and self.node.lease in {
            each.uuid for each in self.blocking if each.parent_lease == held.uuid
        }
        assert self.touched or self.node.is_with(held) or begun

    @invariant()
    def an_available_node_is_as_its_owner_left_it(self) -> None:
        if self.node.state is State.AVAILABLE and not self.touched:
            machine = self.metal.machine
            assert machine.lessee is None
            assert machine.lease_label is None
            assert machine.fields == FIELDS or not self.remembers
            assert not machine.vifs
            assert not machine.console
            assert not machine.instance_info
            assert machine.instance is None
            assert machine.left == Leftovers()
            assert machine.attachments == NO_ATTACHMENTS
            assert machine.power_state == 'power off'
            assert not self.metal.traces

    @invariant()
    def an_offer_stands_while_its_provider_owns_the_node(self) -> None:
        if self.node.retry_at is not None or self.node.is_inherited:
            return  # the manager looks at it next
        for each in self.rows.bookings.values():
            if isinstance(each, Offer) and each.blocks and each.window.end > self.now:
                assert each.is_suspended is (self.node.owner_id != each.owner_id)

    @invariant()
    def a_pending_recall_has_something_to_wait_for(self) -> None:
        for recalled, item in self.rows.items.values():
            if item.status is ItemStatus.PENDING:
                assert not (
                    recall.is_back(item, recalled.owner_id, self.node, self.tree)
                    and self.node.state is State.AVAILABLE
                    and not self.tree.leases
                )

    def teardown(self) -> None:
        """Everybody keeps quiet; the owner puts right what was changed outside the service."""
        try:
            self.quiet()
        finally:
            self.deep.stop()

    def quiet(self) -> None:
        self.cloud.fails = None
        for _ in range(60):
            self.metal.set(maintenance=False, fault=None)
            if self.touched and self.node.state in {State.LOST, State.AVAILABLE}:
                self.cloud.metal = Metal(a_machine(fields=FIELDS, owner=self.node.owner_id))
                self.touched = False
                self.rows.node = replace(self.node, retry_at=self.now)  # the inventory sees it
            self.rows.now += timedelta(hours=1)
            held = VERBS.get((self.metal.state, 'unhold'))
            if held is not None and self.node.state is State.CLEANING:
                self.metal.enter(held)  # an operator's deed: only operators hold a cleaning
            self.metal.tick()
            self.manager_works(tasks=5, killed=False)
        assert not list(self.tree)
        assert replace(self.node, trial=None) == a_node(owner_id=self.node.owner_id)
        assert not [i for _, i in self.rows.items.values() if i.status is ItemStatus.PENDING]
        self.an_available_node_is_as_its_owner_left_it()
        reason, fields = self.metal.machine.maintenance_reason, self.metal.machine.fields
        assert self.metal.machine == a_machine(
            fields=FIELDS if self.remembers else fields,
            maintenance_reason=reason,
            owner=self.node.owner_id,
        )


def _is_late(each: Lease | Offer, now: datetime) -> bool:
    """Whether it is past its window, and blocks because its end is tried again."""
    return each.window.end <= now or (isinstance(each, Lease) and each.ending)


class TouchedLife(Life):
    """The same with an owner who writes `lessee` directly."""

    @rule(lessee=st.sampled_from([None, STRANGER]))
    @precondition(lambda self: self.node.state is not State.AVAILABLE)
    @precondition(lambda self: self.metal.state not in LOCKED)
    def owner_writes_the_lessee(self, lessee: str | None) -> None:
        self.touched = True
        self.metal.set(lessee=lessee)


class RepairedLife(Life):
    """The same with `[manager] on_drift = repair`: the manager puts the lessee right."""

    repair = True

    @rule(lessee=st.sampled_from([None, STRANGER]))
    @precondition(lambda self: self.node.state in {State.AVAILABLE, State.HANDED_OVER})
    @precondition(lambda self: not self.touched and self.metal.state not in LOCKED)
    @precondition(lambda self: not any(each.ends(self.now) for each in self.blocking))
    def owner_writes_the_lessee(self, lessee: str | None) -> None:
        """The inventory sees it, and the manager has time to put it right."""
        held = self.tree.lease(self.node.lease)
        self.metal.rightful = None if held is None else held.lessee_id
        self.metal.set(lessee=lessee, maintenance=False)
        self.cloud.fails = None
        self.rows.node = replace(self.node, retry_at=self.now)
        if self.node.state is State.AVAILABLE and lessee is STRANGER:
            self.touched = True  # until it is cleaned
        for _ in range(8):
            if due.plan(self.node, self.tree, self.now) is not None:
                self.manager_works(tasks=1, killed=False)
        held, self.metal.rightful = self.tree.lease(self.node.lease), None
        if held is not None and self.node.state is State.HANDED_OVER and not held.ends(self.now):
            assert self.metal.machine.lessee == held.lessee_id

    @invariant()
    def a_node_that_is_clean_again_is_in_order(self) -> None:
        if (
            self.touched
            and self.node.state is State.AVAILABLE
            and self.metal.machine.lessee is None
        ):
            self.touched = False


class InheritedLife(Life):
    """The same with a node that the existing service had: its lease is recognised first."""

    @initialize(levels=st.integers(0, 2))
    def two_leases_back_to_back(self, levels: int) -> None:
        self.remembers, self.metal.inherited = False, True
        held = a_lease(self.new_uuid(), 0, 6, lessee_id=TENANT, status=Status.ACTIVE)
        self.write((Agree(contract_of(held)), *put(held)))
        self.rows.node = a_node(state=State.HANDED_OVER, lease=None, retry_at=self.now)
        self.metal.set(lessee=TENANT if levels else OTHER, lease_label=held.uuid)
        self.manager_works(tasks=2, killed=False)
        kept = self.rows.lease(held.uuid)
        assert kept.status is (Status.ACTIVE if levels else Status.ERROR)
        if not levels:  # left as found: its owner has to put it in order
            self.touched = True


class GatedLife(Life):
    """The same with a gate, whose driver says this and that, and operators who reset."""

    gated = True

    @rule(verdict=st.sampled_from(VERDICTS))
    def driver_says(self, verdict: Verdict) -> None:
        self.gate.verdict = verdict

    @rule()
    @precondition(lambda self: self.node.state is State.REJECTED)
    def operator_resets(self) -> None:
        self.rows.node = self.node.to(State.RETURNING, retry_at=self.now)

    @invariant()
    def a_node_at_the_gate_is_with_the_holding_project_or_has_passed(self) -> None:
        rules = GateRules(max_age=timedelta(minutes=30))
        if self.node.barrier(rules, self.now) is Barrier.ASKED:
            trial = self.node.trial
            late = trial is not None and trial.answer is Answer.PASS  # handed over, not written
            assert late or self.metal.machine.lessee == HOLDING

    @invariant()
    def a_rejected_node_is_with_the_holding_project(self) -> None:
        if self.node.state is State.REJECTED:
            assert self.metal.machine.lessee == HOLDING

    def quiet(self) -> None:
        self.gate.verdict = PASS
        if self.node.state is State.REJECTED:
            self.operator_resets()
        super().quiet()


# As everywhere in hypothesis, a state machine has no deadline: the machine may be busy.
TestLife = Life.TestCase
TestLife.settings = settings(Life.TestCase.settings, max_examples=40, stateful_step_count=50)
TestTouchedLife = TouchedLife.TestCase
TestTouchedLife.settings = settings(TestLife.settings, max_examples=25)
TestRepairedLife = RepairedLife.TestCase
TestRepairedLife.settings = settings(TestLife.settings, max_examples=25)
TestInheritedLife = InheritedLife.TestCase
TestInheritedLife.settings = settings(TestLife.settings, max_examples=15)
TestGatedLife = GatedLife.TestCase
TestGatedLife.settings = settings(TestLife.settings)


def test_an_offer_is_suspended_while_the_node_is_anothers() -> None:
    life = Life()
    life.offer(gap=0, hours=6)
    life.the_node_changes_hands_under_offers(BUYER)
    life.manager_works(tasks=3, killed=False)
    assert [each.is_suspended for each in life.tree.offers] == [True]
    life.the_node_changes_hands_under_offers(OWNER)
    life.manager_works(tasks=3, killed=False)
    assert [each.is_suspended for each in life.tree.offers] == [False]
    life.teardown()


def test_a_rejected_node_is_confined_and_starts_no_lease() -> None:
    life = GatedLife()
    life.book(gap=0, hours=1, who=TENANT)
    life.book(gap=0, hours=3, who=OTHER)
    life.driver_says(VERDICTS[2])
    life.manager_works(tasks=6, killed=False)
    assert life.node.state is State.REJECTED
    assert life.metal.machine.maintenance
    life.time_passes()
    life.manager_works(tasks=4, killed=False)
    assert [each.status for each in life.leases] == [Status.EXPIRED, Status.ERROR]
    life.metal.set(maintenance_reason='an operator is at it')
    life.operator_resets()
    life.manager_works(tasks=3, killed=False)
    assert life.metal.machine.maintenance  # it is not ours to end
    life.teardown()


def test_a_lost_node_is_free_once_its_owner_has_put_it_in_order() -> None:
    life = TouchedLife()
    life.book(gap=0, hours=1, who=TENANT)
    life.manager_works(tasks=3, killed=False)
    life.owner_writes_the_lessee(STRANGER)
    life.time_passes()
    life.manager_works(tasks=3, killed=False)
    assert life.node.state is State.LOST
    life.teardown()


@pytest.mark.parametrize('repaired', [False, True])
def test_a_node_without_a_lease_is_taken_from_a_stranger_if_repair_is_on(*, repaired: bool) -> None:
    life = RepairedLife() if repaired else Life()
    life.metal.set(lessee=STRANGER)
    life.touched = True
    life.rows.node = replace(life.node, retry_at=life.now)
    life.manager_works(tasks=6, killed=False)
    assert life.rows.told == ['esi_leap.node.drift']
    assert (life.metal.machine.lessee == STRANGER) is not repaired
    life.teardown()


def test_every_kind_of_task_is_lived_through() -> None:
    """It runs after the lives of this file, in the same process."""
    assert set(SEEN) == set(DUTIES)
