"""The adapter of the port `Nodes` to Ironic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import override

from esi_leap.cloud.ironic import consoles, leftovers, listing, machines, verbs
from esi_leap.cloud.ironic.client import Client
from esi_leap.cloud.neutron import Neutron
from esi_leap.cloud.rest import Service
from esi_leap.core.errors import NodeNotFoundError
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.steps import Verb
from esi_leap.core.inventory import Sighting
from esi_leap.core.ports.cloud import Address, Nodes

#: Names and uuids that Ironic accepts; anything else would be a path or a query in a URL.
_IDENT = re.compile(r'(?!\.+$)[0-9A-Za-z._~-]{1,255}')


class IronicNodes(Nodes):
    """Nodes of one Ironic.

    Args:
        service: the API of Ironic, version 1.
        network: the Neutron of the same cloud; without it the network attachments that Ironic
            lists are taken for all there are.
        page_size: nodes in one page, where all are read.
    """

    def __init__(
        self, service: Service, network: Neutron | None = None, page_size: int = 1000
    ) -> None:
        self._ironic = Client(service)
        self._network = network
        self._page_size = page_size

    @override
    def find(self, ident: str) -> Machine:
        if not _IDENT.fullmatch(ident):
            raise NodeNotFoundError.of(ident)
        with self._ironic.errors_of(ident):
            return machines.make_machine(self._read(ident), ())

    @override
    def get(self, uuid: str, *, closely: bool = False, ports: bool = False) -> Machine:
        with self._ironic.errors_of(uuid):
            node = self._read(uuid)
            vifs = tuple(vif['id'] for vif in self._ironic.read(f'/nodes/{uuid}/vifs')['vifs'])
            left = leftovers.read_leftovers(self._ironic, uuid) if closely else None
        machine = machines.make_machine(node, vifs, left)
        if self._network is None:
            return machine
        seen = self._network.ports(uuid, vifs) if closely or ports else None
        return replace(machine, ports=seen)

    @override
    def volumes(self, uuid: str) -> Mapping[str, str]:
        with self._ironic.errors_of(uuid):
            return leftovers.read_volumes(self._ironic, uuid)

    @override
    def do(self, machine: Machine, verb: Verb) -> None:
        with self._ironic.errors_of(machine.uuid):
            verbs.carry_out(self._ironic, self._network, machine.uuid, verb)

    @override
    def pages(self) -> Iterator[Sequence[Sighting]]:
        for page in listing.read_pages(self._ironic, machines.SIGHTING_FIELDS, self._page_size):
            yield [machines.make_sighting(node) for node in page]

    @override
    def lets_open_console(self, uuid: str, token: str | None) -> bool:
        with self._ironic.errors_of(uuid):
            return consoles.lets_open(self._ironic, uuid, token)

    @override
    def console(self, uuid: str) -> Address:
        with self._ironic.errors_of(uuid):
            return consoles.find_address(self._ironic, uuid)

    def with_automatic_lessee(self) -> list[str]:
        """Return the names of nodes that got their lessee from a deployment, past every policy.

        Raises:
            UnavailableError: Ironic does not answer.
        """
        fields = ('uuid', 'name', 'driver_internal_info')
        return [
            node['name'] or node['uuid']
            for page in listing.read_pages(self._ironic, fields, self._page_size)
            for node in page
            if machines.has_automatic_lessee(node)
        ]

    def _read(self, ident: str) -> dict[str, Any]:
        fields = ','.join(machines.MACHINE_FIELDS)
        node: dict[str, Any] = self._ironic.read(f'/nodes/{ident}', params={'fields': fields})
        return node
