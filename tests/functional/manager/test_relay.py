"""The relay over a real outbox, with a bus of the tests that can refuse."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from oslo_config import cfg

from esi_leap import conf as configuration
from esi_leap.conf.checks import ConfigurationError
from esi_leap.core.errors import UnavailableError
from esi_leap.core.event import Priority
from esi_leap.core.ports.bus import Message
from esi_leap.manager.relay import Deps, Relay
from esi_leap.tell import bus as message_bus


class Bus:
    def __init__(self) -> None:
        self.taken: list[str] = []
        self.away = False

    def send(self, message: Message, may: Callable[[], bool]) -> None:
        if self.away:
            raise UnavailableError('The bus is away.')
        self.taken.append(message.type.removeprefix('esi_leap.'))


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def relay(world, bus):
    world.notify(Priority.INFO)
    world.deps = replace(world.deps, agenda=world.agenda)
    seconds = [0.0]
    made = Relay(
        Deps(
            outbox=world.outbox,
            bus=bus,
            silence=15,
            now=lambda: world.now,
            monotonic=lambda: seconds[0],
            new_uuid=lambda: 'mine',
            poll=0.5,
        )
    )
    made.seconds = seconds
    return made


def empty(relay: Relay) -> None:
    while relay.work() == 0:
        pass


def test_notifications_of_a_lease_are_sent_in_order_and_deleted(world, relay, bus):
    world.lease('tenant', 0, 10)
    world.tick()
    world.wait(minutes=10)
    empty(relay)
    assert bus.taken == [
        'lease.create.end',
        'contract.create.end',
        'lease.fulfill.start',
        'lease.fulfill.end',
        'contract.fulfill.end',
        'lease.delete.start',
        'lease.delete.end',
        'contract.delete.end',
    ]
    assert world.outbox.outgoing(1) == []
    assert relay.work() == 0.5


def test_delays_grow_and_no_notification_is_lost_while_the_bus_does_not_answer(world, relay, bus):
    world.lease('tenant', 0, 10)
    bus.away = True
    assert [relay.work() for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert len(world.outbox.outgoing(9)) == 2
    bus.away = False
    empty(relay)
    assert bus.taken == ['lease.create.end', 'contract.create.end']
    bus.away = True
    world.lease('tenant', 20, 30)
    assert relay.work() == 0.5


def test_relay_leaves_notifications_claimed_by_another_relay(world, relay, bus):
    world.lease('tenant', 0, 10)
    assert world.outbox.claim_chore('outbox', 'yours', world.now, world.now + timedelta(seconds=15))
    relay.work()
    assert bus.taken == []
    world.now += timedelta(seconds=15)
    relay.work()
    assert bus.taken == ['lease.create.end', 'contract.create.end']


def test_relay_stops_sending_before_its_claim_ends(world, relay, bus):
    """A message in progress then is not sent, and no other relay can claim the outbox yet."""
    world.lease('tenant', 0, 10)
    send, asked = bus.send, []

    def slow(message: Message, may: Callable[[], bool]) -> None:
        send(message, may)
        asked.append(may())
        relay.seconds[0] += 5
        asked.append(may())
        late = world.now + timedelta(seconds=5 + 15)
        for now, taken in ((late - timedelta(seconds=1), False), (late, True)):
            assert world.outbox.claim_chore('outbox', 'yours', now, late) is taken

    bus.send = slow
    relay.work()
    assert asked == [True, False]
    assert bus.taken == ['lease.create.end']
    assert len(world.outbox.outgoing(9)) == 1


def test_relay_that_dies_leaves_only_the_notification_it_was_sending(world, relay, bus):
    world.lease('tenant', 0, 10)
    send = bus.send

    def dies(message: Message, may: Callable[[], bool]) -> None:
        if bus.taken:
            raise SystemExit
        send(message, may)

    bus.send = dies
    with pytest.raises(SystemExit):
        relay.work()
    assert [each.type for each in world.outbox.outgoing(9)] == ['esi_leap.contract.create.end']


def test_only_errors_are_sent_at_level_error(world, relay, bus):
    world.notify(Priority.ERROR)
    world.deps = replace(world.deps, agenda=world.agenda)
    world.machine(maintenance=True, maintenance_reason='fan')
    world.lease('tenant', 0, 10)
    world.tick()
    empty(relay)
    assert bus.taken == ['lease.fulfill.error']


def test_without_a_bus_no_notification_is_written(world):
    world.lease('tenant', 0, 10)
    assert world.outbox.outgoing(1) == []


def conf(text: str, path) -> cfg.ConfigOpts:
    file = path / 'conf'
    file.write_text(text, encoding='utf-8')
    made = configuration.registered()
    made(['--config-file', str(file)], project='esi-leap')
    return made


MESSAGING = '[oslo_messaging_notifications]\ndriver = messagingv2\n'


@pytest.mark.parametrize(
    ('text', 'level'),
    [
        ('', None),
        ('[oslo_messaging_notifications]\ndriver = noop\n', None),
        (MESSAGING, Priority.INFO),
        (f'{MESSAGING}[notification]\nnotification_level = error\n', Priority.ERROR),
    ],
)
def test_level_follows_from_the_driver_and_the_notification_level(text, level, tmp_path):
    made = conf(text, tmp_path)
    assert [message_bus.level(made), message_bus.level(made)] == [level, level]


def test_missing_extra_is_reported_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(message_bus, 'find_spec', lambda name: None)
    assert message_bus.level(conf('', tmp_path)) is None
    with pytest.raises(ConfigurationError, match=r"install 'esi-leap\[server,notify\]'"):
        message_bus.level(conf(MESSAGING, tmp_path))
