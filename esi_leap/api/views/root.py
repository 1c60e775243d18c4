"""The health of the service as a JSON object."""

from __future__ import annotations

from datetime import datetime

from esi_leap.api.expose import Call
from esi_leap.api.views.pieces import render_time

#: Age of the last tick of all managers, in seconds, from which the managers are late.
_LATE = 30


def render_health(last_tick: datetime | None, now: datetime, call: Call) -> dict[str, object]:
    """Return the JSON object of the service's health.

    Args:
        last_tick: the last tick of any manager; None if no manager has ever run.
        now: the present.
        call: the request.
    """
    age = None if last_tick is None else (now - last_tick).total_seconds()
    manager = {
        'status': 'never' if age is None else 'ok' if age < _LATE else 'late',
        'last_tick': render_time(last_tick, call),
        'age': age,
    }
    return {'status': 'ok', 'manager': manager}
