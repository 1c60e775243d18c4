"""The ports of the network service (Neutron) that are on a machine.

Ironic's list of virtual interfaces is not the whole truth. When it detaches one it lets Neutron
unbind the port only in some provision states, and only if whoever asked may see that port;
otherwise the port is off the list, and still leads to the machine. So Neutron is asked as well.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A port of Neutron on a machine.

    Attributes:
        id: its uuid in Neutron.
        project_id: whose it is.
        bound: whether Neutron has it bound to the machine; else Ironic alone has it on its list.
        of_ironic: whether Ironic made it for its own work, such as booting a ramdisk.
    """

    id: str
    project_id: str
    bound: bool = True
    of_ironic: bool = False


@dataclass(frozen=True, slots=True)
class Attachments:
    """The ports of Neutron on a machine.

    Attributes:
        found: the ports that are bound to it, or on Ironic's list.
        unseen: why Neutron could not say, in a sentence; None if it could.
    """

    found: tuple[Attachment, ...] = ()
    unseen: str | None = None

    @property
    def bound(self) -> tuple[str, ...]:
        """Ids of the ports that are bound to the machine."""
        return tuple(port.id for port in self.found if port.bound)

    @property
    def of_tenants(self) -> tuple[str, ...]:
        """Ids of the bound ports of tenants; Ironic removes its own ports by itself."""
        return tuple(port.id for port in self.found if port.bound and not port.of_ironic)

    def foreign(self, project_id: str) -> tuple[str, ...]:
        """Return the ids of the ports that are neither this project's nor Ironic's own."""
        return tuple(
            port.id for port in self.found if port.project_id != project_id and not port.of_ironic
        )


#: What there is where no network service is asked.
NO_ATTACHMENTS = Attachments()


@dataclass(frozen=True, slots=True)
class Unbind:
    """Unbind a port from the machine, in Neutron."""

    port: str
