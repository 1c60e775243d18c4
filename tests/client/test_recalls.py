"""`openstack esi recall …`, and the terms on which a node is lent, against the real service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Cloud, Esi, Peer


def test_terms_are_shown(cloud: Cloud) -> None:
    cloud.service.node('n1', 'lender')
    offer = cloud.ok(
        'offer', 'create', 'n1', '--recall-notice', '1h30m', '-c', 'uuid', '-c', 'firm', by='lender'
    )
    assert offer['firm'] is False
    lease = cloud.ok('offer', 'claim', offer['uuid'], '--end-time', '+1d', by='physics')
    shown = cloud.ok('lease', 'show', lease['uuid'], by='physics')
    assert (shown['recall_notice'], shown['firm'], shown['recall']) == (5400, False, None)


def test_a_node_is_recalled_waited_for_and_shown(cloud: Cloud) -> None:
    for name in ('n1', 'n2', 'n3'):
        cloud.service.node(name, 'lender', resource_class='gpu')
    mine = cloud.ok('lease', 'create', 'n1', 'physics', '--recall-notice', '2s', by='lender')
    cloud.ok('lease', 'create', 'n2', 'physics', '--firm', by='lender')
    done = cloud.esi(
        'recall', 'create', '--node', 'dummy-node-n1', '--node', 'dummy-node-n2', '--by', 'now',
        '--reason', 'a drill', '--wait', '--timeout', '60', '-f', 'json', by='lender',
    )  # fmt: skip
    assert done.status == 0, done.err
    assert 'dummy-node-n2 does not come back: Lease' in done.err
    assert 'pending (0 back, 1 to come)' in done.err
    assert done.err.splitlines()[-1].endswith('complete (1 back, 0 to come)')
    made = done.json
    assert (made['status'], made['reason']) == ('complete', 'a drill')
    assert made['latency']['p99'] >= 2
    rows = cloud.ok('recall', 'node', 'list', made['uuid'], by='lender')
    assert [(each['Resource'], each['Status']) for each in rows] == [
        ('dummy-node-n1', 'returned'),
        ('dummy-node-n2', 'refused'),
    ]
    told = cloud.esi('lease', 'show', mine['uuid'], '-f', 'json', by='physics')
    assert told.json['recall']['uuid'] == made['uuid']
    assert 'recalled, it ends' in told.err
    assert '(a drill)' in told.err
    assert cloud.ok('recall', 'list', by='lender') == []
    [row] = cloud.ok('recall', 'list', '--status', 'any', '--all')
    assert row['Counts'] == {
        'cancelled': 0, 'pending': 0, 'refused': 1, 'requested': 0, 'returned': 1,
    }  # fmt: skip
    assert cloud.ok('recall', 'show', made['uuid'], by='lender')['latency'] == made['latency']
    assert 'not found' in cloud.esi('recall', 'show', mine['uuid'], by='lender').err


def test_some_of_a_class_are_recalled_and_it_is_cancelled(cloud: Cloud) -> None:
    for name in ('n1', 'n2'):
        cloud.service.node(name, 'lender', resource_class='gpu')
        cloud.ok('lease', 'create', name, 'physics', '--end-time', '2040-01-01', by='lender')
    words = ('--resource-class', 'gpu', '--count', '1', '--notice', '1h')
    made = cloud.ok('recall', 'create', *words, by='lender')
    assert made['counts']['pending'] == 1
    words = ('--resource-class', 'gpu', '--count', '2', '--notice', '1h')
    more = cloud.esi('recall', 'create', *words, '-f', 'json', by='lender')
    assert (more.status, more.err) == (0, 'Asked for 2 nodes, found 1.\n')
    both = made['uuid'], more.json['uuid']
    done = cloud.esi('recall', 'cancel', *both, by='lender')
    assert (done.status, done.out) == (0, ''.join(f'Cancelled recall {each}\n' for each in both))
    leases = cloud.ok('lease', 'list', by='physics')
    assert {each['End Time'] for each in leases} == {'2040-01-01T00:00:00'}
    again = cloud.esi('recall', 'create', '--all', '--project', 'physics', by='lender')
    assert 'no such node' in again.err


@pytest.mark.parametrize(
    ('argv', 'said'),
    [
        ('recall create', 'one of the arguments --node --all --resource-class is required'),
        ('recall create --all --node n1', 'not allowed with argument'),
        ('recall create --all --by now --notice 1h', 'not allowed with argument'),
        ('recall create --all --notice soon', "'soon' is not a duration; write for example"),
        ('offer create n1 --firm --recall-notice 1h', 'not allowed with argument'),
    ],
)
def test_bad_values_are_named(esi: Esi, peer: Peer, argv: str, said: str) -> None:
    done = esi(*argv.split())
    assert (done.status, done.out) == (2, '')
    assert said in done.err
    assert not peer.asked


def test_half_of_a_choice_is_not_sent(esi: Esi, peer: Peer) -> None:
    done = esi('recall', 'create', '--resource-class', 'gpu')
    assert (done.status, done.err) == (1, 'Give --resource-class and --count together.\n')
    assert not peer.asked
