"""Columns of the output: one form for people, another for programs."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from cliff import columns
from osc_lib.cli import format_columns


class Windows(columns.FormattableColumn):  # type: ignore[misc]  # untyped cliff
    """A list of windows, [start, end] each."""

    def human_readable(self) -> str:
        """Return a line `start to end` for each window."""
        return '\n'.join(' to '.join(window) for window in self._value)


class Lines(columns.FormattableColumn):  # type: ignore[misc]  # untyped cliff
    """A list."""

    def human_readable(self) -> str:
        """Return a line for each entry."""
        return '\n'.join(str(entry) for entry in self._value)


class Duration(columns.FormattableColumn):  # type: ignore[misc]  # untyped cliff
    """A duration; for programs a number of seconds, an integer if it is whole."""

    def human_readable(self) -> str:
        """Return for example `7 days, 0:00:00`."""
        return str(self._value)

    def machine_readable(self) -> float | int:
        """Return the seconds."""
        seconds: float = self._value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds


def label(attr: str) -> str:
    """Return the label of an attribute in the head of a list.

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
    """Return a value for display.

    Args:
        attr: The attribute.
        value: Its value.

    Returns:
        The value, or a column that has different forms for people and programs.
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
    """Return objects as a list.

    Args:
        found: The objects.
        attrs: The columns.
        extra: Columns that are shown only if `-c` names them.
        parsed_args: The arguments.

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
    """Return one object, a row for each attribute.

    Args:
        item: The object.
        attrs: The rows.
        extra: Rows that are shown only if `-c` names them.
        parsed_args: The arguments.

    Returns:
        Names and values.
    """
    asked = set(parsed_args.columns or ())
    wanted = list(dict.fromkeys((*attrs, *(attr for attr in extra if attr in asked))))
    return wanted, [cell(attr, getattr(item, attr)) for attr in wanted]
