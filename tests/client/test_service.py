"""`openstack esi …` and `conn.lease` against the real service: API, manager, nodes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import openstack
import pytest
from openstack import exceptions

from .conftest import Cloud, connecting, lease_api, serving

if TYPE_CHECKING:
    from esi_leap.fixture import Service

    from .conftest import Esi

    Connect = Callable[..., openstack.connection.Connection]

OFFER_ROWS = [
    'uuid',
    'resource',
    'resource_class',
    'lessee',
    'start_time',
    'end_time',
    'status',
    'availabilities',
]
LEASE_ROWS = [
    'uuid',
    'resource',
    'resource_class',
    'project',
    'start_time',
    'end_time',
    'offer_uuid',
    'status',
    'purpose',
]
CONTRACT_ROWS = [
    'uuid',
    'name',
    'status',
    'owner',
    'project',
    'offer_uuid',
    'start_time',
    'end_time',
]
LONG_OFFER = [
    *OFFER_ROWS[:3],
    'resource_properties',
    *OFFER_ROWS[3:],
    'project',
    'parent_lease_uuid',
    'recall_notice',
    'firm',
]
LONG_LEASE = [
    *LEASE_ROWS[:3],
    'resource_properties',
    *LEASE_ROWS[3:6],
    'expire_time',
    'fulfill_time',
    'offer_uuid',
    'owner',
    'parent_lease_uuid',
    'status',
    'purpose',
    'recall_notice',
    'firm',
    'recall',
]


def titles(rows: list[str]) -> list[str]:
    return [row.replace('_', ' ').title().replace('Uuid', 'UUID') for row in rows]


def uuids(rows: list[dict[str, Any]]) -> list[str]:
    return [row['UUID'] for row in rows]


def day(number: int) -> str:
    return f'2040-01-{number:02}T00:00:00'


@pytest.fixture(scope='module')
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str]]]:
    """A service with offers, leases and contracts of several projects; and their uuids by name."""
    with serving(tmp_path_factory.mktemp('market') / 'service') as service, connecting() as connect:

        def by(project: str) -> Any:  # noqa: ANN401 - a Proxy
            return lease_api(connect, service, project, 'member', 'reader')

        service.node('gpu-1', 'lender', resource_class='gpu', properties={'memory_mb': '65536'})
        service.node('cpu-1', 'keeper', resource_class='cpu', properties={'memory_mb': '2048'})
        service.node('cpu-2', 'keeper', resource_class='cpu')
        at = {'start_time': day(10), 'end_time': day(12)}
        old = by('lender').create_offer(resource_uuid='gpu-1', name='old')
        gone = by('keeper').create_lease(resource_uuid='cpu-2', project_id='bio', name='gone')
        by('lender').delete_offer(old)
        by('bio').delete_lease(gone)
        by('bio').wait_for_delete(gone, interval=0.05, wait=20)
        gpu = by('lender').create_offer(
            resource_uuid='gpu-1', name='gpu', start_time=day(1), end_time=day(20)
        )
        cpu = by('keeper').create_offer(resource_uuid='cpu-1', name='cpu')
        run = by('physics').claim_offer('gpu', name='run', purpose='tests', **at)
        own = by('keeper').create_lease(resource_uuid='cpu-2', project_id='bio', name='own', **at)
        leases = (gone, run, own)
        yield (
            service,
            {
                **{thing.name: thing.uuid for thing in (old, gpu, cpu, *leases)},
                **{f'{lease.name}_contract': lease.contract_uuid for lease in leases},
            },
        )


@pytest.fixture
def market(filled: tuple[Service, dict[str, str]], run: Esi) -> tuple[Cloud, dict[str, str]]:
    service, named = filled
    return Cloud(service, run), named


@pytest.mark.parametrize(
    ('argv', 'found'),
    [
        ('offer list', 'gpu cpu'),
        ('offer list --status any', 'old gpu cpu'),
        ('offer list --status deleted', 'old'),
        ('offer list --status deleted --status available --project lender', 'old gpu'),
        ('offer list --name gpu', 'gpu'),
        ('offer list --project lender', 'gpu'),
        ('offer list --resource-uuid gpu-1', 'gpu'),
        ('offer list --resource-uuid dummy-node-cpu-1', 'cpu'),
        ('offer list --resource-class cpu', 'cpu'),
        ('offer list --resource-type dummy_node', 'gpu cpu'),
        ('offer list --resource-type ironic_node', ''),
        ('offer list --time-range 2040-01-02 +2d', 'gpu cpu'),
        ('offer list --time-range 2040-01-19T12:00 +1d', 'cpu'),
        ('offer list --time-range 2040-01-20T01:00+02:00 +1h', 'gpu cpu'),
        ('offer list --time-range 2040-01-20T01:00+02:00 +61m', 'cpu'),
        ('offer list --availability-range 2040-01-12 2040-01-13', 'gpu cpu'),
        ('offer list --availability-range 2040-01-11T23:59:59 2040-01-13', 'cpu'),
        ('offer list --now', 'cpu'),
        ('offer list --property memory_mb>=4096', 'gpu'),
        ('offer list --property memory_mb<4096 --limit 1', 'cpu'),
        ('offer list --property memory_mb>=1024 --property memory_mb<4096', 'cpu'),
        ('offer list --resource-class cpu --resource-class gpu', 'gpu cpu'),
        ('offer list --limit 1', 'gpu'),
        ('offer list --sort name', 'cpu gpu'),
        ('offer list --sort start_time:desc', 'gpu cpu'),
        ('offer list --marker {gpu}', 'cpu'),
        ('offer list --marker {gpu} --sort name:desc --status any', 'cpu'),
        ('lease list', ''),
        ('lease list --all', 'run own'),
        ('lease list --all --status any', 'gone run own'),
        ('lease list --all --status deleted', 'gone'),
        ('lease list --all --status deleted --status created', 'gone run own'),
        ('lease list --all --name own', 'own'),
        ('lease list --project physics', 'run'),
        ('lease list --owner keeper', 'own'),
        ('lease list --owner keeper --project physics', ''),
        ('lease list --all --purpose tests', 'run'),
        ('lease list --all --offer-uuid {gpu}', 'run'),
        ('lease list --all --resource-uuid cpu-2', 'own'),
        ('lease list --all --resource-class gpu', 'run'),
        ('lease list --all --resource-type dummy_node', 'run own'),
        ('lease list --all --time-range 2040-01-11 +1d', 'run own'),
        ('lease list --all --time-range now +1d', ''),
        ('lease list --all --property memory_mb=65536', 'run'),
        ('lease list --all --sort created_at:desc', 'own run'),
        ('lease list --all --sort name --limit 1', 'own'),
        ('lease list --all --marker {run}', 'own'),
        ('contract list', ''),
        ('contract list --all', 'run own'),
        ('contract list --all --status any', 'gone run own'),
        ('contract list --all --status deleted', 'gone'),
        ('contract list --all --status deleted --status created', 'gone run own'),
        ('contract list --all --name own', 'own'),
        ('contract list --all --project physics', 'run'),
        ('contract list --all --owner keeper', 'own'),
        ('contract list --all --offer-uuid {gpu}', 'run'),
        ('contract list --all --sort name', 'own run'),
        ('contract list --all --marker {run_contract}', 'own'),
        ('contract list --all --limit 1', 'run'),
    ],
)
def test_a_list_shows_what_was_asked_for(
    market: tuple[Cloud, dict[str, str]], argv: str, found: str
) -> None:
    cloud, named = market
    kind = '_contract' if argv.startswith('contract') else ''
    rows = cloud.ok(*(word.format(**named) for word in argv.split()))
    assert uuids(rows) == [named[name + kind] for name in found.split()]


def test_a_condition_may_be_words(market: tuple[Cloud, dict[str, str]]) -> None:
    cloud, named = market
    among = ('--property', 'memory_mb in 1024,2048', '--property', 'memory_mb exists')
    assert uuids(cloud.ok('offer', 'list', *among)) == [named['cpu']]


def test_everybody_lists_what_is_his(market: tuple[Cloud, dict[str, str]]) -> None:
    cloud, named = market
    for noun, kind in (('lease', ''), ('contract', '_contract')):
        for project, name in (('physics', 'run'), ('lender', 'run'), ('bio', 'own')):
            assert uuids(cloud.ok(noun, 'list', by=project)) == [named[name + kind]]


@pytest.mark.parametrize(
    ('argv', 'columns'),
    [
        ('offer list', titles(OFFER_ROWS)),
        ('offer list --long', titles(LONG_OFFER)),
        ('lease list --all', titles(LEASE_ROWS)),
        ('lease list --all --long', titles(LONG_LEASE)),
        ('contract list --all', titles(CONTRACT_ROWS)),
    ],
)
def test_columns_of_lists(
    market: tuple[Cloud, dict[str, str]], argv: str, columns: list[str]
) -> None:
    assert [list(row) for row in market[0].ok(*argv.split())] == [columns] * 2


def test_every_format_is_clean(market: tuple[Cloud, dict[str, str]]) -> None:
    cloud, named = market
    free = [[day(1), day(10)], [day(12), day(20)]]
    assert cloud.ok('offer', 'list', '--name', 'gpu')[0]['Availabilities'] == free
    shown = cloud.ok('offer', 'show', 'gpu')
    assert (shown['resource_properties'], shown['properties']) == ({'memory_mb': '65536'}, {})
    assert '| 2040-01-01T00:00:00 to 2040-01-10T00:00:00 ' in cloud.esi('offer', 'list').out
    for kind in ('csv', 'value', 'yaml', 'table'):
        done = cloud.esi('offer', 'list', '-f', kind)
        assert (done.status, done.err) == (0, '')
        assert named['gpu'] in done.out
    head = cloud.esi('offer', 'list', '-f', 'csv').out.splitlines()[0]
    assert head == ','.join(f'"{column}"' for column in titles(OFFER_ROWS))


def test_further_columns_on_request(market: tuple[Cloud, dict[str, str]]) -> None:
    cloud, named = market
    asked = ('-f', 'value', '-c', 'Name', '-c', 'Status Reason')
    assert cloud.esi('lease', 'list', '--all', *asked).out == 'run None\nown None\n'
    assert cloud.esi('offer', 'list', *asked).out == 'gpu None\ncpu None\n'
    assert cloud.ok('lease', 'list', '--all', '-c', 'Duration') == [{'Duration': 172800}] * 2
    assert '19 days, 0:00:00' in cloud.esi('offer', 'show', 'gpu', '-c', 'duration').out
    done = cloud.esi('lease', 'show', 'run', '-f', 'value', '-c', 'contract_uuid')
    assert done.out == f'{named["run_contract"]}\n'


def test_who_is_no_admin_sees_his_own(
    filled: tuple[Service, dict[str, str]], connect: Connect
) -> None:
    service, named = filled
    member = lease_api(connect, service, 'physics', 'member', 'reader')
    assert [lease.uuid for lease in member.leases()] == [named['run']]
    assert [contract.uuid for contract in member.contracts(name='run')] == [named['run_contract']]
    assert member.get_contract('run').leases == [named['run']]
    for listed in (member.leases(view='all'), member.contracts(view='all')):
        with pytest.raises(exceptions.ForbiddenException, match='Access was denied to esi_leap:le'):
            list(listed)
    with pytest.raises(exceptions.NotFoundException, match='Lease with name or uuid own not found'):
        member.get_lease('own')
    with pytest.raises(exceptions.ForbiddenException):
        member.delete_offer('gpu')


def test_offers_create_and_show(cloud: Cloud) -> None:
    cloud.service.node('n', 'lender', resource_class='gpu')
    argv = ('--lessee', 'physics', '--name', 'spare', '--resource-type', 'dummy_node')
    window = ('--start-time', '2040-01-01', '--end-time', '+1d12h')
    data = ('--properties', '{"rack": 7}')
    made = cloud.ok('offer', 'create', 'dummy-node-n', *argv, *window, *data, by='lender')
    end = '2040-01-02T12:00:00'
    assert made == {
        'uuid': made['uuid'],
        'resource': 'dummy-node-n',
        'resource_class': 'gpu',
        'lessee': 'physics',
        'start_time': day(1),
        'end_time': end,
        'status': 'available',
        'availabilities': [[day(1), end]],
    }
    assert list(made) == OFFER_ROWS
    shown = cloud.ok('offer', 'show', 'spare', by='physics')
    assert shown == {
        **made,
        'firm': False,
        'lessee_id': 'physics',
        'name': 'spare',
        'parent_lease_uuid': None,
        'project': 'lender',
        'project_id': 'lender',
        'properties': {'rack': 7},
        'recall_notice': None,
        'resource_properties': {},
        'resource_type': 'dummy_node',
        'resource_uuid': 'n',
    }


def test_a_claim_and_its_lease_and_contract(cloud: Cloud) -> None:
    cloud.service.node('n', 'lender', resource_class='gpu')
    offer = cloud.ok('offer', 'create', 'n', '--name', 'spare', by='lender')['uuid']
    argv = ('--name', 'mine', '--purpose', 'tests', '--properties', '{"a": [1]}')
    window = ('--start-time', '2040-01-01T02:00+02:00', '--end-time', '2040-01-03T00:00Z')
    made = cloud.ok('offer', 'claim', 'spare', *argv, *window, by='physics')
    assert made == {
        'uuid': made['uuid'],
        'resource': 'dummy-node-n',
        'resource_class': 'gpu',
        'project': 'physics',
        'start_time': day(1),
        'end_time': day(3),
        'offer_uuid': offer,
        'status': 'created',
        'purpose': 'tests',
    }
    assert list(made) == LEASE_ROWS
    shown = cloud.ok('lease', 'show', 'mine', by='physics')
    assert shown == {
        **made,
        'expire_time': None,
        'firm': False,
        'fulfill_time': None,
        'name': 'mine',
        'owner': 'lender',
        'owner_id': 'lender',
        'parent_lease_uuid': None,
        'project_id': 'physics',
        'properties': {'a': [1]},
        'recall': None,
        'recall_notice': None,
        'resource_properties': {},
        'resource_type': 'dummy_node',
        'resource_uuid': 'n',
    }
    (listed,) = cloud.ok('contract', 'list', by='physics')
    agreed = cloud.ok('contract', 'show', 'mine', by='lender')
    assert agreed == {
        'end_time': day(3),
        'firm': False,
        'leases': [made['uuid']],
        'name': 'mine',
        'offer_uuid': offer,
        'owner': 'lender',
        'owner_id': 'lender',
        'project': 'physics',
        'project_id': 'physics',
        'recall_notice': None,
        'start_time': day(1),
        'status': 'created',
        'uuid': listed['UUID'],
    }


def test_lease_create_and_update(cloud: Cloud) -> None:
    cloud.service.node('n', 'lender')
    argv = ('--name', 'mine', '--purpose', 'p', '--resource-type', 'dummy_node')
    window = ('--start-time', '2040-01-01', '--end-time', '+2d')
    data = ('--properties', '{"rack": 7}')
    made = cloud.ok('lease', 'create', 'dummy-node-n', 'physics', *argv, *window, *data)
    assert [made[row] for row in ('project', 'purpose', 'end_time')] == ['physics', 'p', day(3)]
    assert cloud.ok('lease', 'show', 'mine')['properties'] == {'rack': 7}
    argv = ('--name', 'yours', '--purpose', 'q', '--end-time', '2040-01-05T00:00:00')
    changed = cloud.ok('lease', 'update', 'mine', *argv, '--properties', '{}', by='physics')
    assert changed == {**made, 'purpose': 'q', 'end_time': day(5)}
    shown = cloud.ok('lease', 'show', 'yours')
    assert (shown['uuid'], shown['properties']) == (made['uuid'], {})
    assert cloud.ok('lease', 'update', 'yours', '--purpose', 'r') == {**changed, 'purpose': 'r'}


@pytest.mark.parametrize('start', [[], ['--start-time', 'now'], ['--start-time', '+0s']])
def test_a_start_now_is_the_services_now(cloud: Cloud, start: list[str]) -> None:
    cloud.service.node('n', 'lender')
    before = datetime.now(UTC).replace(tzinfo=None)
    cloud.ok('offer', 'create', 'n', '--name', 'spare', *start)
    made = cloud.ok('offer', 'claim', 'spare', *start, '--end-time', '+2h')
    begin, end = (datetime.fromisoformat(made[row]) for row in ('start_time', 'end_time'))
    assert before <= begin
    assert timedelta(hours=2) - timedelta(seconds=5) < end - begin <= timedelta(hours=2)


def test_pages_are_followed(cloud: Cloud, connect: Connect) -> None:
    lease = lease_api(connect, cloud.service, 'lender', 'member', 'reader')
    made = []
    for number in range(5):
        cloud.service.node(f'n{number}', 'lender', properties={'memory_mb': str(number)})
        made.append(lease.create_offer(resource_uuid=f'n{number}', name='some').uuid)
        lease.create_lease(resource_uuid=f'n{number}', project_id='physics', start_time=day(1))
    assert uuids(cloud.ok('offer', 'list')) == made
    assert uuids(cloud.ok('offer', 'list', '--limit', '3')) == made[:3]
    assert uuids(cloud.ok('offer', 'list', '--sort', 'resource:desc')) == made[::-1]
    rest = ('--name', 'some', '--marker', made[0])
    assert uuids(cloud.ok('offer', 'list', *rest, '--limit', '3')) == made[1:4]
    most = ('--property', 'memory_mb>=2', '--limit', '2')
    assert uuids(cloud.ok('offer', 'list', *most)) == made[2:4]
    assert len(cloud.ok('lease', 'list', by='physics')) == 5
    assert len(cloud.ok('contract', 'list', '--all', '--owner', 'lender')) == 5
    for size in (1, 2, 5):
        assert [
            offer.uuid for offer in lease.offers(limit=size, resource_type='dummy_node')
        ] == made


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        ('offer create nosuch', 'Node nosuch could not be found.'),
        (
            'offer create gpu-1 --resource-type ironic_node',
            'ironic_node resource type unknown. Known here: dummy_node.',
        ),
        (
            'offer create gpu-1 --start-time 2040-01-02 --end-time 2040-01-03',
            (
                'Time conflict for dummy_node gpu-1. '
                'It is booked from 2040-01-01T00:00:00 to 2040-01-20T00:00:00 (UTC).'
            ),
        ),
        (
            'lease create cpu-2 physics --start-time 2040-01-11 --end-time 2040-01-13',
            (
                'Time conflict for dummy_node cpu-2. '
                'It is booked from 2040-01-10T00:00:00 to 2040-01-12T00:00:00 (UTC).'
            ),
        ),
        (
            'offer claim {gpu} --start-time 2040-01-11 --end-time 2040-01-13',
            (
                'Offer {gpu} has no availabilities at given time range '
                '2040-01-11T00:00:00, 2040-01-13T00:00:00. Free (UTC): 2040-01-01T00:00:00 to '
                '2040-01-10T00:00:00, 2040-01-12T00:00:00 to 2040-01-20T00:00:00.'
            ),
        ),
        ('offer show nosuch', 'Offer with name or uuid nosuch not found.'),
        ('lease update nosuch --purpose p', 'Lease with name or uuid nosuch not found.'),
        ('contract delete nosuch --wait', 'Contract with name or uuid nosuch not found.'),
        (
            'lease update run --end-time 2040-01-21',
            (
                'end_time 2040-01-21T00:00:00 is after the end of the offer or lease it lies in, '
                '2040-01-20T00:00:00 (UTC).'
            ),
        ),
        (
            'offer list --property memory_mb>=much',
            (
                "Invalid input for field/attribute property. Value: 'memory_mb>=much'. '>=' "
                "compares numbers, and 'much' is none. For example: memory_mb>=131072, "
                'cpu_arch=x86_64, cpu_arch in x86_64,aarch64, gpu exists.'
            ),
        ),
        ('lease list --marker nosuch', "There is no object with the marker 'nosuch'."),
        (
            'contract list --sort colour',
            (
                "Invalid input for field/attribute sort_key. Value: 'colour'. It is one of "
                'created_at, end_time, name, offer_uuid, owner_id, project_id, '
                'start_time, status, uuid.'
            ),
        ),
        (
            'offer list --sort name:down',
            "Invalid input for field/attribute sort_dir. Value: 'down'. It is asc or desc.",
        ),
    ],
)
def test_a_refusal_is_one_sentence(
    market: tuple[Cloud, dict[str, str]], argv: str, said: str
) -> None:
    cloud, named = market
    done = cloud.esi(*(word.format(**named) for word in argv.split()))
    assert (done.status, done.out, done.err) == (1, '', said.format(**named) + '\n')


def test_a_name_that_fits_two(cloud: Cloud) -> None:
    made = []
    for node in ('n1', 'n2'):
        cloud.service.node(node, 'lender')
        made.append(cloud.ok('offer', 'create', node, '--name', 'twin')['uuid'])
    for argv in ('offer show twin', 'offer claim twin', 'offer delete twin'):
        done = cloud.esi(*argv.split())
        assert (done.status, done.out) == (1, '')
        assert done.err == (f'Duplicate offers with name twin. Use a uuid: {made[1]}, {made[0]}.\n')
    assert cloud.esi('offer', 'delete', made[0]).status == 0
    assert cloud.ok('offer', 'show', 'twin')['uuid'] == made[1]


@pytest.mark.parametrize('noun', ['offer', 'lease', 'contract'])
def test_delete_goes_on_after_a_failure(cloud: Cloud, noun: str) -> None:
    cloud.service.node('n', 'lender')
    later = ('--start-time', '2040-01-01')
    if noun == 'offer':
        cloud.ok('offer', 'create', 'n', '--name', 'x', *later)
    else:
        cloud.ok('lease', 'create', 'n', 'physics', '--name', 'x', *later)
    done = cloud.esi(noun, 'delete', 'nosuch', 'x', 'neither')
    assert (done.status, done.out) == (1, f'Deleted {noun} x\n')
    missing = f'{noun.capitalize()} with name or uuid'
    assert done.err == (
        f'{missing} nosuch not found.\n{missing} neither not found.\n'
        f'2 of 3 {noun}s could not be deleted.\n'
    )
    assert cloud.ok(noun, 'show', 'x')['status'] == 'deleted'


@pytest.mark.parametrize('name', ['a b', 'ü', '50%', 'what?', 'a#b', 'a.b', 'a.json', '%41', 'a+b'])
def test_any_name_arrives_as_it_is(cloud: Cloud, connect: Connect, name: str) -> None:
    cloud.service.node('n', 'lender')
    lease = lease_api(connect, cloud.service, 'lender', 'member', 'reader')
    made = lease.create_offer(resource_uuid='n', name=name)
    assert lease.get_offer(name).uuid == made.uuid
    assert [offer.name for offer in lease.offers(name=name)] == [name]
    lease.delete_offer(name)
    assert lease.get_offer(made.uuid).status == 'deleted'


class Ear(io.StringIO):
    """A standard error that does something when it first hears a word."""

    def __init__(self, word: str, deed: Callable[[], object]) -> None:
        super().__init__()
        self._word, self._deed = word, deed
        self.heard = False

    def write(self, text: str) -> int:
        if self._word in text and not self.heard:
            self.heard = True
            self._deed()
        return super().write(text)


@pytest.mark.parametrize('argv', ['offer claim spare', 'lease create n physics'])
def test_waiting_for_the_node(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, argv: str) -> None:
    cloud.service.node('n', 'lender', maintenance=True, maintenance_reason='a new fan')
    cloud.ok('offer', 'create', 'n', '--name', 'spare')
    ear = Ear('wait fulfill', lambda: cloud.service.node('n', 'lender'))
    monkeypatch.setattr('sys.stderr', ear)
    done = cloud.esi(*argv.split(), '--wait', '--timeout', '60', '-f', 'json')
    assert (done.status, done.json['status']) == (0, 'active')
    lines = ear.getvalue().splitlines()
    lease = f'Lease {done.json["uuid"]}:'
    reason = 'The node is in maintenance: a new fan.'
    assert f'{lease} wait fulfill ({reason})' in lines
    assert lines[-1] == f'{lease} active'
    project = done.json['project']
    node = json.loads((cloud.service.nodes / 'n').read_text())
    assert (node['project_id'], node['lease_uuid']) == (project, done.json['uuid'])


@pytest.mark.parametrize('noun', ['lease', 'contract'])
def test_waiting_until_the_lessee_has_lost_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, noun: str
) -> None:
    cloud.service.node('n', 'lender')
    made = cloud.esi('lease', 'create', 'n', 'physics', '--name', 'mine', '--wait')
    assert made.status == 0
    file = cloud.service.nodes / 'n'
    handed_over = file.read_text()
    file.write_text('broken')
    ear = Ear('wait cancel', lambda: file.write_text(handed_over))
    monkeypatch.setattr('sys.stderr', ear)
    done = cloud.esi(noun, 'delete', 'mine', '--wait', '--timeout', '60')
    assert (done.status, done.out) == (0, f'Deleted {noun} mine\n')
    lines = ear.getvalue().splitlines()
    assert ': wait cancel' in lines[0]
    assert lines[-1].endswith(': deleted')
    assert cloud.ok('lease', 'show', 'mine')['status'] == 'deleted'


def test_waiting_for_a_withdrawn_offer(cloud: Cloud) -> None:
    cloud.service.node('n', 'lender')
    offer = cloud.ok('offer', 'create', 'n', '--name', 'spare')['uuid']
    done = cloud.esi('offer', 'delete', 'spare', '--wait')
    assert (done.status, done.out) == (0, 'Deleted offer spare\n')
    assert done.err == f'Offer {offer}: deleted\n'


def test_a_wait_has_an_end(cloud: Cloud) -> None:
    cloud.service.node('n', 'lender')
    argv = ('--start-time', '2040-01-01', '--wait', '--timeout', '1')
    done = cloud.esi('lease', 'create', 'n', 'physics', *argv)
    assert (done.status, done.out) == (1, '')
    told, complaint = done.err.splitlines()
    assert told.endswith(': created (starts 2040-01-01T00:00:00 UTC)')
    assert complaint.endswith('is in status `created`; it did not become active within 1 seconds.')


def test_the_version_that_is_asked_for_is_spoken(cloud: Cloud) -> None:
    cloud.service.node('n', 'lender')
    named = ('--name', 'mine', '--start-time', '2040-01-01', '-c', 'start_time', '-f', 'value')
    made = cloud.esi('lease', 'create', 'n', 'physics', *named)
    assert made.out == '2040-01-01T00:00:00\n'
    show = ('lease', 'show', 'mine', '-c', 'start_time', '-f', 'value')
    for version, suffix in (('1', ''), ('1.0', ''), ('1.1', 'Z')):
        done = cloud.esi(*show, '--os-esileap-api-version', version)
        assert (done.status, done.out) == (0, f'2040-01-01T00:00:00{suffix}\n')
    assert cloud.esi(*show, '--os-esileap-api-version', '2').status == 2
    later = ('--os-esileap-api-version', '1.1')
    done = cloud.esi('lease', 'delete', 'mine', '--wait', *later)
    assert (done.status, done.out) == (0, 'Deleted lease mine\n')


def test_from_python(cloud: Cloud, connect: Connect) -> None:
    cloud.service.node('n', 'lender', resource_class='gpu')
    owner = lease_api(connect, cloud.service, 'lender', 'member', 'reader')
    lessee = lease_api(connect, cloud.service, 'physics', 'member', 'reader')
    end = datetime(2040, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5)))
    offer = owner.create_offer(resource_uuid='n', lessee_id='physics', end_time=end, name='spare')
    assert (offer.id, offer.resource_class) == (offer.uuid, 'gpu')
    assert offer.end_time == '2040-01-01T00:30:00'
    lease = lessee.claim_offer(offer, purpose='tests', properties={'a': 1})
    seen = []
    held = lessee.wait_for_status(lease, wait=30, interval=0.05, progress=seen.append)
    assert (held.status, seen[-1]) == ('active', held)
    assert held.fulfill_time >= held.start_time
    soon = datetime.now(UTC) + timedelta(hours=1)
    changed = lessee.update_lease(lease.uuid, end_time=soon, name='mine')
    assert changed.end_time == soon.replace(tzinfo=None).isoformat()
    assert lessee.update_lease(changed, purpose='more').purpose == 'more'
    with pytest.raises(exceptions.ForbiddenException, match='Access was denied to esi_leap:lease'):
        lessee.update_lease('mine', end_time=soon + timedelta(hours=1))
    (contract,) = lessee.contracts(owner_id='lender')
    assert contract.leases == [lease.uuid]
    assert [each.uuid for each in lessee.leases(contract_uuid=contract.uuid)] == [lease.uuid]
    lessee.delete_contract(contract)
    lessee.wait_for_delete(lease, wait=30, interval=0.05)
    assert lessee.get_lease(lease).expire_time is not None
    owner.delete_offer('spare')
    assert owner.find_offer(offer.uuid).status == 'deleted'


def test_what_is_missing(cloud: Cloud, connect: Connect) -> None:
    lease = lease_api(connect, cloud.service, 'physics', 'member', 'reader')
    assert lease.find_offer('nosuch', ignore_missing=True) is None
    assert lease.delete_lease('nosuch', ignore_missing=True) is None
    for deed in (lease.get_offer, lease.find_lease, lease.delete_contract):
        with pytest.raises(exceptions.NotFoundException, match='nosuch not found'):
            deed('nosuch')
