"""What a request does to a node's calendar, deed by deed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.booking.plan import (
    claim_end,
    lease_window,
    lender,
    plan_cancel,
    plan_claim,
    plan_expire,
    plan_lease,
    plan_offer,
    plan_update,
    plan_withdraw,
    sublet_times,
)
from esi_leap.core.booking.quota import Limits
from esi_leap.core.change import bookings_of, contracts_of
from esi_leap.core.contract import Contract
from esi_leap.core.errors import (
    FinalStateError,
    InvalidWindowError,
    NotHeldError,
    OfferNotFoundError,
    OfferWindowError,
    OutsideError,
    RecalledError,
    SubletError,
    TooLongError,
    WindowConflictError,
)
from esi_leap.core.instant import FOREVER
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease, TransitionError
from esi_leap.core.node import State
from esi_leap.core.terms import Notice, Terms
from esi_leap.core.tree import Booking, BookingTree
from tests.unit.core.given import OWNER, STRANGER, TENANT, a_lease, a_node, an_offer, at, window

NODE = a_node()
LIMITS = Limits(timedelta(days=2), timedelta(days=7))
NOW = at(0)
EMPTY = BookingTree([])


def tree(*bookings: Booking) -> BookingTree:
    return BookingTree(bookings)


def test_a_lease_starts_now_unless_it_says_when() -> None:
    assert lease_window(None, at(5), at(2)) == window(2, 5)
    assert lease_window(at(1), at(5), at(2)) == window(2, 5)
    assert lease_window(at(3), at(5), at(2)) == window(3, 5)


@pytest.mark.parametrize(
    ('start', 'end'), [(None, at(2)), (None, at(1)), (at(0), at(1)), (at(4), at(4)), (at(5), at(4))]
)
def test_a_window_that_has_passed_or_is_none(start: datetime | None, end: datetime) -> None:
    with pytest.raises(InvalidWindowError, match=r'^Attempted to use an invalid Start Time'):
        lease_window(start, end, at(2))


def test_the_length_of_a_lease_is_limited() -> None:
    LIMITS.check(window(0, 7 * 24))
    with pytest.raises(TooLongError, match='7 days'):
        LIMITS.check(Interval(at(0), at(7 * 24) + datetime.resolution))
    Limits(timedelta(days=2), None).check(Interval(at(0), FOREVER))


def test_a_default_length_does_not_run_over_the_end_of_time() -> None:
    assert LIMITS.end(at(0)) == at(48)
    assert LIMITS.end(FOREVER - timedelta(days=1)) == FOREVER


@pytest.mark.parametrize('parent', [None, 'p'])
def test_an_offer_is_booked(parent: str | None) -> None:
    offer = an_offer(parent=parent)
    change = plan_offer(offer, NODE, EMPTY, NOW)
    assert bookings_of(change) == (offer,)
    assert contracts_of(change) == ()


def test_an_offer_takes_in_the_owners_own_leases() -> None:
    own, beside = a_lease('own', 10, 20), a_lease('beside', 100, 110)
    change = plan_offer(an_offer(), NODE, tree(own, beside), NOW)
    assert bookings_of(change) == (an_offer(), replace(own, parent='o'))


@pytest.mark.parametrize(
    'other',
    [
        an_offer('other', 50, 150),
        an_offer('failed', 99, 150, status=offers.Status.ERROR),
        a_lease('sticks out', 90, 110),
        a_lease('of another owner', 10, 20, owner_id=STRANGER),
        a_lease('of another offer', 10, 20, offer='gone'),
        a_lease('late', 10, 20, owner_id=STRANGER, status=leases.Status.WAIT_CANCEL),
    ],
)
def test_an_offer_of_what_is_booked(other: Booking) -> None:
    with pytest.raises(WindowConflictError, match=r'^Time conflict for ironic_node n1\.'):
        plan_offer(an_offer(), NODE, tree(other), NOW)


def test_an_offer_of_the_past() -> None:
    with pytest.raises(InvalidWindowError, match='has passed'):
        plan_offer(an_offer(end=10), NODE, EMPTY, at(10))
    assert bookings_of(plan_offer(an_offer(end=10), NODE, EMPTY, at(9)))


def test_a_direct_lease_makes_a_contract() -> None:
    lease = a_lease(name='mine')
    change = plan_lease(lease, NODE, EMPTY, LIMITS, NOW)
    assert bookings_of(change) == (lease,)
    assert contracts_of(change)[0] == Contract(
        uuid='contract-a',
        name='mine',
        owner_id=OWNER,
        lessee_id=TENANT,
        window=window(10, 20),
        offer=None,
    )


def test_a_direct_lease_lies_in_the_owners_own_offer() -> None:
    change = plan_lease(a_lease(), NODE, tree(an_offer()), LIMITS, NOW)
    assert bookings_of(change) == (a_lease(parent='o'),)
    [contract] = contracts_of(change)
    assert contract.offer is None


@pytest.mark.parametrize(
    'others',
    [
        [an_offer(owner_id=STRANGER)],
        [an_offer(end=15)],
        [a_lease('b', 19, 30)],
        [an_offer(), a_lease('b', 19, 30, offer='o', parent='o')],
    ],
)
def test_a_direct_lease_of_what_is_booked(others: list[Booking]) -> None:
    with pytest.raises(WindowConflictError):
        plan_lease(a_lease(), NODE, tree(*others), LIMITS, NOW)


def test_a_direct_lease_that_is_too_long_or_has_passed() -> None:
    with pytest.raises(TooLongError):
        plan_lease(a_lease(end=500), NODE, EMPTY, LIMITS, NOW)
    with pytest.raises(InvalidWindowError):
        plan_lease(a_lease(), NODE, EMPTY, LIMITS, at(20))


def test_a_claim_makes_one_contract_with_one_lease() -> None:
    change = plan_claim(a_lease(), an_offer(), tree(an_offer()), LIMITS, NOW)
    claimed = a_lease(offer='o', parent='o')
    assert bookings_of(change) == (claimed,)
    [contract] = contracts_of(change)
    assert (contract.uuid, contract.offer) == ('contract-a', 'o')


def test_a_claim_may_touch_its_neighbours_and_the_edges() -> None:
    neighbours = [
        a_lease('b', 0, 10, offer='o', parent='o'),
        a_lease('c', 20, 100, offer='o', parent='o'),
    ]
    assert plan_claim(a_lease(), an_offer(), tree(an_offer(), *neighbours), LIMITS, NOW)
    whole = a_lease(start=0, end=100)
    assert plan_claim(whole, an_offer(), tree(an_offer()), LIMITS, NOW)


@pytest.mark.parametrize('status', sorted(offers.FINAL | {offers.Status.ERROR}))
def test_a_claim_of_an_offer_that_is_not_open(status: offers.Status) -> None:
    with pytest.raises(OfferNotFoundError):
        plan_claim(a_lease(), an_offer(status=status), EMPTY, LIMITS, NOW)


def test_a_claim_of_an_offer_whose_window_has_passed() -> None:
    with pytest.raises(OfferNotFoundError):
        plan_claim(a_lease(start=5, end=9), an_offer(end=10), EMPTY, LIMITS, at(10))


def test_a_claim_that_is_too_long() -> None:
    with pytest.raises(TooLongError):
        plan_claim(a_lease(start=0, end=500), an_offer(end=600), EMPTY, LIMITS, NOW)


@pytest.mark.parametrize(('start', 'end'), [(19, 21), (25, 35), (40, 110), (2, 90)])
def test_a_claim_of_what_is_taken_names_what_is_free(start: int, end: int) -> None:
    taken = a_lease('b', 20, 30, offer='o', parent='o', status=leases.Status.WAIT_CANCEL)
    wanted = a_lease(start=start, end=end)
    with pytest.raises(OfferWindowError) as caught:
        plan_claim(wanted, an_offer(), tree(an_offer(), taken), LIMITS, at(1))
    assert caught.value.details['availabilities'] == [
        ['2032-01-31T01:00:00', '2032-01-31T20:00:00'],
        ['2032-02-01T06:00:00', '2032-02-04T04:00:00'],
    ]


@pytest.mark.parametrize(
    ('start', 'end'),
    [
        (0, 48),  # the default length
        (60, 70),  # the next booking
        (90, 100),  # the end of the offer
        (75, 80),  # the next booking but one
    ],
)
def test_the_end_of_a_claim_that_names_none(start: int, end: int) -> None:
    taken = [
        a_lease('b', 70, 75, offer='o', parent='o'),
        a_lease('c', 80, 90, offer='o', parent='o'),
        a_lease('elsewhere', 1, 2),
    ]
    found = claim_end(an_offer(), at(start), tree(an_offer(), *taken), LIMITS)
    assert found == at(end)


def test_the_end_of_a_claim_near_the_end_of_time() -> None:
    start = FOREVER - timedelta(hours=1)
    offer = replace(an_offer(), window=Interval(at(0), FOREVER))
    assert claim_end(offer, start, tree(offer), LIMITS) == FOREVER


def updated(lease: Lease, end: float, *others: Booking, now: datetime = NOW) -> Lease:
    changed = replace(lease, window=Interval(lease.window.start, at(end)))
    change = plan_update(lease, changed, NODE, tree(lease, *others), now)
    assert bookings_of(change) == (changed,)
    return changed


@pytest.mark.parametrize(
    'status', sorted(leases.BLOCKING - {leases.Status.WAIT_EXPIRE, leases.Status.WAIT_CANCEL})
)
@pytest.mark.parametrize('end', [15, 20, 30])
def test_the_end_of_a_lease_is_moved(status: leases.Status, end: int) -> None:
    inside = a_lease(parent='o', status=status)
    neighbour = a_lease('b', 30, 40, parent='o')
    assert updated(inside, end, an_offer(end=50), neighbour).window == window(10, end)


@pytest.mark.parametrize('status', [leases.Status.WAIT_EXPIRE, leases.Status.WAIT_CANCEL])
def test_an_end_that_has_begun_is_not_moved(status: leases.Status) -> None:
    """The manager would find it due for ever, and neither over nor to be started."""
    lease = a_lease(status=status)
    with pytest.raises(FinalStateError, match=f'is {status}; its end cannot be moved'):
        updated(lease, 30, now=at(21))
    changed = replace(lease, purpose='other')
    assert bookings_of(plan_update(lease, changed, NODE, EMPTY, at(21))) == (changed,)


@pytest.mark.parametrize('status', sorted(leases.FINAL))
def test_what_has_ended_is_not_changed(status: leases.Status) -> None:
    lease = a_lease(status=status)
    with pytest.raises(FinalStateError):
        plan_update(lease, replace(lease, name='new'), NODE, EMPTY, NOW)


def test_a_new_end_lies_after_now() -> None:
    with pytest.raises(InvalidWindowError):
        updated(a_lease(), 15, now=at(15))
    assert updated(a_lease(), 15, now=at(14))


def test_what_is_late_can_still_be_named() -> None:
    lease = a_lease(status=leases.Status.ACTIVE)
    changed = replace(lease, name='late')
    assert bookings_of(plan_update(lease, changed, NODE, EMPTY, at(25))) == (changed,)


def test_a_new_end_stays_in_the_parent_and_around_the_children() -> None:
    inside = a_lease(parent='o')
    with pytest.raises(OutsideError, match='2032-02-01T06:00:00') as caught:
        updated(inside, 31, an_offer(end=30))
    assert caught.value.details == {'latest': '2032-02-01T06:00:00'}
    child = a_lease('child', 12, 18, parent='a')
    with pytest.raises(OutsideError) as caught:
        updated(a_lease(), 17, child)
    assert caught.value.details == {'earliest': '2032-01-31T18:00:00'}
    assert updated(a_lease(), 18, child)


def test_a_new_end_stays_clear_of_the_neighbours() -> None:
    with pytest.raises(WindowConflictError):
        updated(a_lease(), 31, a_lease('b', 30, 40))


@pytest.mark.parametrize(
    'status', sorted(leases.BLOCKING - {leases.Status.WAIT_CANCEL, leases.Status.WAIT_EXPIRE})
)
@pytest.mark.parametrize('state', State)
def test_a_cancelled_lease_is_over_unless_it_has_the_node(
    status: leases.Status, state: State
) -> None:
    lease = a_lease(status=status)
    change = plan_cancel(lease, a_node(state=state, lease='a'), BookingTree([lease]), at(12))
    (after,) = bookings_of(change)
    if state in {'preparing', 'handed over'}:
        assert (after.status, after.due_at) == ('wait cancel', at(12))
    else:
        assert after == replace(lease, status=leases.Status.DELETED, expire_time=at(12))


def test_a_lease_is_not_torn_down_for_another() -> None:
    node = a_node(state=State.HANDED_OVER, lease='b')
    (after,) = bookings_of(plan_cancel(a_lease(), node, BookingTree([]), at(12)))
    assert after.status == 'deleted'


@pytest.mark.parametrize('status', [leases.Status.WAIT_CANCEL, leases.Status.WAIT_EXPIRE])
def test_cancelling_again_asks_for_a_try_now(status: leases.Status) -> None:
    lease = a_lease(status=status, retry_at=at(30), attempts=5, reason='busy')
    change = plan_cancel(
        lease, a_node(state=State.HANDED_OVER, lease='a'), BookingTree([lease]), at(22)
    )
    assert bookings_of(change) == (replace(lease, retry_at=at(22)),)


@pytest.mark.parametrize('status', sorted(leases.FINAL))
def test_what_has_ended_is_not_cancelled(status: leases.Status) -> None:
    with pytest.raises(TransitionError):
        plan_cancel(a_lease(status=status), NODE, BookingTree([]), NOW)


def test_withdrawing_an_offer_cancels_what_was_claimed_and_keeps_the_owners_own() -> None:
    running = a_lease('running', 0, 10, offer='o', parent='o', status=leases.Status.ACTIVE)
    later = a_lease('later', 20, 30, offer='o', parent='o')
    own = a_lease('own', 40, 50, parent='o')
    beside = a_lease('beside', 100, 110)
    node = a_node(state=State.HANDED_OVER, lease='running')
    change = plan_withdraw(an_offer(), node, tree(an_offer(), own, later, running, beside), at(5))
    after = {each.uuid: each for each in bookings_of(change)}
    assert {uuid: str(each.status) for uuid, each in after.items()} == {
        'o': 'deleted',
        'running': 'wait cancel',
        'later': 'deleted',
        'own': 'created',
    }
    assert [each.parent for each in bookings_of(change)] == [None] * 4
    assert after['later'].offer == 'o'


def test_an_offer_that_ends_lets_go_of_a_late_lease() -> None:
    late = a_lease('late', 80, 100, offer='o', parent='o', status=leases.Status.WAIT_EXPIRE)
    change = plan_expire(an_offer(), tree(an_offer(), late))
    gone = an_offer(status=offers.Status.EXPIRED)
    assert bookings_of(change) == (gone, replace(late, parent=None))


# Sub-letting: `outer` is a lease of TENANT, from 10 to 30

OUTER = a_lease('outer', 10, 30, status=leases.Status.ACTIVE)
SUBLET = {'owner_id': TENANT, 'parent': 'outer', 'parent_lease': 'outer'}


@pytest.mark.parametrize(
    ('start', 'end', 'times'),
    [
        (None, None, (at(12), at(30))),
        (None, at(20), (at(12), at(20))),
        (at(15), None, (at(15), at(30))),
        (at(15), at(99), (at(15), at(99))),
    ],
)
def test_times_that_are_not_given_are_those_of_the_lease(
    start: datetime | None, end: datetime | None, times: tuple[datetime, datetime]
) -> None:
    assert sublet_times(OUTER, start, end, at(12)) == times
    assert sublet_times(None, start, end, at(12)) == (start, end)


def test_before_the_lease_has_begun_its_start_is_meant() -> None:
    assert sublet_times(OUTER, None, None, at(2)) == (at(10), at(30))


@pytest.mark.parametrize(
    ('start', 'end', 'found'),
    [
        (None, None, 'first'),
        (None, at(29), 'first'),
        (at(10), at(30), 'first'),
        (at(35), None, 'second'),
        (at(30), at(40), 'second'),
        (None, at(31), 'second'),
        (at(29), at(31), None),
        (at(9), at(12), None),
        (at(12), at(12), None),
        (at(41), None, None),
    ],
)
def test_the_lease_that_spans_the_times_is_sub_let(
    start: datetime | None, end: datetime | None, found: str | None
) -> None:
    held = [a_lease('second', 30, 40), a_lease('first', 10, 30)]
    lease = lender(held, start, end, at(12))
    assert (lease and lease.uuid) == found


@pytest.mark.parametrize('status', leases.Status)
def test_only_a_lease_that_goes_on_is_sub_let(status: leases.Status) -> None:
    goes_on = status in {'created', 'wait fulfill', 'active'}
    held = replace(OUTER, status=status)
    assert lender([held], None, None, at(12)) == (held if goes_on else None)
    calendar_now = tree(held)
    offer = an_offer('o', 12, 20, **SUBLET)
    if goes_on:
        assert bookings_of(plan_offer(offer, NODE, calendar_now, at(12))) == (offer,)
    else:
        with pytest.raises(NotHeldError):
            plan_offer(offer, NODE, calendar_now, at(12))


def test_what_is_sub_let_lies_inside_the_lease() -> None:
    outside = an_offer('o', 12, 31, **SUBLET)
    with pytest.raises(NotHeldError) as refused:
        plan_offer(outside, NODE, tree(OUTER), at(12))
    assert refused.value.message == (
        'You do not have permissions on ironic_node n1 for the time range '
        '2032-01-31T12:00:00 - 2032-02-01T07:00:00. '
        'It is leased to you for 2032-01-31T10:00:00 to 2032-02-01T06:00:00 (UTC).'
    )
    early = a_lease('i', 9, 12, **SUBLET)
    with pytest.raises(NotHeldError):
        plan_lease(early, NODE, tree(OUTER), LIMITS, at(2))


def test_the_lease_of_another_is_not_sub_let() -> None:
    foreign = an_offer('o', 12, 20, **{**SUBLET, 'owner_id': STRANGER})
    with pytest.raises(NotHeldError):
        plan_offer(foreign, NODE, tree(OUTER), at(12))


def test_what_is_sub_let_is_not_sub_let_again() -> None:
    middle = a_lease('middle', 10, 20, lessee_id=STRANGER, **SUBLET)
    inner = a_lease('inner', 12, 15, owner_id=STRANGER, parent='middle', parent_lease='middle')
    with pytest.raises(SubletError):
        plan_lease(inner, NODE, tree(OUTER, middle), LIMITS, at(12))


def test_a_claim_lies_in_the_lease_that_its_offer_lies_in() -> None:
    offer = an_offer('o', 10, 30, **SUBLET)
    claimed = a_lease('c', 12, 14, owner_id=TENANT, lessee_id=STRANGER)
    (made,) = bookings_of(plan_claim(claimed, offer, tree(OUTER, offer), LIMITS, at(12)))
    assert isinstance(made, Lease)
    assert (made.parent, made.offer, made.parent_lease) == ('o', 'o', 'outer')


def test_the_lessee_leases_inside_his_own_sub_offer() -> None:
    offer = an_offer('o', 10, 20, **SUBLET)
    direct = a_lease('d', 12, 14, lessee_id=STRANGER, **SUBLET)
    (made,) = bookings_of(plan_lease(direct, NODE, tree(OUTER, offer), LIMITS, at(12)))
    assert (made.parent, made.parent_lease) == ('o', 'outer')


def test_cancelling_a_lease_ends_what_lies_in_it_first() -> None:
    offer = an_offer('o', 20, 30, **SUBLET)
    claimed = a_lease('c', 22, 24, offer='o', owner_id=TENANT, parent='o', parent_lease='outer')
    has = a_lease('has', 10, 15, status=leases.Status.ACTIVE, **SUBLET)
    node = a_node(state=State.HANDED_OVER, lease='has')
    change = plan_cancel(OUTER, node, tree(OUTER, offer, claimed, has), at(12))
    assert [(each.uuid, str(each.status), each.parent) for each in bookings_of(change)] == [
        ('has', 'wait cancel', 'outer'),
        ('c', 'deleted', 'outer'),
        ('o', 'deleted', 'outer'),
        ('outer', 'wait cancel', None),
    ]
    beside = a_node(state=State.CLEANING, lease='before')
    change = plan_cancel(OUTER, beside, tree(OUTER, offer, claimed), at(12))
    assert [(each.uuid, str(each.status)) for each in bookings_of(change)] == [
        ('c', 'deleted'),
        ('o', 'deleted'),
        ('outer', 'deleted'),
    ]


def test_a_lease_is_shortened_beside_one_that_the_existing_service_had_there() -> None:
    lease, beside = a_lease('a', 10, 20), a_lease('b', 15, 25)
    shorter = replace(lease, window=window(10, 18))
    assert bookings_of(plan_update(lease, shorter, NODE, tree(lease, beside), at(12))) == (shorter,)
    longer = replace(lease, window=window(10, 21))
    with pytest.raises(WindowConflictError):
        plan_update(lease, longer, NODE, tree(lease, beside), at(12))


def test_a_recalled_lease_can_be_made_shorter_and_no_longer() -> None:
    lease = replace(a_lease('a', 10, 20), recall=Notice('r', at(20), at(30)))
    shorter = replace(lease, window=window(10, 18))
    assert bookings_of(plan_update(lease, shorter, NODE, EMPTY, at(12))) == (shorter,)
    with pytest.raises(RecalledError):
        plan_update(lease, replace(lease, window=window(10, 22)), NODE, EMPTY, at(12))


def test_a_withdrawn_offer_keeps_the_claims_that_its_terms_bind() -> None:
    offer = an_offer('o', 0, 100, terms=Terms(firm=True))
    bound = a_lease('a', 30, 40, offer='o', parent='o', terms=Terms(firm=True))
    free = a_lease('b', 50, 60, offer='o', parent='o')
    after = {
        x.uuid: x for x in bookings_of(plan_withdraw(offer, NODE, tree(offer, bound, free), NOW))
    }
    assert after['a'] == replace(bound, parent=None)
    assert not after['b'].blocks
