"""The metrics of a manager: in a world of the tests, and over HTTP from the real program."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from esi_leap.core.errors import NodeBusyError
from sandbox import ports
from tests.patience import PATIENCE

from .conftest import World

#: What the manager notes the present for.
NOW = ('esi_leap_last_tick_timestamp_seconds', 'esi_leap_inventory_timestamp_seconds')
BIN = Path(sys.executable).parent
CONFIGURATION = """
[database]
connection = sqlite:///{folder}/esi-leap.sqlite
[dummy_node]
dummy_node_dir = {folder}
[metrics]
manager_port = {port}
"""


def number(world: World, name: str, **labels: str) -> float:
    found = world.meter.registry.get_sample_value(f'esi_leap_{name}', labels)
    assert found is not None, name
    return found


def test_durations_of_a_hand_over_and_a_return_are_counted(world: World) -> None:
    lease = world.lease('borrower', 0, 60)
    world.wait(seconds=7)
    assert number(world, 'hand_over_seconds_count') == 1
    assert number(world, 'hand_over_seconds_sum') == 7

    def locked(call: int) -> None:
        if world.see(lease).expire_time is not None:
            raise NodeBusyError('It is locked.')

    world.nodes.before = locked
    world.wait(minutes=60)
    assert world.see(lease).expire_time is not None
    assert number(world, 'return_seconds_count') == 0
    world.nodes.before = lambda call: None
    world.wait(minutes=5)
    assert number(world, 'return_seconds_count') == 1
    assert number(world, 'return_seconds_sum') == 5 * 60


def test_hand_over_that_waited_is_counted_once_with_its_whole_duration(world: World) -> None:
    world.change(maintenance=True)
    world.lease('borrower', 0, 60)
    world.wait(minutes=10)
    assert number(world, 'hand_over_seconds_count') == 0
    world.change(maintenance=False)
    world.wait(minutes=10)
    assert number(world, 'hand_over_seconds_count') == 1
    assert number(world, 'hand_over_seconds_sum') == 20 * 60


def test_a_lender_who_gets_the_node_back_is_no_hand_over(world: World) -> None:
    outer = world.lease('borrower', 0, 60)
    world.lease('guest', 10, 20, inside=outer)
    world.wait()
    world.wait(minutes=10)
    world.wait(minutes=10)
    assert (world.row().lease, world.file()['project_id']) == (outer, 'borrower')
    assert number(world, 'hand_over_seconds_count') == 2
    assert number(world, 'hand_over_seconds_sum') == 0
    assert number(world, 'return_seconds_count') == 1


def test_time_from_a_recall_until_the_owner_can_use_the_node_is_counted(world: World) -> None:
    world.lease('borrower', 0, 60)
    world.wait()
    recall = world.recall(minutes=10)
    world.wait(minutes=9)
    assert number(world, 'owner_access_seconds_count') == 0
    world.wait(minutes=1)
    [item] = world.store.recall_items(recall)
    assert item.item.returned_at == world.now
    assert number(world, 'owner_access_seconds_count') == 1
    assert number(world, 'owner_access_seconds_sum') == 10 * 60


def test_errors_are_counted_by_code(world: World) -> None:
    def busy(call: int) -> None:
        if call == 1:
            raise NodeBusyError('It is locked.')
        if call == 2:
            raise RuntimeError('a defect')

    world.nodes.before = busy
    world.lease('borrower', 0, 60)
    world.wait()
    assert number(world, 'work_errors_total', code='node.busy') == 1
    world.wait(seconds=60)
    assert number(world, 'work_errors_total', code='internal') == 1


@pytest.fixture
def settings(tmp_path: Path) -> tuple[list[str], int]:
    """Return the options of the program, and the port of its metrics."""
    port = ports.pick()
    file = tmp_path / 'esi-leap.conf'
    file.write_text(CONFIGURATION.format(folder=tmp_path, port=port), encoding='utf-8')
    options = ['--config-file', str(file)]
    subprocess.run([BIN / 'esi-leap-dbsync', *options, 'upgrade'], check=True)
    return options, port


def test_program_answers_metrics_on_its_own_port(settings: tuple[list[str], int]) -> None:
    options, port = settings
    process = subprocess.Popen([BIN / 'esi-leap-manager', *options], stderr=subprocess.DEVNULL)
    try:
        seen = _scraped(port)
        with pytest.raises(requests.ConnectionError):  # what listens everywhere answers there
            requests.get(f'http://127.0.0.2:{port}/metrics', timeout=PATIENCE)
    finally:
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
    for name in NOW:
        assert abs(seen[name] - time.time()) < 60
    assert seen['esi_leap_leases_due'] == 0
    assert seen['esi_leap_lateness_seconds'] == 0
    assert seen['esi_leap_database_connections'] <= 2


def _scraped(port: int) -> dict[str, float]:
    begun, text = time.monotonic(), ''
    while time.monotonic() - begun < PATIENCE:
        try:
            text = requests.get(f'http://127.0.0.1:{port}/metrics', timeout=PATIENCE).text
        except requests.ConnectionError:
            text = ''
        found = {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        if all(found.get(name) for name in NOW):
            return found
        time.sleep(0.1)
    raise AssertionError(text)


def test_port_in_use_is_reported_in_one_sentence(settings: tuple[list[str], int]) -> None:
    options, port = settings
    with socket.create_server(('127.0.0.1', port)):
        done = subprocess.run(
            [BIN / 'esi-leap-manager', *options],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert '[metrics] host and manager_port cannot be listened on' in done.stderr
    assert 'Traceback' not in done.stderr
