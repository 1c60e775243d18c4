"""Nodes in Ironic, through openstacksdk's baremetal proxy. See `core.ports.Nodes`.

Nothing is retried here: the manager backs off, and knows when its claim on the node runs out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keystoneauth1 import exceptions as ksa
from openstack import exceptions as sdk

from esi_leap.core.errors import NodeBusyError, NodeNotFoundError, UnavailableError
from esi_leap.core.handover import (
    REMEMBERED,
    ConsoleOff,
    DetachVif,
    Machine,
    Patch,
    PowerOff,
    Provision,
    Verb,
)

#: Names and uuids that Ironic accepts; anything else would be a path or a query in a URL.
_IDENT = re.compile(r'(?!\.+$)[0-9A-Za-z._~-]{1,255}')

_LABEL = 'lease_uuid'
_NOT_FOR_READERS = frozenset({_LABEL, 'capabilities'})


class IronicNodes:
    """Nodes of one Ironic.

    Args:
        connection: an openstacksdk connection. Its proxy is asked for at each use, because making
            it asks Ironic for its versions.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - the SDK has no types
        self._connection = connection

    def find(self, ident: str) -> Machine:
        """Find a machine by uuid or name, without its virtual interfaces."""
        if not _IDENT.fullmatch(ident):
            raise NodeNotFoundError.of(ident)
        with self._asked(ident):
            return _machine(self._connection.baremetal.get_node(ident), ())

    def get(self, uuid: str) -> Machine:
        """Read a machine with its virtual interfaces."""
        with self._asked(uuid):
            proxy = self._connection.baremetal
            return _machine(proxy.get_node(uuid), tuple(proxy.list_node_vifs(uuid)))

    def do(self, machine: Machine, verb: Verb) -> None:
        """Carry out one verb."""
        with self._asked(machine.uuid):
            proxy = self._connection.baremetal
            match verb:
                case Patch(values):
                    proxy.patch_node(machine.uuid, _patch(values), retry_on_conflict=False)
                case Provision(target):
                    proxy.set_node_provision_state(machine.uuid, target, wait=False)
                case PowerOff():
                    proxy.set_node_power_state(machine.uuid, 'power off')
                case ConsoleOff():
                    proxy.disable_node_console(machine.uuid)
                case DetachVif(vif):
                    proxy.detach_vif_from_node(machine.uuid, vif, ignore_missing=True)

    def with_automatic_lessee(self) -> list[str]:
        """Return the names of the nodes whose lessee a deployment has set, past every policy."""
        with self._asked('list'):
            found = [_machine(node, ()) for node in self._connection.baremetal.nodes(details=True)]
        return [machine.name for machine in found if machine.automatic_lessee]

    @contextmanager
    def _asked(self, ident: str) -> Iterator[None]:
        try:
            yield
        except sdk.NotFoundException as error:
            self._check_sight()
            raise NodeNotFoundError.of(ident) from error
        except sdk.HttpException as error:
            status = error.status_code or 503
            if status in {401, 408, 429} or status >= 500:  # noqa: PLR2004 - HTTP's own
                raise UnavailableError(f'Ironic answered {status}; try again.') from error
            raise NodeBusyError(f'Ironic refused ({status}): {error.details or error}') from error
        except (ksa.ClientException, sdk.SDKException) as error:
            raise UnavailableError('Ironic does not answer; try again.') from error

    def _check_sight(self) -> None:
        """Tell "the node is gone" from "our rights are gone": Ironic says 404 to both."""
        try:
            seen = next(iter(self._connection.baremetal.nodes(limit=1, paginated=False)), None)
        except (ksa.ClientException, sdk.SDKException) as error:
            raise UnavailableError('Ironic does not answer; try again.') from error
        if seen is None:
            raise UnavailableError(
                'Ironic shows this service no node at all; check the rights of its user.'
            )


def _patch(values: Any) -> list[dict[str, object]]:  # noqa: ANN401 - a mapping of JSON values
    return [
        {'op': 'remove', 'path': f'/{path}'}
        if value is None
        else {'op': 'add', 'path': f'/{path}', 'value': value}
        for path, value in values.items()
    ]


def _machine(node: Any, vifs: tuple[str, ...]) -> Machine:  # noqa: ANN401 - an SDK resource
    properties = dict(node.properties or {})
    values = {
        'extra': node.extra or {},
        'description': node.description,
        'resource_class': node.resource_class,
        'protected': bool(node.is_protected),
        'protected_reason': node.protected_reason,
    }
    return Machine(
        uuid=node.id,
        name=node.name or node.id,
        owner=node.owner,
        lessee=node.lessee,
        lease_label=properties.get(_LABEL),
        provision_state=node.provision_state,
        power_state=node.power_state,
        resource_class=node.resource_class,
        properties={key: value for key, value in properties.items() if key not in _NOT_FOR_READERS},
        fields={name: values[name] for name in REMEMBERED},
        busy=_busy(node),
        maintenance=bool(node.is_maintenance),
        maintenance_reason=node.maintenance_reason,
        retired=bool(node.is_retired),
        fault=node.fault,
        instance=node.instance_id or node.allocation_id,
        instance_info=bool(node.instance_info),
        console=bool(node.is_console_enabled),
        vifs=vifs,
        cleans=node.is_automated_clean_enabled is not False,
        automatic_lessee=bool((node.driver_internal_info or {}).get('automatic_lessee')),
        last_error=node.last_error,
    )


def _busy(node: Any) -> str | None:  # noqa: ANN401 - an SDK resource
    if node.reservation:
        return f'locked by {node.reservation}'
    state = node.provision_state or ''
    # A failed step keeps the target it did not reach, and is not on the way to it.
    if node.target_provision_state and not state.endswith('failed') and state != 'error':
        return f'{state}, on its way to {node.target_provision_state}'
    if node.target_power_state:
        return f'on its way to {node.target_power_state}'
    return None
