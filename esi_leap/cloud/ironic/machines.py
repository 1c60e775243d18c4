"""A node in Ironic's JSON becomes a `Machine` or a `Sighting` of the core.

Only the fields that are looked at are read: Ironic takes a third less time for these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esi_leap.core.handover.leftovers import Leftovers
from esi_leap.core.handover.machine import PATCHABLE, REMEMBERED, Machine
from esi_leap.core.inventory import Sighting

#: Fields of a `Machine`.
MACHINE_FIELDS = (
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
#: Fields of a `Sighting`.
SIGHTING_FIELDS = (
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
#: Properties that are not shown to readers of the inventory.
_HIDDEN_PROPERTIES = frozenset({_LABEL, 'capabilities'})


def make_sighting(node: Mapping[str, Any]) -> Sighting:
    """Return the sighting of a node, read with `SIGHTING_FIELDS`."""
    return Sighting(**_sighting_values(node))


def make_machine(
    node: Mapping[str, Any], vifs: tuple[str, ...], left: Leftovers | None = None
) -> Machine:
    """Return the machine of a node.

    Args:
        node: its JSON, read with `MACHINE_FIELDS`.
        vifs: the virtual interfaces that are attached to it.
        left: its leftovers; None if they were not read.
    """
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
        **_sighting_values(node),
        lease_label=label,
        fields={name: values[name] for name in REMEMBERED},
        busy=_busy_reason(node),
        maintenance_reason=node['maintenance_reason'],
        retired=bool(node['retired']),
        fault=node['fault'],
        instance=node['instance_uuid'] or node['allocation_uuid'],
        instance_info=bool(node['instance_info']),
        console=bool(node['console_enabled']),
        vifs=vifs,
        cleans=node['automated_clean'] is not False,
        automatic_lessee=has_automatic_lessee(node),
        last_error=node['last_error'],
        left=left,
    )


def has_automatic_lessee(node: Mapping[str, Any]) -> bool:
    """Tell whether a deployment has set the lessee of a node, past every policy."""
    return bool((node['driver_internal_info'] or {}).get('automatic_lessee'))


def _sighting_values(node: Mapping[str, Any]) -> dict[str, Any]:
    properties = node['properties'] or {}
    return {
        'uuid': node['uuid'],
        'name': node['name'] or node['uuid'],
        'owner': node['owner'],
        'lessee': node['lessee'],
        'resource_class': node['resource_class'],
        'properties': {
            key: value for key, value in properties.items() if key not in _HIDDEN_PROPERTIES
        },
        'provision_state': node['provision_state'],
        'target_provision_state': node['target_provision_state'],
        'power_state': node['power_state'],
        'target_power_state': node['target_power_state'],
        'maintenance': bool(node['maintenance']),
    }


def _busy_reason(node: Mapping[str, Any]) -> str | None:
    """Return why the node cannot be changed now, None if it can."""
    if node['reservation']:
        return f'locked by {node["reservation"]}'
    state, target = node['provision_state'], node['target_provision_state']
    if target and state not in PATCHABLE:
        return f'{state}, on its way to {target}'
    if node['target_power_state']:
        return f'on its way to {node["target_power_state"]}'
    return None
