"""What the sandbox remembers between its commands: a JSON file, rewritten at each change."""

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.processes import Process


@dataclass
class State:
    """The choices made for this cloud, and the processes that run it."""

    path: Path
    nodes: int = 0
    database: str = 'sqlite'
    ironic_policy: str = 'esi'
    console: bool = False
    redfish: bool = False
    neutron: bool = False
    complete: bool = False
    holding_project: str = ''
    database_folder: str = ''
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)

    @classmethod
    def load(cls, layout: Layout) -> Self:
        """Read the state, or begin an empty one where there is none that can be read."""
        path = layout.root / 'state.json'
        try:
            known = json.loads(path.read_text())
            known['processes'] = {
                name: Process(**process) for name, process in known['processes'].items()
            }
            return cls(path=path, **known)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return cls(path=path)

    def save(self) -> None:
        """Write the state so that a reader never sees half of it."""
        known = dataclasses.asdict(self)
        del known['path']
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix('.new')
        draft.write_text(json.dumps(known, indent=2))
        draft.replace(self.path)

    def url(self, name: str) -> str:
        """Return the base URL of a service."""
        return f'http://127.0.0.1:{self.ports[name]}'


@contextlib.contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Keep other commands from changing the same sandbox at the same time."""
    layout.root.mkdir(parents=True, exist_ok=True)
    with (layout.root / 'lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError(
                'Another command is changing this sandbox just now; try again when it is done.'
            ) from None
        yield
