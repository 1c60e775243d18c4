"""`openstack esi event list` and `conn.lease.events()` against the real service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Cloud, connecting, lease_api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Esi

COLUMNS = [
    'ID',
    'Event Type',
    'Event Time',
    'Object Type',
    'Object UUID',
    'Resource Type',
    'Resource UUID',
    'Lessee ID',
    'Owner ID',
]


@pytest.fixture(scope='module')
def happened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A service in which two projects did things; and what they made, by name."""
    with serving(tmp_path_factory.mktemp('events') / 'service') as service, connecting() as connect:

        def by(project: str) -> Any:  # noqa: ANN401 - a Proxy
            return lease_api(connect, service, project, 'member', 'reader')

        service.node('n1', 'lender')
        service.node('n2', 'keeper')
        at = {'start_time': '2040-01-01', 'end_time': '2040-01-02'}
        offer = by('lender').create_offer(resource_uuid='n1')
        lease = by('physics').claim_offer(offer, **at)
        other = by('keeper').create_lease(resource_uuid='n2', project_id='bio', **at)
        yield {
            'service': service,
            'physics': by('physics'),
            'offer': offer.uuid,
            'lease': lease.uuid,
            'other': other.uuid,
        }


@pytest.fixture
def cloud(happened: dict[str, Any], run: Esi) -> Cloud:
    return Cloud(happened['service'], run)


def told(rows: list[dict[str, Any]], happened: dict[str, Any]) -> list[tuple[str, str]]:
    """Name what each event happened to, but for contracts."""
    names = {uuid: name for name, uuid in happened.items() if isinstance(uuid, str)}
    return [
        (names[row['Object UUID']], row['Event Type'].removeprefix('esi_leap.'))
        for row in rows
        if row['Object Type'] != 'contract'
    ]


MADE = [
    ('offer', 'offer.create.end'),
    ('lease', 'lease.create.end'),
    ('other', 'lease.create.end'),
]


def test_all_are_listed_in_order(cloud: Cloud, happened: dict[str, Any]) -> None:
    rows = cloud.ok('event', 'list')
    assert [list(row) for row in rows] == [COLUMNS] * len(rows)
    assert told(rows, happened) == MADE
    ids = [row['ID'] for row in rows]
    assert ids == sorted(set(ids))
    (lease,) = (row for row in rows if row['Object UUID'] == happened['lease'])
    assert {**lease, 'ID': 0, 'Event Time': ''} == dict(
        zip(
            COLUMNS,
            (
                *(0, 'esi_leap.lease.create.end', ''),
                *('lease', happened['lease'], 'dummy_node', 'n1', 'physics', 'lender'),
            ),
            strict=True,
        )
    )


def test_everybody_lists_what_concerns_him(cloud: Cloud, happened: dict[str, Any]) -> None:
    seen = list(happened['physics'].events())
    assert {event.lessee_id for event in seen} == {'physics'}
    assert happened['lease'] in {event.object_uuid for event in seen}
    assert happened['other'] not in {event.object_uuid for event in seen}


@pytest.mark.parametrize(
    ('argv', 'found'),
    [
        ('--project keeper', MADE[2:]),
        ('--event-type esi_leap.offer.create.end', MADE[:1]),
        ('--resource-uuid n2', MADE[2:]),
        ('--resource-uuid dummy-node-n2', MADE[2:]),
        ('--resource-type dummy_node', MADE),
        ('--resource-type ironic_node', []),
        ('--limit 1', MADE[:1]),
        ('--last-event-id 0', MADE),
        ('--last-notification-time 2020-01-01', MADE),
        ('--last-notification-time 2020-01-01T00:00+05:00 --limit 1', MADE[:1]),
        ('--last-notification-time now', []),
    ],
)
def test_a_list_shows_what_was_asked_for(
    cloud: Cloud, happened: dict[str, Any], argv: str, found: list[tuple[str, str]]
) -> None:
    assert told(cloud.ok('event', 'list', *argv.split()), happened) == found


def test_a_poller_misses_nothing(cloud: Cloud, happened: dict[str, Any]) -> None:
    rows = cloud.ok('event', 'list')
    assert len(rows) > 4  # pages hold two
    for row in rows[:-1]:
        (after,) = cloud.ok('event', 'list', '--last-event-id', str(row['ID']), '--limit', '1')
        assert after['ID'] == rows[rows.index(row) + 1]['ID']
    assert cloud.ok('event', 'list', '--last-event-id', str(rows[-1]['ID'])) == []
    seen = 0
    for event in happened['physics'].events(last_event_id=seen, limit=1):
        assert event.id > seen
        seen = event.id
    assert not list(happened['physics'].events(last_event_id=seen))
    past = datetime.now(UTC) - timedelta(days=1)
    assert list(happened['physics'].events(last_event_time=past))


def test_a_bad_id_is_named(cloud: Cloud) -> None:
    done = cloud.esi('event', 'list', '--last-event-id', 'last')
    assert (done.status, done.out) == (2, '')
    said = "argument --last-event-id: 'last' is not a whole number; write for example 60"
    assert said in done.err
