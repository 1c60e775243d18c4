"""A real RabbitMQ, managers in processes of their own, and somebody who listens."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import kombu
import pytest
from kombu.exceptions import OperationalError

from esi_leap.db.engine import Database
from sandbox.rabbit import RabbitMQ

TOPIC = 'esi_leap_versioned_notifications'
#: What a broken connection raises, whichever moment it breaks at.
_BROKEN = (
    OSError,
    OperationalError,
    *kombu.Connection('amqp://').connection_errors,
    *kombu.Connection('amqp://').channel_errors,
)


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
        """What was heard of an object, each once, in the order in which it was first heard."""
        mine = [
            message['event_type']
            for _, message in list(self.heard)
            if message['payload']['esi_leap_object.data']['uuid'] == uuid
        ]
        return list(dict.fromkeys(mine))

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
        queue = message.delivery_info['routing_key']
        self.heard.append((queue, json.loads(found['oslo.message'])))
        message.ack()


@pytest.fixture(scope='session')
def running_rabbit() -> Iterator[RabbitMQ]:
    missing = RabbitMQ.missing_packages()
    if missing:
        message = f'needs the Debian package {missing[0]}'
        if os.environ.get('ESI_LEAP_REQUIRE_DB') == '1':
            pytest.fail(message)
        pytest.skip(message)
    with RabbitMQ() as server:
        yield server


@pytest.fixture
def rabbit(running_rabbit: RabbitMQ) -> RabbitMQ:
    running_rabbit.start()
    with kombu.Connection(running_rabbit.amqp) as connection:
        for each in ('info', 'error'):
            connection.default_channel.queue_delete(f'{TOPIC}.{each}')
    return running_rabbit


@pytest.fixture
def listener(rabbit: RabbitMQ) -> Iterator[Listener]:
    with Listener(rabbit.amqp) as made:
        yield made


@pytest.fixture
def settings(rabbit: RabbitMQ, database: Database, tmp_path: Path) -> Path:
    nodes = tmp_path / 'nodes'
    nodes.mkdir()
    file = tmp_path / 'esi-leap.conf'
    file.write_text(
        f"""
[DEFAULT]
transport_url = {rabbit.url}
[oslo_messaging_notifications]
driver = messagingv2
[oslo_messaging_rabbit]
amqp_durable_queues = true
[database]
connection = {database.url.replace('%', '%%')}
[dummy_node]
dummy_node_dir = {nodes}
[manager]
poll_interval = 0.1
""",
        encoding='utf-8',
    )
    return file


@pytest.fixture
def manager(settings: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Start managers, each in a process of its own; all are ended afterwards."""
    program, running = Path(sys.executable).with_name('esi-leap-manager'), []

    def start() -> subprocess.Popen:
        with (tmp_path / f'manager-{len(running)}.log').open('wb') as log:
            running.append(
                subprocess.Popen(
                    [program, '--config-file', settings], stdout=log, stderr=subprocess.STDOUT
                )
            )
        return running[-1]

    yield start
    for each in running:
        each.kill()
        each.wait()
