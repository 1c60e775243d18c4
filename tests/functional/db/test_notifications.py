"""Notifications on a real message bus: what they say; none is lost, and none overtakes another."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from esi_leap.core.cause import Cause, Reason
from esi_leap.core.change import put
from esi_leap.core.event import Priority
from esi_leap.db.outbox import Outbox
from esi_leap.db.store import Store
from esi_leap.tell.bus import SILENCE
from tests.patience import PATIENCE, Metronome, until

from .given import NOW, a_lease, a_node, agreed

#: How long the bus is away, in seconds.
OUTAGE = float(os.environ.get('ESI_LEAP_OUTAGE', '12'))
LEASES = 12
TURNS = [
    'esi_leap.lease.create.end',
    'esi_leap.lease.fulfill.end',
    'esi_leap.lease.delete.start',
    'esi_leap.lease.delete.end',
]
pytestmark = pytest.mark.parametrize('database_kind', ['mariadb'], indirect=True)

BUSY = Reason(Cause.NODE_BUSY, 'it is locked')


@pytest.fixture
def store(database) -> Store:
    return Store(database, Priority.INFO)


def turn(store: Store, number: int, step: int) -> None:
    """Let a lease do its next step."""
    node, uuid = a_node(store, f'n{number}'), f'l{number}'
    with store.booking(node.id, NOW) as book:
        if step == 0:
            book.put(agreed(a_lease(node.id, uuid, 0, 1)))
            return
        lease = book.lease(uuid)
        if step == 1:
            lease = lease.activated(NOW)
        elif step == 2:
            lease = lease.expiring(NOW)
        else:
            lease = lease.ended(NOW)
        book.put(put(lease))


def heard_all(listener, steps: int) -> bool:
    return all(listener.types(f'l{number}') == TURNS[:steps] for number in range(LEASES))


def test_an_outage_loses_nothing_and_nothing_overtakes(database, store, rabbit, listener, manager):
    managers = [manager() for _ in range(3)]
    for number in range(LEASES):
        turn(store, number, 0)
    until(lambda: heard_all(listener, 1))

    rabbit.stop()
    with Metronome() as machine:
        begun = time.monotonic()
        for number in range(LEASES):
            turn(store, number, 1)
        took = time.monotonic() - begun
    machine.within(5, took)  # no change waits for the bus
    time.sleep(OUTAGE / 2)
    managers[0].kill()  # whether or not it is the one that sends
    for number in range(LEASES):
        turn(store, number, 2)
    time.sleep(OUTAGE / 2)
    assert len(Outbox(database).outgoing(1000)) >= 2 * LEASES
    rabbit.start()

    for number in range(LEASES):
        turn(store, number, 3)
    until(lambda: heard_all(listener, 4))
    until(lambda: Outbox(database).outgoing(1) == [])
    assert all(each.poll() is None for each in managers[1:])


def test_the_one_that_sends_may_be_killed_at_any_moment(database, store, listener, manager):
    for number in range(LEASES):
        turn(store, number, 0)
    for step in (1, 2, 3):
        one = manager()
        for number in range(LEASES):
            turn(store, number, step)
        until(lambda: len(listener.heard) > 0)
        one.kill()
        one.wait()
    manager()
    until(lambda: heard_all(listener, 4))
    until(lambda: Outbox(database).outgoing(1) == [])


def test_a_bus_that_hangs_keeps_nobody_from_ending(database, store, rabbit, listener, manager):
    one = manager()
    turn(store, 0, 0)
    until(lambda: listener.types('l0') == TURNS[:1])
    rabbit.freeze()
    try:
        turn(store, 0, 1)
        time.sleep(1)
        with Metronome() as machine:
            one.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            assert one.wait(PATIENCE) == 0
            took = time.monotonic() - begun
        machine.within(15, took)
    finally:
        rabbit.thaw()
    manager()
    until(lambda: listener.types('l0') == TURNS[:2])


def test_a_manager_that_stands_still_is_cut_off_before_another_goes_on(
    store, rabbit, listener, manager
):
    one = manager()
    turn(store, 0, 0)
    until(lambda: listener.types('l0') == TURNS[:1])
    assert connections(rabbit.port) == 2  # the listener's and the manager's
    one.send_signal(signal.SIGSTOP)
    try:
        until(lambda: connections(rabbit.port) == 1, SILENCE + 1)
    finally:
        one.send_signal(signal.SIGCONT)
    turn(store, 0, 1)
    until(lambda: listener.types('l0') == TURNS[:2])


def connections(port: int) -> int:
    """Return how many connections a server of this machine has open on a port."""
    rows = [line.split() for line in Path('/proc/net/tcp').read_text(encoding='ascii').splitlines()]
    established = '01'
    return sum(row[1].endswith(f':{port:04X}') and row[3] == established for row in rows)


def test_what_a_notification_says(store, listener, manager):
    manager()
    turn(store, 0, 0)
    node = a_node(store, 'n0')
    with store.booking(node.id, NOW) as book:
        lease = book.lease('l0')
        waits = replace(lease, properties={'rack': 7}).postponed(BUSY, NOW)
        book.put(put(waits))
    until(lambda: 'esi_leap.lease.fulfill.error' in listener.types('l0'))
    queue, message = next(
        each for each in listener.heard if each[1]['event_type'].endswith('.error')
    )
    assert queue == 'esi_leap_versioned_notifications.error'
    assert message['priority'] == 'ERROR'
    assert message['publisher_id'].startswith('esi-leap-manager.')
    data = message['payload'].pop('esi_leap_object.data')
    assert message['payload'] == {
        'esi_leap_object.name': 'LeaseCRUDPayload',
        'esi_leap_object.namespace': 'esi_leap',
        'esi_leap_object.version': '1.0',
    }
    assert (data['status'], data['properties']) == ('wait fulfill', {'rack': 7})
