"""The booking tree after any sequence of deeds: siblings never overlap, children lie inside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from esi_leap.core import event
from esi_leap.core.booking import plan
from esi_leap.core.booking.quota import Limits
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import Change, Tell, Turn, bookings_of, contracts_of
from esi_leap.core.duty import due
from esi_leap.core.errors import (
    FinalStateError,
    InvalidWindowError,
    LeapError,
    NotHeldError,
    OfferNotFoundError,
    OfferWindowError,
    OutsideError,
    SubletError,
    TooLongError,
    WindowConflictError,
)
from esi_leap.core.interval import Interval
from esi_leap.core.lease import Lease, Status
from esi_leap.core.node import Node, State
from esi_leap.core.offer import Offer
from esi_leap.core.tree import Booking, BookingTree
from tests.unit.core.given import OWNER, STRANGER, a_lease, a_node, an_offer, at

NOT_NOW = Reason(Cause.NODE_BUSY, 'it is locked')
DEFECT = Reason(Cause.SERVICE_ERROR, 'OSError')
DEEPEST = 2
LIMITS = Limits(timedelta(hours=4), timedelta(hours=6))

owners = st.sampled_from([OWNER, OWNER, OWNER, STRANGER])
which = st.integers(0, 7)
offsets = st.integers(-1, 20)
lengths = st.integers(1, 7)

#: The last event that a booking in a status can have had.
SOUNDS = {
    (Offer, 'available'): {'offer.create.end'},
    (Offer, 'expired'): {'offer.expire.end'},
    (Offer, 'deleted'): {'offer.delete.end'},
    (Lease, 'created'): {'lease.create.end'},
    (Lease, 'active'): {'lease.fulfill.end'},
    (Lease, 'wait fulfill'): {'lease.fulfill.error'},
    (Lease, 'wait expire'): {'lease.delete.start', 'lease.delete.error'},
    (Lease, 'wait cancel'): {'lease.delete.start', 'lease.delete.error'},
    (Lease, 'error'): {'lease.fulfill.error', 'lease.delete.error'},
    (Lease, 'expired'): {'lease.delete.end'},
    (Lease, 'deleted'): {'lease.delete.end'},
}


class Tree(RuleBasedStateMachine):
    """The bookings of one node, or of some."""

    nodes_count = 1

    def __init__(self) -> None:
        super().__init__()
        self.hour = 0
        self.bookings: dict[str, Booking] = {}
        self.nodes: dict[int, Node] = {
            number: a_node(id=number) for number in range(self.nodes_count)
        }
        self.contracts: set[str] = set()
        self.heard: dict[str, str] = {}
        self.deep = mock.patch.object(plan, 'SUBLETTING_DEPTH', DEEPEST)
        self.deep.start()

    @initialize(own=st.booleans())
    def an_offer_that_is_used(self, *, own: bool) -> None:
        for node in self.nodes:
            self.offer(node, 0, 20, OWNER)
            self.claim(0, 0, 2)
            self.manager_works(node, tasks=1, works=True)
            self.lease(node, 4, 2, OWNER if own else STRANGER)
            self.claim(0, 7, None)
            self.sublet(0, 1, 3, offered=own)

    # The deeds of people

    @rule(node=which, start=offsets, hours=st.integers(1, 15), owner=owners)
    def offer(self, node: int, start: int, hours: int, owner: str) -> None:
        node %= self.nodes_count
        first = self.hour + start
        new = an_offer(self.fresh(), first, first + hours, node_id=node, owner_id=owner)
        tree = self.tree(node)
        error = self.attempt(
            lambda: plan.plan_offer(new, self.nodes[node], tree, at(self.hour)),
            {InvalidWindowError, WindowConflictError},
        )
        if isinstance(error, WindowConflictError):
            assert any(each.window.overlaps(new.window) for each in tree)
        if isinstance(error, InvalidWindowError):
            assert first + hours <= self.hour

    @rule(node=which, start=st.none() | offsets, hours=lengths, owner=owners)
    def lease(self, node: int, start: int | None, hours: int, owner: str) -> None:
        node %= self.nodes_count
        wanted = self.window(start, hours)
        if wanted is None:
            return
        new = replace(a_lease(self.fresh(), node_id=node, owner_id=owner), window=wanted)
        tree = self.tree(node)
        error = self.attempt(
            lambda: plan.plan_lease(new, self.nodes[node], tree, LIMITS, at(self.hour)),
            {TooLongError, WindowConflictError},
        )
        self.right_about_length(error, wanted)
        if isinstance(error, WindowConflictError):
            assert any(
                each.window.overlaps(wanted)
                for each in tree
                if isinstance(each, Lease)
                or each.owner_id != owner
                or not each.window.contains(wanted)
            )

    @rule(number=which, start=st.none() | st.integers(0, 3), hours=lengths, offered=st.booleans())
    @precondition(lambda self: self.known(Lease))
    def sublet(self, number: int, start: int | None, hours: int, *, offered: bool) -> None:
        """Offer or lease what one has leased, or had."""
        lender = self.pick(Lease, number, self.held(Lease) or self.known(Lease))
        begins = max(self.hour, (lender.window.start - at(0)) // timedelta(hours=1)) + (start or 0)
        wanted = Interval(at(begins), at(begins + hours))
        values = {
            'node_id': lender.node_id,
            'owner_id': lender.lessee_id,
            'parent': lender.uuid,
            'parent_lease': lender.uuid,
        }
        tree, node = self.tree(lender.node_id), self.nodes[lender.node_id]
        if offered:
            offer = replace(an_offer(self.fresh(), **values), window=wanted)
            error = self.attempt(
                lambda: plan.plan_offer(offer, node, tree, at(self.hour)),
                {NotHeldError, SubletError, WindowConflictError},
            )
        else:
            lessee = f'sub-{lender.lessee_id}'
            lease = replace(a_lease(self.fresh(), lessee_id=lessee, **values), window=wanted)
            error = self.attempt(
                lambda: plan.plan_lease(lease, node, tree, LIMITS, at(self.hour)),
                {NotHeldError, SubletError, TooLongError, WindowConflictError},
            )
        lendable = lender.status in {'created', 'wait fulfill', 'active'}
        if isinstance(error, NotHeldError):
            assert not (lendable and lender.window.contains(wanted))
        elif not isinstance(error, TooLongError):
            assert lendable
            assert lender.window.contains(wanted)
        if isinstance(error, SubletError):
            assert len(tree.lenders(lender)) == DEEPEST
        if isinstance(error, WindowConflictError):
            assert any(each.window.overlaps(wanted) for each in tree.children(lender.uuid))

    @rule(number=which, start=offsets, hours=st.none() | lengths)
    @precondition(lambda self: self.known(Offer))
    def claim(self, number: int, start: int, hours: int | None) -> None:
        offer = self.pick(Offer, number, self.held(Offer) or self.known(Offer))
        tree = self.tree(offer.node_id)
        begins = max(self.hour, self.hour + start)
        if hours is None:
            end = plan.claim_end(offer, at(begins), tree, LIMITS)
            free = not any(each.window.holds(at(begins)) for each in tree.children(offer.uuid))
            may_fail = not (offer.status == 'available' and offer.window.holds(at(begins)) and free)
            if end <= at(begins):
                assert may_fail
                return
            wanted = Interval(at(begins), end)
        else:
            may_fail = True
            wanted = Interval(at(begins), at(begins + hours))
        new = replace(a_lease(self.fresh(), node_id=offer.node_id), window=wanted)
        error = self.attempt(
            lambda: plan.plan_claim(new, offer, tree, LIMITS, at(self.hour)),
            {TooLongError, OfferNotFoundError, OfferWindowError},
        )
        assert error is None or may_fail
        self.right_about_length(error, wanted)
        if isinstance(error, OfferNotFoundError):
            assert offer.status != 'available' or offer.window.end <= at(self.hour)
        if isinstance(error, OfferWindowError):
            assert not offer.window.contains(wanted) or tree.blockers(offer.uuid, wanted)

    @rule(number=which, hours=st.integers(-6, 6))
    @precondition(lambda self: self.known(Lease))
    def update(self, number: int, hours: int) -> None:
        lease = self.pick(Lease, number, self.held(Lease) or self.known(Lease))
        end = lease.window.end + timedelta(hours=hours)
        if end <= lease.window.start:
            return
        changed = replace(lease, purpose='other', window=Interval(lease.window.start, end))
        self.attempt(
            lambda: plan.plan_update(
                lease,
                changed,
                self.nodes[lease.node_id],
                self.tree(lease.node_id),
                at(self.hour),
            ),
            {FinalStateError, InvalidWindowError, OutsideError, WindowConflictError},
        )

    @rule(number=which)
    @precondition(lambda self: self.held(Lease))
    def cancel(self, number: int) -> None:
        lease = self.pick(Lease, number, self.held(Lease))
        node, tree = self.nodes[lease.node_id], self.tree(lease.node_id)
        inside = [each for each in tree if lease in tree.lenders(each)]
        self.attempt(lambda: plan.plan_cancel(lease, node, tree, at(self.hour)), set())
        ended = [self.bookings[each.uuid] for each in inside]
        assert not any(each.blocks for each in ended if isinstance(each, Offer))
        assert all(each.ending for each in ended if each.blocks)
        after = self.bookings[lease.uuid]
        waits = lease.ending or any(each.blocks for each in ended)
        assert after.blocks is (node.is_with(lease) or waits)

    @rule(number=which)
    @precondition(lambda self: len(self.held(Offer)) > self.nodes_count)
    def withdraw(self, number: int) -> None:
        offer = self.pick(Offer, number, self.held(Offer))
        node, tree = self.nodes[offer.node_id], self.tree(offer.node_id)
        claimed = [each.uuid for each in self.held(Lease) if each.offer == offer.uuid]
        own = [each for each in tree.children(offer.uuid) if each.uuid not in claimed]
        self.attempt(lambda: plan.plan_withdraw(offer, node, tree, at(self.hour)), set())
        assert self.bookings[offer.uuid].status == 'deleted'
        for uuid in claimed:
            assert self.bookings[uuid].status in {'deleted', 'wait cancel', 'wait expire'}
        for each in own:
            assert self.bookings[each.uuid] == replace(each, parent=offer.parent)

    @rule(hours=st.integers(1, 3))
    def time_passes(self, hours: int) -> None:
        self.hour += hours

    # The manager's deeds

    @rule(number=which, tasks=st.integers(1, 4), works=st.booleans())
    def manager_works(self, number: int, tasks: int, *, works: bool) -> None:
        for _ in range(tasks):
            node = self.nodes[number % self.nodes_count]
            task = due.plan(node, self.tree(node.id), at(self.hour))
            if task is not None:
                self.perform(task, node, works=works)

    def perform(self, task: due.Task, node: Node, *, works: bool) -> None:
        now, later = at(self.hour), at(self.hour + 1)
        match task:
            case due.Take(lease) if works:
                self.keep(lease.ended(now))
                self.nodes[node.id] = node.to(State.RETURNING, retry_at=now)
            case due.Take(lease):
                self.keep(lease.detained(NOT_NOW, later))
            case due.End(lease):
                self.keep(lease.ended(now))
            case due.HandOver(lease) if lease.status is Status.ACTIVE:
                given = node.to(State.HANDED_OVER) if works else node.waiting(NOT_NOW, later)
                self.nodes[node.id] = given
            case due.Prepare(lease) | due.HandOver(lease) if works:
                preparing = node.to(State.PREPARING, lease=lease.uuid)
                self.nodes[node.id] = preparing.to(State.HANDED_OVER)
                self.keep(lease.activated(now))
            case due.Prepare(lease) | due.HandOver(lease):
                self.nodes[node.id] = node.to(State.PREPARING, lease=lease.uuid)
                self.keep(lease.postponed(NOT_NOW, later))
            case due.Blocked(lease, reason):
                wait = lease.detained if lease.ends(now) else lease.postponed
                self.keep(wait(reason, later))
            case due.GiveBack(heirs):
                back = node.freed(heirs, now) if works else node.waiting(NOT_NOW, later)
                self.nodes[node.id] = back
            case due.Expire(offer):
                self.apply(plan.plan_expire(offer, self.tree(node.id)))

    @rule(number=which)
    @precondition(lambda self: self.innermost())
    def a_lease_fails(self, number: int) -> None:
        """Only the first look at an inherited node does that, and it spares every lender."""
        self.keep(self.pick(Lease, number, self.innermost()).failed(DEFECT))

    # What must hold

    @invariant()
    def siblings_never_overlap(self) -> None:
        for one, other in combinations(self.held(Lease | Offer), 2):
            if one.node_id == other.node_id and one.parent == other.parent:
                assert not one.window.overlaps(other.window)

    @invariant()
    def children_lie_inside_parents_that_hold(self) -> None:
        for each in self.held(Lease | Offer):
            if each.parent is not None:
                parent = self.bookings[each.parent]
                assert parent.blocks
                assert parent.node_id == each.node_id
                assert parent.window.contains(each.window)

    @invariant()
    def no_two_leases_are_promised_one_node(self) -> None:
        for one, other in combinations(self.held(Lease), 2):
            lenders = self.tree(one.node_id).lenders
            sublet = one in lenders(other) or other in lenders(one)
            apart = one.node_id != other.node_id or not one.window.overlaps(other.window)
            assert apart or sublet

    @invariant()
    def active_leases_of_a_node_lie_in_each_other_and_the_innermost_has_it(self) -> None:
        for node in self.nodes.values():
            tree = self.tree(node.id)
            active = [each for each in tree if getattr(each, 'status', None) == 'active']
            active.sort(key=lambda each: len(tree.lenders(each)))
            for number, each in enumerate(active):
                assert list(reversed(tree.lenders(each))) == active[:number]
            if active and node.state in {State.PREPARING, State.HANDED_OVER}:
                has = self.bookings[str(node.lease)]
                assert active[-1] in (has, *tree.lenders(has))

    @invariant()
    def what_is_sub_let_lies_in_a_lease_that_goes_on(self) -> None:
        for each in self.held(Lease | Offer):
            if each.parent_lease is not None:
                lender = self.bookings[each.parent_lease]
                assert lender.blocks
                assert lender.window.contains(each.window)

    @invariant()
    def a_claimed_lease_lies_in_its_offer(self) -> None:
        for each in self.held(Lease):
            if each.offer is not None:
                holding = self.bookings[each.offer].blocks
                # When the offer is withdrawn or has expired, it moves up to the lease sub-let.
                assert each.parent == (each.offer if holding else each.parent_lease)

    @invariant()
    def whatever_is_due_is_done_or_waited_for(self) -> None:
        for node in self.nodes.values():
            held = [each for each in self.held(Lease | Offer) if each.node_id == node.id]
            if any(each.due_at <= at(self.hour) for each in held):
                assert due.plan(node, BookingTree(held), at(self.hour)) is not None

    @invariant()
    def who_only_hears_the_events_knows_how_it_stands(self) -> None:
        assert self.heard.keys() == self.bookings.keys()
        for each in self.known(Lease | Offer):
            assert self.heard[each.uuid] in SOUNDS[type(each), each.status]

    def teardown(self) -> None:
        """Time alone ends everything."""
        self.deep.stop()
        self.hour = 999
        for node in range(self.nodes_count):
            self.manager_works(node, tasks=200, works=True)
        assert not self.held(Lease | Offer)
        assert {each.state for each in self.nodes.values()} == {State.AVAILABLE}

    # Small change

    def fresh(self) -> str:
        return f'b{len(self.bookings)}'

    def known(self, kind: type) -> list:
        return [each for each in self.bookings.values() if isinstance(each, kind)]

    def held(self, kind: type) -> list:
        return [each for each in self.known(kind) if each.blocks]

    def innermost(self) -> list:
        lent = {each.parent_lease for each in self.held(Lease)}
        running = (each for each in self.held(Lease) if each.status == 'active')
        return [each for each in running if each.uuid not in lent]

    def pick(self, kind: type, number: int, among: list | None = None) -> Booking:
        """Pick one, of the latest first."""
        some = self.known(kind) if among is None else among
        return some[-1 - number % len(some)]

    def tree(self, node: int) -> BookingTree:
        return BookingTree(each for each in self.bookings.values() if each.node_id == node)

    def window(self, start: int | None, hours: int) -> Interval | None:
        """What a request becomes, unless it has passed."""
        begins = None if start is None else at(self.hour + start)
        end = at(self.hour + (start or 0) + hours)
        try:
            found = plan.lease_window(begins, end, at(self.hour))
        except InvalidWindowError:
            assert end <= at(self.hour)
            return None
        assert at(self.hour) <= found.start < found.end == end
        return found

    def right_about_length(self, error: LeapError | None, wanted: Interval) -> None:
        if isinstance(error, TooLongError):
            assert wanted.end - wanted.start > LIMITS.longest
        elif error is None:
            assert wanted.end - wanted.start <= LIMITS.longest

    def attempt(
        self, plan: Callable[[], Change], refusals: set[type[LeapError]]
    ) -> LeapError | None:
        """Apply a plan, or find that it is refused in a documented way and nothing has changed."""
        before = dict(self.bookings)
        try:
            change = plan()
        except LeapError as error:
            assert type(error) in refusals  # noqa: PT017 - the error itself is the value here
            assert self.bookings == before
            return error
        self.apply(change)
        return None

    def apply(self, change: Change) -> None:
        assert len({each.uuid for each in bookings_of(change)}) == len(bookings_of(change))
        assert not [each for each in change if isinstance(each, Tell | Turn)]
        for contract in contracts_of(change):
            (lease,) = bookings_of(change)
            assert (contract.uuid, contract.window, contract.offer) == (
                lease.contract,
                lease.window,
                lease.offer,
            )
            assert contract.uuid not in self.contracts
            self.contracts.add(contract.uuid)
        for each in bookings_of(change):
            self.keep(each)

    def keep(self, each: Booking) -> None:
        old = self.bookings.get(each.uuid)
        assert old is None or old.blocks, 'what is over stays over'
        self.bookings[each.uuid] = each
        for told in event.of_booking(old, each):
            if told.type != 'esi_leap.lease.update.end':
                self.heard[each.uuid] = told.type.removeprefix('esi_leap.')
        if isinstance(each, Lease):
            assert each.contract in self.contracts


class TwoTrees(Tree):
    """The same over two nodes."""

    nodes_count = 2


TestOneNode = Tree.TestCase
TestOneNode.settings = settings(max_examples=25, stateful_step_count=30)
TestTwoNodes = TwoTrees.TestCase
TestTwoNodes.settings = settings(max_examples=20, stateful_step_count=30)
