"""`esi-leap-status`: can the service be upgraded, and can it run?"""

from __future__ import annotations

import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from esi_leap import conf as configuration
from esi_leap import wiring
from esi_leap.core.errors import LeapError
from esi_leap.db import schema
from esi_leap.nodes.ironic import IronicNodes


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

    def _lessees(self) -> upgradecheck.Result:
        try:
            service = wiring.fleet(self._conf).get('ironic_node')
            flagged = service.with_automatic_lessee() if isinstance(service, IronicNodes) else []
        except (wiring.ConfigurationError, LeapError) as error:
            return upgradecheck.Result(upgradecheck.Code.WARNING, str(error))
        if not flagged:
            return upgradecheck.Result(upgradecheck.Code.SUCCESS)
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'A deployment has set the lessee of {", ".join(flagged)}; these nodes are not handed '
            'over. Set [conductor] automatic_lessee_source = none in Ironic and undeploy them.',
        )

    _upgrade_checks = (
        ('Database schema', _schema),
        ('Manager', _manager),
        ('Lessees set by deployments', _lessees),
    )


def main() -> int:
    """Run the program."""
    conf = configuration.registered()
    code: int = upgradecheck.main(conf, 'esi-leap', _Checks(conf), sys.argv[1:])
    return code
