"""Transactions of one database, with its errors translated into those of `core.errors`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from oslo_db import exception as db_errors

from esi_leap.core.errors import (
    ConflictError,
    OutdatedError,
    UnavailableError,
    WindowConflictError,
)
from esi_leap.db import revision
from esi_leap.db.engine import Database
from esi_leap.db.tables import NO_OVERLAP


class Session:
    """Opens transactions; each adapter has a session of its own.

    Every transaction raises these errors:
        UnavailableError: the database does not answer, or its pool has no free connection.
        ConflictError: the database ended a deadlock with this transaction.
        WindowConflictError: the database itself found two bookings that overlap.
        OutdatedError: the schema is older than this release needs.

    Args:
        database: the database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @contextmanager
    def reader(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads."""
        with self.translated(), self.database.reader() as connection:
            yield connection

    @contextmanager
    def writer(self) -> Iterator[sa.Connection]:
        """Open a transaction that writes."""
        with self.translated(), self.database.writer() as connection:
            yield connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Translate the errors of the database that the block raises."""
        try:
            yield
        except db_errors.DBConnectionError as error:
            raise UnavailableError('The database does not answer; try again.') from error
        except sa.exc.TimeoutError as error:
            raise UnavailableError(
                'All connections to the database are in use; try again.'
            ) from error
        except db_errors.DBDeadlock as error:
            raise ConflictError('Another request changed the same node; try again.') from error
        except (db_errors.DBError, sa.exc.DBAPIError) as error:
            # No connection: refused, starting up, or too many there.
            if isinstance(error, sa.exc.OperationalError) and error.statement is None:
                raise UnavailableError('The database does not answer; try again.') from error
            if NO_OVERLAP in str(error):
                raise WindowConflictError(
                    'Time conflict: another request booked the window.'
                ) from error
            if revision.is_behind(self.database):
                raise OutdatedError.of() from error
            raise
