"""The policy file in a real Ironic, with the tokens of real users of the sandbox."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from sandbox import cloud, rest, seeds, services, users
from sandbox.layout import Layout
from sandbox.state import State, locked

pytestmark = pytest.mark.sandbox

# Prints the rules of a policy file that this Ironic does not know, and the undefined words.
_CHECK = """
import sys
from oslo_config import cfg
from oslo_policy import policy
from ironic.common import policy as ironic
known = {rule.name for rule in ironic.list_policies()}
enforcer = policy.Enforcer(cfg.ConfigOpts(), use_conf=False)
enforcer.register_defaults(ironic.list_policies())
rules = policy.Rules.load(open(sys.argv[1]).read())
for name in rules:
    ours = name.startswith(('esi_', 'baremetal:step:execute:'))
    if not ours and name not in known:
        print('unknown to Ironic:', name)
for name, rule in enforcer.registered_rules.items():
    rules.setdefault(name, rule.check)
enforcer.set_rules(rules, use_conf=False)
if not enforcer.check_rules():
    print('undefined or circular words')
"""


@pytest.fixture(scope='module')
def state() -> Iterator[State]:
    """A cloud that runs; one is brought up for the test only where a skip would be a failure."""
    layout = Layout()
    state = State.load(layout)
    running = state.complete and services.is_running(state, 'ironic')
    if not running:
        if os.environ.get('ESI_LEAP_REQUIRE_SANDBOX') != '1':
            pytest.skip('needs the sandbox: python -m sandbox up')
        with locked(layout):
            state = cloud.up(layout, ironic_policy='esi', lease_service=False)
    elif state.ironic_policy != 'esi':
        pytest.skip('this sandbox runs with the rules of Ironic itself')
    yield state
    if not running:
        with locked(layout):
            cloud.down(layout)


@pytest.fixture
def node(state: State) -> Iterator[str]:
    """The URL of a node that is nobody's, and nobody's again afterwards."""
    url = f'{state.url("ironic")}/v1/nodes/node-{state.nodes}'
    admin = seeds.session(state, users.SYSTEM_ADMIN)
    found = admin.must('GET', url, version=seeds.IRONIC_VERSION)
    if found['lessee'] or found['provision_state'] != 'available':
        pytest.skip('the last node of the sandbox is in use')
    yield url
    _lend(admin, url, None)


def _lend(session: rest.Session, url: str, project: str | None) -> int:
    change = (
        {'op': 'add', 'path': '/lessee', 'value': project}
        if project
        else {'op': 'remove', 'path': '/lessee'}
    )
    return session.send('PATCH', url, [change], version=seeds.IRONIC_VERSION)[0]


def _sees(state: State, name: str) -> set[str]:
    session = seeds.session(state, users.find(name))
    url = f'{state.url("ironic")}/v1/nodes'
    answer = session.must('GET', url, version=seeds.IRONIC_VERSION)
    return {str(node['name']) for node in answer['nodes']}


def test_ironic_knows_every_rule_of_the_file() -> None:
    layout = Layout()
    python = layout.program('ironic', 'python')
    if not python.exists():
        pytest.skip("needs the sandbox's environment for Ironic")
    file = layout.root.parent / 'policies' / 'ironic' / '50-esi.yaml'
    done = subprocess.run(
        [str(python), '-W', 'ignore', '-c', _CHECK, str(file)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ''


def test_only_the_service_gives_a_node_away_and_the_lessee_alone_uses_it(
    state: State, node: str
) -> None:
    name = node.rpartition('/')[2]
    lessee = seeds.Identity(state).ids('projects')['lessee']
    everyone = {f'node-{number}' for number in range(1, state.nodes + 1)}
    sessions = {
        user: seeds.session(state, users.find(user))
        for user in ('esi-leap', 'owner-member', 'owner-admin', 'lessee-member', 'lessee-admin')
    }
    power = f'{node}/states/power'

    assert _sees(state, 'owner-member') == everyone
    assert _sees(state, 'esi-leap') == everyone
    assert name not in _sees(state, 'lessee-member')

    assert _lend(sessions['owner-member'], node, lessee) == 403
    assert _lend(sessions['owner-admin'], node, lessee) == 403
    assert _lend(sessions['esi-leap'], node, lessee) == 200

    assert name in _sees(state, 'lessee-member')
    assert name in _sees(state, 'owner-member')
    assert name not in _sees(state, 'stranger-member')
    assert _lend(sessions['lessee-admin'], node, None) == 403
    off = {'target': 'power off'}
    for user, code in (('owner-admin', 403), ('lessee-member', 202)):
        assert sessions[user].send('PUT', power, off, version=seeds.IRONIC_VERSION)[0] == code
    protect = [{'op': 'add', 'path': '/protected', 'value': True}]
    assert (
        sessions['lessee-admin'].send('PATCH', node, protect, version=seeds.IRONIC_VERSION)[0]
        == 403
    )
