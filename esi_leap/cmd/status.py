"""`esi-leap-status`: can the service be upgraded, and can it run?"""

from __future__ import annotations

import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from esi_leap import conf as configuration
from esi_leap import wiring
from esi_leap.db import schema


class _Checks(upgradecheck.UpgradeCommands):
    """The checks of this release."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf

    def _schema(self) -> upgradecheck.Result:
        found, newest = schema.version(wiring.database(self._conf)), schema.newest()
        if found == newest:
            return upgradecheck.Result(upgradecheck.Code.SUCCESS)
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'The schema is at revision {found}, the newest is {newest}; '
            'run esi-leap-dbsync upgrade.',
        )

    def _manager(self) -> upgradecheck.Result:
        try:
            wiring.manager(self._conf)
        except wiring.ConfigurationError as error:
            return upgradecheck.Result(upgradecheck.Code.FAILURE, str(error))
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    _upgrade_checks = (('Database schema', _schema), ('Manager', _manager))


def main() -> int:
    """Run the program."""
    conf = configuration.registered()
    code: int = upgradecheck.main(conf, 'esi-leap', _Checks(conf), sys.argv[1:])
    return code
