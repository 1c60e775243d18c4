"""Every provision state that the installed Ironic knows: a return has an answer to each."""

import json
import os
import subprocess
from typing import Any

import pytest

from esi_leap.core.handover.machine import (
    ABORTABLE,
    IDLE,
    MANAGEABLE,
    MOVING,
    PATCHABLE,
    UNDEPLOYABLE,
)
from sandbox import environments
from sandbox.layout import Layout, environment
from tests.unit.core.metal import MOVES, VERBS

pytestmark = pytest.mark.sandbox

_ASK = """
import json
from ironic.common import states
from ironic.common.state_machine import machine
print(json.dumps({
    'states': sorted(machine.states),
    'moves': sorted((start, event, end) for start, event, end in machine),
    'verbs': states.VERBS,
    'patched': sorted(states.UPDATE_ALLOWED_STATES),
}))
"""


@pytest.fixture(scope='module')
def machine() -> Any:  # noqa: ANN401 - JSON
    layout = Layout()
    if os.environ.get('ESI_LEAP_REQUIRE_SANDBOX') == '1':
        environments.build(layout, ['ironic'], database='sqlite')
    elif not layout.program('ironic', 'python').exists():
        pytest.skip("needs the sandbox's environment for Ironic: python -m sandbox up")
    done = subprocess.run(
        [layout.program('ironic', 'python'), '-c', _ASK],
        check=True,
        capture_output=True,
        text=True,
        env=environment(),
    )
    return json.loads(done.stdout)


def test_no_state_is_unknown(machine: Any) -> None:  # noqa: ANN401 - JSON
    """A state that a new Ironic brings fails this until `esi_leap.core.handover.machine` has it."""
    known = ABORTABLE | IDLE | MANAGEABLE | MOVING | UNDEPLOYABLE
    assert set(machine['states']) == known


def test_a_state_calls_for_one_verb(machine: Any) -> None:  # noqa: ANN401 - JSON
    del machine
    parts = [ABORTABLE, MANAGEABLE, MOVING, UNDEPLOYABLE, IDLE - {'enroll'}]
    assert sum(map(len, parts)) == len(frozenset().union(*parts))


@pytest.mark.parametrize(
    ('states', 'verb'),
    [
        (ABORTABLE, 'abort'),
        (MANAGEABLE, 'manage'),
        (UNDEPLOYABLE, 'deleted'),
        ({'available'}, 'manage'),
        ({'manageable'}, 'provide'),
    ],
)
def test_ironic_takes_the_verb_in_these_states(
    machine: Any,  # noqa: ANN401 - JSON
    states: set[str],
    verb: str,
) -> None:
    event = machine['verbs'][verb]
    taken = {start for start, name, _ in machine['moves'] if name == event}
    assert states <= taken


def test_states_that_move_end_by_themselves(machine: Any) -> None:  # noqa: ANN401 - JSON
    asked = set(machine['verbs'].values())
    by_itself = {start for start, name, _ in machine['moves'] if name not in asked}
    assert by_itself >= MOVING


def test_ironic_takes_a_patch_in_these_states(machine: Any) -> None:  # noqa: ANN401 - JSON
    """While it is inspecting it takes one only from clients that do not know `inspect wait`."""
    patched = set(machine['patched']) & set(machine['states'])
    assert patched - {'inspecting'} == PATCHABLE


#: Other names of verbs that the model has, and a verb that no rule lets a lessee send.
_LEFT_OUT = {'undeploy', 'deploy', 'clean'}
#: Events of Ironic's own work that are named like verbs: what follows a tear-down, and the end of
#: a manual cleaning.
_OWN_WORK = {('deleting', 'clean'), ('cleaning', 'manage')}


def test_the_model_of_the_unit_tests_has_the_verbs_of_ironic(machine: Any) -> None:  # noqa: ANN401
    # Ironic takes `rebuild` as a verb too, though it is not among these.
    verbs = {**machine['verbs'], 'rebuild': 'rebuild'}
    found = {
        (start, verb): end
        for verb, event in verbs.items()
        for start, name, end in machine['moves']
        if name == event and verb not in _LEFT_OUT and (start, name) not in _OWN_WORK
    }
    assert found == VERBS


def test_the_model_of_the_unit_tests_moves_as_ironic_does(machine: Any) -> None:  # noqa: ANN401
    verbs = {*machine['verbs'].values(), 'rebuild'}
    found: dict[str, set[str]] = {}
    for start, name, end in machine['moves']:
        if name not in verbs or (start, name) == ('deleting', 'clean'):
            found.setdefault(start, set()).add(end)
    assert {start: ends for start, ends in found.items() if start in MOVES} == {
        start: set(ends) for start, ends in MOVES.items()
    }
