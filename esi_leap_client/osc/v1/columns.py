"""How values look: for people one way, for programs as they are."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from cliff import columns
from osc_lib.cli import format_columns


class Windows(columns.FormattableColumn):  # type: ignore[misc]  # untyped cliff
    """A list of [start, end], one below the other."""

    def human_readable(self) -> str:
        """Write `start to end`, a line each."""
        return '\n'.join(' to '.join(window) for window in self._value)


class Lines(columns.FormattableColumn):  # type: ignore[misc]  # untyped cliff
    """A list, one entry below the other."""

    def human_readable(self) -> str:
        """Write a line each."""
        return '\n'.join(str(entry) for entry in self._value)


class Duration(columns.FormattableColumn):  # type: ignore[misc]  # untyped cliff
    """A length of time: for programs in seconds, whole ones as a whole number."""

    def human_readable(self) -> str:
        """Write for example `7 days, 0:00:00`."""
        return str(self._value)

    def machine_readable(self) -> float | int:
        """Count the seconds."""
        seconds: float = self._value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds


def label(attr: str) -> str:
    """Name an attribute in the head of a list.

    Args:
        attr: For example `offer_uuid`.

    Returns:
        For example `Offer UUID`.
    """
    words = (
        'UUID' if word == 'uuid' else 'ID' if word == 'id' else word.capitalize()
        for word in attr.split('_')
    )
    return ' '.join(words)


def cell(attr: str, value: object) -> object:
    """Wrap a value for display.

    Args:
        attr: The attribute it belongs to.
        value: Its value.

    Returns:
        The value, or a column that people and programs read differently.
    """
    if isinstance(value, dict):
        return format_columns.DictColumn(value)
    if isinstance(value, timedelta):
        return Duration(value)
    if attr == 'availabilities':
        return Windows(value or [])
    if isinstance(value, list):
        return Lines(value)
    return value


def rows(
    found: Iterable[Any],
    attrs: Sequence[str],
    extra: Sequence[str],
    parsed_args: argparse.Namespace,
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Lay objects out as a list.

    Args:
        found: The objects.
        attrs: The columns.
        extra: Columns that are there for who asks with `-c`.
        parsed_args: Tells who asks.

    Returns:
        Labels and rows.
    """
    asked = {name.casefold() for name in parsed_args.columns or ()}
    named = (attr for attr in extra if label(attr).casefold() in asked)
    wanted = list(dict.fromkeys((*attrs, *named)))
    lines = [tuple(cell(attr, getattr(item, attr)) for attr in wanted) for item in found]
    return [label(attr) for attr in wanted], lines


def fields(
    item: object, attrs: Sequence[str], extra: Sequence[str], parsed_args: argparse.Namespace
) -> tuple[list[str], list[object]]:
    """Lay one object out, a row per attribute.

    Args:
        item: The object.
        attrs: The rows.
        extra: Rows that are there for who asks with `-c`.
        parsed_args: Tells who asks.

    Returns:
        Names and values.
    """
    asked = set(parsed_args.columns or ())
    wanted = list(dict.fromkeys((*attrs, *(attr for attr in extra if attr in asked))))
    return wanted, [cell(attr, getattr(item, attr)) for attr in wanted]
