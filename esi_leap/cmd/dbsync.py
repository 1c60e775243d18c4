"""`esi-leap-dbsync`: make and upgrade the schema."""

from __future__ import annotations

import sys
from typing import Any

from oslo_config import cfg

from esi_leap import wiring
from esi_leap.cmd import run
from esi_leap.db import schema


def _commands(subparsers: Any) -> None:  # noqa: ANN401 - argparse's own
    subparsers.add_parser('upgrade', help='bring the schema to the newest revision')
    subparsers.add_parser('create_schema', help='the same, for an empty database')
    subparsers.add_parser('version', help='print the revision of the schema')


_COMMAND = cfg.SubCommandOpt('command', title='Commands', handler=_commands)


def _main(conf: cfg.ConfigOpts) -> int:
    database = wiring.database(conf)
    if conf.command.name == 'version':
        sys.stdout.write(f'{schema.version(database)}\n')
        return 0
    schema.upgrade(database)
    return 0


def main() -> int:
    """Run the program."""
    return run('esi-leap-dbsync', _main, sys.argv[1:], [_COMMAND])
