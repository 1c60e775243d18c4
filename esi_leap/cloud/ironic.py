"""Nodes in Ironic. See `core.ports.cloud.Nodes`.

Only the fields that we look at are read: Ironic takes a third less time for these.

Nothing is retried here: the manager backs off, and knows when its claim on the node runs out.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from keystoneauth1 import exceptions

from esi_leap.cloud.neutron import Neutron
from esi_leap.cloud.rest import AnswerError, Service, SilenceError
from esi_leap.core.errors import (
    NoConsoleError,
    NodeBusyError,
    NodeNotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from esi_leap.core.handover.leftovers import (
    BootAsUsual,
    EjectMedia,
    Leftovers,
    Removal,
    RemoveVolume,
)
from esi_leap.core.handover.machine import PATCHABLE, REMEMBERED, Machine
from esi_leap.core.handover.network import Unbind
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
from esi_leap.core.ports.cloud import Address

_LOG = logging.getLogger(__name__)

#: Names and uuids that Ironic accepts; anything else would be a path or a query in a URL.
_IDENT = re.compile(r'(?!\.+$)[0-9A-Za-z._~-]{1,255}')

#: What is asked for of a node, and since when Ironic has all of it.
_FIELDS = (
    'uuid',
    'name',
    'owner',
    'lessee',
    'properties',
    'resource_class',
    'extra',
    'description',
    'protected',
    'protected_reason',
    'provision_state',
    'target_provision_state',
    'power_state',
    'target_power_state',
    'reservation',
    'maintenance',
    'maintenance_reason',
    'retired',
    'fault',
    'instance_uuid',
    'allocation_uuid',
    'instance_info',
    'console_enabled',
    'automated_clean',
    'driver_internal_info',
    'last_error',
    'traits',
)
_VERSION = '1.65'
#: Since when virtual media can be seen, and taken out.
_MEDIA_VERSION = '1.93'
#: Since when a deployment that waits can be aborted, too; an older Ironic aborts what it can.
_ABORT_VERSION = '1.110'
#: What Ironic answers where a driver cannot do what it is asked for.
_UNSUPPORTED = HTTPStatus.BAD_REQUEST
#: What a node boots from that nobody has told otherwise.
_USUAL_BOOT = 'pxe'

#: What the inventory asks for of each node.
_SEEN = (
    'uuid',
    'name',
    'owner',
    'lessee',
    'properties',
    'resource_class',
    'provision_state',
    'target_provision_state',
    'power_state',
    'target_power_state',
    'maintenance',
)

_LABEL = 'lease_uuid'
_NOT_FOR_READERS = frozenset({_LABEL, 'capabilities'})


#: Nodes at the end of a page of which one has to exist still when the next page is read.
_MARKS = 5


class IronicNodes:
    """Nodes of one Ironic.

    Args:
        service: the API of Ironic, 1.
        network: the Neutron of the same cloud; None: what Ironic says of networks is believed.
        page_size: nodes that are asked for at once, where all are read.
    """

    def __init__(
        self, service: Service, network: Neutron | None = None, page_size: int = 1000
    ) -> None:
        self._service = service
        self._network = network
        self._page_size = page_size

    def find(self, ident: str) -> Machine:
        """Find a machine by uuid or name, without its virtual interfaces."""
        if not _IDENT.fullmatch(ident):
            raise NodeNotFoundError.of(ident)
        with self._asked(ident):
            return _machine(self._read(ident), ())

    def get(self, uuid: str, *, closely: bool = False, ports: bool = False) -> Machine:
        """Read a machine with its virtual interfaces; closely, with all that is left beside it."""
        with self._asked(uuid):
            node = self._read(uuid)
            vifs = tuple(vif['id'] for vif in self._get(f'/nodes/{uuid}/vifs')['vifs'])
            left = self._left(uuid) if closely else None
        machine = _machine(node, vifs, left)
        if self._network is None:
            return machine
        seen = self._network.ports(uuid, vifs) if closely or ports else None
        return replace(machine, ports=seen)

    def volumes(self, uuid: str) -> Mapping[str, str]:
        """Read the volume connectors and targets, each with its last change."""
        with self._asked(uuid):
            return self._volumes(uuid)

    def do(self, machine: Machine, verb: Verb) -> None:
        """Carry out one verb."""
        with self._asked(machine.uuid):
            match verb:
                case Patch(values):
                    self._change('PATCH', machine, '', _patch(values))
                case Provision(target):
                    self._provision(machine, target)
                case PowerOff():
                    self._change('PUT', machine, '/states/power', {'target': 'power off'})
                case ConsoleOff():
                    self._change('PUT', machine, '/states/console', {'enabled': False})
                case Maintain(None):
                    self._change('DELETE', machine, '/maintenance')
                case Maintain(reason):
                    self._change('PUT', machine, '/maintenance', {'reason': reason})
                case DetachVif() | Unbind():
                    self._disconnect(machine, verb)
                case SetTraits(traits):
                    self._change('PUT', machine, '/traits', {'traits': list(traits)})
                case EjectMedia() | RemoveVolume() | BootAsUsual():
                    self._remove(machine, verb)

    def pages(self) -> Iterator[Sequence[Sighting]]:
        """Read all machines, page after page."""
        for page in self._pages(_SEEN):
            yield [_sighting(node) for node in page]

    def lets_open_console(self, uuid: str, token: str | None) -> bool:
        """Ask Ironic for the console with the user's own token; it is guarded by its own rule.

        Ironic answers 403 to those who may only see the node, and 404 to those who may not.
        """
        with self._asked(uuid):
            try:
                self._get(
                    f'/nodes/{uuid}/states/console',
                    headers={'X-Auth-Token': token or ''},
                    authenticated=False,
                )
            except AnswerError as error:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    raise UnauthenticatedError(
                        'The token of the request is not valid any more.'
                    ) from error
                if error.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
                    return False
                raise
            return True

    def console(self, uuid: str) -> Address:
        """Return where the serial line of a node is reached: a TCP port that socat serves."""
        with self._asked(uuid):
            found = self._get(f'/nodes/{uuid}/states/console')
        if not found.get('console_enabled'):
            raise NoConsoleError(
                'The console is switched off: openstack baremetal node console enable.'
            )
        info = found.get('console_info') or {}
        url = urlsplit(str(info.get('url', '')))
        if info.get('type') != 'socat' or url.scheme != 'tcp' or not (url.hostname and url.port):
            raise NoConsoleError(
                f"The console is of the type {info.get('type', 'none')}; socat's can be reached."
            )
        return Address(url.hostname, url.port)

    def with_automatic_lessee(self) -> list[str]:
        """Return the names of the nodes whose lessee a deployment has set, past every policy."""
        return [
            node['name'] or node['uuid']
            for page in self._pages(('uuid', 'name', 'driver_internal_info'))
            for node in page
            if _automatic(node['driver_internal_info'])
        ]

    def _pages(self, fields: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Read fields of all nodes; Ironic may make the pages smaller than we ask."""
        marks: list[str] = []
        while page := self._page(fields, marks):
            yield page
            marks = [node['uuid'] for node in page[-_MARKS:]]

    def _page(self, fields: Sequence[str], marks: list[str]) -> list[dict[str, Any]]:
        """Read the page after the last of the nodes of the page before that still exists."""
        params: dict[str, object] = {'fields': ','.join(fields), 'limit': self._page_size}
        while True:
            after = {'marker': marks[-1]} if marks else {}
            try:
                with self._asked(marks[-1] if marks else 'first'):
                    page: list[dict[str, Any]] = self._get('/nodes', params={**params, **after})[
                        'nodes'
                    ]
                    return page
            except NodeNotFoundError as error:
                marks[-1:] = []
                if not marks:
                    raise UnavailableError('Ironic lost the place in its list.') from error

    def _read(self, ident: str) -> dict[str, Any]:
        node: dict[str, Any] = self._get(f'/nodes/{ident}', params={'fields': ','.join(_FIELDS)})
        return node

    def _get(self, path: str, **more: Any) -> Any:  # noqa: ANN401 - any JSON
        return self._service.get(path, microversion=_VERSION, **more)

    def _left(self, uuid: str) -> Leftovers:
        media = self._supported(f'/nodes/{uuid}/vmedia', version=_MEDIA_VERSION) or []
        device = self._boot_device(uuid)
        return Leftovers(
            media=any(each['inserted'] for each in media),
            volumes=self._volumes(uuid),
            boots=device not in {None, _USUAL_BOOT} and device != self._usual_boot(uuid),
        )

    def _boot_device(self, uuid: str) -> str | None:
        try:
            found = self._supported(f'/nodes/{uuid}/management/boot_device') or {}
        except (AnswerError, exceptions.ConnectTimeout) as error:
            if isinstance(error, AnswerError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            # There are BMCs that never tell it, and Ironic may ask them for a minute. It sets it
            # whenever it boots the node; keeping the node back for good would be worse.
            _LOG.warning('node %s does not tell its boot device: %s', uuid, error)
            return None
        return found.get('boot_device')

    def _volumes(self, uuid: str) -> dict[str, str]:
        return {
            f'{kind}/{each["uuid"]}': each['updated_at'] or each['created_at']
            for kind in ('connectors', 'targets')
            for each in self._get(f'/volume/{kind}', params={'node': uuid, 'detail': True})[kind]
        }

    def _usual_boot(self, uuid: str) -> str:
        found = self._get(f'/nodes/{uuid}/management/boot_device/supported')
        supported: list[str] = found['supported_boot_devices']
        return _USUAL_BOOT if _USUAL_BOOT in supported else supported[0]

    def _supported(self, path: str, version: str = _VERSION) -> Any:  # noqa: ANN401 - any JSON
        """Read what not every driver has, and not every Ironic: None where it is not."""
        try:
            return self._service.get(path, microversion=version)
        except AnswerError as error:
            if error.status not in {_UNSUPPORTED, HTTPStatus.NOT_ACCEPTABLE}:
                raise
            return None

    def _change(
        self,
        method: str,
        machine: Machine,
        path: str,
        body: object = None,
        version: str = _VERSION,
    ) -> None:
        path = f'/nodes/{machine.uuid}{path}'
        self._service.ask(method, path, json=body, microversion=version)

    def _provision(self, machine: Machine, target: str) -> None:
        body, path = {'target': target}, '/states/provision'
        if target == 'abort':
            try:
                self._change('PUT', machine, path, body, version=_ABORT_VERSION)
            except AnswerError as error:
                if error.status != HTTPStatus.NOT_ACCEPTABLE:
                    raise
            else:
                return
        self._change('PUT', machine, path, body)

    def _remove(self, machine: Machine, verb: Removal) -> None:
        match verb:
            case EjectMedia():
                # Each is named: Ironic 39 takes out all if none is, and fails after that.
                path = '/vmedia?device_types=cdrom,disk,floppy'
                self._change('DELETE', machine, path, version=_MEDIA_VERSION)
            case RemoveVolume(volume):
                self._remove_volume(volume)
            case BootAsUsual():
                boot = {'boot_device': self._usual_boot(machine.uuid), 'persistent': False}
                self._change('PUT', machine, '/management/boot_device', boot)

    def _remove_volume(self, volume: str) -> None:
        try:
            self._service.ask('DELETE', f'/volume/{volume}', microversion=_VERSION)
        except AnswerError as error:
            if error.status != HTTPStatus.NOT_FOUND:  # it is gone, which is all we want
                raise

    def _disconnect(self, machine: Machine, verb: DetachVif | Unbind) -> None:
        if isinstance(verb, Unbind):
            if self._network is not None:
                self._network.unbind(verb.port)
            return
        try:
            self._change('DELETE', machine, f'/vifs/{quote(verb.vif, safe="")}')
        except AnswerError as error:
            if error.status != HTTPStatus.BAD_REQUEST:  # which says that it is not attached
                raise

    @contextmanager
    def _asked(self, ident: str) -> Iterator[None]:
        try:
            yield
        except AnswerError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                self._check_sight(ident)
                raise NodeNotFoundError.of(ident) from error
            if error.status in {401, 408, 429} or error.status >= 500:  # noqa: PLR2004 - HTTP's own
                raise UnavailableError(f'Ironic answered {error.status}; try again.') from error
            raise NodeBusyError(f'Ironic refused ({error.status}): {error.reason}') from error
        except SilenceError as error:
            raise UnavailableError('Ironic does not answer; try again.') from error

    def _check_sight(self, ident: str) -> None:
        """Tell "the node is gone" from "our rights are gone": Ironic says 404 to both.

        The node is asked for once more after others were seen: while Ironic starts, it answers
        before it has read all of its rules, and has read them some milliseconds later.

        Raises:
            UnavailableError: it is not gone.
        """
        try:
            seen = self._get('/nodes', params={'fields': 'uuid', 'limit': 1})['nodes']
        except (AnswerError, *SilenceError) as error:
            raise UnavailableError('Ironic does not answer; try again.') from error
        if not seen:
            raise UnavailableError(
                'Ironic shows this service no node at all; check the rights of its user.'
            )
        try:
            self._get(f'/nodes/{ident}', params={'fields': 'uuid'})
        except AnswerError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            raise UnavailableError(f'Ironic answered {error.status}; try again.') from error
        except SilenceError as error:
            raise UnavailableError('Ironic does not answer; try again.') from error
        raise UnavailableError('Ironic did not show the node for a moment; try again.')


def _patch(values: Any) -> list[dict[str, object]]:  # noqa: ANN401 - a mapping of JSON values
    return [
        {'op': 'remove', 'path': f'/{path}'}
        if value is None
        else {'op': 'add', 'path': f'/{path}', 'value': value}
        for path, value in values.items()
    ]


def _sighting(node: Mapping[str, Any]) -> Sighting:
    return Sighting(**_shown(node))


def _shown(node: Mapping[str, Any]) -> dict[str, Any]:
    properties = node['properties'] or {}
    return {
        'uuid': node['uuid'],
        'name': node['name'] or node['uuid'],
        'owner': node['owner'],
        'lessee': node['lessee'],
        'resource_class': node['resource_class'],
        'properties': {
            key: value for key, value in properties.items() if key not in _NOT_FOR_READERS
        },
        'provision_state': node['provision_state'],
        'target_provision_state': node['target_provision_state'],
        'power_state': node['power_state'],
        'target_power_state': node['target_power_state'],
        'maintenance': bool(node['maintenance']),
    }


def _machine(
    node: Mapping[str, Any], vifs: tuple[str, ...], left: Leftovers | None = None
) -> Machine:
    properties = dict(node['properties'] or {})
    label = properties.pop(_LABEL, None)
    values = {
        'extra': node['extra'] or {},
        'description': node['description'],
        'resource_class': node['resource_class'],
        'protected': bool(node['protected']),
        'protected_reason': node['protected_reason'],
        'properties': properties,
        'traits': sorted(node['traits'] or ()),
    }
    return Machine(
        **_shown(node),
        lease_label=label,
        fields={name: values[name] for name in REMEMBERED},
        busy=_busy(node),
        maintenance_reason=node['maintenance_reason'],
        retired=bool(node['retired']),
        fault=node['fault'],
        instance=node['instance_uuid'] or node['allocation_uuid'],
        instance_info=bool(node['instance_info']),
        console=bool(node['console_enabled']),
        vifs=vifs,
        cleans=node['automated_clean'] is not False,
        automatic_lessee=_automatic(node['driver_internal_info']),
        last_error=node['last_error'],
        left=left,
    )


def _automatic(info: Mapping[str, Any] | None) -> bool:
    return bool((info or {}).get('automatic_lessee'))


def _busy(node: Mapping[str, Any]) -> str | None:
    if node['reservation']:
        return f'locked by {node["reservation"]}'
    state, target = node['provision_state'], node['target_provision_state']
    if target and state not in PATCHABLE:
        return f'{state}, on its way to {target}'
    if node['target_power_state']:
        return f'on its way to {node["target_power_state"]}'
    return None
