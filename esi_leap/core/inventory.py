"""Sightings of nodes, stored so that lists need not ask Ironic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def chore(resource_type: str) -> str:
    """Return the name of the chore in which all nodes of one type are read."""
    return f'inventory {resource_type}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A node as its service (Ironic) shows it, as far as lists show it.

    Attributes:
        name: its name; its uuid if it has none.
        properties: what describes the hardware, without labels of this service.
    """

    uuid: str
    name: str
    owner: str | None
    lessee: str | None
    resource_class: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    provision_state: str
    target_provision_state: str | None = None
    power_state: str | None
    target_power_state: str | None = None
    maintenance: bool = False
