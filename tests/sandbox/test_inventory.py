"""The inventory of a real cloud: who sees a node in Ironic sees it whole here, and nobody else."""

import pytest

from .conftest import now, until

pytestmark = pytest.mark.sandbox

#: Admins of projects are admins of this service, but not of Ironic: for them the two differ.
PERSONAS = (
    'system-reader',
    *(
        f'{project}-{role}'
        for project in ('owner', 'lessee', 'stranger')
        for role in ('reader', 'member', 'manager')
    ),
)


def in_ironic(cloud, user):
    code, answer = cloud.ironic(user, 'GET', '?fields=uuid')
    assert code == 200, answer
    return {each['uuid'] for each in answer['nodes']}


def whole(cloud, user):
    """The nodes that are not only there because something on them can be claimed."""
    found = cloud.must(user, 'GET', '/v1/nodes')['nodes']
    return {each['uuid'] for each in found if each['state'] is not None}


def test_everybody_sees_those_nodes_whole_that_ironic_shows_to_the_same_token(cloud, nodes):
    leased = cloud.node(nodes[0])['uuid']
    lease = cloud.give(nodes[0], 'lessee', now(), 600)
    until('the lessee has the node', lambda: cloud.status(lease) == 'active')
    until('the service knows', lambda: leased in whole(cloud, 'lessee-reader'), 90)

    for user in PERSONAS:
        until(
            f'{user} sees the same', lambda user=user: whole(cloud, user) == in_ironic(cloud, user)
        )
    assert in_ironic(cloud, 'lessee-reader') == {leased}
    assert in_ironic(cloud, 'stranger-reader') == set()
    shown = cloud.must('lessee-reader', 'GET', f'/v1/nodes/{nodes[0]}')
    assert (shown['lease_uuid'], shown['lessee'], shown['state']) == (
        lease,
        'lessee',
        'handed over',
    )

    cloud.must('owner-member', 'DELETE', f'/v1/leases/{lease}')
    until('the lessee sees it no more', lambda: whole(cloud, 'lessee-reader') == set(), 90)
    assert cloud.lease('lessee-reader', 'GET', f'/v1/nodes/{leased}')[0] == 404
