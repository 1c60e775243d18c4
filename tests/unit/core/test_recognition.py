"""Whom a node is with that the existing service had."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core import lease
from esi_leap.core.booking.plan import plan_cancel
from esi_leap.core.change import Change, bookings_of, node_of
from esi_leap.core.duty import due
from esi_leap.core.duty.recognition import plan
from esi_leap.core.handover.machine import Machine
from esi_leap.core.lease import PENDING, TRANSITIONS, Lease, Status
from esi_leap.core.node import Node, State
from esi_leap.core.tree import Booking, BookingTree

from .given import OWNER, STRANGER, TENANT, a_lease, a_machine, a_node, an_offer, at

NOW = at(12)
INHERITED = a_node(state=State.HANDED_OVER, lease=None, retry_at=at(0))


def recognised(machine: Machine | None, *bookings: Booking, now: datetime = NOW) -> Change:
    return plan(INHERITED, machine, bookings, now)


def node_after(change: Change) -> Node:
    found = node_of(change)
    assert found is not None
    return found


def only(change: Change) -> Booking:
    (booking,) = bookings_of(change)
    return booking


class TestNamed:
    def test_it_has_the_node_from_now_on(self) -> None:
        change = recognised(
            a_machine(lessee=TENANT, lease_label='a'), a_lease('a', status=Status.ACTIVE)
        )
        assert bookings_of(change) == ()
        node = node_of(change)
        assert (node.state, node.lease, node.retry_at) == (State.HANDED_OVER, 'a', NOW)
        assert node.reason is None
        assert node.remembered == ()

    @pytest.mark.parametrize(
        'status', [Status.ACTIVE, Status.WAIT_EXPIRE, Status.WAIT_CANCEL, Status.ERROR]
    )
    def test_the_next_thing_after_its_end_is_to_take_it(self, status: Status) -> None:
        ended = a_lease('a', 1, 2, status=status)
        change = recognised(a_machine(lessee=TENANT, lease_label='a'), ended)
        assert due.plan(node_after(change), BookingTree([ended]), NOW) == due.Take(ended)

    @pytest.mark.parametrize('status', sorted(PENDING))
    def test_a_hand_over_that_nobody_wrote_down_is_written_down(self, status: Status) -> None:
        change = recognised(a_machine(lessee=TENANT, lease_label='a'), a_lease('a', status=status))
        active = only(change)
        assert (active.status, active.fulfill_time) == (Status.ACTIVE, NOW)  # type: ignore[union-attr]
        assert node_after(change).is_with(active)  # type: ignore[arg-type]

    def test_a_lessee_without_a_label_is_enough_if_only_one_fits(self) -> None:
        machine = a_machine(lessee=TENANT)
        one = a_lease('a', status=Status.ACTIVE)
        foreign = a_lease('b', status=Status.ACTIVE, lessee_id=STRANGER)
        assert node_of(recognised(machine, one, foreign)).lease == 'a'
        assert node_of(recognised(machine, one, a_lease('c', status=Status.ERROR))).lease is None

    @pytest.mark.parametrize('label', [None, 'a'])
    def test_one_that_has_not_begun_is_not_named(self, label: str | None) -> None:
        pending = a_lease('a', 13, 14)
        change = recognised(a_machine(lessee=TENANT, lease_label=label), pending)
        assert (bookings_of(change), node_after(change).state) == ((), State.AVAILABLE)

    def test_of_two_the_other_is_in_error_and_says_why(self) -> None:
        leases = [a_lease(uuid, status=Status.ACTIVE) for uuid in 'ab']
        change = recognised(a_machine(lessee=TENANT, lease_label='b'), *leases)
        other = only(change)
        assert (other.uuid, other.status) == ('a', Status.ERROR)
        assert 'with another lessee or lease' in (other.reason or '')
        assert node_after(change).lease == 'b'

    def test_what_it_is_sub_let_from_has_the_node_as_well(self) -> None:
        parent = a_lease('p', status=Status.ACTIVE)
        child = a_lease(
            'c', status=Status.ACTIVE, parent_lease='p', owner_id=TENANT, lessee_id=STRANGER
        )
        change = recognised(a_machine(lessee=STRANGER, lease_label='c'), parent, child)
        assert (bookings_of(change), node_after(change).lease) == ((), 'c')


class TestNotNamed:
    @pytest.mark.parametrize(
        ('status', 'after'),
        [
            (Status.ACTIVE, Status.ERROR),
            (Status.ERROR, Status.ERROR),
            (Status.WAIT_EXPIRE, Status.EXPIRED),
            (Status.WAIT_CANCEL, Status.DELETED),
        ],
    )
    @pytest.mark.parametrize(
        ('machine', 'why'),
        [
            (None, 'gone'),
            (a_machine(), 'with nobody'),
            (a_machine(provision_state='active'), 'with nobody'),
            (a_machine(lessee=STRANGER, lease_label='x'), 'with another'),
            (a_machine(lessee=TENANT, lease_label='x'), 'with another'),
        ],
    )
    def test_it_says_why_and_nothing_is_to_be_taken(
        self, status: Status, after: Status, machine: Machine | None, why: str
    ) -> None:
        change = recognised(machine, a_lease('a', status=status))
        found = only(change)
        assert (found.status, why in (found.reason or '')) == (after, True)
        node = node_of(change)
        assert (node.state, node.lease, node.retry_at) == (State.AVAILABLE, None, None)
        assert not isinstance(due.plan(node, BookingTree(bookings_of(change)), at(30)), due.Take)

    def test_one_whose_end_has_passed_ends(self) -> None:
        found = only(recognised(a_machine(), a_lease('a', 1, 2, status=Status.ERROR)))
        assert (found.status, 'with nobody' in (found.reason or '')) == (Status.EXPIRED, True)

    def test_one_that_waits_for_its_start_goes_on_waiting(self) -> None:
        waiting = a_lease('a', status=Status.WAIT_FULFILL)
        change = recognised(a_machine(), waiting)
        assert bookings_of(change) == ()
        assert due.plan(node_after(change), BookingTree([waiting]), NOW) == due.Prepare(waiting)

    def test_one_that_failed_or_was_cancelled_before_its_start(self) -> None:
        failed, cancelled = (
            a_lease(uuid, 20, 21, status=status)
            for uuid, status in (('a', Status.ERROR), ('b', Status.WAIT_CANCEL))
        )
        gone = only(recognised(a_machine(), failed, cancelled))
        assert (gone.uuid, gone.status, gone.reason) == ('b', Status.DELETED, None)


class TestProvider:
    def test_it_is_the_owner_of_the_node_also_if_an_admin_made_it(self) -> None:
        made = [a_lease('a', 20, 21, owner_id='p-admin'), an_offer('o', owner_id='p-admin')]
        change = recognised(a_machine(), *made)
        assert [each.owner_id for each in bookings_of(change)] == [OWNER, OWNER]

    @pytest.mark.parametrize('machine', [None, a_machine(owner=None)])
    def test_nobody_knows_better(self, machine: Machine | None) -> None:
        assert bookings_of(recognised(machine, an_offer('o', owner_id='p-admin'))) == ()

    def test_a_sub_lessor_stays_the_provider(self) -> None:
        sub = an_offer('o', owner_id=TENANT, parent_lease='p')
        assert bookings_of(recognised(a_machine(), sub)) == ()


class TestUntilThen:
    def test_nothing_else_is_done_to_the_node(self) -> None:
        bookings = [a_lease('a', 1, 2, status=Status.ACTIVE), an_offer('o', 0, 1)]
        assert due.plan(INHERITED, BookingTree(bookings), NOW) == due.Recognise()
        assert due.plan(replace(INHERITED, retry_at=at(13)), BookingTree(bookings), NOW) is None

    def test_a_cancelled_lease_waits_to_be_looked_for(self) -> None:
        change = plan_cancel(a_lease('a'), INHERITED, BookingTree([]), NOW)
        assert only(change).status == Status.WAIT_CANCEL


statuses = st.sampled_from(sorted(lease.BLOCKING))
leases = st.lists(
    st.builds(
        lambda uuid, start, length, status, lessee: a_lease(
            uuid, start, start + length, status=status, lessee_id=lessee
        ),
        st.sampled_from('abcd'),
        st.integers(0, 20),
        st.integers(1, 10),
        statuses,
        st.sampled_from([TENANT, STRANGER]),
    ),
    unique_by=lambda each: each.uuid,
)
machines = st.none() | st.builds(
    a_machine,
    lessee=st.sampled_from([None, TENANT, STRANGER]),
    lease_label=st.sampled_from([None, *'abcdx']),
)


@given(machines, leases)
def test_only_the_lessee_that_is_named_has_it_and_every_change_is_a_transition(
    machine: Machine | None, before: list[Lease]
) -> None:
    change = recognised(machine, *before)
    changed = {each.uuid: each for each in bookings_of(change)}
    node = node_of(change)
    for each in before:
        after = changed.get(each.uuid, each)
        assert isinstance(after, Lease)
        assert after.status == each.status or after.status in TRANSITIONS[each.status]
        if node.is_with(after):
            assert machine is not None
            assert machine.lessee == after.lessee_id
            assert machine.lease_label in {None, after.uuid}
        else:
            assert after.status not in {Status.ACTIVE, Status.WAIT_EXPIRE, Status.WAIT_CANCEL} or (
                after.window.start > NOW
            )
    assert not node.is_inherited
