"""A throw-away server on loopback, from an installed Debian package, in a folder of its own."""

import abc
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import ClassVar, Self

from sandbox import ports, processes, programs
from sandbox.errors import SandboxError, tail

#: Bytes that have to be free in memory for a server: those of a dozen of them.
_ROOM = 4 << 30


class Server(abc.ABC):
    """A server that keeps its folder and its port until it is removed.

    Args:
        folder: that of a server of before; else a new one.
        port: likewise.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    ending: ClassVar[signal.Signals] = signal.SIGTERM
    #: How long, in seconds, it may take until it answers.
    patience: ClassVar[float] = 60

    def __init__(self, folder: Path | None = None, port: int | None = None) -> None:
        self.port = port or ports.pick()
        self.folder = folder or Path(
            tempfile.mkdtemp(prefix=f'esi-leap-{self.name}-', dir=_place())
        )
        self.log = self.folder / 'server.log'
        self.process: processes.Process | None = None

    @classmethod
    def missing_packages(cls) -> list[str]:
        """Return the Debian packages that have to be installed first."""
        return programs.missing_packages(dict.fromkeys(cls.needs, cls.package))

    @abc.abstractmethod
    def _spawn(self) -> processes.Process:
        """Start the server's process; the first time, make its folder ready before."""

    @abc.abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether the server answers."""

    def start(self) -> None:
        """Start the server on its port and wait until it answers."""
        if self.process is not None and processes.is_alive(self.process):
            return
        missing = self.missing_packages()
        if missing:
            raise SandboxError(
                f'{self.package} is not installed completely. {programs.apt_line(missing)}'
            )
        self.process = self._spawn()
        deadline = time.monotonic() + self.patience
        while not self._is_ready():
            if not processes.is_alive(self.process):
                raise SandboxError(f'{self.name} ended at its start. {tail(self.log)}')
            if time.monotonic() > deadline:
                self.stop()
                raise SandboxError(
                    f'{self.name} did not answer in {self.patience} s. {tail(self.log)}'
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server; what it keeps and its port stay for the next ``start()``."""
        if self.process is not None:
            processes.end(self.process, first=self.ending, grace=30)
            self.process = None

    def remove(self) -> None:
        """End the server and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.remove()


def _place() -> Path:
    """Return a temporary folder that the servers' own users can reach, too: in memory if it can be.

    MariaDB writes to the disk a thousand times for one schema of ours, whatever it is asked.
    """
    memory = Path('/dev/shm')  # noqa: S108 - each server makes a folder of its own there
    if memory.is_dir() and shutil.disk_usage(memory).free >= _ROOM and _is_open(memory):
        return memory
    for place in (Path(tempfile.gettempdir()), Path('/tmp'), Path('/var/tmp')):  # noqa: S108
        if _is_open(place):
            return place
    raise SandboxError('No temporary folder is open to the users of the servers.')


def _is_open(place: Path) -> bool:
    """Tell whether every user can enter a folder."""
    return all(path.stat().st_mode & 0o001 for path in (place, *place.parents))
