"""Drivers of the gate, which decide whether a node may go to its lessee or back to its owner.

A new driver is a module here (or in a package of its own) with a subclass of
`core.ports.cloud.Gate`, and a line under `esi_leap.gate` in the entry points of its `setup.cfg`;
`fake.py` is the shortest example. Its constructor takes the configuration and raises `ValueError`
if it cannot work with it; its one method `ask` returns a `Verdict` (wait, pass or reject, with
evidence) or raises `UnavailableError`, within `[gate] call_timeout` and as often as it is asked.
Operators choose it with `[gate] driver`; `guard.py` keeps the manager safe from it, and
`tests/unit/test_gate.py` shows what a driver may do.
"""
