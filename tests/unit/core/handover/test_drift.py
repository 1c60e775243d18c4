"""A machine that was changed outside this service."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.handover.drift import (
    check,
    find_drift,
    find_intruders,
    is_in_order,
    look_after,
)
from esi_leap.core.handover.give import GONE
from esi_leap.core.handover.machine import LABEL, LESSEE
from esi_leap.core.handover.network import Attachments
from esi_leap.core.handover.steps import Act, BeginReturn, NoteDrift, Patch, RetryLater
from esi_leap.core.retry import Pace
from tests.unit.core.given import HOLDING, STRANGER, TENANT, a_machine, a_node
from tests.unit.core.metal import FOREIGN, MINE

from .given import GUEST, INNER, LEASE, OUTER, UNSEEN

CLEARED, CHANGED = Reason(Cause.LESSEE_CLEARED), Reason(Cause.LESSEE_CHANGED)
OWNED, STRAY = Reason(Cause.OWNER_CHANGED), Reason(Cause.LESSEE_FOREIGN)


@pytest.mark.parametrize(
    ('values', 'found'),
    [
        ({'lessee': TENANT}, None),
        ({'lessee': TENANT, 'owner': None}, None),
        ({'lessee': None}, CLEARED),
        ({'lessee': STRANGER}, CHANGED),
        ({'lessee': HOLDING}, CHANGED),
        ({'lessee': TENANT, 'owner': STRANGER}, OWNED),
    ],
)
def test_drift(values: Mapping[str, object], found: Reason | None) -> None:
    assert find_drift(a_machine(**values), LEASE, ()) == found


def test_a_leased_node_that_is_gone_has_drifted() -> None:
    assert find_drift(None, LEASE, ()) == GONE
    noted = replace(LEASE, reason=GONE)
    assert check(None, noted, (), repair=True) == NoteDrift(GONE)  # nothing can be done


@pytest.mark.parametrize(
    ('ports', 'named'),
    [
        (None, None),
        (UNSEEN, None),
        (Attachments((MINE,)), None),
        (Attachments((MINE, FOREIGN)), FOREIGN.id),
    ],
)
def test_ports_of_others_on_a_leased_node_are_named(
    ports: Attachments | None, named: str | None
) -> None:
    machine = a_machine(lessee=TENANT, attachments=ports)
    found = None if named is None else Reason(Cause.PORTS_FOREIGN, named)
    assert find_intruders(machine, LEASE) == found
    noted = replace(LEASE, reason=found)
    for lease in (LEASE, noted):  # they are named only: people have to remove them
        assert check(machine, lease, (), repair=True) == NoteDrift(found)


def test_a_change_of_the_lessee_is_worth_more_than_a_port() -> None:
    machine = a_machine(lessee=STRANGER, attachments=Attachments((FOREIGN,)))
    assert check(machine, LEASE, (), repair=False) == NoteDrift(CHANGED)


@pytest.mark.parametrize(
    ('values', 'in_order'),
    [
        ({}, True),
        ({'lessee': STRANGER}, False),
        ({'lessee': HOLDING}, False),
        ({'lease_label': 'a'}, False),
        ({'provision_state': 'active'}, False),
    ],
)
def test_a_lost_node_is_in_order_when_no_project_has_it(
    values: Mapping[str, object], *, in_order: bool
) -> None:
    assert is_in_order(a_machine(**values)) is in_order


def test_the_owner_of_a_node_that_is_sub_let_is_the_provider_of_the_outer_lease() -> None:
    machine = a_machine(lessee=GUEST, lease_label='in')
    assert find_drift(machine, INNER, [OUTER]) is None
    assert find_drift(replace(machine, owner=TENANT), INNER, [OUTER]) == OWNED


@pytest.mark.parametrize('lessee', [None, STRANGER, HOLDING])
def test_a_lessee_gets_a_node_back_that_was_taken_outside_this_service(lessee: str | None) -> None:
    machine = a_machine(lessee=lessee)
    found = CLEARED if lessee is None else CHANGED
    noted = replace(LEASE, reason=found)
    assert check(machine, noted, (), repair=False) == NoteDrift(found)
    assert check(machine, LEASE, (), repair=True) == NoteDrift(found)  # an operator learns of it
    assert check(machine, noted, (), repair=True) == Act(Patch({LESSEE: TENANT, LABEL: 'a'}))
    locked = replace(machine, busy='locked')
    busy = RetryLater(Reason(Cause.NODE_BUSY, 'locked'), Pace.MOVING)
    assert check(locked, noted, (), repair=True) == busy
    assert check(a_machine(lessee=TENANT), noted, (), repair=True) == NoteDrift(None)


def test_each_kind_of_drift_is_noted_before_it_is_put_right() -> None:
    noted = replace(LEASE, reason=CLEARED)
    assert check(a_machine(lessee=STRANGER), noted, (), repair=True) == NoteDrift(CHANGED)


@pytest.mark.parametrize('found', [OWNED, CHANGED])
def test_which_project_owns_a_node_only_people_can_say(found: Reason) -> None:
    """Also if the lessee was changed as well: the new owner may have meant it."""
    lessee = TENANT if found == OWNED else STRANGER
    machine = a_machine(lessee=lessee, owner=STRANGER)
    step = check(machine, replace(LEASE, reason=found), (), repair=True)
    assert step == NoteDrift(found)


@pytest.mark.parametrize('lessee', [STRANGER, HOLDING])
def test_a_project_that_has_a_node_without_a_lease_loses_it(lessee: str) -> None:
    machine, node = a_machine(lessee=lessee), a_node()
    noted = replace(node, reason=STRAY)
    assert look_after(machine, noted, HOLDING, repair=False) == NoteDrift(STRAY)
    assert look_after(machine, node, HOLDING, repair=True) == NoteDrift(STRAY)
    taken = BeginReturn() if lessee == HOLDING else Act(Patch({LESSEE: HOLDING}))
    assert look_after(machine, noted, HOLDING, repair=True) == taken
    locked = look_after(replace(machine, busy='locked'), noted, HOLDING, repair=True)
    busy = RetryLater(Reason(Cause.NODE_BUSY, 'locked'), Pace.MOVING)
    assert locked == (BeginReturn() if lessee == HOLDING else busy)


@pytest.mark.parametrize('machine', [None, a_machine()])
def test_a_node_that_no_project_has_is_no_stray(machine: object) -> None:
    noted = a_node(reason=STRAY)
    assert look_after(machine, noted, HOLDING, repair=True) == NoteDrift(None)  # type: ignore[arg-type]
