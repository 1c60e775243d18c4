"""The services of the cloud: Keystone, Ironic, and the driver of the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from esi_leap.core.gate import Verdict
from esi_leap.core.handover.machine import Machine
from esi_leap.core.handover.steps import Look, Verb
from esi_leap.core.inventory import Sighting
from esi_leap.core.lease import Lease
from esi_leap.core.node import Node


@dataclass(frozen=True, slots=True)
class Project:
    """A project as the directory knows it."""

    id: str
    name: str


class Identity(Protocol):
    """Keystone, as far as we ask it."""

    def project(self, ident: str, domain_id: str | None) -> Project:
        """Find a project by id, by name in the caller's domain, or by `domain/name`.

        Raises:
            UnknownProjectError: there is none.
            UnavailableError: Keystone does not answer.
        """

    def ancestors(self, project_id: str) -> frozenset[str]:
        """Return the project, its parents, and its domain."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port on it."""

    host: str
    port: int


class Nodes(Protocol):
    """The service that has the machines: Ironic, or the dummy fleet."""

    def find(self, ident: str) -> Machine:
        """Find a machine by uuid or name.

        Raises:
            NodeNotFoundError: there is none.
            UnavailableError: the service does not answer.
        """

    def get(self, uuid: str, *, look: Look = Look.FIELDS) -> Machine:
        """Read a machine with its virtual interfaces; errors as `find`, and those of `do`.

        Args:
            uuid: its uuid.
            look: how much is read beside its fields: `Machine.attachments`, `Machine.left`.
        """

    def volumes(self, uuid: str) -> Mapping[str, str]:
        """Read a machine's `Leftovers.volumes`; errors as `find`."""

    def do(self, machine: Machine, verb: Verb) -> None:
        """Carry out one verb. Doing it again does no harm.

        Raises:
            NodeBusyError: not now; the node is locked or in transition.
            NodeNotFoundError: the node is gone.
            UnavailableError: the service does not answer, or did not in time.
        """

    def pages(self) -> Iterator[Sequence[Sighting]]:
        """Read all machines, page after page. Each step of the iterator asks the service once.

        Raises:
            UnavailableError: the service does not answer, in any of the steps.
        """

    def lets_open_console(self, uuid: str, token: str | None) -> bool:
        """Tell whether the machine's own service would let the user of `token` open its console.

        Raises:
            UnauthenticatedError: the token is not valid any more.
            UnavailableError: the service does not answer.
        """

    def console(self, uuid: str) -> Address:
        """Return where the serial line of a machine is reached.

        Raises:
            NoConsoleError: it is switched off, or not of a kind that can be reached.
            NodeNotFoundError: the node is gone.
            UnavailableError: the service does not answer.
        """


#: One nodes adapter for each resource type of this deployment.
Fleet: TypeAlias = Mapping[str, Nodes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to the gate.

    Attributes:
        node: our row of the node; its `trial` has the direction, and the driver's last phase and
            evidence.
        lease: the lease that the node is for, None if it is on its way back.
        now: the present instant.
    """

    node: Node
    lease: Lease | None
    now: datetime


class Gate(Protocol):
    """A driver that says whether a node may pass; see `esi_leap.core.gate`."""

    def ask(self, question: Question) -> Verdict:
        """Judge a node, as far as that can be done now.

        It is asked again and again until it says pass or reject, by any of several managers, and
        the same question may come twice. While it says wait it may use the node; when it says pass
        the node is as it was: available, and with the holding project.

        Raises:
            UnavailableError: what it needs does not answer; so does everything else that it raises
                make the node wait.
        """
