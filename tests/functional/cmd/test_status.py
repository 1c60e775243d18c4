"""`esi-leap-status upgrade check`, the program itself: what it finds, and its exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from esi_leap.cmd import status
from esi_leap.db import schema
from esi_leap.db.engine import Database
from esi_leap.tell import bus
from tests.patience import PATIENCE

#: oslo.upgradecheck says a name of prettytable's that has another one now.
pytestmark = pytest.mark.filterwarnings("ignore:the 'ALL' constant:DeprecationWarning")

BIN = Path(sys.executable).parent
CONFIGURATION = """
[api]
auth_strategy = noauth
host_ip = {host}
[database]
connection = {database}
[dummy_node]
dummy_node_dir = {folder}
[oslo_policy]
policy_file = {folder}/{policy}
{more}
"""
AWAY = 'postgresql+psycopg://nobody@127.0.0.1:1/nothing'
SUCCESS, WARNING, FAILURE = 0, 1, 2


@dataclass
class Deployment:
    """A folder with a configuration."""

    folder: Path
    database: str
    host: str = '127.0.0.1'
    policy: str = 'policy.yaml'
    more: str = ''

    @property
    def options(self) -> list[str]:
        """What the programs are called with."""
        file = self.folder / 'esi-leap.conf'
        file.write_text(
            CONFIGURATION.format(**asdict(self)),
            encoding='utf-8',
        )
        return ['--config-file', str(file)]

    def rules(self, text: str) -> None:
        (self.folder / self.policy).write_text(text, encoding='utf-8')


Found = tuple[int, dict[str, tuple[str, str]]]
Check = Callable[[Deployment], Found]


def read(code: int, table: str) -> Found:
    """Return the exit code, and for each check its result and the details."""
    lines = [line.strip('| ') for line in table.splitlines() if line.startswith('|')]
    pattern = r'Check: (.*?)\nResult: (\w+)\nDetails: (.*?)(?=\nCheck: |\Z)'
    found = re.findall(pattern, '\n'.join(lines), re.DOTALL)
    return code, {
        # Long words are cut at their hyphens.
        name: (result, ' '.join(details.split()).replace('- ', '-'))
        for name, result, details in found
    }


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Run the program in this process."""

    def check(deployment: Deployment) -> Found:
        argv = ['esi-leap-status', *deployment.options, 'upgrade', 'check']
        monkeypatch.setattr(sys, 'argv', argv)
        return read(status.main(), capsys.readouterr().out)

    return check


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = Deployment(tmp_path, f'sqlite:///{tmp_path}/esi-leap.sqlite')
    database = Database(made.database)
    schema.upgrade(database)
    database.close()
    return made


def test_working_deployment_passes_every_check(deployment: Deployment) -> None:
    command = [BIN / 'esi-leap-status', *deployment.options, 'upgrade', 'check']
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    code, found = read(done.returncode, done.stdout)
    assert 'Traceback' not in done.stderr
    assert {result for result, _ in found.values()} == {'Success'}
    assert {'Database schema', 'API', 'Manager', 'Policy file', 'Policy rules'} <= set(found)
    assert code == SUCCESS


def test_missing_schema_fails(tmp_path: Path, check: Check) -> None:
    code, found = check(Deployment(tmp_path, f'sqlite:///{tmp_path}/empty.sqlite'))
    assert code == FAILURE
    assert found['Database schema'][0] == 'Failure'
    assert 'run esi-leap-dbsync upgrade' in found['Database schema'][1]


def test_unreachable_database_fails(tmp_path: Path, check: Check) -> None:
    code, found = check(Deployment(tmp_path, AWAY))
    assert code == FAILURE
    assert found['Database schema'][1].startswith('The database cannot be read: ')
    assert found['Manager'][0] == 'Success'  # the others are looked at all the same


def test_api_that_cannot_start_fails(deployment: Deployment, check: Check) -> None:
    deployment.host = '192.0.2.1'
    code, found = check(deployment)
    assert code == FAILURE
    assert found['API'][1].startswith('auth_strategy = noauth trusts every caller')


def test_unreachable_neutron_is_warned_of(deployment: Deployment, check: Check) -> None:
    deployment.more = '[neutron]\nauth_type = none\nendpoint_override = http://127.0.0.1:1\n'
    code, found = check(deployment)
    assert code == WARNING
    assert found['Ports in Neutron'] == ('Warning', 'Neutron does not answer; try again.')


BUS = '[DEFAULT]\ntransport_url = rabbit://leap:secret@127.0.0.1:1/\n'
DRIVER = '[oslo_messaging_notifications]\ndriver = messagingv2\n'


@pytest.mark.parametrize(
    ('more', 'result', 'why'),
    [
        ('', 'Success', ''),
        (BUS + DRIVER, 'Success', ''),
        (
            DRIVER,
            'Warning',
            '[oslo_messaging_notifications] driver is set, and transport_url is not',
        ),
        (
            '[notification]\nnotification_level = info\n',
            'Warning',
            '[notification] notification_level is set, and [oslo_messaging_notifications] driver',
        ),
        (
            f'{DRIVER}driver = mesagingv2\n',
            'Failure',
            '[oslo_messaging_notifications] driver mesagingv2 does not exist; there are log, mess',
        ),
        (
            f'{DRIVER}transport_url = amqps-1.0://leap:secret@127.0.0.1:1/\n',
            'Failure',
            'transport_url: Failed to load transport driver "amqps-1.0"',
        ),
        (
            f'{DRIVER}transport_url = //leap:secret@127.0.0.1\n',
            'Failure',
            'transport_url is not like rabbit://name:password@host:5672/.',
        ),
    ],
)
def test_settings_of_notifications_are_checked(
    deployment: Deployment, check: Check, more: str, result: str, why: str
) -> None:
    deployment.more = more
    code, found = check(deployment)
    assert code == {'Success': SUCCESS, 'Warning': WARNING, 'Failure': FAILURE}[result]
    assert found['Notifications'][0] == result
    assert found['Notifications'][1].startswith(why)
    assert 'secret' not in str(found)


def test_notifications_without_oslo_messaging_fail(
    deployment: Deployment, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, 'find_spec', lambda name: None)
    deployment.more = BUS + DRIVER
    code, found = check(deployment)
    assert code == FAILURE
    assert found['Notifications'][0] == 'Failure'
    assert "install 'esi-leap[server,notify]'" in found['Notifications'][1]


def test_option_names_of_older_oslo_messaging_are_understood(
    deployment: Deployment, check: Check
) -> None:
    deployment.more = (
        '[DEFAULT]\nnotification_driver = messagingv2\nnotification_topics = a\n'
        'notification_transport_url = rabbit://leap:secret@127.0.0.1:1/\n'
        '[oslo_messaging_notifications]\ntopics = b\nretry = 3\n'
    )
    code, found = check(deployment)
    assert code == WARNING
    for option in (
        '[DEFAULT] notification_driver',
        '[DEFAULT] notification_topics',
        '[DEFAULT] notification_transport_url',
        '[oslo_messaging_notifications] topics',
        '[oslo_messaging_notifications] retry',
    ):
        assert f'{option} has no effect.' in found['Options without effect'][1]


def test_policy_rules_without_a_call_are_warned_of(deployment: Deployment, check: Check) -> None:
    deployment.rules(
        'our_people: "role:ours"\n'
        'esi_leap:offer:create: "rule:our_people"\n'
        'esi_leap:offer:craete: "!"\n'
        'esi_leap:owner_change:get: "rule:is_admin"\n'
    )
    code, found = check(deployment)
    assert code == WARNING
    assert found['Policy rules'] == (
        'Warning',
        (
            'Nothing asks these rules of the policy files: esi_leap:offer:craete, '
            'esi_leap:owner_change:get.'
        ),
    )


@pytest.mark.parametrize('text', ['esi_leap:offer:create: "rule:nobody_wrote_it"', 'x: [1, 2'])
def test_unreadable_policy_file_fails(deployment: Deployment, check: Check, text: str) -> None:
    deployment.rules(text)
    code, found = check(deployment)
    assert code == FAILURE
    assert found['Policy rules'][1].startswith('The policy files cannot be used: ')


def test_policy_file_in_json_fails(deployment: Deployment, check: Check) -> None:
    deployment.policy = 'policy.json'
    deployment.rules('{"esi_leap:offer:create": "rule:is_admin"}')
    code, found = check(deployment)
    assert code == FAILURE
    assert 'JSON-formatted' in found['Policy file'][1]
