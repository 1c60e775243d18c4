"""Conditions on the properties of a node, such as `memory_mb>=131072`: a small typed language.

    cpus>=40                        = != < <= > >=, with or without spaces around
    cpu_arch in x86_64,aarch64      any of a list; parentheses around it are allowed
    gpu exists

Numbers compare as numbers, however the property is stored (40, "40" or 4e1). Everything else is a
text and has no order. A property that a node does not have makes every condition false, `!=` too;
and so does a text of a node that is to be ordered against a number.

The SQL twin of `Criterion.holds` is `esi_leap.db.criteria.holds`; a property test holds the two
equal.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import ge, gt, le, lt

from esi_leap.core.errors import InvalidError

#: Longest name, and longest text that is compared; a longer one is there, and equals nothing.
LONGEST = 255

_NUMBER = re.compile(r'[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?')
_CONDITION = re.compile(
    r'(?P<name>[^<>=!~\s]+)'
    r'(?:\s*(?P<sign>[<>=!~]+)\s*(?P<value>.*)|\s+(?P<word>\S+)(?:\s+(?P<list>.*))?)',
    re.DOTALL,
)
#: What one of the databases cannot keep in a text.
_UNKEPT = re.compile('[\0\ud800-\udfff]')


class Sign(StrEnum):
    """The comparison of a condition with a property."""

    EQUAL = '='
    UNEQUAL = '!='
    LESS = '<'
    AT_MOST = '<='
    MORE = '>'
    AT_LEAST = '>='
    IN = 'in'
    EXISTS = 'exists'


#: The signs that need numbers on both sides.
ORDER: Mapping[Sign, Callable[[float, float], bool]] = {
    Sign.LESS: lt,
    Sign.AT_MOST: le,
    Sign.MORE: gt,
    Sign.AT_LEAST: ge,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """The value of a property, as it is compared.

    Attributes:
        text: as a text; None if it is too long, or no text, number or truth.
        number: as a number, if it is one.
    """

    text: str | None
    number: float | None = None

    @classmethod
    def of(cls, value: object) -> Fact:
        """Read a JSON value. A truth is the text `true` or `false`."""
        match value:
            case str():
                text = value.strip()
            case bool() | int() | float():
                text = json.dumps(value)
            case _:
                return cls(None)
        if len(text) > LONGEST or _UNKEPT.search(text):
            return cls(None)
        return cls(text, _number(text))

    def equals(self, other: Fact) -> bool:
        """Tell whether two values are the same: as numbers if `self` is one, else as texts."""
        if self.number is not None:
            return self.number == other.number
        return self.text is not None and self.text == other.text


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on one property."""

    name: str
    sign: Sign
    values: tuple[Fact, ...] = ()

    def holds(self, facts: Mapping[str, Fact]) -> bool:
        """Tell whether a node with these properties meets the condition."""
        fact = facts.get(self.name)
        if fact is None:
            return False
        match self.sign:
            case Sign.EXISTS:
                return True
            case Sign.EQUAL | Sign.IN:
                return any(value.equals(fact) for value in self.values)
            case Sign.UNEQUAL:
                return not any(value.equals(fact) for value in self.values)
        bound = self.values[0].number
        return (
            fact.number is not None and bound is not None and ORDER[self.sign](fact.number, bound)
        )


def facts(properties: Mapping[str, object]) -> dict[str, Fact]:
    """Return a node's properties as they are compared. One that is null is not there."""
    found: dict[str, Fact] = {}
    for key, value in properties.items():
        name = key.strip()
        if value is None or not name or len(name) > LONGEST or _UNKEPT.search(name):
            continue
        found.setdefault(name, Fact.of(value))
    return found


def parse(text: str) -> Criterion:
    """Read a condition.

    Raises:
        InvalidError: it is none; it has an operator that does not exist, or one that orders and a
            value that is no number.
    """
    found = _CONDITION.fullmatch(text.strip())
    if found is None:
        raise _refused(text, 'Write a name, an operator and a value.')
    known = ', '.join(Sign)
    wanted = found['sign'] or found['word']
    if wanted not in list(Sign) or (found['word'] and wanted not in {Sign.IN, Sign.EXISTS}):
        raise _refused(text, f"'{wanted}' is not an operator; {known} are.")
    sign, name = Sign(wanted), found['name']
    given = (found['list'] if found['word'] else found['value']) or ''
    if sign is Sign.EXISTS:
        if given:
            raise _refused(text, f"'{sign}' takes no value.")
        return Criterion(name, sign)
    values = tuple(map(Fact.of, _listed(given) if sign is Sign.IN else [given]))
    if sign is Sign.IN and not given:
        raise _refused(text, f"'{sign}' takes values, separated by commas.")
    if sign in ORDER and values[0].number is None:
        raise _refused(text, f"'{sign}' compares numbers, and '{given[:64]}' is none.")
    return Criterion(name, sign, values)


def _listed(text: str) -> list[str]:
    bare = text.strip()
    if bare.startswith('(') and bare.endswith(')'):
        bare = bare[1:-1]
    return bare.split(',')


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    if math.isinf(number):
        return None
    # The databases do not agree on what is nearer to nothing, nor on its sign.
    return number if abs(number) >= sys.float_info.min else 0.0


def _refused(text: str, why: str) -> InvalidError:
    return InvalidError(
        f"Invalid input for field/attribute property. Value: '{text[:64]}'. {why} "
        'For example: memory_mb>=131072, cpu_arch=x86_64, cpu_arch in x86_64,aarch64, gpu exists.',
        field='property',
    )
