"""Throw-away MariaDB and PostgreSQL servers on loopback, from the installed Debian packages.

    with databases.PostgreSQL() as server:
        server.create_database('esi_leap')
        engine = create_engine(server.url('esi_leap'))
        server.stop()   # the data and the port stay
        server.start()

Each server has a fresh temporary folder, in memory if there is room, which ``remove()`` (or leaving
the ``with``) deletes.
Writes are not forced to the disk: the data survives the server's end, not the machine's.
"""

import abc
import contextlib
import getpass
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

from sandbox import processes, programs, servers
from sandbox.errors import SandboxError

_USER = 'esi_leap'
_PASSWORD = 'esi-leap'
_CONNECTIONS = 300


class Server(servers.Server):
    """A database server."""

    system_user: ClassVar[str]

    def __init__(self, folder: Path | None = None, port: int | None = None) -> None:
        super().__init__(folder, port)
        self.data = self.folder / 'data'
        # Its own: a server that starts deletes what it takes for leavings of one before it.
        self.temporary = self.folder / 'tmp'

    @abc.abstractmethod
    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""

    @abc.abstractmethod
    def _initialise(self) -> None:
        """Make the empty data folder into that of a server."""

    @abc.abstractmethod
    def _command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abc.abstractmethod
    def _sql(self, statement: str, database: str = '') -> str:
        """Run a statement as the server's administrator and return what it prints."""

    @abc.abstractmethod
    def _first_steps(self) -> None:
        """Make the user of the URL, once, on a new server."""

    def create_database(self, name: str) -> None:
        """Make an empty database that the user of the URL may do everything with."""
        for statement in self._creation(name):
            self._sql(statement)

    @abc.abstractmethod
    def _creation(self, name: str) -> list[str]:
        """Return the statements that make a database."""

    @abc.abstractmethod
    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""

    def start(self) -> None:
        """Start the server on its port and wait until it answers."""
        fresh = not self.data.exists()
        super().start()
        if fresh:
            self._first_steps()

    def _spawn(self) -> processes.Process:
        if not self.data.exists():
            self._make_folders()
            self._initialise()
        return processes.spawn(self._command(), log=self.log)

    def _make_folders(self) -> None:
        for path in (self.data, self.temporary):
            path.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            for path in (self.folder, self.data, self.temporary):
                shutil.chown(path, self.system_user, self.system_user)

    def _as_system_user(self, command: list[str]) -> list[str]:
        """Prefix a command so that it does not run as root."""
        if os.geteuid() != 0:
            return command
        setpriv = str(programs.require('setpriv', 'util-linux'))
        user = pwd.getpwnam(self.system_user)
        return [
            setpriv,
            f'--reuid={user.pw_uid}',
            f'--regid={user.pw_gid}',
            '--clear-groups',
            '--',
            *command,
        ]

    def _run(self, command: list[str], **env: str) -> str:
        """Run a short command from ``/`` and return its output, or say what it complained about."""
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd='/',
            env={**os.environ, **env},
            timeout=120,
        )
        if done.returncode:
            words = ' '.join((done.stderr or done.stdout).split())
            raise SandboxError(f'{self.name}: {Path(command[0]).name} failed: {words}')
        return done.stdout


class PostgreSQL(Server):
    """A PostgreSQL server; the user of the URL owns his databases and nothing else."""

    name = 'postgresql'
    package = 'postgresql'
    needs = ('initdb', 'postgres', 'psql', 'pg_isready')
    system_user = 'postgres'
    ending = signal.SIGINT  # the fast shutdown, which does not wait for clients to leave

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f'postgresql+psycopg://{_USER}:{_PASSWORD}@127.0.0.1:{self.port}/{database}'

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _creation(self, name: str) -> list[str]:
        return [f'CREATE DATABASE "{name}" OWNER {_USER}']

    def _initialise(self) -> None:
        command = [
            str(programs.require('initdb', self.package)),
            f'--pgdata={self.data}',
            '--username=postgres',
            '--encoding=UTF8',
            '--no-locale',
            '--auth-local=trust',  # the socket lies in a folder that only its owner enters
            '--auth-host=password',
            '--no-sync',
        ]
        self._run(self._as_system_user(command))

    def _command(self) -> list[str]:
        settings = {
            'listen_addresses': '127.0.0.1',
            'port': self.port,
            'unix_socket_directories': self.folder,
            'max_connections': _CONNECTIONS,
            'fsync': 'off',
            'synchronous_commit': 'off',
            'full_page_writes': 'off',
        }
        command = [str(programs.require('postgres', self.package)), '-D', str(self.data)]
        for name, value in settings.items():
            command += ['-c', f'{name}={value}']
        return self._as_system_user(command)

    def _is_ready(self) -> bool:
        probe = str(programs.require('pg_isready', self.package))
        command = [probe, '--quiet', f'--host={self.folder}', f'--port={self.port}']
        return subprocess.run(command, check=False, cwd='/').returncode == 0

    def _sql(self, statement: str, database: str = 'postgres') -> str:
        client = str(programs.require('psql', self.package))
        where = [f'--host={self.folder}', f'--port={self.port}', '--username=postgres']
        how = ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align']
        return self._run(
            [client, *where, *how, f'--dbname={database}', f'--command={statement}'],
            PGOPTIONS='--client-min-messages=warning',
        )

    def _first_steps(self) -> None:
        self._sql(f"CREATE ROLE {_USER} LOGIN PASSWORD '{_PASSWORD}'")


class MariaDB(Server):
    """A MariaDB server; the user of the URL has all rights on his databases and no others."""

    name = 'mariadb'
    package = 'mariadb-server'
    needs = ('mariadb-install-db', 'mariadbd', 'mariadb')
    system_user = 'mysql'

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        where = f'127.0.0.1:{self.port}/{database}'
        return f'mysql+pymysql://{_USER}:{_PASSWORD}@{where}?charset=utf8mb4'

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        others = self._sql(
            f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"  # noqa: S608
        )
        for connection in others.split():
            with contextlib.suppress(SandboxError):  # it may have gone by itself
                self._sql(f'KILL {connection}')
        self._sql(f'DROP DATABASE IF EXISTS `{name}`')

    def _creation(self, name: str) -> list[str]:
        return [
            f'CREATE DATABASE `{name}` CHARACTER SET utf8mb4',
            f"GRANT ALL ON `{name}`.* TO '{_USER}'@'127.0.0.1'",
        ]

    def _user_option(self) -> list[str]:
        return [f'--user={self.system_user}'] if os.geteuid() == 0 else []

    def _initialise(self) -> None:
        command = [
            str(programs.require('mariadb-install-db', self.package)),
            '--no-defaults',
            *self._user_option(),
            f'--datadir={self.data}',
            f'--tmpdir={self.temporary}',  # two that are made at once would share the names in /tmp
            '--auth-root-authentication-method=socket',
            f'--auth-root-socket-user={getpass.getuser()}',
            '--skip-test-db',
        ]
        self._run(command)

    def _command(self) -> list[str]:
        return [
            str(programs.require('mariadbd', self.package)),
            '--no-defaults',
            *self._user_option(),
            f'--datadir={self.data}',
            f'--socket={self.folder / "socket"}',
            f'--pid-file={self.folder / "pid"}',
            f'--tmpdir={self.temporary}',
            '--bind-address=127.0.0.1',
            f'--port={self.port}',
            f'--max-connections={_CONNECTIONS}',
            '--skip-log-bin',
            '--skip-name-resolve',
            '--innodb-flush-log-at-trx-commit=2',
            '--innodb-doublewrite=0',
        ]

    def _is_ready(self) -> bool:
        try:
            self._sql('SELECT 1')
        except SandboxError:
            return False
        return True

    def _sql(self, statement: str, database: str = '') -> str:
        client = str(programs.require('mariadb', self.package))
        where = ['--no-defaults', f'--socket={self.folder / "socket"}']
        how = ['--batch', '--skip-column-names', f'--execute={statement}']
        return self._run([client, *where, *how, *([database] if database else [])])

    def _first_steps(self) -> None:
        self._sql(f"CREATE USER '{_USER}'@'127.0.0.1' IDENTIFIED BY '{_PASSWORD}'")


KINDS: dict[str, type[Server]] = {'mariadb': MariaDB, 'postgresql': PostgreSQL}
