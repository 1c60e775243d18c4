"""The services that are measured: ours and the one it takes the place of, on the same cloud."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sandbox import databases, environments, ports, processes, rest, services
from sandbox.errors import SandboxError, tail
from sandbox.layout import Layout, environment
from sandbox.processes import Process
from sandbox.state import State

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Cloud:
    """What the services share: Keystone and Ironic of the sandbox, a server, a folder."""

    layout: Layout
    state: State
    server: databases.Server
    folder: Path


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs: where it answers, and the first process of each of its programs."""

    url: str
    pids: dict[str, int]


class Ours:
    """This project."""

    name: ClassVar[str] = 'esi-leap (this one)'
    key: ClassVar[str] = 'ours'
    venv: ClassVar[str] = 'service'
    schema: ClassVar[str] = 'upgrade'

    @staticmethod
    def adapt(config: configparser.RawConfigParser, folder: Path) -> None:
        """Change nothing of what the sandbox writes for us."""


class Existing:
    """The lease service of PyPI, which reads its configuration from the home folder only."""

    name: ClassVar[str] = 'esi-leap 1.0.0 of PyPI'
    key: ClassVar[str] = 'existing'
    venv: ClassVar[str] = 'existing'
    schema: ClassVar[str] = 'create_schema'

    @staticmethod
    def adapt(config: configparser.RawConfigParser, folder: Path) -> None:
        """Add what it needs: a folder for its locks, and a bus that leads nowhere."""
        config['DEFAULT']['transport_url'] = 'fake://'
        config['oslo_concurrency'] = {'lock_path': str(folder / 'locks')}
        config['oslo_messaging_notifications'] = {'driver': 'noop', 'transport_url': 'fake://'}


Contestant = type[Ours] | type[Existing]


@contextmanager
def running(contestant: Contestant, cloud: Cloud) -> Iterator[Running]:
    """Run the API and the manager of a service on an empty database of the server."""
    layout, state, server = cloud.layout, cloud.state, cloud.server
    environments.build(layout, [contestant.venv], database=state.database)
    server.create_database(contestant.key)
    home = cloud.folder / contestant.key
    port = ports.pick(frozenset(state.ports.values()))
    config = _configuration(contestant, cloud, port, home)
    env = environment(HOME=str(home))
    log = home / 'log'

    def command(name: str, *more: str) -> list[str]:
        # Where the existing service is told a file it forgets it at the first request.
        told = [f'--config-file={config}'] if contestant is Ours else []
        return [str(layout.program(contestant.venv, name)), *told, *more]

    with log.open('wb') as output:
        subprocess.run(
            command('esi-leap-dbsync', contestant.schema),
            check=True,
            env=env,
            cwd=home,
            stdout=output,
            stderr=output,
        )
    started: dict[str, Process] = {}
    try:
        for part in ('api', 'manager'):
            name = f'esi-leap-{part}'
            started[part] = processes.spawn(command(name), log=log, env=env, cwd=home)
        url = f'http://127.0.0.1:{port}'
        alive = services.Service([], lambda: rest.status(f'{url}/') in _ANSWERS, timeout=60)
        _await(alive, started, log)
        yield Running(url, {part: process.pid for part, process in started.items()})
    finally:
        for process in started.values():
            processes.end(process)
        server.drop_database(contestant.key)


_ANSWERS = {200, 300}


def dummy_nodes(cloud: Cloud) -> Path:
    """Return the folder of the nodes that are files."""
    return cloud.folder / 'nodes'


def _configuration(contestant: Contestant, cloud: Cloud, port: int, home: Path) -> Path:
    """Write the sandbox's own configuration with another database and port."""
    folder = home / '.esi-leap'
    shutil.rmtree(home, ignore_errors=True)
    folder.mkdir(parents=True)
    config = configparser.RawConfigParser()
    config.read(cloud.layout.etc / 'esi-leap' / 'esi-leap.conf')
    config['database']['connection'] = cloud.server.url(contestant.key)
    config['dummy_node']['dummy_node_dir'] = str(dummy_nodes(cloud))
    config['api'].update({'port': str(port), 'api_workers': str(WORKERS)})
    contestant.adapt(config, home)
    path = folder / 'esi-leap.conf'
    with path.open('w') as output:
        config.write(output)
    return path


def _await(service: services.Service, started: dict[str, Process], log: Path) -> None:
    deadline = time.monotonic() + service.timeout
    while not service.is_ready():
        if time.monotonic() > deadline or not all(map(processes.is_alive, started.values())):
            raise SandboxError(f'The service did not start. {tail(log)}')
        time.sleep(0.1)
