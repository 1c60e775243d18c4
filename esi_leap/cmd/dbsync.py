"""`esi-leap-dbsync`: creates and upgrades the schema, and deletes old rows.

It also takes over the database of the existing service.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import Any

from oslo_config import cfg

from esi_leap import clock
from esi_leap.cmd import run
from esi_leap.conf.checks import ConfigurationError
from esi_leap.core import instant
from esi_leap.core.errors import InvalidError, LeapError, UnknownProjectError
from esi_leap.db import existing, schema, takeover
from esi_leap.db import purge as purging
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.wiring import parts

#: Commands of the existing service to what to do instead.
_INSTEAD = {
    'downgrade': 'The schema cannot be downgraded: restore the backup that was made before the '
    'upgrade. The tables of the existing service are kept, under names that begin with '
    f'{takeover.PREFIX}; the migration guide says how to go back to them.',
    'revision': 'Migrations are written in a checkout of the project; CONTRIBUTING.rst says how.',
}


def _commands(subparsers: Any) -> None:  # noqa: ANN401 - argparse's own
    upgrade = subparsers.add_parser(
        'upgrade',
        help='upgrade the schema to the newest revision; take over that of the existing service',
    )
    upgrade.add_argument('--revision', nargs='?', choices=['head'], help='only head')
    subparsers.add_parser('create_schema', help='same as upgrade')
    subparsers.add_parser('version', help='print the revision of the schema')
    stamp = subparsers.add_parser('stamp', help='do nothing: the schema has its revision')
    stamp.add_argument('ident', nargs='?', help=argparse.SUPPRESS)
    instead = [subparsers.add_parser(name, help='print what to do instead') for name in _INSTEAD]
    for parser in (stamp, *instead):
        parser.add_argument('--revision', nargs='?', help=argparse.SUPPRESS)
        parser.add_argument('-m', '--message', help=argparse.SUPPRESS)
        parser.add_argument('--autogenerate', action='store_true', help=argparse.SUPPRESS)
    purge = subparsers.add_parser('purge', help='delete rows of objects that ended before a time')
    purge.add_argument(
        '--before', required=True, metavar='TIME', help='time (ISO 8601), for example 2031-01-31'
    )
    purge.add_argument('--dry-run', action='store_true', help='only print the number of rows')


_COMMAND = cfg.SubCommandOpt('command', title='Commands', handler=_commands)


def _main(conf: cfg.ConfigOpts) -> int:
    match conf.command.name:
        case 'version':
            sys.stdout.write(f'{schema.version(parts.open_database(conf))}\n')
        case 'purge':
            return _purge(conf)
        case 'stamp':
            sys.stdout.write('Nothing to do: the schema has its revision.\n')
        case 'downgrade' | 'revision' as name:
            sys.stderr.write(f'esi-leap-dbsync: {_INSTEAD[name]}\n')
            return 1
        case _:
            return _upgrade(conf)
    return 0


def _upgrade(conf: cfg.ConfigOpts) -> int:
    database = parts.open_database(conf)
    try:
        report = takeover.upgrade(database, clock.now(), parts.new_uuid)
    except takeover.TakeoverError as error:
        sys.stderr.write(f'esi-leap-dbsync: {error}\n')
        return 1
    _learn_names(conf, database)
    if report is not None:
        kept = ', '.join(
            takeover.PREFIX + name for name in existing.TABLES if name in report.counts
        )
        lines = [
            'The database of the existing service was taken over:',
            *(f'  {line}' for line in report.lines()),
            'Console tokens are not copied: they are valid for minutes only.',
            f'Its tables are kept as {kept}.',
        ]
        sys.stdout.write('\n'.join(lines) + '\n')
    return 0


def _learn_names(conf: cfg.ConfigOpts, database: Database) -> None:
    """Store the names of projects that were taken over: lists never ask Keystone for them."""
    with database.reader() as connection:
        nameless = takeover.nameless(connection)
    if not nameless:
        return
    found = []
    try:
        keystone = parts.make_keystone(conf)
        for project in nameless:
            with contextlib.suppress(UnknownProjectError):  # deleted: it stays without a name
                found.append(keystone.project(project, None))
    except (ConfigurationError, LeapError) as error:
        sys.stderr.write(
            f'esi-leap-dbsync: {len(nameless)} projects are shown without their names until this '
            f'is run again: {error}\n'
        )
    Store(database).remember(found)


def _purge(conf: cfg.ConfigOpts) -> int:
    before = instant.parse(conf.command.before, '--before')
    if before > clock.now():
        raise InvalidError(f'--before {conf.command.before} has not passed yet.')
    for table, number in purging.purge(
        parts.open_database(conf), before, dry=conf.command.dry_run
    ).items():
        sys.stdout.write(f'{table}: {number}\n')
    return 0


def main() -> int:
    """Run the program."""
    return run('esi-leap-dbsync', _main, sys.argv[1:], [_COMMAND])
