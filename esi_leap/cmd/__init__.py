"""The programs."""

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
except ModuleNotFoundError as missing:  # the base package, which brings the programs, is the client
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
    """Run a program: read its configuration, set up the log, and say errors in one sentence.

    Args:
        prog: its name.
        body: what it does with the configuration; returns the exit code, None is 0.
        argv: its arguments.
        opts: options of its own command line.
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
        why = str(error).splitlines()[0]
        sys.stderr.write(f'{prog}: the database of [database] connection failed: {why}\n')
    return 1
