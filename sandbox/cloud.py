"""The whole cloud: brought up, looked at, taken down."""

import grp
import os
import pwd
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import (
    configs,
    databases,
    environments,
    machine,
    ports,
    processes,
    programs,
    seeds,
    services,
    users,
)
from sandbox.errors import SandboxError, tail
from sandbox.layout import Layout, environment
from sandbox.state import State

_Command = list[str | Path]
_BASE, _OURS = ('keystone', 'ironic', 'neutron'), ('api', 'manager')
_MACHINES = ('machine', 'redfish')
#: Virtual environments of every cloud.
ENVIRONMENTS = ('keystone', 'ironic', 'service', 'client')
#: Those of what a cloud has if asked.
OPTIONAL = ('neutron', 'redfish')


def up(
    layout: Layout,
    *,
    nodes: int | None = None,
    database: str | None = None,
    ironic_policy: str | None = None,
    console: bool | None = None,
    redfish: bool | None = None,
    neutron: bool | None = None,
    lease_service: bool = True,
) -> State:
    """Bring the cloud up, or what of it does not run; what was chosen before stays chosen."""
    begun = time.monotonic()
    state = State.load(layout)
    wanted = (
        database or state.database,
        ironic_policy or state.ironic_policy,
        state.console if console is None else console,
        state.redfish if redfish is None else redfish,
        state.neutron if neutron is None else neutron,
    )
    known = (state.database, state.ironic_policy, state.console, state.redfish, state.neutron)
    if wanted != known or not state.complete:
        if state.complete:
            print('The choices differ from those of the cloud that is here; it is made anew.')
        state = forget(layout)
        state.database, state.ironic_policy, state.console, state.redfish, state.neutron = wanted
    state.nodes = nodes or state.nodes or 3
    _bury(state)
    _require_packages(state)
    absent = services.unwanted(state)
    needed = (*ENVIRONMENTS, *(name for name in OPTIONAL if name not in absent))
    environments.build(layout, needed, database=state.database)
    if _choose_ports(state):
        state.save()
        down(layout)  # those that still run know the old ports
        state = State.load(layout)
    configs.write(layout, state, services.connection(layout, state))
    state.save()
    _make_data(layout, state)
    first = [name for name in (*_BASE, *_MACHINES) if name not in absent]
    print(f'Starting {", ".join(first)} ...')
    services.start(layout, state, *first)
    if not state.complete:
        seeds.fill_keystone(state)
        configs.write(layout, state, services.connection(layout, state))
    seeds.publish(state)
    if state.neutron:
        seeds.lay_networks(state)
    seeds.enrol_nodes(state)
    state.complete = True
    state.save()
    if lease_service:
        _start_lease_service(layout, state)
    print(f'The cloud is up after {time.monotonic() - begun:.0f} s.')
    return state


def down(layout: Layout) -> list[str]:
    """End every process of the cloud and return the names of those that ran."""
    state = State.load(layout)
    # The lease service first, while what it talks to still answers; the others side by side.
    ended = [
        name
        for name in ('console', 'manager', 'api', *_MACHINES, 'database')
        if services.stop(layout, state, name)
    ]
    with ThreadPoolExecutor() as pool:
        stopped = pool.map(lambda name: services.stop(layout, state, name), _BASE)
        ended += [name for name, ran in zip(_BASE, stopped, strict=True) if ran]
    return ended


def forget(layout: Layout) -> State:
    """End the cloud and delete all but its environments and logs."""
    down(layout)
    state = State.load(layout)
    if state.database_folder:
        shutil.rmtree(state.database_folder, ignore_errors=True)
    for folder in (layout.data, layout.etc):
        shutil.rmtree(folder, ignore_errors=True)
    state.path.unlink(missing_ok=True)
    return State.load(layout)


def status(layout: Layout) -> tuple[list[tuple[str, ...]], bool]:
    """Return one row per service, and whether everything that should run answers."""
    state = State.load(layout)
    rows: list[tuple[str, ...]] = []
    healthy = bool(state.ports)
    absent = services.unwanted(state)
    for name in services.NAMES:
        if name in absent:
            continue
        process = state.processes.get(name)
        running = process is not None and processes.is_alive(process)
        if not running:
            condition = 'stopped' if process is None else 'died'
        elif name in ('database', 'manager') or services.describe(layout, state, name).is_ready():
            condition = 'up'
        else:
            condition = 'not answering'
        healthy = healthy and condition == 'up'
        where = state.url(name) if name in state.ports and name != 'database' else ''
        pid = str(process.pid) if process and running else ''
        rows.append((name, condition, pid, where, str(layout.log(name))))
    return rows, healthy


def _bury(state: State) -> None:
    """End what is left of services whose first process has died."""
    dead = [name for name in state.processes if not services.is_running(state, name)]
    if dead:
        print(f'Cleaning up after {", ".join(dead)}, which did not end properly.')
    for name in dead:
        processes.end(state.processes.pop(name))
    state.save()


def _require_packages(state: State) -> None:
    if state.database != 'sqlite':
        missing = databases.KINDS[state.database].missing_packages()
        if missing:
            environments.install_packages(missing, f'{state.database} is not installed.')
    if state.console and (missing := programs.missing_packages(machine.NEEDS)):
        environments.install_packages(missing, 'A real console needs programs that are missing.')


def _choose_ports(state: State) -> bool:
    """Keep the ports of before; choose anew where a stopped service's port is taken by others.

    Returns:
        Whether a known port had to be changed.
    """
    changed = False
    for name, service in services.with_port(state).items():
        port = state.ports.get(name)
        if services.is_running(state, service) or (port and ports.is_free(port)):
            continue
        if port:
            print(f'Port {port} of {name} is in use by another program; choosing a new one.')
            changed = True
        state.ports[name] = ports.pick(frozenset(state.ports.values()))
    return changed


def _start_lease_service(layout: Layout, state: State) -> None:
    print('Starting the lease service ...')
    if state.database != 'sqlite':
        services.start(layout, state, 'database')
    config = layout.etc / 'esi-leap' / 'esi-leap.conf'
    _step(
        layout,
        'dbsync',
        [layout.program('service', 'esi-leap-dbsync'), f'--config-file={config}', 'upgrade'],
    )
    services.start(layout, state, *_OURS, *(('console',) if state.console else ()))


def _make_data(layout: Layout, state: State) -> None:
    """Make the databases and keys of the base where they are missing."""
    ready = layout.data / 'made'
    if ready.exists():
        return
    print('Making the databases ...')
    keystone = layout.program('keystone', 'keystone-manage')
    manage: _Command = [keystone, f'--config-file={layout.etc / "keystone" / "keystone.conf"}']
    ironic = layout.etc / 'ironic' / 'ironic.conf'
    for folder in ('fernet-keys', 'credential-keys'):
        (layout.data / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    whom = [f'--keystone-user={user}', f'--keystone-group={group}']
    admin = [f'--bootstrap-password={users.ADMIN.password}', '--bootstrap-region-id=RegionOne']
    dbsync = layout.program('ironic', 'ironic-dbsync')
    side_by_side: dict[str, list[_Command]] = {
        'keystone-keys': [
            [*manage, 'fernet_setup', *whom],
            [*manage, 'credential_setup', *whom],
        ],
        'keystone-db': [[*manage, 'db_sync'], [*manage, 'bootstrap', *admin]],
        'ironic-db': [[dbsync, f'--config-file={ironic}', 'create_schema']],
    }
    if state.neutron:
        program = [layout.program('neutron', 'python'), services.WSGI / 'neutron_tables.py']
        side_by_side['neutron-db'] = [[*program, configs.neutron_database(layout)]]

    def make(name: str) -> None:
        for command in side_by_side[name]:
            _step(layout, name, command)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(make, side_by_side))
    ready.touch()


def _step(layout: Layout, name: str, command: _Command) -> None:
    """Run a command to its end, its output in a log."""
    log = layout.log(name)
    try:
        with log.open('wb') as output:
            done = subprocess.run(
                [str(part) for part in command],
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                cwd=layout.root,
                timeout=300,
            )
    except FileNotFoundError:
        raise SandboxError(f'There is no program {command[0]}.') from None
    except subprocess.TimeoutExpired:
        raise SandboxError(f'{name} did not end within 300 s. {tail(log)}') from None
    if done.returncode:
        raise SandboxError(f'{name} failed. {tail(log)}')
