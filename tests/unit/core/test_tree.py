"""The tree of a node's bookings."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core import lease, offer
from esi_leap.core.interval import Interval
from esi_leap.core.tree import BookingTree

from .given import a_lease, an_offer, at, window, windows

#: An offer with two claims, a lease beside it, and what is over.
BOOKINGS = [
    a_lease('late', 30, 40, parent='o', offer='o'),
    a_lease('early', 10, 20, parent='o', offer='o'),
    a_lease('gone', 20, 30, parent='o', offer='o', status=lease.Status.DELETED),
    a_lease('done', 0, 5, parent='o', offer='o', status=lease.Status.EXPIRED),
    an_offer('o', 0, 50),
    an_offer('withdrawn', 0, 50, status=offer.Status.DELETED),
    an_offer('past', 0, 50, status=offer.Status.EXPIRED),
    a_lease('beside', 50, 60, status=lease.Status.ERROR),
]


def uuids(bookings: list[lease.Lease | offer.Offer]) -> list[str]:
    return [each.uuid for each in bookings]


def test_only_what_holds_is_on_the_calendar() -> None:
    tree = BookingTree(BOOKINGS)
    assert {each.uuid for each in tree} == {'o', 'early', 'late', 'beside'}
    assert tree.get('gone') is None
    assert tree.get('unknown') is None
    assert tree.get(None) is None
    found = tree.get('o')
    assert found is not None
    assert found.uuid == 'o'


def test_children_are_those_directly_below_by_start() -> None:
    tree = BookingTree(BOOKINGS)
    assert uuids(tree.children(None)) == ['o', 'beside']
    assert uuids(tree.children('o')) == ['early', 'late']
    assert uuids(tree.children('early')) == []


def test_what_stands_in_the_way() -> None:
    tree = BookingTree(BOOKINGS)
    assert uuids(tree.blockers('o', window(15, 35))) == ['early', 'late']
    assert uuids(tree.blockers('o', window(15, 35), frozenset({'early'}))) == ['late']
    assert uuids(tree.blockers('o', window(20, 30))) == []
    assert uuids(tree.blockers(None, window(20, 30))) == ['o']


def test_a_status_that_waits_or_failed_stands_in_the_way() -> None:
    for status in lease.Status:
        tree = BookingTree([a_lease('a', 10, 20, status=status)])
        assert bool(tree.blockers(None, window(5, 15))) is (status not in {'expired', 'deleted'})


def test_the_next_start_counts_the_moment_itself() -> None:
    tree = BookingTree(BOOKINGS)
    assert tree.next_start('o', at(0)) == at(10)
    assert tree.next_start('o', at(10)) == at(10)
    assert tree.next_start('o', at(11)) == at(30)
    assert tree.next_start('o', at(31)) is None


@given(windows(), st.lists(windows(), max_size=5))
def test_what_is_free_can_be_booked_and_nothing_else_can(
    frame: Interval, taken: list[Interval]
) -> None:
    tree = BookingTree(
        [an_offer('o', 0, 24)]
        + [
            replace(a_lease(f'l{number}', parent='o'), window=each)
            for number, each in enumerate(taken)
        ]
    )
    free = tree.free('o', frame)
    assert not any(tree.blockers('o', each) for each in free)
    for hour in range(24):
        wanted = window(hour, hour + 1)
        if frame.contains(wanted):
            inside = any(each.contains(wanted) for each in free)
            assert inside is not bool(tree.blockers('o', wanted))


def test_the_lenders_of_a_booking_are_the_leases_it_was_sub_let_from_the_nearest_first() -> None:
    outer = a_lease('outer', 0, 90, parent='offer')
    middle = a_lease('middle', 0, 80, parent='outer', parent_lease='outer')
    offer = an_offer('o', 0, 70, parent='middle', parent_lease='middle')
    inner = a_lease('inner', 0, 10, parent='o', parent_lease='middle')
    tree = BookingTree([inner, offer, outer, middle])
    assert tree.lenders(outer) == ()
    assert tree.lenders(middle) == (outer,)
    assert tree.lenders(offer) == tree.lenders(inner) == (middle, outer)
    assert BookingTree([inner, outer]).lenders(inner) == ()
