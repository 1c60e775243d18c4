"""Recalls, as far as nothing but the calendar of a node decides them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap.core import lease as leases
from esi_leap.core.booking import recall as recalls
from esi_leap.core.change import bookings_of
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Status as OfferStatus
from esi_leap.core.recall import Item, ItemStatus, Recall, Status, percentile, status_of
from esi_leap.core.terms import Notice, Terms
from esi_leap.core.tree import Booking, BookingTree
from tests.unit.core.given import OWNER, STRANGER, TENANT, a_lease, a_node, an_offer, at

NOW = at(12)
ACTIVE = leases.Status.ACTIVE
HELD = a_node(state=State.HANDED_OVER, lease='a')


def notice(hours: float) -> Terms:
    return Terms(timedelta(hours=hours))


FIRM = Terms(firm=True)


def a_recall(deadline: float = 12, owner: str = OWNER, uuid: str = 'r') -> Recall:
    return Recall(
        uuid=uuid, owner_id=owner, reason='a drill', deadline=at(deadline), created_at=NOW
    )


def plan_one(
    *bookings: Booking,
    recall: Recall | None = None,
    node: Node = HELD,
    others: Iterable[Item] = (),
) -> tuple[Item, dict[str, Booking]]:
    tree = BookingTree(bookings)
    item, change = recalls.plan(recall or a_recall(), node, tree, list(others), NOW)
    changed = [each.uuid for each in bookings_of(change)]
    assert len(changed) == len(set(changed)), 'one booking is changed twice'
    return item, {each.uuid: each for each in bookings_of(change)}


class TestWhen:
    @pytest.mark.parametrize(
        ('terms', 'deadline', 'due'),
        [
            (Terms(), 12, 12),
            (Terms(), 14, 14),
            (notice(0), 12, 12),
            (notice(1), 12, 13),
            (notice(1), 15, 15),
            (notice(3), 14, 15),
            (notice(90), 12, 20),
        ],
    )
    def test_never_before_the_notice_nor_after_the_end(
        self, terms: Terms, deadline: float, due: float
    ) -> None:
        item, changed = plan_one(a_lease(status=ACTIVE, terms=terms), recall=a_recall(deadline))
        assert (item.status, item.due) == (ItemStatus.PENDING, at(due))
        assert [each.window.end for each in changed.values()] == ([at(due)] if due < 20 else [])

    def test_a_deadline_that_has_come_meanwhile_is_now(self) -> None:
        item, changed = plan_one(a_lease(status=ACTIVE), recall=a_recall(11))
        assert item.due == NOW
        assert changed['a'].window.end == NOW

    def test_a_lease_that_ends_by_itself_before_is_left_alone(self) -> None:
        item, changed = plan_one(a_lease(status=ACTIVE, terms=notice(2)), recall=a_recall(30))
        assert (item.due, item.lease, changed) == (at(30), 'a', {})

    def test_a_later_lease_is_cancelled_where_it_is_told_in_time(self) -> None:
        later = a_lease('b', 20, 30, terms=notice(2))
        _, changed = plan_one(a_lease(status=ACTIVE), later)
        assert changed['b'].status is leases.Status.DELETED

    def test_a_later_lease_that_is_not_told_in_time_has_the_node_for_its_notice(self) -> None:
        later = a_lease('b', 13, 30, terms=notice(2))
        item, changed = plan_one(a_lease(end=13, status=ACTIVE), later)
        assert item.due == changed['b'].window.end == at(14)
        assert changed['b'].window.start == at(13)


class TestWhat:
    def test_a_firm_lease_is_not_touched_and_named(self) -> None:
        item, changed = plan_one(a_lease(status=ACTIVE, terms=FIRM), an_offer(parent='x'))
        assert (item.status, item.lease, item.due, changed) == (ItemStatus.REFUSED, 'a', None, {})
        assert item.reason == (
            'Lease a is firm: it has the node from 2032-01-31T10:00:00 to '
            '2032-01-31T20:00:00 (UTC).'
        )

    def test_a_firm_lease_to_come_is_told_of(self) -> None:
        item, changed = plan_one(a_lease(status=ACTIVE), a_lease('b', 30, 40, terms=FIRM))
        assert (item.status, list(changed)) == (ItemStatus.PENDING, ['a'])
        assert item.reason is not None
        assert 'Lease b is firm' in item.reason

    def test_a_node_of_others_is_not_touched(self) -> None:
        item, changed = plan_one(a_lease(status=ACTIVE), recall=a_recall(owner=STRANGER))
        assert (item.status, changed) == (ItemStatus.REFUSED, {})
        assert item.reason == 'The node belongs to another project.'

    def test_a_node_has_one_recall_at_a_time(self) -> None:
        first, _ = plan_one(a_lease(status=ACTIVE), recall=a_recall(15))
        item, changed = plan_one(a_lease(status=ACTIVE), recall=a_recall(uuid='s'), others=[first])
        assert (item.status, changed) == (ItemStatus.REFUSED, {})
        assert item.reason == 'Recall r is about to bring the node back.'

    def test_what_the_owner_does_himself_stays(self) -> None:
        mine = a_lease(status=ACTIVE, lessee_id=OWNER)
        item, changed = plan_one(mine, an_offer(start=30, end=40))
        assert (item.lease, list(changed)) == (None, ['o'])
        assert changed['o'].status is OfferStatus.DELETED

    def test_an_offer_ends_with_what_was_claimed_from_it(self) -> None:
        claimed = a_lease(status=ACTIVE, offer='o', parent='o')
        item, changed = plan_one(an_offer(), claimed, recall=a_recall(15))
        assert {uuid: each.window.end for uuid, each in changed.items()} == {
            'o': item.due,
            'a': item.due,
        }
        assert changed['o'].status is OfferStatus.AVAILABLE

    def test_an_offer_with_a_firm_lease_is_withdrawn_around_it(self) -> None:
        firm = a_lease('f', 30, 40, offer='o', parent='o', terms=FIRM)
        claimed = a_lease(status=ACTIVE, offer='o', parent='o')
        _, changed = plan_one(an_offer(), claimed, firm)
        assert changed['o'].status is OfferStatus.DELETED
        assert changed['f'] == replace(firm, parent=None)
        assert (changed['a'].parent, changed['a'].window.end) == (None, NOW)

    def test_what_is_sub_let_ends_with_it(self) -> None:
        inside = a_lease('b', 11, 20, owner_id=TENANT, parent='a', parent_lease='a', status=ACTIVE)
        hers = an_offer('p', 14, 20, owner_id=TENANT, parent='a', parent_lease='a')
        _, changed = plan_one(
            a_lease(status=ACTIVE), inside, hers, node=replace(HELD, lease='b'), recall=a_recall(13)
        )
        assert changed['a'].window.end == changed['b'].window.end == at(13)
        assert changed['b'].recall is not None
        assert changed['p'].status is OfferStatus.DELETED

    def test_who_sub_lets_has_his_sub_lease_back(self) -> None:
        inside = a_lease(
            'b',
            11,
            20,
            owner_id=TENANT,
            lessee_id=STRANGER,
            parent='a',
            parent_lease='a',
            status=ACTIVE,
        )
        item, changed = plan_one(
            a_lease(status=ACTIVE),
            inside,
            node=replace(HELD, lease='b'),
            recall=a_recall(owner=TENANT),
        )
        assert (item.status, item.lease, list(changed)) == (ItemStatus.PENDING, 'b', ['b'])

    def test_its_lessee_is_told_what_and_until_when(self) -> None:
        _, changed = plan_one(a_lease(status=ACTIVE), recall=a_recall(15))
        told = changed['a'].recall
        assert told is not None
        assert (told.recall, told.deadline, told.end) == ('r', at(15), at(20))


class TestBack:
    PENDING = Item(recall='r', node_id=1, status=ItemStatus.PENDING, lease='a', due=at(15))

    @pytest.mark.parametrize('state', set(State) - {State.AVAILABLE})
    def test_not_while_it_is_anywhere_else(self, state: State) -> None:
        node = a_node(state=state, lease='a')
        assert not recalls.is_back(self.PENDING, OWNER, node, BookingTree([]))

    def test_when_it_is_available(self) -> None:
        assert recalls.is_back(self.PENDING, OWNER, a_node(), BookingTree([]))

    def test_when_its_owner_has_it(self) -> None:
        tree = BookingTree([a_lease(status=ACTIVE, lessee_id=OWNER)])
        assert recalls.is_back(self.PENDING, OWNER, HELD, tree)

    def test_not_while_a_lease_before_the_deadline_is_to_come(self) -> None:
        assert not recalls.is_back(self.PENDING, OWNER, a_node(), BookingTree([a_lease(start=14)]))
        assert recalls.is_back(self.PENDING, OWNER, a_node(), BookingTree([a_lease(start=15)]))

    def test_not_while_a_firm_lease_before_the_deadline_is_to_come(self) -> None:
        firm = a_lease(start=13, end=14, terms=FIRM)
        assert not recalls.is_back(self.PENDING, OWNER, a_node(), BookingTree([firm]))

    def test_then_it_is_offered_no_more_before_the_deadline(self) -> None:
        mine = a_lease('m', 12, 13, lessee_id=OWNER, parent='o')
        tree = BookingTree(
            [
                an_offer('o', 10, 15),
                an_offer('later', 15, 20),
                an_offer('sublet', 10, 15, owner_id=TENANT),
                mine,
            ]
        )
        change = recalls.plan_return(self.PENDING, OWNER, a_node(), tree, NOW)
        changed = {each.uuid: each for each in bookings_of(change)}
        assert changed.keys() == {'o', 'm'}
        assert changed['o'].status is OfferStatus.DELETED
        assert changed['m'] == replace(mine, parent=None)

    def test_who_sub_lets_has_it_when_it_is_with_his_lease(self) -> None:
        tree = BookingTree([a_lease(status=ACTIVE)])
        assert recalls.is_back(self.PENDING, TENANT, HELD, tree)


class TestStatus:
    @pytest.mark.parametrize(
        ('statuses', 'expected'),
        [
            ([ItemStatus.REQUESTED, ItemStatus.RETURNED], Status.PENDING),
            ([ItemStatus.PENDING, ItemStatus.REFUSED], Status.PENDING),
            ([ItemStatus.RETURNED, ItemStatus.REFUSED], Status.COMPLETE),
            ([], Status.COMPLETE),
        ],
    )
    def test_it_is_that_of_its_items(self, statuses: list[ItemStatus], expected: Status) -> None:
        assert status_of(a_recall(), statuses) is expected
        over = replace(a_recall(), cancelled_at=NOW)
        assert status_of(over, statuses) is Status.CANCELLED

    @given(st.lists(st.floats(0, 1e6), min_size=1))
    def test_a_percentile_is_the_least_that_covers_its_share(self, seconds: list[float]) -> None:
        for share in (0.5, 0.99):
            found = percentile(seconds, share)
            assert found in seconds
            assert sum(each <= found for each in seconds) >= share * len(seconds)
            assert sum(each < found for each in seconds) < share * len(seconds)
        assert percentile([], 0.5) is None


hours = st.integers(1, 48)


@st.composite
def calendars(draw: st.DrawFn) -> BookingTree:
    """Calendars of a node as requests make them: offers, claims, direct leases, sub-leases."""
    made: list[Booking] = []
    moment = draw(st.integers(0, 12))
    for number in range(draw(st.integers(1, 4))):
        length = draw(st.integers(2, 12))
        terms = draw(
            st.sampled_from([Terms(), notice(0), notice(1), notice(6), FIRM]),
        )
        lessee = draw(st.sampled_from([TENANT, TENANT, OWNER]))
        parent, uuid = None, f'l{number}'
        if draw(st.booleans()):
            parent = f'o{number}'
            made.append(an_offer(parent, moment, moment + length + draw(st.integers(0, 3))))
        lease = a_lease(
            uuid,
            moment,
            moment + length,
            lessee_id=lessee,
            terms=terms,
            parent=parent,
            offer=parent,
        )
        began = lease.window.start <= NOW < lease.window.end
        made.append(replace(lease, status=ACTIVE) if began else lease)
        if lessee == TENANT and draw(st.booleans()):
            inside = {'owner_id': TENANT, 'parent': uuid, 'parent_lease': uuid}
            made.append(an_offer(f'p{number}', moment + 1, moment + length, **inside))
        moment += length + draw(st.integers(0, 6)) + (3 if parent else 0)
    return BookingTree(each for each in made if each.window.end > NOW)


@given(calendars(), st.integers(12, 60))
def test_a_recall_keeps_every_promise_and_takes_all_the_rest(
    tree: BookingTree, deadline: int
) -> None:
    item, change = recalls.plan(a_recall(deadline), a_node(), tree, [], NOW)
    after = {**{each.uuid: each for each in tree}, **{x.uuid: x for x in bookings_of(change)}}
    left = BookingTree(after.values())
    for before in tree:
        now = after[before.uuid]
        stays = any(
            each.terms.firm or each.lessee_id == OWNER
            for each in (before, *tree.lenders(before))
            if isinstance(each, Lease)
        )
        if stays or item.status is ItemStatus.REFUSED:
            assert replace(now, parent=before.parent) == before
            continue
        assert item.due is not None
        assert item.due >= at(deadline)
        assert not now.blocks or now.window.end <= item.due
        cut = now.window.end if now.blocks else now.window.start
        if isinstance(before, Lease) and cut < before.window.end:
            assert cut >= NOW + before.terms.notice
    for each in left:  # the tree is still one
        above = left.get(each.parent)
        assert each.parent is None or (above and above.window.contains(each.window))
        siblings = left.blockers(each.parent, each.window, frozenset({each.uuid}))
        assert siblings == []
    if item.status is ItemStatus.REFUSED:
        assert (
            recalls.obstacle(recalls.lent(tree, OWNER), at(deadline)) or bookings_of(change) == ()
        )


@given(calendars(), st.integers(13, 60))
def test_a_cancelled_recall_leaves_what_was_there_but_what_ended_at_once(
    tree: BookingTree, deadline: int
) -> None:
    _, change = recalls.plan(a_recall(deadline), a_node(), tree, [], NOW)
    after = {**{each.uuid: each for each in tree}, **{x.uuid: x for x in bookings_of(change)}}
    restored = recalls.plan_restore('r', BookingTree(after.values()), NOW)
    after |= {each.uuid: each for each in bookings_of(restored)}
    for before in tree:
        now = after[before.uuid]
        assert now.recall is None
        assert not now.blocks or now.window == before.window


def test_what_was_booked_meanwhile_stays() -> None:
    cut = replace(
        a_lease(status=ACTIVE, end=15),
        recall=Notice('r', at(15), at(20)),
    )
    mine = a_lease('b', 17, 18, lessee_id=OWNER)
    [lease] = bookings_of(recalls.plan_restore('r', BookingTree([cut, mine]), NOW))
    assert lease.window.end == at(17)
    assert bookings_of(recalls.plan_restore('other', BookingTree([cut]), NOW)) == ()
    shorter = replace(cut, window=a_lease(end=14).window)
    [lease] = bookings_of(recalls.plan_restore('r', BookingTree([shorter]), NOW))
    assert (lease.window, lease.recall) == (shorter.window, None)


@given(
    st.dictionaries(
        st.integers(1, 20),
        st.tuples(st.integers(13, 40), st.sampled_from([Terms(), notice(1), notice(9), FIRM])),
        max_size=12,
    ),
    st.integers(1, 12),
    st.integers(12, 30),
)
def test_those_are_chosen_that_are_back_soonest(
    given_away: dict[int, tuple[int, Terms]], count: int, deadline: int
) -> None:
    nodes = {
        key: [a_lease(f'l{key}', 10, end, terms=terms)] for key, (end, terms) in given_away.items()
    }
    chosen = recalls.choose(nodes, count, at(deadline), NOW)
    assert len(chosen) == len(set(chosen)) == min(count, len(nodes))

    def cost(key: int) -> tuple[bool, float]:
        due = recalls.due(nodes[key], at(deadline), NOW)
        return recalls.obstacle(nodes[key], due) is not None, (due - NOW).total_seconds()

    rest = nodes.keys() - set(chosen)
    assert all(cost(taken) <= cost(left) for taken in chosen for left in rest)
    assert recalls.choose(dict(reversed(nodes.items())), count, at(deadline), NOW) == chosen


def test_the_one_whose_lessee_loses_least() -> None:
    nodes = {1: [a_lease('a', 10, 30)], 2: [a_lease('b', 10, 20)], 3: []}
    assert recalls.choose(nodes, 2, NOW, NOW) == [3, 2]


def test_a_lease_that_is_ending_does_not_delay_a_recall() -> None:
    ending = a_lease('a', 10, 20, terms=notice(6), status=leases.Status.WAIT_CANCEL)
    assert recalls.due([ending], at(13), NOW) == at(13)


def test_a_recall_of_an_offered_node_is_never_due_in_the_past() -> None:
    item, _ = plan_one(an_offer(), recall=a_recall(11), node=a_node())
    assert item.due == NOW
