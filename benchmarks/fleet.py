"""Nodes by the thousand, for services that only book them."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

from benchmarks.contestants import Cloud, dummy_nodes
from sandbox import seeds, users

_NAMESPACE = uuid.UUID(int=0)
_CLASS = 'baremetal'
_PROPERTIES = {'cpus': 16, 'memory_mb': 65536, 'local_gb': 480, 'cpu_arch': 'x86_64'}


def in_ironic(cloud: Cloud, count: int) -> list[str]:
    """Return the uuids of so many nodes, made in Ironic where they are missing.

    They are enrolled and no more: a node that is only booked needs no power and no port.
    """
    admin = seeds.session(cloud.state, users.SYSTEM_ADMIN)
    url = f'{cloud.state.url("ironic")}/v1/nodes'
    owner = _owner(cloud)
    wanted = _uuids(count)
    known: set[str] = set()
    page = f'{url}?fields=uuid'
    while page:
        answer = admin.must('GET', page, version=seeds.IRONIC_VERSION)
        known |= {node['uuid'] for node in answer['nodes']}
        page = answer.get('next', '')

    def enrol(number: int) -> None:
        body = {
            'uuid': wanted[number],
            'name': f'bench-{number}',
            'driver': 'fake-hardware',
            'owner': owner,
            'resource_class': _CLASS,
            'properties': _PROPERTIES,
        }
        admin.must('POST', url, body, version=seeds.IRONIC_VERSION)

    missing = [number for number, each in enumerate(wanted) if each not in known]
    if missing:
        print(f'Enrolling {len(missing)} nodes in Ironic ...')
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(enrol, missing))
    return wanted


def in_files(cloud: Cloud, count: int) -> list[str]:
    """Return the uuids of so many nodes, each made as a file."""
    folder, owner, wanted = dummy_nodes(cloud), _owner(cloud), _uuids(count)
    folder.mkdir()
    node = {
        'project_owner_id': owner,
        'resource_class': _CLASS,
        'properties': _PROPERTIES,
        'provision_state': 'available',
        'power_state': 'power off',
    }
    for each in wanted:
        (folder / each).write_text(json.dumps(node))
    return wanted


def _owner(cloud: Cloud) -> str:
    return seeds.Identity(cloud.state).ids('projects')['owner']


def _uuids(count: int) -> list[str]:
    return [str(uuid.uuid5(_NAMESPACE, f'bench-{number}')) for number in range(count)]
