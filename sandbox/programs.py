"""Programs of the operating system, and the Debian packages that bring them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sandbox.errors import SandboxError


def find(name: str) -> Path | None:
    """Look a program up on PATH and where Debian keeps servers, the newest PostgreSQL first."""
    releases = [path for path in Path('/usr/lib/postgresql').glob('*/bin') if path.is_dir()]
    releases.sort(key=lambda path: float(path.parent.name), reverse=True)
    places = [os.environ.get('PATH', os.defpath), *map(str, releases), '/usr/sbin', '/sbin']
    found = shutil.which(name, path=os.pathsep.join(places))
    return Path(found) if found else None


def require(name: str, package: str) -> Path:
    """Return the path of a program or say which package brings it."""
    found = find(name)
    if found is None:
        raise SandboxError(f'{name} is not installed. {apt_line([package])}')
    return found


def missing_packages(needs: Mapping[str, str]) -> list[str]:
    """Return the packages of those programs that are not installed.

    Args:
        needs: program to package.
    """
    return sorted({package for name, package in needs.items() if find(name) is None})


def apt_line(packages: list[str]) -> str:
    """Return the sentence that tells how to install Debian packages."""
    sudo = '' if os.geteuid() == 0 else 'sudo '
    return f'Install it with: {sudo}apt-get install --yes {" ".join(packages)}'
