"""Column types, and the types of rows and selects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

#: A row, a select, and a union of any columns: a cell's type is known to its column alone.
AnyRow: TypeAlias = 'sa.Row[*tuple[Any, ...]]'
AnySelect: TypeAlias = 'sa.Select[*tuple[Any, ...]]'
AnyUnion: TypeAlias = 'sa.CompoundSelect[*tuple[Any, ...]]'
#: An expression of any type.
AnyColumn: TypeAlias = 'sa.ColumnElement[Any]'


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: aware UTC outside, naive UTC with microseconds in the database.

    The naive column is what all three databases store and compare alike; a session's time zone
    cannot move it.
    """

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[datetime]:
        """Ask MySQL and MariaDB for microseconds; the others have them."""
        if dialect.name == 'mysql':
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to naive UTC.

        Raises:
            TypeError: the value is naive.
        """
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError('an instant is an aware datetime')
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to aware UTC."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)
