"""The services of the cloud: how each is started, how one sees that it works, how it is ended."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import databases, machine, ports, processes, redfish, rest
from sandbox.errors import SandboxError, tail
from sandbox.layout import Layout, environment
from sandbox.state import State

NAMES = (
    'keystone',
    'ironic',
    'neutron',
    'database',
    'api',
    'manager',
    'machine',
    'console',
    'redfish',
)
#: Those that run only for the node with a real serial console.
OF_CONSOLE = ('machine', 'console')
#: The one for the node with a BMC that speaks Redfish.
OF_REDFISH = ('redfish',)
DATABASE = 'esi_leap'
#: Modules that run inside the environments of the services.
WSGI = Path(__file__).parent / 'wsgi'


def with_port(state: State) -> dict[str, str]:
    """Return what needs a port, each with the service that listens on it."""
    known = {name: name for name in ('keystone', 'ironic', 'api', 'database')}
    if state.neutron:
        known['neutron'] = 'neutron'
    if state.console:
        known |= {'bmc': 'machine', 'serial': 'machine', 'socat': 'ironic', 'console': 'console'}
    if state.redfish:
        known |= {'redfish': 'redfish'}
    return known


def unwanted(state: State) -> set[str]:
    """Return the services that this cloud does without."""
    return {
        *(OF_CONSOLE if not state.console else ()),
        *(OF_REDFISH if not state.redfish else ()),
        *(('neutron',) if not state.neutron else ()),
        *(('database',) if state.database == 'sqlite' else ()),
    }


@dataclass(frozen=True)
class Service:
    """One long-running program."""

    command: list[str | Path]
    is_ready: Callable[[], bool]
    grace: float = 10
    env: dict[str, str] = field(default_factory=dict)
    port: int = 0
    timeout: float = 90


def describe(layout: Layout, state: State, name: str) -> Service:
    """Return how a service of this cloud is run."""
    return _DESCRIBED[name](layout, state)


def _keystone(layout: Layout, state: State) -> Service:
    port = state.ports['keystone']
    return Service(
        [
            layout.program('keystone', 'gunicorn'),
            f'--bind=127.0.0.1:{port}',
            '--workers=1',
            '--threads=8',
            f'--pythonpath={WSGI}',
            'keystone_app:application',
        ],
        _answers(f'{state.url("keystone")}/v3'),
        env={'OS_KEYSTONE_CONFIG_DIR': str(layout.etc / 'keystone')},
        port=port,
    )


def _ironic(layout: Layout, state: State) -> Service:
    conf = layout.etc / 'ironic' / 'ironic.conf'
    return Service(
        [layout.program('ironic', 'ironic'), f'--config-file={conf}'],
        _answers(f'{state.url("ironic")}/v1'),
        port=state.ports['ironic'],
    )


def _neutron(layout: Layout, state: State) -> Service:
    port = state.ports['neutron']
    return Service(
        [
            layout.program('neutron', 'gunicorn'),
            f'--bind=127.0.0.1:{port}',
            # One request at a time: two that write would meet in the SQLite file.
            '--workers=1',
            '--timeout=120',
            f'--pythonpath={WSGI},{layout.etc / "neutron" / "plugins"}',
            'neutron_app:application',
        ],
        _answers(f'{state.url("neutron")}/'),
        env={
            'OS_NEUTRON_CONFIG_DIR': str(layout.etc / 'neutron'),
            'OS_NEUTRON_CONFIG_FILES': 'neutron.conf',
        },
        port=port,
    )


def _api(layout: Layout, state: State) -> Service:
    return Service(
        _ours(layout, 'esi-leap-api'),
        _answers(f'{state.url("api")}/healthcheck'),
        grace=20,
        port=state.ports['api'],
    )


def _manager(layout: Layout, state: State) -> Service:
    del state
    # The manager listens nowhere; that it still runs after a moment is all one sees from outside.
    settled = time.monotonic() + 1.5
    return Service(_ours(layout, 'esi-leap-manager'), lambda: time.monotonic() > settled, grace=20)


def _machine(layout: Layout, state: State) -> Service:
    port = state.ports['serial']
    return Service(
        [sys.executable, Path(machine.__file__), layout.machine, str(port)],
        lambda: not ports.is_free(port),
        port=port,
    )


def _console(layout: Layout, state: State) -> Service:
    return Service(
        _ours(layout, 'esi-leap-serial-console-proxy'),
        _answers(f'{state.url("console")}/healthcheck'),
        port=state.ports['console'],
    )


def _redfish(layout: Layout, state: State) -> Service:
    return Service(
        [
            layout.program('redfish', 'python'),
            WSGI / 'redfish_emulator.py',
            '--config',
            layout.redfish / redfish.CONFIG,
        ],
        _answers(f'{state.url("redfish")}/redfish/v1/'),
        port=state.ports['redfish'],
    )


_DESCRIBED = {
    'keystone': _keystone,
    'ironic': _ironic,
    'neutron': _neutron,
    'api': _api,
    'manager': _manager,
    'machine': _machine,
    'console': _console,
    'redfish': _redfish,
}


def _ours(layout: Layout, name: str) -> list[str | Path]:
    config = layout.etc / 'esi-leap' / 'esi-leap.conf'
    return [layout.program('service', name), f'--config-file={config}']


def _answers(url: str) -> Callable[[], bool]:
    return lambda: rest.status(url) == 200  # noqa: PLR2004


def database(state: State) -> databases.Server | None:
    """Return the database server of this cloud, or nothing where it is a file."""
    if state.database == 'sqlite':
        return None
    folder = Path(state.database_folder) if state.database_folder else None
    if folder is not None and not folder.exists():
        folder = None  # temporary folders do not outlive the machine
    server = databases.KINDS[state.database](folder, state.ports['database'])
    server.process = state.processes.get('database')
    server.log = state.path.parent / 'logs' / 'database.log'
    state.database_folder = str(server.folder)
    return server


def connection(layout: Layout, state: State) -> str:
    """Return the SQLAlchemy URL of the lease service's database."""
    server = database(state)
    return server.url(DATABASE) if server else f'sqlite:///{layout.data / "esi-leap.db"}'


def is_running(state: State, name: str) -> bool:
    """Tell whether the process that was started for this service still runs."""
    process = state.processes.get(name)
    return process is not None and processes.is_alive(process)


def launch(layout: Layout, state: State, name: str) -> Service | None:
    """Start a service unless it runs; return it when its first answer is still to be awaited."""
    if is_running(state, name):
        return None
    if name in state.processes:  # a leader that is dead may have left others of its session
        processes.end(state.processes.pop(name))
    if name == 'database':
        _start_database(state)
        return None
    service = describe(layout, state, name)
    if service.port and not ports.is_free(service.port):
        raise SandboxError(
            f'Port {service.port} of 127.0.0.1, which belongs to {name} of this sandbox, is in use '
            'by another program; "down" and "up" choose new ports.'
        )
    log = layout.log(name)
    state.processes[name] = processes.spawn(
        service.command, log=log, env=environment(**service.env), cwd=layout.root
    )
    state.save()
    return service


def wait(layout: Layout, state: State, name: str, service: Service) -> None:
    """Wait until a service answers; say what its log says when it does not."""
    deadline = time.monotonic() + service.timeout
    while True:
        if not is_running(state, name):
            raise SandboxError(f'{name} ended at its start. {tail(layout.log(name))}')
        if service.is_ready():
            return
        if time.monotonic() > deadline:
            raise SandboxError(
                f'{name} runs but did not answer within {service.timeout:.0f} s. '
                f'{tail(layout.log(name))}'
            )
        time.sleep(0.1)


def start(layout: Layout, state: State, *names: str) -> None:
    """Start services side by side and wait until all of them answer."""
    launched = [(name, launch(layout, state, name)) for name in names]
    for name, service in launched:
        if service is not None:
            wait(layout, state, name, service)


def stop(layout: Layout, state: State, name: str) -> bool:
    """End a service with all it has started; tell whether there was one."""
    process = state.processes.pop(name, None)
    if process is None:
        return False
    running = processes.is_alive(process)
    if name == 'database' and (server := database(state)):
        server.process = process
        server.stop()
    else:
        grace = describe(layout, state, name).grace if state.ports else 10
        processes.end(process, grace=grace)
    state.save()
    return running


def _start_database(state: State) -> None:
    server = database(state)
    if server is None:
        raise SandboxError('The lease service keeps its data in an SQLite file; nothing to start.')
    fresh = not server.data.exists()
    state.save()
    server.start()
    if server.process is not None:
        state.processes['database'] = server.process
    if fresh:
        server.create_database(DATABASE)
    state.save()
