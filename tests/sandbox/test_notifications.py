"""What others hear of leases on a real Keystone and Ironic: listeners, projects, other clouds.

A listener on a real RabbitMQ, the people of a project through a real mail server, and those who use
several clouds with the `openstack` program.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import processes, rest, users
from sandbox.layout import environment
from sandbox.rabbit import RabbitMQ
from tests.functional.mail.mail_server import Inbox, serving
from tests.listener import Listener, configuration

from .conftest import Cloud, now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

NODE = 'node-1'
EMAIL = 'people@lessee.example.com'
HOUR = 3600
NOBODY = 'http://127.0.0.1:1'
BIN = Path(sys.executable).parent


@pytest.fixture
def telling(cloud: Cloud, rabbit: RabbitMQ, tmp_path: Path) -> Iterator[None]:
    """The lease service of the cloud, which tells a message bus what happens."""
    more = tmp_path / 'notify.conf'
    more.write_text(configuration(rabbit.url), encoding='utf-8')
    config = cloud.layout.etc / 'esi-leap' / 'esi-leap.conf'
    cloud.stop('manager', 'api')
    with ExitStack() as stack:
        stack.callback(cloud.start, 'api', 'manager')
        for name in ('api', 'manager'):
            # Those of the tests: the cloud's have no oslo.messaging.
            command = [BIN / f'esi-leap-{name}', f'--config-file={config}', f'--config-file={more}']
            log = tmp_path / f'{name}.log'
            started = processes.spawn(command, log=log, env=environment())
            stack.callback(processes.end, started, grace=20)
        health = f'{cloud.state.url("api")}/healthcheck'
        until('the service answers', lambda: rest.status(health) == 200)
        yield


@pytest.fixture
def address(cloud: Cloud) -> Iterator[None]:
    """The project of the lessee has an address in Keystone."""
    url = f'{cloud.state.url("keystone")}/v3/projects/{cloud.projects["lessee"]}'
    cloud.session('admin').must('PATCH', url, {'project': {'email': EMAIL}})
    yield
    cloud.session('admin').must('PATCH', url, {'project': {'email': None}})


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def mail(cloud: Cloud, inbox: Inbox, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Run the e-mail program, as cron does."""
    with serving(inbox, tmp_path) as server:
        settings = {
            'OS_CLIENT_CONFIG_FILE': str(cloud.layout.clouds),
            'OS_CLOUD': 'admin',
            'ENABLE_EMAIL': 'true',
            'EMAIL_SENDER': 'esi@example.com',
            'EMAIL_STATE_FILE': str(tmp_path / 'state'),
            **server,
        }

        def run() -> None:
            done = subprocess.run(
                [BIN / 'esi-leap-email-notification'],
                check=False,
                capture_output=True,
                text=True,
                env=environment(**settings),
            )
            assert done.returncode == 0, done.stdout + done.stderr

        yield run


@pytest.mark.usefixtures('nodes', 'telling', 'address')
def test_a_lease_is_told_to_listeners_and_to_the_people_of_its_project(
    cloud: Cloud, listener: Listener, inbox: Inbox, mail: Callable[[], None]
) -> None:
    mail()
    assert inbox.messages == [], 'what happened before the first run is not told'
    uuid = cloud.give(NODE, 'lessee', now(), HOUR)
    until('the lease runs', lambda: cloud.status(uuid) == 'active')
    mail()
    cloud.must('lessee-member', 'DELETE', f'/v1/leases/{uuid}')
    until('the node is back', lambda: cloud.is_back(NODE), 90)

    turns = ['create.end', 'fulfill.start', 'fulfill.end', 'delete.start', 'delete.end']
    told = [f'esi_leap.lease.{turn}' for turn in turns]
    until('all is told', lambda: listener.types(uuid) == told)
    node = cloud.node(NODE)
    said = {}
    for queue, message in listener.heard:
        payload = message['payload']
        data = payload['esi_leap_object.data']
        if data['uuid'] != uuid:
            continue
        said[message['event_type'].removeprefix('esi_leap.lease.')] = data
        assert queue == 'esi_leap_versioned_notifications.info'
        assert message['publisher_id'].startswith('esi-leap-manager.')
        assert payload['esi_leap_object.name'] == 'LeaseCRUDPayload'
        assert (data['node_name'], data['node_uuid']) == (NODE, node['uuid'])
        assert (data['project_id'], data['owner_id']) == (
            cloud.projects['lessee'],
            cloud.projects['owner'],
        )
    assert [said[turn]['status'] for turn in ('create.end', 'fulfill.end', 'delete.end')] == [
        'created',
        'active',
        'deleted',
    ]
    assert said['create.end']['fulfill_time'] is None
    assert said['fulfill.end']['fulfill_time'].endswith('Z')
    assert said['delete.end']['expire_time'].endswith('Z')

    begun, ends = (message.get_content() for message in inbox.messages)
    assert {message['To'] for message in inbox.messages} == {EMAIL}
    assert 'has begun' in begun
    assert 'ends on' in ends
    for text in (begun, ends):
        assert all(each in text for each in ('lessee', uuid, NODE, node['uuid'])), text


@pytest.fixture
def mdc(cloud: Cloud, tmp_path: Path) -> Callable[..., Any]:
    """Run `openstack esi mdc …` with two clouds, of which one is dead, and return its JSON."""

    def entry(url: str) -> dict[str, Any]:
        options = users.find('lessee-member').options()
        return {'region_name': 'RegionOne', 'auth': {'auth_url': url, **options}}

    file = tmp_path / 'clouds.yaml'
    clouds = {'dead': entry(NOBODY), 'living': entry(cloud.state.url('keystone'))}
    file.write_text(json.dumps({'clouds': clouds}))

    def run(*argv: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        done = subprocess.run(
            [cloud.layout.program('client', 'openstack'), 'esi', 'mdc', *argv, '-f', 'json'],
            check=False,
            capture_output=True,
            text=True,
            env=environment(OS_CLIENT_CONFIG_FILE=str(file)),
        )
        assert done.returncode == 0, done.stderr
        assert 'No answer from cloud dead (RegionOne): ' in done.stderr
        assert 'living' not in done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.usefixtures('nodes')
def test_a_node_is_found_and_claimed_among_clouds_of_which_one_is_dead(
    cloud: Cloud, mdc: Callable[..., Any]
) -> None:
    body = {'resource_uuid': NODE, 'end_time': (now() + timedelta(hours=2)).isoformat()}
    offer = cloud.must('owner-member', 'POST', '/v1/offers', body)['uuid']
    (found,) = mdc('offer', 'list')
    assert (found['Cloud'], found['Region'], found['UUID'], found['Resource']) == (
        'living',
        'RegionOne',
        offer,
        NODE,
    )
    (lease,) = mdc('offer', 'claim', '1', 'now', '+1h')
    assert (lease['Cloud'], lease['Offer UUID'], lease['Resource']) == ('living', offer, NODE)
    until('the lessee has the node', lambda: cloud.has(NODE) == 'lessee')
    (mine,) = mdc('lease', 'list')
    assert (mine['Cloud'], mine['UUID'], mine['Project']) == ('living', lease['UUID'], 'lessee')
