"""Drivers of the gate. See `esi_leap.core.ports.Gate`, and the entry points `esi_leap.gate`."""
