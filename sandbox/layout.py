"""Where the sandbox keeps things: everything lies under one folder of the project."""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """The paths of one sandbox."""

    root: Path = PROJECT / '.sandbox'

    @property
    def etc(self) -> Path:
        """Return the folder of the configuration files."""
        return self.root / 'etc'

    @property
    def data(self) -> Path:
        """Return the folder of what the services keep."""
        return self.root / 'data'

    @property
    def dummy_nodes(self) -> Path:
        """Return the folder of the lease service's dummy nodes."""
        return self.data / 'dummy-nodes'

    @property
    def machine(self) -> Path:
        """Return the folder of the simulated machine with a serial console."""
        return self.data / 'machine'

    @property
    def redfish(self) -> Path:
        """Return the folder of the simulated machine whose BMC speaks Redfish."""
        return self.data / 'redfish'

    @property
    def clouds(self) -> Path:
        """Return the file with every user as a cloud."""
        return self.root / 'clouds.yaml'

    def venv(self, name: str) -> Path:
        """Return the folder of a virtual environment."""
        return self.root / 'venvs' / name

    def program(self, venv: str, name: str) -> Path:
        """Return a program of a virtual environment."""
        return self.venv(venv) / 'bin' / name

    def log(self, name: str) -> Path:
        """Return the log of a service or of a step, making its folder."""
        folder = self.root / 'logs'
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f'{name}.log'


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a started program: ours without what would lead it astray."""
    misleading = ('OS_', 'PYTHON', 'VIRTUAL_ENV', 'TOX_')
    kept = {name: value for name, value in os.environ.items() if not name.startswith(misleading)}
    loopback = '127.0.0.1,localhost'
    return {**kept, 'no_proxy': loopback, 'NO_PROXY': loopback, **more}
