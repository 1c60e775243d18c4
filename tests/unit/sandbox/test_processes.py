"""Processes are ended exactly: those that were started, with what they started, and no others."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sandbox import processes
from tests.patience import until

# A leader that starts a child in its session, says so, and sleeps.
_FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print(child.pid, flush=True)
time.sleep(60)
"""


def _family(log: Path) -> tuple[processes.Process, int]:
    leader = processes.spawn([sys.executable, '-c', _FAMILY], log=log)
    until(lambda: log.read_text().endswith('\n'))
    return leader, int(log.read_text())


def _lives(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_a_process_ends_with_its_children(tmp_path: Path) -> None:
    leader, child = _family(tmp_path / 'log')
    assert processes.is_alive(leader)
    processes.end(leader)
    assert not processes.is_alive(leader)
    assert not _lives(child)


def test_children_of_a_dead_leader_are_ended_too(tmp_path: Path) -> None:
    leader, child = _family(tmp_path / 'log')
    os.kill(leader.pid, signal.SIGKILL)
    time.sleep(0.05)
    assert _lives(child)
    processes.end(leader)
    assert not _lives(child)


def test_a_later_process_with_the_same_id_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']) as other:
        processes.end(processes.Process(other.pid, started=1))
        assert other.poll() is None
        other.kill()


def test_who_does_not_listen_is_killed_after_a_while(tmp_path: Path) -> None:
    stubborn = 'import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)'
    log = tmp_path / 'log'
    process = processes.spawn([sys.executable, '-c', f'{stubborn}; time.sleep(60)'], log=log)
    while not log.read_text():
        time.sleep(0.02)
    processes.end(process, grace=0.2)
    assert not processes.is_alive(process)
