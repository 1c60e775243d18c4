"""Values that every one of the databases, and every later reader, takes for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator

#: Deepest nesting; MariaDB's JSON functions go no deeper.
DEEPEST = 31


def flaws(value: object, levels: int = DEEPEST) -> Iterator[str]:
    """Yield a sentence for each flaw that Python accepts in JSON and a database does not.

    Args:
        value: what `json.loads` returned.
        levels: how deep it may be nested.
    """
    match value:
        case dict() | list() if not levels:
            yield f'It is nested more than {DEEPEST} deep.'
        case dict():
            for each in (*value, *value.values()):
                yield from flaws(each, levels - 1)
        case list():
            for each in value:
                yield from flaws(each, levels - 1)
        case float() if not math.isfinite(value):
            yield 'It has a number that is not finite.'
        case str() if '\0' in value or any('\ud800' <= each <= '\udfff' for each in value):
            yield 'It has a character that no text can have.'
