"""Examples of calls: bodies that a test of the API has sent and received, one file a noun.

The test writes them, with fixed ids, times and host, in the newest API version. The pages of the
API and its OpenAPI document show them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from esi_leap.api.expose import Route


def sample(route: Route) -> dict[str, Any]:
    """Return the example `body` and `answer` of a call, each if the call has one."""
    found: dict[str, Any] = _read(route.noun).get(route.name, {})
    return found


@cache
def _read(noun: str) -> dict[str, Any]:
    file = resources.files(__name__) / f'{noun}.json'
    return json.loads(file.read_text(encoding='utf-8')) if file.is_file() else {}
