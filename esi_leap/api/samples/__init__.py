"""What calls look like: bodies that a test of the API has sent and seen, one file a noun.

The test writes them, with ids, times and the host made the same every time; the pages of the API
and its OpenAPI document show them. They are in the newest version.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from esi_leap.api.expose import Route


def sample(route: Route) -> dict[str, Any]:
    """Return the `body` and the `answer` of a call, as far as it has them."""
    found: dict[str, Any] = _read(route.noun).get(route.name, {})
    return found


@cache
def _read(noun: str) -> dict[str, Any]:
    file = resources.files(__name__) / f'{noun}.json'
    return json.loads(file.read_text(encoding='utf-8')) if file.is_file() else {}
