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
