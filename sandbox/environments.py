"""The virtual environments: built from the package index once, again when a recipe changes."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import programs
from sandbox.errors import SandboxError, tail
from sandbox.layout import PROJECT, Layout, environment

_REQUIREMENTS = Path(__file__).parent / 'requirements'
#: The environments with the most packages.
_LONGEST = ('neutron', 'ironic', 'keystone', 'client', 'service')
#: Of two, one would often wait for the package index.
_AT_A_TIME = 3
# What decides which packages the project itself needs and which commands it brings.
_RECIPE = ('setup.cfg', 'pyproject.toml', 'requirements.txt')


def build(layout: Layout, names: Iterable[str], *, database: str) -> None:
    """Make the named environments that are missing or out of date, some at a time.

    Those that take longest come first.
    """
    missing = [name for name in names if not _is_current(layout, name, database)]
    missing.sort(key=lambda name: _LONGEST.index(name) if name in _LONGEST else len(_LONGEST))
    if not missing:
        return
    _ensure_venv_module()
    print(f'Building virtual environments: {", ".join(missing)} (some minutes, once) ...')
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        list(pool.map(lambda name: _build(layout, name, database), missing))


def _arguments(name: str, database: str) -> list[str]:
    """Return what pip is asked to install."""
    if name == 'client':
        return ['--editable', str(PROJECT)]
    if name == 'service':
        extras = 'server,postgresql' if database == 'postgresql' else 'server'
        return ['--editable', f'{PROJECT}[{extras}]']
    return ['--requirement', str(_REQUIREMENTS / f'{name}.txt')]


def _stamp(layout: Layout, name: str, database: str) -> str:
    """Return a digest of all that decides what the environment holds."""
    digest = hashlib.sha256()
    own = name in ('client', 'service')
    files = [PROJECT / part for part in _RECIPE] if own else [_REQUIREMENTS / f'{name}.txt']
    for path in files:
        digest.update(path.read_bytes())
    words = (sys.version, str(layout.venv(name)), *_arguments(name, database))
    digest.update('\0'.join(words).encode())
    return digest.hexdigest()


def _is_current(layout: Layout, name: str, database: str) -> bool:
    try:
        known = (layout.venv(name) / 'stamp').read_text().split()
    except FileNotFoundError:
        return False
    # An environment that can reach PostgreSQL serves the other databases, too.
    wanted = {_stamp(layout, name, database), _stamp(layout, name, 'postgresql')}
    return bool(wanted.intersection(known))


def _build(layout: Layout, name: str, database: str) -> None:
    folder, log = layout.venv(name), layout.log(f'pip-{name}')
    log.unlink(missing_ok=True)
    (folder / 'stamp').unlink(missing_ok=True)
    # Python compiles what is imported; most of what the packages hold never is.
    install = ['-m', 'pip', '--disable-pip-version-check', 'install', '--no-compile']
    install += ['--upgrade-strategy', 'eager']
    make = [sys.executable, '-m', 'venv', '--clear', str(folder)]
    python = str(folder / 'bin' / 'python')
    commands = [make, [python, *install, '--upgrade', *_arguments(name, database)]]
    if name in ('client', 'service') and (folder / 'bin' / 'pip').exists():
        commands = commands[1:]  # an update of the project's own needs; nothing to throw away
    for command in commands:
        with log.open('ab') as output:
            done = subprocess.run(
                command, check=False, stdout=output, stderr=output, env=environment(), cwd=PROJECT
            )
        if done.returncode:
            raise SandboxError(
                f'The packages for {name} could not be installed; is there a network, and does pip '
                f'reach its package index? {tail(log)}'
            )
    (folder / 'stamp').write_text(_stamp(layout, name, database))


def _ensure_venv_module() -> None:
    """See to it that ``python -m venv`` can work; Debian keeps a part of it in its own package."""
    probe = [sys.executable, '-c', 'import ensurepip, venv']
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        install_packages(['python3-venv'], 'Virtual environments cannot be made on this machine.')


def install_packages(packages: list[str], why: str) -> None:
    """Install Debian packages as root or through sudo, or say exactly how."""
    apt, sudo = shutil.which('apt-get'), shutil.which('sudo')
    if apt is None:
        raise SandboxError(f'{why} Install what Debian calls {" ".join(packages)}.')
    prefix: list[str] = []
    if os.geteuid() != 0:
        if sudo is None or subprocess.run([sudo, '-n', 'true'], check=False).returncode:
            raise SandboxError(f'{why} {programs.apt_line(packages)}')
        prefix = [sudo, '-n']
    print(f'Installing {" ".join(packages)} ...')
    quiet = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    install = [*prefix, apt, 'install', '--yes', '--quiet', *packages]
    for command in (install, [*prefix, apt, 'update', '--quiet'], install):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=quiet)
        if command is install and done.returncode == 0:
            return
    words = ' '.join(done.stderr.split()[-40:])
    raise SandboxError(f'{why} {programs.apt_line(packages)} (it failed here: {words})')
