"""What is told of a change, and that no change of a status goes untold."""

from dataclasses import replace
from itertools import product

import pytest

from esi_leap.core import event
from esi_leap.core import lease as leases
from esi_leap.core import offer as offers
from esi_leap.core.cause import Cause, Reason
from esi_leap.core.contract import Contract, Status
from esi_leap.core.event import Event, Priority
from esi_leap.core.terms import Notice

from .given import OWNER, TENANT, a_lease, an_offer, at, window

BUSY = Reason(Cause.NODE_BUSY, 'it is locked')
CONTRACT = Contract(uuid='c', name=None, owner_id=OWNER, lessee_id=TENANT, window=window(0, 4))


def names(found: object) -> list[str]:
    return [each.type.removeprefix('esi_leap.') for each in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ('before', 'after'),
    [(one, other) for one, others in leases.TRANSITIONS.items() for other in sorted(others)],
)
def test_every_turn_of_a_lease_is_told_once(before: leases.Status, after: leases.Status) -> None:
    old = replace(a_lease(), status=before)
    told = names(event.of_booking(old, old.to(after)))
    ending = {leases.Status.WAIT_CANCEL, leases.Status.WAIT_EXPIRE}
    same = before is after or {before, after} <= ending
    assert len(told) == (0 if same else 1)


@pytest.mark.parametrize(
    ('before', 'after'),
    [(one, other) for one, others in offers.TRANSITIONS.items() for other in sorted(others)],
)
def test_every_turn_of_an_offer_is_told_once(before: offers.Status, after: offers.Status) -> None:
    old = replace(an_offer(), status=before)
    assert len(names(event.of_booking(old, replace(old, status=after)))) == 1


@pytest.mark.parametrize(('before', 'after'), list(product(Status, Status)))
def test_every_turn_of_a_contract_is_told_once(before: Status, after: Status) -> None:
    told = names(event.of_contract((before, CONTRACT), after, CONTRACT))
    assert len(told) == (0 if before is after else 1)


def test_what_is_new_was_made() -> None:
    assert names(event.of_booking(None, a_lease())) == ['lease.create.end']
    assert names(event.of_booking(None, an_offer())) == ['offer.create.end']
    assert names(event.of_contract(None, Status.CREATED, CONTRACT)) == ['contract.create.end']


@pytest.mark.parametrize(
    'changes',
    [{'name': 'new'}, {'purpose': 'new'}, {'properties': {'a': 1}}, {'window': window(0, 9)}],
)
def test_new_terms_are_an_update(changes: dict[str, object]) -> None:
    assert names(event.of_booking(a_lease(), replace(a_lease(), **changes))) == ['lease.update.end']
    if 'purpose' not in changes:
        changed = replace(an_offer(), **changes)
        assert names(event.of_booking(an_offer(), changed)) == ['offer.update.end']


@pytest.mark.parametrize('changes', [{'window': window(0, 3)}, {'owner_id': 'heir'}])
def test_new_terms_of_a_contract_are_an_update(changes: dict[str, object]) -> None:
    before = replace(CONTRACT, **changes)
    told = event.of_contract((Status.ACTIVE, before), Status.ACTIVE, CONTRACT)
    assert names(told) == ['contract.update.end']
    assert names(event.of_contract((Status.ACTIVE, CONTRACT), Status.ACTIVE, CONTRACT)) == []


def test_a_recall_and_its_end_are_told_to_the_lessee() -> None:
    lease = a_lease()
    told = replace(
        lease, window=window(10, 15), recall=Notice('r', window(10, 15).end, lease.window.end)
    )
    assert names(event.of_booking(lease, told)) == ['lease.update.end', 'lease.recall.start']
    assert names(event.of_booking(told, lease)) == ['lease.update.end', 'lease.recall.cancel']
    assert names(event.of_booking(told, told)) == []


def test_moves_in_the_tree_tries_and_reasons_are_not_told() -> None:
    lease = a_lease()
    for after in (
        replace(lease, parent='o'),
        replace(lease, reason=BUSY),
        replace(lease, retry_at=at(1), attempts=3),
    ):
        assert names(event.of_booking(lease, after)) == []


def test_a_failing_end_is_told_once_for_all_its_tries() -> None:
    active = a_lease().activated(at(0))
    begun = active.expiring(at(4))
    first = begun.detained(BUSY, at(5))
    assert names(event.of_booking(active, begun)) == ['lease.delete.start']
    assert names(event.of_booking(begun, first)) == ['lease.delete.error']
    assert names(event.of_booking(first, first.detained(BUSY, at(6)))) == []
    assert names(event.of_booking(active, active.detained(BUSY, at(5)))) == [
        'lease.delete.start',
        'lease.delete.error',
    ]


def test_only_who_waits_for_the_node_is_told_that_it_is_prepared() -> None:
    assert names(event.of_hand_over(a_lease())) == ['lease.fulfill.start']
    assert names(event.of_hand_over(a_lease().activated(at(0)))) == []


def test_error_events_have_priority_error() -> None:
    assert Event('esi_leap.lease.delete.error', a_lease()).priority is Priority.ERROR
    assert Event('esi_leap.lease.delete.end', a_lease()).priority is Priority.INFO


def test_every_event_type_is_known_and_fits_its_column() -> None:
    with pytest.raises(ValueError, match='no type of event'):
        Event('esi_leap.lease.vanish.end', a_lease())
    assert max(map(len, event.TYPES)) <= 36
