"""`openstack esi node …` and `conn.lease.nodes()` against the real service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openstack import exceptions

from .conftest import Cloud, connecting, lease_api, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import openstack

    from .conftest import Esi

    Connect = Callable[..., openstack.connection.Connection]

BRIEF = [
    'Name',
    'Owner',
    'Lessee',
    'Resource Class',
    'Provision State',
    'Maintenance',
    'Offer UUID',
    'Lease UUID',
]
LONG = ['UUID', *BRIEF[:6], 'Properties', *BRIEF[6:], 'Future Offers', 'Future Leases']


@pytest.fixture(scope='module')
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Nodes of two owners: one is leased, one on offer, one to be both, one only there."""
    with serving(tmp_path_factory.mktemp('fleet') / 'service') as service, connecting() as connect:

        def by(project: str) -> Any:  # noqa: ANN401 - a Proxy
            return lease_api(connect, service, project, 'member', 'reader')

        service.node('gpu-1', 'lender', resource_class='gpu', properties={'memory_mb': '65536'})
        service.node('gpu-2', 'lender', resource_class='gpu', properties={'memory_mb': '2048'})
        service.node('cpu-1', 'keeper', resource_class='cpu', properties={'memory_mb': '2048'})
        service.node('cpu-2', 'keeper', resource_class='cpu', maintenance=True)
        later = {'start_time': '2040-01-01', 'end_time': '2040-02-01'}
        now = by('lender').create_lease(resource_uuid='gpu-1', project_id='physics')
        by('lender').wait_for_status(now, interval=0.05, wait=30)
        offer = by('lender').create_offer(resource_uuid='gpu-2', end_time='2039-01-01')
        future = by('keeper').create_offer(resource_uuid='cpu-1', **later)
        booked = by('keeper').create_lease(
            resource_uuid='cpu-1', project_id='bio', start_time='2039-01-01', end_time='2039-01-15'
        )
        yield {
            'service': service,
            'by': by,
            'now': now.uuid,
            'offer': offer.uuid,
            'future': future.uuid,
            'booked': booked.uuid,
        }


@pytest.fixture
def cloud(fleet: dict[str, Any], run: Esi) -> Cloud:
    return Cloud(fleet['service'], run)


def test_columns(cloud: Cloud, fleet: dict[str, Any]) -> None:
    rows = cloud.ok('node', 'list', '--sort', 'name')
    assert [list(row.values()) for row in rows] == [
        ['dummy-node-cpu-1', 'keeper', '', 'cpu', 'available', 'False', None, None],
        ['dummy-node-cpu-2', 'keeper', '', 'cpu', 'available', 'True', None, None],
        ['dummy-node-gpu-1', 'lender', 'physics', 'gpu', 'available', 'False', None, fleet['now']],
        ['dummy-node-gpu-2', 'lender', '', 'gpu', 'available', 'False', fleet['offer'], None],
    ]
    assert [list(row) for row in rows] == [BRIEF] * 4
    rows = cloud.ok('node', 'list', '--long', '--sort', 'name')
    assert [list(row) for row in rows] == [LONG] * 4
    assert [row['UUID'] for row in rows] == ['cpu-1', 'cpu-2', 'gpu-1', 'gpu-2']
    assert (rows[0]['Future Offers'], rows[0]['Future Leases']) == (
        [fleet['future']],
        [fleet['booked']],
    )
    assert [row['Properties'].get('memory_mb') for row in rows] == ['2048', None, '65536', '2048']


@pytest.mark.parametrize(
    ('argv', 'found'),
    [
        ('--owner lender', 'gpu-1 gpu-2'),
        ('--lessee physics', 'gpu-1'),
        ('--resource-class cpu', 'cpu-1 cpu-2'),
        ('--resource-class cpu --property memory_mb>=2048', 'cpu-1'),
        ('--property memory_mb>=2048 --property memory_mb<4096', 'cpu-1 gpu-2'),
        ('--limit 3', 'cpu-1 cpu-2 gpu-1'),
        ('--marker cpu-2', 'gpu-1 gpu-2'),
        ('--owner nobody', ''),
    ],
)
def test_a_list_shows_what_was_asked_for(cloud: Cloud, argv: str, found: str) -> None:
    rows = cloud.ok('node', 'list', '-c', 'UUID', '--sort', 'name', *argv.split())
    assert [row['UUID'] for row in rows] == found.split()


@pytest.mark.parametrize('name', ['gpu-1', 'dummy-node-gpu-1'])
def test_a_node_is_shown(cloud: Cloud, fleet: dict[str, Any], name: str) -> None:
    shown = cloud.ok('node', 'show', name)
    assert list(shown) == sorted(shown)
    assert shown['refreshed_at']
    assert {**shown, 'refreshed_at': ''} == {
        'future_leases': [],
        'future_offers': [],
        'gate': None,
        'lease_uuid': fleet['now'],
        'lessee': 'physics',
        'maintenance': 'False',
        'name': 'dummy-node-gpu-1',
        'offer_uuid': None,
        'owner': 'lender',
        'power_state': None,
        'properties': {'memory_mb': '65536'},
        'provision_state': 'available',
        'reason': None,
        'refreshed_at': '',
        'resource_class': 'gpu',
        'resource_type': 'dummy_node',
        'state': 'handed over',
        'target_power_state': None,
        'target_provision_state': None,
        'uuid': 'gpu-1',
    }


def test_an_unknown_node(cloud: Cloud) -> None:
    done = cloud.esi('node', 'show', 'nosuch')
    assert (done.status, done.out, done.err) == (1, '', 'Node nosuch could not be found.\n')


def test_from_python(fleet: dict[str, Any]) -> None:
    lessee = fleet['by']('physics')
    seen = {node.uuid: node for node in lessee.nodes(limit=1)}
    assert set(seen) == {'gpu-1', 'gpu-2', 'cpu-1'}
    assert (seen['gpu-1'].lease_uuid, seen['gpu-2'].offer_uuid) == (fleet['now'], fleet['offer'])
    assert lessee.get_node('gpu-1').lessee == 'physics'
    assert lessee.get_node(seen['gpu-2']).name == 'dummy-node-gpu-2'
    assert lessee.find_node('cpu-2', ignore_missing=True) is None
    with pytest.raises(exceptions.NotFoundException, match='Node cpu-2 could not be found'):
        lessee.get_node('cpu-2')
    both = lessee.nodes(property=['memory_mb>=1024', 'memory_mb<4096'])
    assert {node.uuid for node in both} == {'gpu-2', 'cpu-1'}
