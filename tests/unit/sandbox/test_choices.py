"""What the sandbox writes down: its state, the configuration files, the users' environments."""

import configparser
import dataclasses
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from sandbox import configs, services, shell, state, users
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.processes import Process

_PORTS = {'keystone': 20001, 'ironic': 20002, 'api': 20003, 'database': 20004}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / 'a sandbox')


@pytest.fixture
def known(layout: Layout) -> state.State:
    known = state.State.load(layout)
    known.ports = dict(_PORTS)
    known.holding_project = 'holding-id'
    return known


def _written(layout: Layout, known: state.State, name: str) -> configparser.ConfigParser:
    configs.write(layout, known, 'sqlite:///a.db')
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(layout.etc / name / f'{name}.conf')
    return parser


def test_state_is_remembered(layout: Layout, known: state.State) -> None:
    known.processes['keystone'] = Process(1, 2)
    known.save()
    again = state.State.load(layout)
    assert dataclasses.asdict(again) == dataclasses.asdict(known)


@pytest.mark.parametrize('text', ['', '{"processes": 3}', '{"processes": {}, "surprise": 1}'])
def test_state_that_cannot_be_read_is_begun_anew(layout: Layout, text: str) -> None:
    layout.root.mkdir()
    (layout.root / 'state.json').write_text(text)
    assert state.State.load(layout).ports == {}


def test_two_commands_do_not_change_one_sandbox_together(layout: Layout) -> None:
    with (
        state.locked(layout),
        pytest.raises(SandboxError, match='Another command'),
        state.locked(layout),
    ):
        pass


def test_ironic_loads_one_rule_file_and_never_writes_lessees(
    layout: Layout, known: state.State
) -> None:
    ironic = _written(layout, known, 'ironic')
    folder = Path(ironic['oslo_policy']['policy_dirs'])
    assert folder.is_absolute()
    assert [path.name for path in folder.iterdir()] == ['50-esi.yaml']
    assert ironic['conductor']['automatic_lessee_source'] == 'none'

    known.ironic_policy = 'default'
    _written(layout, known, 'ironic')
    assert list(folder.iterdir()) == []


def test_ironic_knows_each_hardware_once(layout: Layout, known: state.State) -> None:
    known.console = known.redfish = True
    known.ports |= {'bmc': 20005, 'serial': 20006, 'console': 20007, 'redfish': 20008}
    ironic = _written(layout, known, 'ironic')['DEFAULT']
    assert ironic['enabled_hardware_types'] == 'fake-hardware,ipmi,redfish'
    assert ironic['enabled_power_interfaces'] == 'fake,ipmitool,redfish'
    assert ironic['enabled_deploy_interfaces'] == 'fake,ramdisk'


def test_the_service_holds_a_project_token_for_ironic_and_a_system_token_for_keystone(
    layout: Layout, known: state.State
) -> None:
    ours = _written(layout, known, 'esi-leap')
    assert ours['ironic']['project_name'] == 'service'
    assert 'project_name' not in ours['keystone']
    assert ours['keystone']['system_scope'] == 'all'
    assert ours['manager']['holding_project'] == 'holding-id'


def test_neutron_is_there_for_all_if_it_was_asked_for(layout: Layout, known: state.State) -> None:
    ironic, ours = (_written(layout, known, name) for name in ('ironic', 'esi-leap'))
    assert not ironic.has_section('neutron')
    assert not ours.has_section('neutron')
    assert ironic['DEFAULT']['default_network_interface'] == 'noop'
    assert 'neutron' in services.unwanted(known)

    known.neutron, known.ports['neutron'] = True, 20005
    ironic, ours = (_written(layout, known, name) for name in ('ironic', 'esi-leap'))
    assert ironic['DEFAULT']['default_network_interface'] == 'neutron'
    assert 'noop' not in ironic['DEFAULT']['enabled_network_interfaces'].split(',')
    assert ironic['neutron']['provisioning_network'] == 'provisioning'
    assert (ours['neutron']['username'], ours['neutron']['project_name']) == ('esi-leap', 'service')
    plugin = layout.etc / 'neutron' / 'plugins' / 'esi_leap_sandbox-0.dist-info'
    [found] = metadata.Distribution.at(plugin).entry_points
    assert (found.group, found.value) == ('neutron.ml2.mechanism_drivers', 'neutron_driver:Driver')
    assert 'neutron' not in services.unwanted(known)


def test_passwords_are_for_the_owner_of_the_files_only(layout: Layout, known: state.State) -> None:
    _written(layout, known, 'ironic')
    files = [layout.clouds, *layout.etc.glob('*/*.conf')]
    assert len(files) == 4
    assert {file.stat().st_mode & 0o077 for file in files} == {0}


@pytest.mark.parametrize('name', [user.name for user in users.PEOPLE])
def test_a_shell_becomes_the_user(layout: Layout, known: state.State, name: str) -> None:
    user = users.find(name)
    script = (
        'export OS_SYSTEM_SCOPE=all OS_PROJECT_NAME=before OS_CLOUD=other\n'
        f'{shell.exports(layout, known, user)}\n'
        'echo "$OS_USERNAME/$OS_PROJECT_NAME/$OS_SYSTEM_SCOPE/$OS_CLOUD/${PATH%%:*}"'
    )
    done = subprocess.run(['/bin/sh', '-c', script], check=True, capture_output=True, text=True)
    scope = f'{user.project}/' if user.project else '/all'
    assert done.stdout.strip() == f'{name}/{scope}//{layout.venv("client") / "bin"}'


def test_an_unknown_user_is_answered_with_the_names_of_all() -> None:
    with pytest.raises(SandboxError, match=r'no user .*lessee-manager.*owner-legacy'):
        users.find('nobody')
