"""The gate at a hand-over and at a return: pass, wait, reject, and drivers that fail."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from esi_leap.core.change import Turn
from esi_leap.core.errors import NodeBusyError, UnavailableError
from esi_leap.core.event import Priority
from esi_leap.core.gate import Answer, Direction, Rules, Verdict
from esi_leap.core.handover.steps import Maintain, Patch
from esi_leap.core.lease import Status
from esi_leap.core.node import State
from esi_leap.core.ports.cloud import Question
from esi_leap.db.agenda import Agenda

from .conftest import Killed, World

PASS = Verdict(answer=Answer.PASS, evidence={'pcr': 'ok'})
WAIT = Verdict(answer=Answer.WAIT, reason='It boots.', phase='booting')
REJECT = Verdict(answer=Answer.REJECT, reason='PCR 0 differs.', evidence={'pcr': 'bad'})
RULES = Rules(max_age=timedelta(minutes=5), timeout=timedelta(hours=2))


class Gate:
    """Gives the answers of the test in order, and repeats the last one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: list[Verdict | BaseException] = [PASS]
        self.asked: list[Question] = []
        self.held: list[str | None] = []
        self.after: Callable[[], None] = lambda: None

    def ask(self, question: Question) -> Verdict:
        self.asked.append(question)
        self.held.append(self.world.file().get('project_id'))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, BaseException):
            raise said
        self.after()
        return said

    def directions(self) -> list[str]:
        trials = [each.node.trial for each in self.asked]
        return [str(each.direction) for each in trials if each is not None]


@pytest.fixture
def gate(world):
    made = Gate(world)
    deps = world.deps
    world.deps = replace(deps, gate=made, settings=replace(deps.settings, gate=RULES))
    return made


def node_events(world: World) -> list[str]:
    with world.database.reader() as connection:
        rows = connection.exec_driver_sql(
            "SELECT event_type FROM events WHERE object_type = 'node' ORDER BY id"
        )
        return [row[0].removeprefix('esi_leap.node.') for row in rows]


def lessees(world: World) -> Sequence[Any]:
    patches = [each.values for each in world.nodes.verbs if isinstance(each, Patch)]
    return [values['lessee'] for values in patches if 'lessee' in values]


def reset(world: World) -> None:
    node = world.row()
    with world.store.booking(node.id, world.now) as book:
        book.put((Turn(book.node.to(State.RETURNING, retry_at=world.now)),))


def test_node_passes_the_gate_at_its_hand_over_and_at_its_return(world, gate):
    uuid = world.lease('tenant', 0, 10)
    world.tick()
    assert world.see(uuid).status is Status.ACTIVE
    assert world.file()['project_id'] == 'tenant'
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.row().state is State.AVAILABLE
    assert gate.directions() == ['hand-over', 'return']
    assert gate.held == ['holding', 'holding']
    assert [each.lease and each.lease.uuid for each in gate.asked] == [uuid, None]
    assert node_events(world) == ['gate.start', 'gate.end', 'gate.start', 'gate.end']
    assert lessees(world) == ['holding', 'tenant', 'holding', None]


def test_evidence_is_stored_before_the_lessee_has_the_node(world, gate):
    def look(call: int) -> None:
        if world.nodes.verbs and world.nodes.verbs[-1] == given_to_tenant:
            seen.append((world.row().state, world.row().trial))

    uuid = world.lease('tenant', 0, 10)
    given_to_tenant = Patch({'lessee': 'tenant', 'properties/lease_uuid': uuid})
    seen: list[Any] = []
    world.nodes.before = look
    world.tick()
    state, trial = seen[0]
    assert state is State.GATING
    assert (trial.direction, trial.answer) == (Direction.HAND_OVER, Answer.PASS)
    assert (trial.evidence, trial.answered_at) == ({'pcr': 'ok'}, world.now)
    assert world.row().trial == trial  # and it is there for whoever asks later


def test_holding_project_has_the_node_while_the_driver_says_wait(world, gate):
    gate.answers = [WAIT]
    uuid = world.lease('tenant', 0, 60)
    world.tick()
    for _ in range(5):
        world.wait(seconds=20)
        assert world.file()['project_id'] == 'holding'
        assert world.row().state is State.GATING
        assert str(world.row().reason) == 'The gate: It boots.'
        assert world.see(uuid).status is Status.WAIT_FULFILL
        assert str(world.see(uuid).reason) == 'The gate: It boots.'
    assert [each.node.trial.phase for each in gate.asked] == [None, *['booting'] * 5]
    gate.answers = [PASS]
    world.wait(seconds=20)
    assert world.see(uuid).status is Status.ACTIVE
    assert node_events(world) == ['gate.start', 'gate.end']


@pytest.mark.parametrize('error', [UnavailableError('The verifier is away.'), None])
def test_node_waits_without_timeout_while_the_driver_does_not_answer(world, gate, error):
    gate.answers = [error or UnavailableError('The gate failed (KeyError).')]
    uuid = world.lease('tenant', 0, 600)
    world.tick()
    world.wait(minutes=300)
    assert world.see(uuid).status is Status.WAIT_FULFILL
    assert str(world.see(uuid).reason) == gate.answers[0].message
    assert (world.row().state, str(world.row().reason)) == (State.GATING, gate.answers[0].message)
    assert world.file()['project_id'] == 'holding'
    gate.answers = [PASS]
    world.wait(seconds=2)
    assert world.see(uuid).status is Status.ACTIVE


def test_driver_that_makes_the_work_fail_lets_nothing_pass(world, gate):
    """A driver without a guard around it."""
    gate.answers = [RuntimeError('a defect')]
    uuid = world.lease('tenant', 0, 60)
    world.tick()
    assert (world.row().state, world.file()['project_id']) == (State.GATING, 'holding')
    assert world.see(uuid).status is Status.WAIT_FULFILL
    gate.answers = [PASS]
    world.wait(seconds=31)
    assert world.see(uuid).status is Status.ACTIVE


def test_rejected_node_stays_with_the_holding_project_in_maintenance(world, gate):
    gate.answers = [REJECT]
    uuid = world.lease('tenant', 0, 10)
    later = world.lease('other', 20, 30)
    world.tick()
    said = 'The gate has rejected the node (gate.rejected): PCR 0 differs.'
    assert (world.see(uuid).status, str(world.see(uuid).reason)) == (Status.ERROR, said)
    assert (world.row().state, str(world.row().reason)) == (State.REJECTED, said)
    assert world.row().trial.evidence == {'pcr': 'bad'}
    assert world.file()['maintenance']
    assert world.file()['maintenance_reason'].endswith('PCR 0 differs.')
    assert world.file()['project_id'] == 'holding'
    assert world.events(uuid) == ['create.end', 'fulfill.start', 'fulfill.error']
    assert node_events(world) == ['gate.start', 'gate.error']
    calls = world.nodes.calls
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    world.wait(minutes=10)
    assert (world.see(later).status, str(world.see(later).reason)) == (Status.ERROR, said)
    assert world.nodes.calls == calls  # nothing is done to it any more
    assert 'tenant' not in lessees(world)
    assert 'other' not in lessees(world)


def test_rejection_is_notified_with_the_owner_and_the_evidence(world, gate):
    world.notify(Priority.INFO)
    world.deps = replace(world.deps, agenda=world.agenda)
    gate.answers = [REJECT]
    world.lease('tenant', 0, 10)
    world.tick()
    told = [each for each in world.outbox.outgoing(99) if each.type == 'esi_leap.node.gate.error']
    assert [each.priority for each in told] == ['error']
    assert told[0].payload['esi_leap_object.name'] == 'NodeCRUDPayload'
    data: Any = told[0].payload['esi_leap_object.data']
    assert (data['uuid'], data['owner_id'], data['state']) == ('n1', 'lender', 'rejected')
    assert data['evidence'] == {'pcr': 'bad'}


def test_node_rejected_at_its_return_stays_with_the_holding_project(world, gate):
    gate.answers = [PASS, REJECT]
    uuid = world.lease('tenant', 0, 10)
    following = world.lease('next', 10, 20)
    world.tick()
    world.change(provision_state='active', extra={'implant': 1})
    world.wait(minutes=10)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.see(following).status is Status.ERROR
    assert world.row().state is State.REJECTED
    assert world.file()['project_id'] == 'holding'
    assert world.file()['maintenance']


def test_rejected_node_is_available_after_reset_cleaning_and_gate(world, gate):
    gate.answers = [PASS, REJECT, WAIT, PASS]
    world.lease('tenant', 0, 10)
    world.tick()
    world.change(extra={'of': 'tenant'})
    world.wait(minutes=10)
    world.nodes.verbs.clear()
    reset(world)
    world.tick()
    assert world.row().state is State.GATING
    assert not world.file()['maintenance']
    assert world.file()['project_id'] == 'holding'
    targets = [each.target for each in world.nodes.verbs if hasattr(each, 'target')]
    assert targets == ['manage', 'provide']
    world.wait(seconds=30)
    assert world.row().state is State.AVAILABLE
    assert 'project_id' not in world.file()
    assert world.file()['extra'] == {}
    assert node_events(world)[-4:] == ['gate.error', 'reset.end', 'gate.start', 'gate.end']


def test_lessee_who_sub_let_the_node_gets_it_back_after_the_reset(world, gate):
    outer = world.lease('tenant', 0, 60)
    inner = world.lease('guest', 10, 20, inside=outer)
    gate.answers = [PASS, PASS, REJECT, PASS]
    world.tick()
    world.wait(minutes=10)
    assert world.see(inner).status is Status.ACTIVE
    world.wait(minutes=10)
    assert world.row().state is State.REJECTED
    assert world.see(outer).status is Status.ACTIVE
    assert str(world.see(outer).reason).endswith('(gate.rejected): PCR 0 differs.')
    reset(world)
    world.tick()
    assert (world.row().state, world.file()['project_id']) == (State.HANDED_OVER, 'tenant')
    assert world.see(outer).reason is None
    assert gate.directions() == ['hand-over', 'hand-over', 'return', 'return', 'hand-over']


def test_evidence_older_than_max_age_is_asked_for_again(world, gate):
    def away(call: int) -> None:
        if Answer.PASS in {each.node.trial.answer for each in gate.asked} or gate.asked:
            raise UnavailableError('no answer')

    uuid = world.lease('tenant', 0, 60)
    world.nodes.before = away
    world.tick()
    assert world.row().trial.answer is Answer.PASS
    assert world.file()['project_id'] == 'holding'
    world.nodes.before = lambda call: None
    world.wait(minutes=6)
    assert len(gate.asked) == 2
    assert world.see(uuid).status is Status.ACTIVE
    assert world.row().trial.answered_at == world.now


def test_wait_longer_than_timeout_rejects_the_node(world, gate):
    gate.answers = [WAIT]
    uuid = world.lease('tenant', 0, 600)
    world.tick()
    world.wait(minutes=119)
    assert world.row().state is State.GATING
    world.wait(minutes=1)
    assert world.row().state is State.REJECTED
    assert str(world.see(uuid).reason).endswith('No verdict within 7200 s. It boots.')


def test_pass_is_void_if_another_project_had_the_node_since(world, gate):
    gate.after = lambda: world.change(project_id=None) if len(gate.asked) == 1 else None
    uuid = world.lease('tenant', 0, 60)
    world.tick()
    assert len(gate.asked) == 2
    assert gate.held == ['holding', 'holding']
    assert world.see(uuid).status is Status.ACTIVE


def test_lease_cancelled_at_the_gate_ends_and_the_node_is_returned(world, gate):
    gate.answers = [WAIT, PASS]
    uuid = world.lease('tenant', 0, 60)
    world.tick()
    world.cancel(uuid)
    world.tick()
    assert world.see(uuid).status is Status.DELETED
    assert world.row().state is State.AVAILABLE
    assert gate.directions() == ['hand-over', 'return']
    assert 'tenant' not in lessees(world)


def test_node_at_a_gate_that_is_unconfigured_goes_on(world, gate):
    gate.answers = [WAIT]
    uuid = world.lease('tenant', 0, 60)
    world.tick()
    world.deps = replace(world.deps, gate=None)
    world.wait(seconds=30)
    assert world.see(uuid).status is Status.ACTIVE
    world.wait(minutes=60)
    assert world.row().state is State.AVAILABLE


def test_maintenance_that_cannot_be_set_is_retried(world, gate):
    def locked(call: int) -> None:
        if world.nodes.verbs and isinstance(world.nodes.verbs[-1], Maintain):
            raise NodeBusyError('It is locked.')

    gate.answers = [REJECT]
    world.lease('tenant', 0, 60)
    world.nodes.before = locked
    world.tick()
    assert world.row().state is State.REJECTED
    assert str(world.row().reason).endswith('PCR 0 differs.')
    assert 'maintenance' not in world.file()
    world.nodes.before = lambda call: None
    world.nodes.verbs.clear()
    world.wait(seconds=31)
    assert world.file()['maintenance']


# What it costs


def costs(world: World) -> tuple[int, int, list[str]]:
    """Hand a node over and take it back; return the number of statements and calls, the verbs."""
    sent: list[str] = []

    def note(*call: object) -> None:
        sent.append(str(call[2]))

    sa.event.listen(world.database.engine, 'before_cursor_execute', note)
    before = world.nodes.calls
    start = int((world.now - world.now.replace(hour=12, minute=0)).total_seconds() // 60)
    world.lease('tenant', start, start + 10)
    world.tick()
    world.wait(minutes=10)
    sa.event.remove(world.database.engine, 'before_cursor_execute', note)
    assert world.row().state is State.AVAILABLE
    verbs = [type(each).__name__ for each in world.nodes.verbs]
    world.nodes.verbs.clear()
    return len(sent), world.nodes.calls - before, verbs


def test_without_a_gate_no_call_is_added(world, gate):
    """Without a gate, a hand-over and a return have the number of statements from before the gate.

    Two of the statements look for recalls: when the node is with its lessee, and when it is free.
    """
    with_gate = costs(world)
    world.deps = replace(world.deps, gate=None)
    without = costs(world)
    assert without == (90, 20, ['Patch', 'Patch', 'Patch', 'Provision', 'Provision', 'Patch'])
    assert with_gate[2] == without[2]  # no verb more for a gate that lets pass
    assert with_gate[0] > without[0]


# Crashes


@pytest.mark.parametrize(
    ('when', 'answers'),
    [
        ('before', [PASS]),
        ('after', [PASS]),
        ('in the gate', [PASS]),
        ('after', [WAIT, PASS, WAIT, PASS]),
    ],
)
def test_manager_that_dies_at_any_call_lets_no_node_past_the_gate(world, gate, when, answers):
    """The manager dies at each call once, at the hand-over and at the return."""
    reached = 0
    for call in range(1, 60):
        gate.answers, gate.asked = list(answers), []
        start = -((world.now.replace(hour=12, minute=0) - world.now) // timedelta(minutes=1))
        uuid = world.lease('tenant', start + 1, start + 30)
        world.now = world.see(uuid).window.start
        killed = _run(world, gate, call, when, lambda: world.wait(seconds=61))
        assert world.see(uuid).status is Status.ACTIVE
        assert world.row().trial.answer is Answer.PASS
        world.now = world.see(uuid).window.end
        world.change(provision_state='active', vifs=['v'])
        killed |= _run(world, gate, call, when, lambda: world.wait(seconds=61))
        assert world.see(uuid).status is Status.EXPIRED
        assert world.events(uuid).count('fulfill.end') == 1
        assert world.events(uuid).count('delete.end') == 1
        assert (world.row().state, world.file().get('project_id')) == (State.AVAILABLE, None)
        assert set(gate.held) == {'holding'}
        assert set(gate.directions()) == {'hand-over', 'return'}
        if not killed:
            break
        reached = call
    assert reached >= (1 if when == 'in the gate' else 7)


class _Unreleasing(Agenda):
    def release(self, node_id: int, claim: str) -> None:
        pass


def _run(world: World, gate: Gate, number: int, when: str, later: Callable[[], None]) -> bool:
    """Let the manager die at a call, and another one work until nothing is due."""

    def end(call: int) -> None:
        if call == number:
            raise Killed

    world.nodes.calls, dying = 0, len(gate.asked) + number
    if when == 'in the gate':
        gate.after = lambda: end(number) if len(gate.asked) == dying else None
    else:
        setattr(world.nodes, when, end)
    try:
        world.tick(replace(world.deps, agenda=_Unreleasing(world.database)))
        killed = False
    except Killed:
        killed = True
    gate.after = lambda: None
    world.nodes.before = world.nodes.after = lambda call: None
    for _ in range(2):
        later()
    return killed


def test_an_answer_that_is_none_is_kept_with_the_lease_and_not_asked_for_without_pause(world, gate):
    """An error of ours after the look at the node is one like any other."""
    gate.answers = ['maybe']
    uuid = world.lease('tenant', 0, 60)
    world.tick()
    waits = world.see(uuid)
    assert (waits.status, waits.attempts, len(gate.asked)) == (Status.WAIT_FULFILL, 1, 1)
    assert 'ValueError' in str(waits.reason)
    for _ in range(world.deps.settings.max_attempts):
        world.wait(minutes=1)
    assert world.see(uuid).status is Status.ERROR
    gate.answers = [PASS]
    world.wait(minutes=60)
    assert world.see(uuid).status is Status.EXPIRED
    assert world.row().state is State.AVAILABLE
