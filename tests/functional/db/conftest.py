"""Managers in processes of their own, which tell a real RabbitMQ what happens."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esi_leap.db.engine import Database
from sandbox.rabbit import RabbitMQ
from tests.listener import configuration


@pytest.fixture
def settings(rabbit: RabbitMQ, database: Database, tmp_path: Path) -> Path:
    nodes = tmp_path / 'nodes'
    nodes.mkdir()
    file = tmp_path / 'esi-leap.conf'
    file.write_text(
        f"""{configuration(rabbit.url)}
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
