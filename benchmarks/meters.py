"""What a service costs while it answers: CPU time and memory of its processes, SQL statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psutil
import sqlalchemy as sa

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """Totals since the processes and the server began.

    Attributes:
        cpu: seconds, user and system, by group of processes.
        statements: that the database server was sent, as it counts them: with those that begin and
            end a transaction.
    """

    cpu: Mapping[str, float]
    statements: int

    def __sub__(self, before: Reading) -> Reading:
        """Return what was spent between two readings; taking one is a statement, too."""
        spent = {name: total - before.cpu[name] for name, total in self.cpu.items()}
        return Reading(spent, self.statements - before.statements - 1)


class Meter:
    """Reads the totals.

    Args:
        groups: first processes by the name of their group; all that they started belongs to it.
        server: a database of the server whose statements are counted.
    """

    def __init__(self, groups: Mapping[str, int], server: sa.Engine) -> None:
        self._groups = groups
        self._connection = server.connect().execution_options(isolation_level='AUTOCOMMIT')

    def read(self) -> Reading:
        """Read all totals."""
        row = self._connection.execute(sa.text("SHOW GLOBAL STATUS LIKE 'Questions'")).one()
        cpu = {name: sum(_cpu(each) for each in family(pid)) for name, pid in self._groups.items()}
        return Reading(cpu, int(row[1]))

    def close(self) -> None:
        """Close the connection to the server."""
        self._connection.close()


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all that it has started."""
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def memory(pid: int) -> dict[str, list[float]]:
    """Return the megabytes of a process and of all that it has started.

    `rss` counts a page that processes share in each of them; `pss` divides it among them, so that
    its sum is what the processes take from the machine.
    """
    full = [each.memory_full_info() for each in family(pid)]
    return {kind: [round(getattr(each, kind) / _MEGABYTE, 1) for each in full] for kind in _KINDS}


_KINDS = ('rss', 'pss')


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
