"""Long-running processes in their own sessions, ended exactly.

A process is known by its id together with the instant it was started (from ``/proc``), because an
id alone is handed out again once its first holder is gone.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_STATE, _SESSION, _START = 0, 3, 19  # fields of /proc/PID/stat after the command's name
_DYING = 5  # seconds that a killed process may take to disappear
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Process:
    """One process that we started, leader of its own session."""

    pid: int
    started: int


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | str = '/',
) -> Process:
    """Start a command in a session of its own, its output appended to a log."""
    with log.open('ab') as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    _children[child.pid] = child
    fields = _stat(child.pid)
    return Process(child.pid, int(fields[_START]) if fields else 0)


def is_alive(process: Process) -> bool:
    """Tell whether this very process (not a later one with its id) still runs."""
    child = _children.get(process.pid)
    if child is not None and child.poll() is not None:
        return False
    fields = _stat(process.pid)
    return bool(fields) and fields[_STATE] != 'Z' and int(fields[_START]) == process.started


def end(process: Process, *, first: int = signal.SIGTERM, grace: float = 10) -> None:
    """End a process and what it has started: politely first, after a while for good."""
    if is_alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, first)
        deadline = time.monotonic() + grace
        while is_alive(process) and time.monotonic() < deadline:
            time.sleep(0.05)
    elif (fields := _stat(process.pid)) and int(fields[_START]) != process.started:
        return  # the id belongs to somebody else by now
    deadline = time.monotonic() + _DYING
    while remaining := _remaining(process):
        for pid in remaining:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    child = _children.pop(process.pid, None)
    if child is not None:
        child.wait()


def _remaining(process: Process) -> list[int]:
    """Return the ids of what still lives of the session."""
    return [process.pid, *_members(process)] if is_alive(process) else _members(process)


def _members(process: Process) -> list[int]:
    """Return the ids of the other living processes of the session."""
    found = []
    for entry in Path('/proc').iterdir():
        if not entry.name.isdigit() or int(entry.name) == process.pid:
            continue
        fields = _stat(int(entry.name))
        if (
            fields
            and int(fields[_SESSION]) == process.pid
            and int(fields[_START]) >= process.started
            and fields[_STATE] != 'Z'
        ):
            found.append(int(entry.name))
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the name, or nothing if there is no such id."""
    try:
        text = Path(f'/proc/{pid}/stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(')')[2].split()
