"""A fleet of JSON files, for development and load tests.

Each file of the directory is a node; the name of the file is the node's uuid. Only the key
`project_owner_id` is required; keys that this module does not know are kept. A hand-over writes
`lease_uuid` and `project_id`, a return removes them.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from esi_leap.core.errors import (
    NoConsoleError,
    NodeBusyError,
    NodeNotFoundError,
    UnavailableError,
)
from esi_leap.core.handover.leftovers import (
    BootAsUsual,
    EjectMedia,
    Leftovers,
    Removal,
    RemoveVolume,
)
from esi_leap.core.handover.machine import REMEMBERED, Machine
from esi_leap.core.handover.network import Attachment, Attachments, Unbind
from esi_leap.core.handover.steps import (
    ConsoleOff,
    DetachVif,
    Maintain,
    Patch,
    PowerOff,
    Provision,
    SetTraits,
    Verb,
)
from esi_leap.core.inventory import Sighting
from esi_leap.core.ports.cloud import Address, Nodes

PREFIX = 'dummy-node-'
_LONGEST = 36
_PAGE = 500
#: Fields of a machine to the keys of the file, where these differ.
_KEYS = {'lessee': 'project_id', 'properties/lease_uuid': 'lease_uuid'}
#: Remembered fields to their values if the file does not have them; None for all others.
_EMPTY: Mapping[str, object] = {'extra': {}, 'properties': {}, 'traits': []}
#: Provision verbs to the states that they lead to at once.
_REACHED = {
    'manage': 'manageable',
    'provide': 'available',
    'deleted': 'available',
    'abort': 'available',
    'active': 'active',
}


class DummyNodes(Nodes):
    """The nodes in one directory.

    Args:
        directory: the directory of the files.
    """

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    @override
    def find(self, ident: str) -> Machine:
        try:
            return self.get(ident)
        except NodeNotFoundError:
            if not ident.startswith(PREFIX):
                raise
            return self.get(ident.removeprefix(PREFIX))

    @override
    def get(self, uuid: str, *, closely: bool = False, ports: bool = False) -> Machine:
        content = self._read(uuid)
        machine = _machine(uuid, content)
        if 'ports' in content:
            machine = replace(machine, ports=_ports(content['ports']) if closely or ports else None)
        return replace(machine, left=_left(content)) if closely else machine

    @override
    def volumes(self, uuid: str) -> Mapping[str, str]:
        return _left(self._read(uuid)).volumes

    @override
    def do(self, machine: Machine, verb: Verb) -> None:
        content = dict(self._read(machine.uuid))
        match verb:
            case Patch(values):
                _apply(content, values)
            case Provision(target) if target in _REACHED:
                content['provision_state'] = _REACHED[target]
            case Provision(target):
                raise NodeBusyError(f'A dummy node does not know the verb {target}.')
            case PowerOff():
                content['power_state'] = 'power off'
            case ConsoleOff():
                content['console'] = False
            case Maintain(reason):
                content['maintenance'] = reason is not None
                content['maintenance_reason'] = reason
            case DetachVif() | Unbind():
                _disconnect(content, verb)
            case SetTraits(traits):
                content['traits'] = list(traits)
            case EjectMedia() | RemoveVolume() | BootAsUsual():
                _remove(content, verb)
        self._write(machine.uuid, content)

    @override
    def pages(self) -> Iterator[Sequence[Sighting]]:
        try:
            names = sorted(each.name for each in self._directory.iterdir())
        except OSError as error:
            raise UnavailableError(f'The directory {self._directory} cannot be read.') from error
        for start in range(0, len(names), _PAGE):
            yield [
                machine
                for name in names[start : start + _PAGE]
                if (machine := self._read_machine(name))
            ]

    def _read_machine(self, name: str) -> Machine | None:
        """Return a machine; None if its file is gone or cannot be read."""
        try:
            return self.get(name)
        except (NodeNotFoundError, UnavailableError):
            return None

    @override
    def lets_open_console(self, uuid: str, token: str | None) -> bool:
        del uuid, token  # a file has no rules of its own
        return True

    @override
    def console(self, uuid: str) -> Address:
        content = self._read(uuid).get('console')
        url = urlsplit(content if isinstance(content, str) else '')
        if url.scheme != 'tcp' or not (url.hostname and url.port):
            raise NoConsoleError(f'The dummy node {uuid} has no key console like tcp://host:port.')
        return Address(url.hostname, url.port)

    def _path(self, uuid: str) -> Path:
        unfit = '/' in uuid or '\0' in uuid or uuid.startswith('.')
        if unfit or not 0 < len(uuid) <= _LONGEST:
            raise NodeNotFoundError.of(uuid)
        return self._directory / uuid

    def _read(self, uuid: str) -> Mapping[str, Any]:
        try:
            content = json.loads(self._path(uuid).read_text(encoding='utf-8'))
        except (FileNotFoundError, IsADirectoryError):
            raise NodeNotFoundError.of(uuid) from None
        except (OSError, ValueError) as error:
            raise UnavailableError(f'The file of the dummy node {uuid} cannot be read.') from error
        if not isinstance(content, dict) or 'project_owner_id' not in content:
            raise UnavailableError(f'The file of the dummy node {uuid} has no project_owner_id.')
        return content

    def _write(self, uuid: str, content: Mapping[str, Any]) -> None:
        with tempfile.NamedTemporaryFile(
            'w', dir=self._directory, prefix='.', delete=False, encoding='utf-8'
        ) as fresh:
            json.dump(content, fresh, indent=2)
        os.replace(fresh.name, self._path(uuid))  # noqa: PTH105 - atomic, and named so


def _apply(content: dict[str, Any], values: Mapping[str, object]) -> None:
    for path, value in values.items():
        key = _KEYS.get(path, path)
        if key == 'properties':  # the label is one of them
            content.pop('lease_uuid', None)
        if value is None:
            content.pop(key, None)
        else:
            content[key] = value


def _disconnect(content: dict[str, Any], verb: DetachVif | Unbind) -> None:
    match verb:
        case DetachVif(vif):
            content['vifs'] = [each for each in content.get('vifs', []) if each != vif]
        case Unbind(port):
            ports = content['ports']
            content['ports'] = {name: ports[name] for name in ports if name != port}


def _remove(content: dict[str, Any], verb: Removal) -> None:
    match verb:
        case EjectMedia():
            content['media'] = False
        case RemoveVolume(volume):
            volumes = content.get('volumes', {})
            content['volumes'] = {name: volumes[name] for name in volumes if name != volume}
        case BootAsUsual():
            content['boots'] = False


def _left(content: Mapping[str, Any]) -> Leftovers:
    return Leftovers(
        media=bool(content.get('media')),
        volumes=content.get('volumes', {}),
        boots=bool(content.get('boots')),
    )


def _ports(content: Mapping[str, str] | str) -> Attachments:
    """Return the bound ports, each with its project; a string says why they are unknown."""
    if isinstance(content, str):
        return Attachments(unseen=content)
    return Attachments(
        tuple(Attachment(id=name, project_id=project) for name, project in content.items())
    )


def _field(content: Mapping[str, Any], name: str) -> object:
    value = content.get(name)
    return _EMPTY.get(name) if value is None else value


def _machine(uuid: str, content: Mapping[str, Any]) -> Machine:
    return Machine(
        uuid=uuid,
        name=f'{PREFIX}{uuid}',
        owner=content['project_owner_id'],
        lessee=content.get('project_id'),
        lease_label=content.get('lease_uuid'),
        provision_state=content.get('provision_state', 'available'),
        target_provision_state=content.get('target_provision_state'),
        power_state=content.get('power_state'),
        target_power_state=content.get('target_power_state'),
        resource_class=content.get('resource_class'),
        properties=content.get('properties', {}),
        fields={name: _field(content, name) for name in REMEMBERED},
        maintenance=bool(content.get('maintenance')),
        maintenance_reason=content.get('maintenance_reason'),
        instance_info=bool(content.get('instance_info')),
        console=bool(content.get('console')),
        vifs=tuple(content.get('vifs', ())),
    )
