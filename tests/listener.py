"""Somebody who listens to notifications on a real RabbitMQ."""

import json
import threading
from itertools import groupby
from typing import Any, Self

import kombu
from kombu.exceptions import OperationalError

TOPIC = 'esi_leap_versioned_notifications'
#: What a broken connection raises, whichever moment it breaks at.
_BROKEN = (
    OSError,
    OperationalError,
    *kombu.Connection('amqp://').connection_errors,
    *kombu.Connection('amqp://').channel_errors,
)


def configuration(url: str) -> str:
    """Return what the service needs in its file to tell a bus."""
    return f"""
[DEFAULT]
transport_url = {url}
[oslo_messaging_notifications]
driver = messagingv2
[oslo_messaging_rabbit]
amqp_durable_queues = true
"""


class Listener:
    """Reads the queues as existing listeners do, and comes back when the server does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def types(self, uuid: str) -> list[str]:
        """What was heard of an object; what follows itself, once."""
        mine = [
            message['event_type']
            for _, message in list(self.heard)
            if message['payload']['esi_leap_object.data']['uuid'] == uuid
        ]
        return [each for each, _ in groupby(mine)]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except _BROKEN:
                self._stop.wait(0.2)

    def _listen(self) -> None:
        with kombu.Connection(self._url, connect_timeout=2) as connection:
            exchange = kombu.Exchange('openstack', 'topic', durable=True)
            names = [f'{TOPIC}.{each}' for each in ('info', 'error')]
            queues = [kombu.Queue(each, exchange, routing_key=each) for each in names]
            with connection.Consumer(queues, callbacks=[self._hear]):
                while not self._stop.is_set():
                    try:
                        connection.drain_events(timeout=0.2)
                    except TimeoutError:
                        continue

    def _hear(self, body: Any, message: Any) -> None:  # noqa: ANN401 - kombu's
        found = body if isinstance(body, dict) else json.loads(body)
        queue, said = message.delivery_info['routing_key'], json.loads(found['oslo.message'])
        # The server delivers once more what it lost our word for; it was sent but once.
        if said['message_id'] not in {each['message_id'] for _, each in self.heard}:
            self.heard.append((queue, said))
        message.ack()


def forget(url: str) -> None:
    """Delete what nobody has heard."""
    with kombu.Connection(url) as connection:
        for each in ('info', 'error'):
            connection.default_channel.queue_delete(f'{TOPIC}.{each}')
