"""Leftovers of a lessee beside the fields of a machine: media, volumes, a boot device.

Ironic keeps it in other tables and in the BMC, so nobody asks for it at every look: for volumes
when a hand-over begins, because a machine's owner may have some, and for all of it when a machine
comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class EjectMedia:
    """Take all virtual media out of the machine."""


@dataclass(frozen=True, slots=True)
class RemoveVolume:
    """Remove a volume connector or target."""

    volume: str


@dataclass(frozen=True, slots=True)
class BootAsUsual:
    """Let the machine boot from the network next, once, whatever boot device was chosen."""


Removal: TypeAlias = EjectMedia | RemoveVolume | BootAsUsual


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Media, volumes and boot device of a machine.

    Attributes:
        media: whether virtual media are in it.
        volumes: the connectors and targets, each with the instant of its last change: what Ironic
            says of both, compared and never read.
        boots: whether a boot device is set on it that is not the usual one.
    """

    media: bool = False
    volumes: Mapping[str, str] = field(default_factory=dict)
    boots: bool = False

    def removal(self, kept: Mapping[str, str]) -> Removal | None:
        """Return the first removal that is needed; None if nothing is left.

        Args:
            kept: the volumes that were there before the lessee. One that has been changed since is
                the lessee's: its present target cannot be known.
        """
        if self.media:
            return EjectMedia()
        for volume, changed in sorted(self.volumes.items()):
            if kept.get(volume) != changed:
                return RemoveVolume(volume)
        return BootAsUsual() if self.boots else None
