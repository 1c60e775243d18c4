"""The message bus as the relay sees it, on a real RabbitMQ."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from esi_leap.core.errors import UnavailableError
from esi_leap.core.ports.bus import Message
from esi_leap.tell.bus import MessageBus
from tests.listener import TOPIC, configuration


@pytest.fixture
def bus(rabbit, tmp_path) -> Iterator[MessageBus]:
    file = tmp_path / 'conf'
    file.write_text(configuration(rabbit.url), encoding='utf-8')
    made = MessageBus([str(file)], [], [TOPIC], 'here')
    yield made
    made._notifier.transport.cleanup()  # noqa: SLF001 - a process keeps its bus to its end


def message(number: int) -> Message:
    data = {'esi_leap_object.data': {'uuid': str(number)}}
    return Message(id=number, type='esi_leap.lease.create.end', priority='info', payload=data)


def test_message_is_not_sent_after_its_deadline(rabbit, listener, bus):
    late = Event()
    with ThreadPoolExecutor(1) as pool:
        rabbit.freeze()
        try:
            sending = pool.submit(bus.send, message(1), lambda: not late.is_set())
            time.sleep(0.5)
            assert not sending.done(), 'it connected to a server that stands still'
            late.set()
        finally:
            rabbit.thaw()
        with pytest.raises(UnavailableError, match='too late'):
            sending.result(60)
    bus.send(message(2), lambda: True)
    deadline = time.monotonic() + 60
    while not listener.types('2'):
        assert time.monotonic() < deadline, 'nothing was heard'
        time.sleep(0.05)
    assert listener.types('1') == []
