"""The one-machine cloud for the tests: brought up if it does not run, left as it was found."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox import cloud as clouds
from sandbox import processes, seeds, services, users
from sandbox.layout import Layout
from sandbox.rest import Session
from sandbox.state import State, locked
from tests import patience

_HTTP_ERROR, _LOCKED = 400, 409


class Cloud:
    """Keystone, Ironic, the database and the lease service, and the people who use them."""

    def __init__(self, layout: Layout, state: State) -> None:
        self.layout = layout
        self.state = state
        self.projects = seeds.Identity(state).ids('projects')
        self._sessions: dict[str, Session] = {}

    def session(self, user: str) -> Session:
        if user not in self._sessions:
            self._sessions[user] = seeds.session(self.state, users.find(user))
        return self._sessions[user]

    def lease(self, user: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call the lease service."""
        return self.session(user).send(method, f'{self.state.url("api")}{path}', body)

    def must(self, user: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Call the lease service, which has to agree."""
        code, answer = self.lease(user, method, path, body)
        assert code < _HTTP_ERROR, f'{method} {path} -> {code}: {answer}'
        return answer

    def ironic(self, user: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call Ironic."""
        url = f'{self.state.url("ironic")}/v1/nodes/{path}'
        return self.session(user).send(method, url, body, version=seeds.IRONIC_VERSION)

    def order(self, user: str, method: str, path: str, body: object) -> None:
        """Let Ironic do something with a node, as soon as what it did before is done."""
        answers: list[tuple[int, Any]] = []

        def taken() -> bool:
            answers.append(self.ironic(user, method, path, body))
            return answers[-1][0] != _LOCKED

        until('the node is not locked', taken)
        assert answers[-1][0] < _HTTP_ERROR, answers[-1]

    def write(self, change: str, *values: object) -> int:
        """Change Ironic's own database; return in how many rows."""
        file = self.layout.data / 'ironic.db'
        with closing(sqlite3.connect(file, timeout=30)) as database, database:
            return database.execute(change, values).rowcount

    def node(self, name: str) -> Any:  # noqa: ANN401 - a node as Ironic shows it
        """Look at a node as the system's admin."""
        code, answer = self.ironic('system-admin', 'GET', name)
        assert code < _HTTP_ERROR, answer
        return answer

    def give(self, node: str, lessee: str, start: datetime, seconds: float) -> str:
        """Let the owner lease a node to a project from an instant on."""
        made = self.must(
            'owner-member',
            'POST',
            '/v1/leases',
            {
                'resource_uuid': node,
                'project_id': lessee,
                'start_time': start.isoformat(),
                'end_time': (start + timedelta(seconds=seconds)).isoformat(),
            },
        )
        return made['uuid']

    def end_soon(self, lease: str, seconds: float = 3) -> datetime:
        """Shorten a lease when all that has to come before its end has come; return the end.

        A window that is fixed beforehand is over too early where the machine is slow today.
        """
        while True:
            end = now() + timedelta(seconds=seconds)
            body = {'end_time': end.isoformat()}
            code, answer = self.lease('owner-member', 'PATCH', f'/v1/leases/{lease}', body)
            if code < _HTTP_ERROR:
                return end
            assert end < now(), answer  # only a machine that stood still is excused

    def status(self, lease: str) -> str:
        return self.must('owner-member', 'GET', f'/v1/leases/{lease}')['status']

    def has(self, node: str) -> str | None:
        """Return the name of the project that is the node's lessee in Ironic."""
        return self.lessee(self.node(node))

    def lessee(self, found: Any) -> str | None:  # noqa: ANN401 - a node as Ironic shows it
        """Return the name of the project that is the lessee of a node that was looked at."""
        names = {uuid: name for name, uuid in self.projects.items()}
        return names.get(found['lessee'])

    def is_back(self, node: str) -> bool:
        found = self.node(node)
        return (
            found['lessee'] is None
            and 'lease_uuid' not in found['properties']
            and found['provision_state'] == 'available'
            and found['power_state'] != 'power on'
        )

    def stop(self, *names: str) -> None:
        for name in names:
            services.stop(self.layout, self.state, name)

    def start(self, *names: str) -> None:
        services.start(self.layout, self.state, *names)

    def pid(self, name: str) -> int:
        return self.state.processes[name].pid

    def runs(self, name: str) -> bool:
        return processes.is_alive(self.state.processes[name])


def now() -> datetime:
    return datetime.now(UTC)


def until(what: str, true: Callable[[], bool], seconds: float = 240, every: float = 0.2) -> float:
    """Wait as `tests.patience.until` does, for what Ironic or the service has to do.

    Each look is a call to them, so it does not come as often.
    """
    return patience.until(true, what, every, seconds)


@pytest.fixture(scope='session')
def cloud() -> Iterator[Cloud]:
    layout = Layout()
    was_running = bool(State.load(layout).processes)
    with locked(layout):
        state = clouds.up(
            layout, nodes=4, database='mariadb', console=True, redfish=True, neutron=True
        )
    yield Cloud(layout, State.load(layout) if state is None else state)
    if not was_running:
        with locked(layout):
            clouds.down(layout)


@pytest.fixture
def nodes(cloud: Cloud) -> list[str]:
    """The nodes of the cloud, all of them free."""
    names = [f'node-{number}' for number in range(1, cloud.state.nodes + 1)]
    free(cloud, names)
    return names


def free(cloud: Cloud, names: Sequence[str]) -> None:
    """End all leases and offers, and wait until the nodes are back."""
    for lease in cloud.must('admin', 'GET', '/v1/leases?view=all')['leases']:
        cloud.lease('admin', 'DELETE', f'/v1/leases/{lease["uuid"]}')
    for offer in cloud.must('admin', 'GET', '/v1/offers')['offers']:
        cloud.lease('admin', 'DELETE', f'/v1/offers/{offer["uuid"]}')
    for name in names:
        until(f'{name} is free', lambda name=name: cloud.is_back(name))
