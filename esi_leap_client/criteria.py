"""Conditions on the properties of a node, such as `memory_mb>=65536`."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    '>=': operator.ge,
    '<=': operator.le,
    '!=': operator.ne,
    '>': operator.gt,
    '<': operator.lt,
    '=': operator.eq,
}
_CONDITION = re.compile(r'\s*([^<>=!\s]+)\s*(>=|<=|!=|>|<|=)\s*(.*?)\s*', re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """One comparison of a property with a value.

    Attributes:
        key: The property's name.
        sign: One of `>= <= != > < =`.
        value: What to compare with, as written.
    """

    key: str
    sign: str
    value: str

    def holds(self, properties: Mapping[str, Any]) -> bool:
        """Compare; numbers as numbers, everything else as text.

        Args:
            properties: The node's properties.

        Returns:
            The outcome. False when the property is missing, and when a number is to be
            ordered against a text.
        """
        if self.key not in properties:
            return False
        mine, theirs = properties[self.key], self.value
        if isinstance(mine, bool):
            mine, theirs = str(mine).lower(), theirs.lower()
        left, right = _number(mine), _number(theirs)
        compare = _COMPARE[self.sign]
        if left is not None and right is not None:
            return compare(left, right)
        if (left is None) != (right is None) and self.sign not in {'=', '!='}:
            return False
        return compare(str(mine), theirs)


def _number(value: object) -> float | int | None:
    text = str(value).strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def parse(text: str) -> Condition:
    """Read a condition.

    Args:
        text: For example `cpu_arch=x86_64`.

    Returns:
        The condition.

    Raises:
        ValueError: It has no name or no comparison.
    """
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError(
            f"'{text}' is not a condition; write name, one of >= <= > < = !=, and a value, "
            'such as memory_mb>=65536'
        )
    return Condition(*found.groups())
