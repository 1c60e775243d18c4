"""Steps of a migration that can be repeated: each one looks whether it is done.

MariaDB commits at every change of a table, so a migration that dies leaves its first steps done.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def has_column(table: str, column: str) -> bool:
    """Tell whether a table has a column."""
    return column in {each['name'] for each in _inspector().get_columns(table)}


def has_index(table: str, index: str) -> bool:
    """Tell whether a table has an index."""
    return index in {each['name'] for each in _inspector().get_indexes(table)}


def has_check(table: str, check: str) -> bool:
    """Tell whether a table has a check constraint."""
    return check in {each['name'] for each in _inspector().get_check_constraints(table)}


def add_column(table: str, column: sa.Column[object]) -> None:
    """Add a column, unless the table has it."""
    if not has_column(table, column.name):
        op.add_column(table, column)


def drop_column(table: str, column: str) -> None:
    """Drop a column, if the table has it."""
    if has_column(table, column):
        op.drop_column(table, column)


def create_index(index: str, table: str, columns: list[str]) -> None:
    """Create an index, unless the table has it."""
    if not has_index(table, index):
        op.create_index(index, table, columns)


def drop_index(index: str, table: str) -> None:
    """Drop an index, if the table has it."""
    if has_index(table, index):
        op.drop_index(index, table)


def _inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())
