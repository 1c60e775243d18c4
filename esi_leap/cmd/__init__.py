"""The programs: each reads the configuration and runs a part of the service."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

try:
    from oslo_config import cfg
    from oslo_db import exception as db_errors
    from oslo_log import log
    from sqlalchemy import exc as sa_errors

    from esi_leap import conf as configuration
    from esi_leap.conf import existing
    from esi_leap.conf.checks import ConfigurationError
    from esi_leap.core.errors import LeapError
except ModuleNotFoundError as missing:  # the base package, which has the programs, is the client
    sys.exit(
        f'{Path(sys.argv[0]).name} needs what the client does without ({missing.name}): '
        "pip install 'esi-leap[server]'"
    )


_LOG = logging.getLogger(__name__)


def run(
    prog: str,
    body: Callable[[cfg.ConfigOpts], int | None],
    argv: Sequence[str],
    opts: Sequence[cfg.Opt] = (),
) -> int:
    """Run a program: read its configuration, set up the log, and print errors as one sentence.

    Args:
        prog: the name of the program.
        body: runs with the configuration; returns the exit code, None is 0.
        argv: the arguments of the program.
        opts: options of the program's own command line.

    Returns:
        The exit code.
    """
    conf = configuration.registered()
    conf.register_cli_opts(list(opts))
    try:
        conf(list(argv), project='esi-leap', prog=prog)
        log.setup(conf, 'esi-leap')
        for warning in existing.warnings(conf):
            _LOG.warning(warning)
        return body(conf) or 0
    except (ConfigurationError, LeapError, cfg.ConfigFilesNotFoundError) as error:
        sys.stderr.write(f'{prog}: {error}\n')
    except (db_errors.DBError, sa_errors.DBAPIError) as error:
        reason = str(error).splitlines()[0]
        sys.stderr.write(f'{prog}: the database of [database] connection failed: {reason}\n')
    return 1
