"""Drivers of the gate: `core.ports.cloud.Gate`, found by the entry points `esi_leap.gate`."""
