"""`esi-leap-email-notification` before the real service and a real mail server with TLS."""

import datetime as dt
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests

from esi_leap.cmd import email_notification
from esi_leap.fixture import Service
from esi_leap.tell.mail.settings import Settings, SettingsError
from tests.patience import PATIENCE, until

from .mail_server import Inbox, serving

pytestmark = [
    # openstacksdk warns so of itself, and leaves its sessions open until it is collected.
    pytest.mark.filterwarnings('ignore:The _compute_attributes method'),
    pytest.mark.filterwarnings("ignore:The 'service_type' parameter"),
    pytest.mark.filterwarnings('ignore:Support for InfluxDB'),
]
PROGRAM = Path(sys.executable).with_name('esi-leap-email-notification')
OWNER = {'X-Project-Id': 'owner', 'X-Project-Name': 'owner', 'X-Roles': 'member,reader'}


class Projects(ThreadingHTTPServer):
    """Keystone's projects, as far as the program asks for them."""

    daemon_threads = True
    emails: dict[str, str]


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = unquote(self.path.rstrip('/').rsplit('/', 1)[1])
        if name == 'v3':
            link = {'rel': 'self', 'href': f'http://127.0.0.1:{self.server.server_port}/v3/'}  # type: ignore[attr-defined]
            found = {'version': {'id': 'v3.14', 'status': 'stable', 'links': [link]}}
        else:
            known = self.server.emails.get(name)  # type: ignore[attr-defined]
            found = {'project': {'id': name, 'email': known}}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep standard error clean."""


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def mail(inbox: Inbox, tmp_path: Path) -> Iterator[dict[str, str]]:
    with serving(inbox, tmp_path) as settings:
        yield settings


@pytest.fixture
def projects() -> Iterator[Projects]:
    server = Projects(('127.0.0.1', 0), _Answer)
    server.emails = {'tenant': 'people@tenant.example.com'}
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    folder = tmp_path / 'service'
    folder.mkdir()
    with Service(folder) as running:
        yield running


@pytest.fixture
def environment(
    service: Service, projects: Projects, mail: dict[str, str], tmp_path: Path
) -> dict[str, str]:
    clouds = tmp_path / 'clouds.yaml'
    auth = {'endpoint': service.url}
    cloud = {
        'auth_type': 'none',
        'auth': auth,
        'lease_endpoint_override': service.url,
        'identity_endpoint_override': f'http://127.0.0.1:{projects.server_port}/v3',
        'identity_api_version': '3',
    }
    clouds.write_text(json.dumps({'clouds': {'test': cloud}}), encoding='utf-8')
    return {
        'OS_CLIENT_CONFIG_FILE': str(clouds),
        'OS_CLOUD': 'test',
        'ENABLE_EMAIL': 'true',
        'EMAIL_SENDER': 'esi@example.com',
        'EMAIL_STATE_FILE': str(tmp_path / 'state'),
        **mail,
    }


@pytest.fixture
def run(monkeypatch, capsys, caplog) -> Callable[..., str]:
    """Run the program in this process, which has loaded the SDK already; return what it says."""
    caplog.set_level(logging.INFO, 'esi_leap.tell.mail')

    def ran(environment: dict[str, str], code: int = 0) -> str:
        caplog.clear()
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            assert email_notification.run() == code
        return '\n'.join([*caplog.messages, capsys.readouterr().err])

    return ran


def lease(service: Service, node: str, end: str = '2099-01-01', project: str = 'tenant') -> str:
    """Lease a node from now on, and wait until it is handed over."""
    service.node(node, 'owner')
    body = {'resource_uuid': node, 'project_id': project, 'end_time': end}
    admin = {**OWNER, 'X-Roles': 'admin'}
    made = requests.post(f'{service.url}/v1/leases', json=body, headers=admin, timeout=PATIENCE)
    assert made.status_code == 201, made.text
    uuid = made.json()['uuid']
    path = f'{service.url}/v1/leases/{uuid}'
    until(
        lambda: requests.get(path, headers=admin, timeout=PATIENCE).json()['status'] == 'active',
        'the lease',
    )
    return str(uuid)


def test_program_runs_in_a_process_of_its_own(service, inbox, environment):
    """Once in a process of its own; the other tests save the seconds that loading the SDK takes."""
    Path(environment['EMAIL_STATE_FILE']).write_text('0', encoding='utf-8')
    lease(service, 'n1')
    clean = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
    done = subprocess.run(
        [PROGRAM], check=False, capture_output=True, text=True, env={**clean, **environment}
    )
    assert (done.returncode, len(inbox.messages)) == (0, 1), done.stderr
    assert 'sent to people@tenant.example.com' in done.stdout


def test_begun_lease_is_written_about_once(service, inbox, run, environment):
    lease(service, 'before')
    run(environment)
    assert inbox.messages == [], 'what happened before the first run is not told'
    uuid = lease(service, 'n1')
    run(environment)
    run(environment)
    [message] = inbox.messages
    assert message['From'] == 'esi@example.com'
    assert message['To'] == 'people@tenant.example.com'
    assert message['Subject'] == '[ESI] Lease notification'
    text = message.get_content()
    for each in (uuid, 'dummy-node-n1', '2099-01-01T00:00:00'):
        assert each in text


def test_lease_that_ends_soon_is_written_about_once_for_each_end(service, inbox, run, environment):
    run(environment)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=20)
    uuid = lease(service, 'n1', soon.strftime('%Y-%m-%dT%H:%M:%S'))
    lease(service, 'n2')
    run(environment)
    begun = [each for each in inbox.messages if 'has begun' in each.get_content()]
    ends = [each for each in inbox.messages if 'ends on' in each.get_content()]
    assert (len(begun), len(ends)) == (2, 1)
    assert uuid in ends[0].get_content()
    run(environment)
    assert len(inbox.messages) == 3
    sooner = (soon - dt.timedelta(hours=2)).strftime('%Y-%m-%dT%H:%M:%S')
    path = f'{service.url}/v1/leases/{uuid}'
    requests.patch(
        path, json={'end_time': sooner}, headers=OWNER, timeout=PATIENCE
    ).raise_for_status()
    run(environment)
    assert len(inbox.messages) == 4
    assert sooner in inbox.messages[-1].get_content()


@pytest.mark.parametrize('trouble', ['refusal', 'password', 'away', 'certificate'])
def test_unsent_message_is_sent_by_the_next_run(service, inbox, run, environment, trouble):
    run(environment)
    lease(service, 'n1')
    broken = dict(environment)
    if trouble == 'refusal':
        inbox.refusal = '451 Try again later'
    elif trouble == 'password':
        wrong = Path(environment['EMAIL_STATE_FILE']).with_name('wrong')
        wrong.write_text('wrong', encoding='utf-8')
        broken['SMTP_PASSWORD_FILE'] = str(wrong)
    elif trouble == 'away':
        broken['SMTP_PORT'] = '1'
    else:
        broken['SMTP_CA_FILE'] = ''
    assert 'esi-leap-email-notification: ' in run(broken, code=1)
    assert inbox.messages == []
    inbox.refusal = ''
    run(environment)
    assert len(inbox.messages) == 1


def test_message_refused_for_good_does_not_hold_up_others(service, inbox, run, environment):
    run(environment)
    lease(service, 'n1')
    inbox.refusal = '554 No such mailbox'
    assert 'refuses' in run(environment)
    inbox.refusal = ''
    lease(service, 'n2')
    run(environment)
    [message] = inbox.messages
    assert 'dummy-node-n2' in message.get_content()


@pytest.mark.parametrize(
    'address',
    [None, '', 'nobody', 'a@example.com\nBcc: b@example.com', 'a@example.com, b@example.com'],
)
def test_text_that_is_no_address_gets_no_message(  # noqa: PLR0917 - what it needs of the world
    service, inbox, run, environment, projects, address
):
    run(environment)
    projects.emails['tenant'] = address
    lease(service, 'n1')
    run(environment)
    assert inbox.messages == []


def test_b09_project_name_reaches_neither_a_shell_nor_a_header(
    service, inbox, run, environment, projects
):
    run(environment)
    name = '$(touch pwned); `id` \'"'
    projects.emails[name] = 'p@example.com'
    lease(service, 'n1', project=name)
    template = Path(environment['EMAIL_STATE_FILE']).with_name('template')
    template.write_text('{project}\nBcc: other@example.com\n', encoding='utf-8')
    run({**environment, 'LEASE_CREATE_TEMPLATE': str(template)})
    [message] = inbox.messages
    assert message['Bcc'] is None
    assert message.get_content().splitlines()[0] == name
    assert message.get_content().splitlines()[1] == 'Bcc: other@example.com'


def test_recall_is_written_about_with_its_deadline_and_reason(service, inbox, run, environment):
    uuid = lease(service, 'n1')
    run(environment)
    owner = {**OWNER, 'X-Roles': 'admin'}
    body = {'nodes': ['n1'], 'notice': 3600, 'reason': 'a paper deadline'}
    answer = requests.post(f'{service.url}/v1/recalls', json=body, headers=owner, timeout=30)
    assert answer.status_code == 201, answer.text
    run(environment)
    [message] = [each for each in inbox.messages if 'needs it back' in each.get_content()]
    [item] = answer.json()['nodes']
    assert item['lease_uuid'] == uuid
    for word in (uuid, item['due'], 'a paper deadline'):
        assert word in message.get_content()
    cancelled = f'{service.url}/v1/recalls/{answer.json()["uuid"]}'
    requests.delete(cancelled, headers=owner, timeout=30).raise_for_status()
    Path(environment['EMAIL_STATE_FILE']).write_text('0', encoding='utf-8')
    inbox.messages.clear()
    run(environment)
    assert not any('needs it back' in each.get_content() for each in inbox.messages)


def test_disabled_program_logs_instead_of_sending(service, inbox, run, environment):
    run(environment)
    lease(service, 'n1')
    assert 'ENABLE_EMAIL is not true' in run({**environment, 'ENABLE_EMAIL': 'false'})
    run(environment)
    assert inbox.messages == []


def test_progress_file_of_the_existing_program_is_read(service, inbox, run, environment):
    lease(service, 'n1')
    Path(environment['EMAIL_STATE_FILE']).write_text('0', encoding='utf-8')
    run(environment)
    assert len(inbox.messages) == 1
    state = json.loads(Path(environment['EMAIL_STATE_FILE']).read_text(encoding='utf-8'))
    assert state['last_event_id'] >= 3


@pytest.mark.parametrize(
    ('name', 'value', 'why'),
    [
        ('EMAIL_SENDER', '', 'EMAIL_SENDER must be'),
        ('SMTP_SECURITY', 'some', 'SMTP_SECURITY must be none, starttls or ssl'),
        ('SMTP_PORT', 'many', 'must be numbers'),
        ('LEASE_WARNING_DAYS', 'few', 'must be numbers'),
        ('SMTP_PASSWORD_FILE', '/nowhere', '/nowhere: No such file'),
        ('LEASE_CREATE_TEMPLATE', '/nowhere', '/nowhere: No such file'),
    ],
)
def test_wrong_setting_is_refused_with_one_sentence(name, value, why):
    values = {'ENABLE_EMAIL': 'true', 'EMAIL_SENDER': 'a@example.com', name: value}
    with pytest.raises(SettingsError, match=why):
        Settings.of(values)


def test_template_with_an_unknown_key_is_refused(tmp_path):
    template = tmp_path / 'template'
    template.write_text('{password}', encoding='utf-8')
    with pytest.raises(SettingsError, match=r"'password'; it may have project, lease_uuid"):
        Settings.of({'LEASE_EXPIRE_TEMPLATE': str(template)})


def test_damaged_progress_file_is_not_overwritten(service, run, environment):
    Path(environment['EMAIL_STATE_FILE']).write_text('{', encoding='utf-8')
    assert 'cannot be read' in run(environment, code=1)
    assert Path(environment['EMAIL_STATE_FILE']).read_text(encoding='utf-8') == '{'
