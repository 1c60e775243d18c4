"""The lease and its state machine."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core.lease import BLOCKING, FINAL, TRANSITIONS, Lease, Status, TransitionError

from .given import a_lease, at

#: Written by hand: the table that the documentation promises.
DOCUMENTED = {
    'created': {
        'active',  # the lessee has the node
        'wait fulfill',  # it cannot be handed over yet
        'wait expire',  # its window passed while the node was being prepared
        'wait cancel',  # cancelled while the node was being prepared
        'error',
        'expired',  # its window passed before the hand-over began
        'deleted',
    },
    'wait fulfill': {
        'active',
        'wait fulfill',
        'wait expire',
        'wait cancel',
        'error',
        'expired',
        'deleted',
    },
    'active': {'wait expire', 'wait cancel', 'error', 'expired', 'deleted'},
    'wait expire': {'wait expire', 'wait cancel', 'expired', 'deleted'},
    'wait cancel': {'wait cancel', 'deleted'},
    'error': {'wait expire', 'wait cancel', 'expired', 'deleted'},
    'expired': set(),
    'deleted': set(),
}
OVER = {'expired', 'deleted'}

statuses = st.sampled_from(Status)
hours = st.integers(0, 30)
moments = hours.map(at)
leases = st.builds(
    lambda status, attempts, retry: a_lease(
        status=status, attempts=attempts, retry_at=retry, reason='it was so'
    ),
    statuses,
    st.integers(0, 5),
    st.none() | moments,
)


def test_the_machine_has_exactly_the_documented_transitions() -> None:
    assert {
        str(status): {str(each) for each in among} for status, among in TRANSITIONS.items()
    } == DOCUMENTED


@pytest.mark.parametrize('status', Status)
@pytest.mark.parametrize('target', Status)
def test_no_other_transition_can_be_made(status: Status, target: Status) -> None:
    lease = a_lease(status=status)
    if target in DOCUMENTED[status]:
        assert lease.to(target).status is target
    else:
        with pytest.raises(TransitionError, match=f'lease a: {status} -> {target}'):
            lease.to(target)


@pytest.mark.parametrize('status', Status)
def test_every_status_can_end(status: Status) -> None:
    reached = {status}
    while more := set().union(*(TRANSITIONS[each] for each in reached)) - reached:
        reached |= more
    assert reached & OVER


@pytest.mark.parametrize('status', Status)
def test_whatever_is_not_over_holds_the_node(status: Status) -> None:
    assert a_lease(status=status).blocks is (status not in OVER)


def test_holding_and_final_share_out_the_statuses() -> None:
    assert {str(each) for each in FINAL} == OVER
    assert {str(each) for each in BLOCKING} == set(DOCUMENTED) - OVER


@given(leases)
def test_something_is_due_until_the_lease_is_over(lease: Lease) -> None:
    assert (lease.due_at is None) == (lease.status in OVER)


@pytest.mark.parametrize(
    ('status', 'retry_at', 'due'),
    [
        ('created', None, at(10)),
        ('active', None, at(20)),
        ('error', None, at(20)),
        ('wait fulfill', None, at(10)),
        ('wait fulfill', at(12), at(12)),
        ('wait fulfill', at(25), at(20)),  # its end is not slept through
        ('wait expire', None, at(20)),
        ('wait expire', at(25), at(25)),
        ('wait cancel', at(12), at(12)),
        ('wait cancel', None, at(10)),
        ('expired', at(12), None),
        ('deleted', at(12), None),
    ],
)
def test_when_something_is_due(
    status: str, retry_at: datetime | None, due: datetime | None
) -> None:
    assert a_lease(status=Status(status), retry_at=retry_at).due_at == due


@given(leases, moments)
def test_a_lease_ends_when_its_window_has_passed_or_it_is_cancelled(
    lease: Lease, now: datetime
) -> None:
    passed = now >= at(20)
    assert lease.ends(now) is (
        lease.status not in OVER and (passed or lease.status == 'wait cancel')
    )


@given(leases, moments)
def test_a_lease_starts_only_while_it_waits_for_its_start(lease: Lease, now: datetime) -> None:
    assert lease.starts(now) is (
        lease.status in {'created', 'wait fulfill'} and at(10) <= now < at(20)
    )


@given(leases, moments)
def test_no_lease_starts_and_ends_at_once(lease: Lease, now: datetime) -> None:
    assert not (lease.starts(now) and lease.ends(now))


@given(leases, statuses, st.none() | st.text())
def test_a_transition_forgets_the_waiting_and_keeps_the_rest(
    lease: Lease, target: Status, reason: str | None
) -> None:
    if target not in DOCUMENTED[lease.status]:
        return
    assert lease.to(target, reason) == replace(
        lease, status=target, reason=reason, retry_at=None, attempts=0
    )


@pytest.mark.parametrize('status', ['created', 'wait fulfill'])
def test_activated(status: str) -> None:
    waited = a_lease(status=Status(status), reason='no', attempts=3, retry_at=at(11))
    lease = waited.activated(at(12))
    assert lease == a_lease(status=Status.ACTIVE, fulfill_time=at(12))
    assert lease.due_at == at(20)


@pytest.mark.parametrize(
    ('status', 'final'),
    [
        ('created', 'expired'),
        ('wait fulfill', 'expired'),
        ('active', 'expired'),
        ('wait expire', 'expired'),
        ('error', 'expired'),
        ('wait cancel', 'deleted'),
    ],
)
def test_ended(status: str, final: str) -> None:
    lease = a_lease(status=Status(status), retry_at=at(21), attempts=2).ended(
        at(22), 'It was lost.'
    )
    assert lease == a_lease(status=Status(final), reason='It was lost.', expire_time=at(22))


@given(leases, moments)
def test_what_ended_did_so_for_good(lease: Lease, now: datetime) -> None:
    if not lease.blocks:
        with pytest.raises(TransitionError):
            lease.ended(now)
        return
    over = lease.ended(now)
    assert not over.blocks
    for deed in (
        lambda: over.activated(now),
        lambda: over.ended(now),
        lambda: over.postponed('no', now),
        lambda: over.detained('no', now),
        lambda: over.cancelling('no', now),
        lambda: over.failed('no'),
    ):
        with pytest.raises(TransitionError):
            deed()


def test_postponed_counts_the_tries_and_keeps_the_window() -> None:
    lease = a_lease().postponed('busy', at(11)).postponed('busy', at(12))
    assert lease == a_lease(status=Status.WAIT_FULFILL, reason='busy', retry_at=at(12), attempts=2)
    assert lease.starts(at(12))
    assert lease.postponed('locked', at(13)).attempts == 1


@pytest.mark.parametrize(
    ('status', 'waits'),
    [
        ('active', 'wait expire'),
        ('error', 'wait expire'),
        ('wait expire', 'wait expire'),
        ('wait fulfill', 'wait expire'),
        ('wait cancel', 'wait cancel'),
    ],
)
def test_detained_keeps_apart_what_was_cancelled(status: str, waits: str) -> None:
    lease = a_lease(status=Status(status)).detained('busy', at(21)).detained('busy', at(22))
    assert lease == a_lease(status=Status(waits), reason='busy', retry_at=at(22), attempts=2)
    assert lease.due_at == at(22)
    assert lease.ends(at(22))
    assert lease.detained('locked', at(23)).attempts == 1


@pytest.mark.parametrize('status', ['created', 'wait fulfill', 'active', 'wait expire', 'error'])
def test_cancelling_is_due_at_once_and_ends_deleted(status: str) -> None:
    lease = a_lease(status=Status(status), attempts=4).cancelling('being taken', at(12))
    assert (lease.status, lease.due_at, lease.attempts) == ('wait cancel', at(12), 0)
    assert lease.ends(at(12))
    assert lease.ended(at(13)).status == 'deleted'


@pytest.mark.parametrize('status', ['created', 'wait fulfill', 'active'])
def test_failed_holds_the_node_until_the_end(status: str) -> None:
    lease = a_lease(status=Status(status), attempts=4).failed('a defect')
    assert lease == a_lease(status=Status.ERROR, reason='a defect')
    assert lease.blocks
    assert not lease.starts(at(12))
    assert lease.due_at == at(20)
    assert lease.ends(at(20))
