"""Connections: oslo.db's enginefacade, one instance for each database in the process."""

from __future__ import annotations

import contextvars
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import enginefacade

#: How long, in seconds, an SQLite writer waits for the one before it.
_SQLITE_PATIENCE = 60
#: Statements at the start of each connection. The server ends a transaction that is idle for some
#: seconds (MySQL cannot). MariaDB does not turn EXISTS into a join: it would read the whole inner
#: table first, because it does not see that a page is full after some rows.
_SETTINGS = {
    'mariadb': (
        'SET SESSION idle_transaction_timeout = {patience}',
        "SET SESSION optimizer_switch = 'exists_to_in=off'",
    ),
    'postgresql': ("SET SESSION idle_in_transaction_session_timeout = '{patience}s'",),
}

_writing: contextvars.ContextVar[bool] = contextvars.ContextVar('esi_leap_writing', default=False)


@enginefacade.transaction_context_provider
class _Use:
    """One use of the database; enginefacade attaches the transaction to it."""


class Database:
    """A database and its pool of connections.

    Args:
        url: an SQLAlchemy URL.
        patience: time in seconds after which the server ends an idle transaction. No transaction
            waits for another service, so the process of an idle one is stopped, and the lock that
            it has on a node's row would keep every request and every other manager from the node.
        options: options of oslo.db's `[database]` group, passed through.
    """

    def __init__(self, url: str, *, patience: int = 20, **options: object) -> None:
        self.url = url
        _load_driver(url)
        self._facade = enginefacade.transaction_context()
        self._facade.configure(
            connection=_with_all_texts(_with_a_driver(url)),
            sqlite_fk=True,
            thread_checkin=False,  # sleeps at each return to the pool, for the sake of greenlets
            **options,
        )
        self._facade.append_on_engine_create(_prepare_json)
        self._facade.append_on_engine_create(_prepare_sqlite)
        self._facade.append_on_engine_create(partial(_prepare_session, patience))

    @contextmanager
    def writer(self) -> Iterator[sa.Connection]:
        """Open a transaction that writes, independent of any other."""
        token, is_open = _writing.set(True), False
        try:
            with self._facade.writer.connection.using(_Use()) as connection:
                _writing.reset(token)
                is_open = True
                yield connection
        finally:
            if not is_open:
                _writing.reset(token)

    @contextmanager
    def reader(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads."""
        with self._facade.reader.connection.using(_Use()) as connection:
            yield connection

    def watch(self, changed: Callable[[int], None]) -> None:
        """Call `changed` with 1 when a connection leaves the pool, and with -1 when it is back.

        This must be called before the first use of the database.
        """

        def listen(engine: sa.Engine) -> None:
            sa.event.listen(engine, 'checkout', lambda *_: changed(1))
            sa.event.listen(engine, 'checkin', lambda *_: changed(-1))

        self._facade.append_on_engine_create(listen)

    @property
    def engine(self) -> sa.Engine:
        """The engine, for migrations and tests."""
        engine: sa.Engine = self._facade.writer.get_engine()
        return engine

    def close(self) -> None:
        """Close the pool."""
        self._facade.dispose_pool()


#: Drivers that a URL of the existing service may name: their module, and the driver used instead.
_DRIVERS = {
    'mysql': ('MySQLdb', 'mysql+pymysql'),
    'mysql+mysqldb': ('MySQLdb', 'mysql+pymysql'),
    'mysql+mysqlconnector': ('mysql', 'mysql+pymysql'),
    'postgresql': ('psycopg2', 'postgresql+psycopg'),
    'postgresql+psycopg2': ('psycopg2', 'postgresql+psycopg'),
}


def _with_a_driver(text: str) -> str:
    """Return the URL with the driver of this service, if the URL's own driver is not installed."""
    url = sa.make_url(text)
    module, ours = _DRIVERS.get(url.drivername, ('', ''))
    if module and importlib.util.find_spec(module) is None:
        url = url.set(drivername=ours)
    return url.render_as_string(hide_password=False)


def _load_driver(text: str) -> None:
    """Import the driver now instead of at the first connection, so that forks share its memory."""
    sa.make_url(_with_a_driver(text)).get_dialect().import_dbapi()


def _with_all_texts(text: str) -> str:
    """Return the URL with utf8mb4 as character set of MySQL and MariaDB, if it names utf8 or none.

    Their utf8 is only the first plane of Unicode. oslo.db takes it for URLs without a character
    set, and most older URLs name it.
    """
    url = sa.make_url(text)
    if (
        url.get_backend_name() in {'mysql', 'mariadb'}
        and url.query.get('charset', 'utf8') == 'utf8'
    ):
        url = url.update_query_dict({'charset': 'utf8mb4'})
    return url.render_as_string(hide_password=False)


def _prepare_json(engine: sa.Engine) -> None:
    """Store JSON without escapes: a filter compares a path with the key as it is stored.

    SQLAlchemy takes this as an argument of the engine, which oslo.db passes to PostgreSQL only.
    """
    engine.dialect._json_serializer = partial(json.dumps, ensure_ascii=False)  # noqa: SLF001


def _prepare_sqlite(engine: sa.Engine) -> None:
    """Set up SQLite so that readers do not wait for a writer, and writers queue instead of failing.

    A writer takes the lock when it begins: to upgrade a read transaction later would fail with
    "database is locked".
    """
    if engine.dialect.name != 'sqlite':
        return

    @sa.event.listens_for(engine, 'connect')
    def _connect(connection: object, record: object) -> None:
        del record
        connection.execute(f'PRAGMA busy_timeout = {_SQLITE_PATIENCE * 1000}')  # type: ignore[attr-defined]
        connection.execute('PRAGMA journal_mode = WAL')  # type: ignore[attr-defined]

    @sa.event.listens_for(engine, 'before_cursor_execute', retval=True)
    def _begin(*call: Any) -> tuple[str, Any]:  # noqa: ANN401 - what SQLAlchemy passes
        _connection, _cursor, statement, parameters, *_ = call
        if statement == 'BEGIN' and _writing.get():
            statement = 'BEGIN IMMEDIATE'
        return statement, parameters

    engine.dispose()  # those opened before this hook was called lack the settings


def _prepare_session(patience: int, engine: sa.Engine) -> None:
    """Run the statements of `_SETTINGS` at the start of each connection."""
    is_mariadb = getattr(engine.dialect, 'is_mariadb', False)
    statements = _SETTINGS.get('mariadb' if is_mariadb else engine.dialect.name)
    if statements is None:
        return

    @sa.event.listens_for(engine, 'connect')
    def _connect(connection: Any, record: object) -> None:  # noqa: ANN401 - of any driver
        del record
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.format(patience=patience))
        connection.commit()  # PostgreSQL takes a setting back with its transaction

    engine.dispose()  # those opened before this hook was called lack the settings
