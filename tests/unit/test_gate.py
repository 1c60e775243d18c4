"""Drivers of the gate, and the guard around them: nothing but a driver's "pass" is one."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from esi_leap import conf as configuration
from esi_leap.conf.checks import ConfigurationError
from esi_leap.core.errors import UnavailableError
from esi_leap.core.gate import Answer, Direction, Verdict
from esi_leap.core.node import Node, State
from esi_leap.core.ports.cloud import Gate, Question
from esi_leap.gate.fake import FakeGate
from esi_leap.gate.guard import Guard
from esi_leap.wiring.manager import make_gate

NOW = datetime(2032, 1, 31, tzinfo=UTC)
PASS = Verdict(answer=Answer.PASS, evidence={'pcr': 'ok'})
#: Longer than any answer of these drivers takes, and far longer than the tests wait.
LONG = 60.0


def question(number: int = 1, direction: Direction = Direction.HAND_OVER) -> Question:
    node = Node(
        id=number,
        resource_type='ironic_node',
        resource_uuid=f'uuid-{number}',
        name=f'node-{number}',
        owner_id='owner',
        state=State.PREPARING,
    )
    return Question(node=node.gated(direction, NOW, None), lease=None, now=NOW)


class Driver:
    """Does what the test says."""

    def __init__(self, deed: Callable[[], object]) -> None:
        self._deed = deed

    def ask(self, question: Question) -> Any:  # noqa: ANN401 - also what no driver may say
        del question
        return self._deed()


def raising(error: BaseException) -> Callable[[], object]:
    def deed() -> object:
        raise error

    return deed


def test_verdict_in_time_is_returned() -> None:
    assert Guard(Driver(lambda: PASS), LONG).ask(question()) is PASS


@pytest.mark.parametrize(
    ('deed', 'says'),
    [
        (raising(KeyError('pcr')), r'The gate failed \(KeyError\)'),
        (raising(ValueError('a pass needs evidence')), r'The gate failed \(ValueError\)'),
        (raising(UnavailableError('The verifier is away.')), 'The verifier is away.'),
        (lambda: True, 'answered with a bool'),
        (lambda: None, 'answered with a NoneType'),
        (lambda: 'pass', 'answered with a str'),
        (
            lambda: Verdict(answer=Answer.PASS, evidence={'x': float('nan')}),
            'evidence of the gate cannot be kept. It has a number that is not finite',
        ),
    ],
)
def test_anything_but_a_verdict_makes_the_node_wait(deed: Callable[[], object], says: str) -> None:
    with pytest.raises(UnavailableError, match=says):
        Guard(Driver(deed), LONG).ask(question())


def test_hanging_driver_is_neither_waited_for_nor_asked_again_about_the_node() -> None:
    release = threading.Event()
    calls: list[int] = []

    def hang() -> Verdict:
        calls.append(1)
        assert release.wait(LONG)
        return PASS

    guard = Guard(Driver(hang), 0.05)
    with pytest.raises(UnavailableError, match=r'did not answer within 0\.05 s'):
        guard.ask(question(1))
    with pytest.raises(UnavailableError, match='has not answered the last question yet'):
        guard.ask(question(1))
    with pytest.raises(UnavailableError, match='did not answer within'):
        guard.ask(question(2))
    assert len(calls) == 2
    release.set()
    for thread in threading.enumerate():
        if thread.name == 'gate':
            thread.join(LONG)
    assert Guard(Driver(lambda: PASS), LONG).ask(question(1)) is PASS
    assert guard.ask(question(1)) is PASS  # it came back, and answers again


@pytest.fixture
def conf(tmp_path: Path) -> cfg.ConfigOpts:
    made = configuration.registered()
    made([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    made.set_override('fake_file', str(tmp_path / 'verdicts'), 'gate')
    return made


def write(conf: cfg.ConfigOpts, verdicts: object) -> None:
    Path(conf.gate.fake_file).write_text(json.dumps(verdicts), encoding='utf-8')


def test_driver_none_means_no_gate(conf: cfg.ConfigOpts) -> None:
    assert make_gate(conf) is None


def test_driver_is_found_by_its_entry_point(conf: cfg.ConfigOpts) -> None:
    write(conf, {'*': {'answer': 'pass'}})
    conf.set_override('driver', 'fake', 'gate')
    found: Gate | None = make_gate(conf)
    assert isinstance(found, Guard)
    assert found.ask(question()).answer is Answer.PASS


@pytest.mark.parametrize(
    ('group', 'name', 'value', 'says'),
    [
        ('gate', 'driver', 'keystone', 'no driver keystone'),
        ('gate', 'fake_file', None, r'\[gate\] fake_file is not set'),
    ],
)
def test_wrong_gate_options_are_refused_at_the_start(
    conf: cfg.ConfigOpts, group: str, name: str, value: object, says: str
) -> None:
    conf.set_override('driver', 'fake', 'gate')
    conf.set_override(name, value, group)
    with pytest.raises(ConfigurationError, match=says):
        make_gate(conf)


def test_fake_gate_uses_the_first_key_that_fits(conf: cfg.ConfigOpts) -> None:
    gate = FakeGate(conf)
    verdicts: dict[str, object] = {'*': {'answer': 'wait', 'reason': 'all'}}
    for key in ('return', 'uuid-1', 'node-1', 'uuid-1 return', 'node-1 return'):
        verdicts[key] = {'answer': 'reject', 'reason': key, 'phase': 'x', 'evidence': {'k': key}}
    for key in ('node-1 return', 'uuid-1 return', 'node-1', 'uuid-1', 'return'):
        write(conf, verdicts)
        said = gate.ask(question(1, Direction.RETURN))
        assert said == Verdict(answer=Answer.REJECT, reason=key, phase='x', evidence={'k': key})
        del verdicts[key]
    write(conf, verdicts)
    assert gate.ask(question(1, Direction.RETURN)).reason == 'all'
    assert gate.ask(question(2)).reason == 'all'


@pytest.mark.parametrize('verdicts', [{}, {'node-2': {'answer': 'pass'}}])
def test_file_without_a_verdict_makes_the_node_wait(conf: cfg.ConfigOpts, verdicts: object) -> None:
    write(conf, verdicts)
    with pytest.raises(UnavailableError, match='says nothing of node-1'):
        FakeGate(conf).ask(question())


def test_missing_or_damaged_file_makes_the_node_wait(conf: cfg.ConfigOpts) -> None:
    guard = Guard(FakeGate(conf), LONG)
    with pytest.raises(UnavailableError, match='cannot be read'):
        guard.ask(question())
    Path(conf.gate.fake_file).write_text('{"*": {"answer": "pa', encoding='utf-8')
    with pytest.raises(UnavailableError, match='JSONDecodeError'):
        guard.ask(question())
    write(conf, {'*': {'answer': 'maybe'}})
    with pytest.raises(UnavailableError, match='ValueError'):
        guard.ask(question())
