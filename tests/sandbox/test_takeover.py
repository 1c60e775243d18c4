"""The existing service's database, taken over where a real Ironic has nodes that it handed over."""

import subprocess
import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa

from esi_leap.db import schema
from esi_leap.db.engine import Database
from esi_leap.db.tables import metadata
from sandbox import services
from tests.functional.db import existing_service as old

from .conftest import now, until

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

HOUR = timedelta(hours=1)


@pytest.fixture
def settled(cloud, nodes):
    """Nodes as the existing service left them, and its database in place of ours."""
    owner, lessee = cloud.projects['owner'], cloud.projects['lessee']
    uuids = {name: cloud.node(name)['uuid'] for name in nodes}
    names = ('active', 'ending', 'elsewhere', 'soon')
    leases = {name: str(uuid.uuid4()) for name in names}
    cloud.stop('manager', 'api')
    start = now().replace(tzinfo=None)
    shared = {'project_id': lessee, 'owner_id': owner}
    windows = {
        'active': (start - HOUR, start + HOUR, 'active'),
        'ending': (start - 2 * HOUR, start - HOUR, 'wait expire'),
        'elsewhere': (start - HOUR, start + HOUR, 'active'),
        'soon': (start + timedelta(seconds=30), start + HOUR, 'created'),
    }
    content = {
        'offers': [
            old.offer(
                str(uuid.uuid4()),
                start - HOUR,
                old.FOREVER,
                project_id=owner,
                resource_uuid=uuids['node-1'],
            )
        ],
        'leases': [
            old.lease(
                leases[name],
                *windows[name][:2],
                name=name,
                status=windows[name][2],
                resource_uuid=uuids[node],
                **shared,
            )
            for name, node in zip(names, nodes, strict=False)
        ],
        'events': [old.event(41, object_uuid=leases['active'], owner_id=owner, lessee_id=lessee)],
    }
    for name, node in (('active', 'node-1'), ('ending', 'node-2')):
        code, answer = cloud.ironic(
            'system-admin',
            'PATCH',
            node,
            [
                {'op': 'add', 'path': '/properties/lease_uuid', 'value': leases[name]},
                {'op': 'add', 'path': '/lessee', 'value': lessee},
            ],
        )
        assert code == 200, answer
        code, answer = cloud.ironic(
            'lessee-member', 'PUT', f'{node}/states/provision', {'target': 'active'}
        )
        assert code == 202, answer
    for node in ('node-1', 'node-2'):
        until(f'{node} runs', lambda node=node: cloud.node(node)['provision_state'] == 'active')
    database = Database(services.connection(cloud.layout, cloud.state))
    with database.writer() as connection:
        metadata.drop_all(connection)
        connection.execute(sa.text(f'DROP TABLE {schema.VERSION_TABLE}'))
        old.make(connection, content)
    yield leases
    with database.writer() as connection:
        theirs = ['alembic_version', *(f'esi_leap_1_{each}' for each in content), *_TOKENS]
        kind = connection.dialect.name
        if kind == 'mysql':
            connection.execute(sa.text('SET FOREIGN_KEY_CHECKS = 0'))
        for table in theirs:
            connection.execute(sa.text(f'DROP TABLE IF EXISTS {table}'))
        if kind == 'mysql':
            connection.execute(sa.text('SET FOREIGN_KEY_CHECKS = 1'))
    database.close()


_TOKENS = ['esi_leap_1_console_auth_tokens']


def test_leases_of_the_existing_service_end_on_a_real_ironic(cloud, settled):
    config = cloud.layout.etc / 'esi-leap' / 'esi-leap.conf'
    command = [cloud.layout.program('service', 'esi-leap-dbsync'), f'--config-file={config}']
    before = cloud.node('node-3')
    ended = subprocess.run([*command, 'upgrade'], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    print(ended.stdout)  # noqa: T201 - the counts, for who reads the log
    assert 'leases: 4 (active 2, created 1, wait expire 1), copied 4' in ended.stdout
    cloud.start('api', 'manager')

    def lease(name):
        return cloud.must('owner-member', 'GET', f'/v1/leases/{settled[name]}')

    # The one that Ironic names goes on as it was, and is shown with the names of its projects.
    found = lease('active')
    assert (found['name'], found['project'], found['owner']) == ('active', 'lessee', 'owner')
    # The end that the other service had not managed is managed: torn down, cleaned, nobody's.
    until('the late lease has ended', lambda: lease('ending')['status'] == 'expired', 120)
    until('its node is back', lambda: cloud.is_back('node-2'), 120)
    assert cloud.node('node-2')['instance_info'] == {}
    # The one whose node is with nobody is not believed, and its node is not touched.
    until('it is in error', lambda: lease('elsewhere')['status'] == 'error')
    assert 'with nobody' in lease('elsewhere')['status_reason']
    after = cloud.node('node-3')
    assert after['provision_updated_at'] == before['provision_updated_at']
    assert (after['lessee'], after['updated_at']) == (None, before['updated_at'])
    # The one that had not begun begins.
    until('the next lease runs', lambda: lease('soon')['status'] == 'active', 120)
    assert cloud.has('node-4') == 'lessee'
    # And the running one, cancelled, loses the node and its image.
    assert lease('active')['status'] == 'active'
    assert cloud.has('node-1') == 'lessee'
    cloud.must('lessee-member', 'DELETE', f'/v1/leases/{settled["active"]}')
    until('it has ended', lambda: lease('active')['status'] == 'deleted')
    assert cloud.ironic('lessee-member', 'GET', 'node-1')[0] == 404
    until('its node is back', lambda: cloud.is_back('node-1'), 120)
    events = cloud.must('owner-member', 'GET', '/v1/events?last_event_id=40')['events']
    assert events[0]['id'] == 41
    assert {each['object_uuid'] for each in events} >= {settled['active'], settled['ending']}
