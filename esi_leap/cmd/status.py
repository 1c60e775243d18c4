"""`esi-leap-status`: checks whether the service can be upgraded, and whether it can run."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator

from oslo_config import cfg
from oslo_db import exception as db_errors
from oslo_policy.policy import InvalidDefinitionError
from oslo_upgradecheck import common_checks, upgradecheck
from sqlalchemy import exc as sa_errors

from esi_leap import conf as configuration
from esi_leap import policy
from esi_leap.cloud.ironic.nodes import IronicNodes
from esi_leap.conf import existing
from esi_leap.conf.checks import ConfigurationError
from esi_leap.core.errors import LeapError, NodeNotFoundError, UnknownProjectError
from esi_leap.db import schema, takeover
from esi_leap.tell import bus
from esi_leap.wiring import parts
from esi_leap.wiring.api import make_application
from esi_leap.wiring.manager import make_loop, make_relay

#: A reference of one rule to another.
_REFERENCE = re.compile(r'\brule:([\w:.-]+)')

_UNREADABLE = (ConfigurationError, db_errors.DBError, sa_errors.DBAPIError)


class _Checks(upgradecheck.UpgradeCommands):
    """The checks of this release."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf

    def _schema(self) -> upgradecheck.Result:
        newest = schema.newest()
        try:
            found = schema.version(parts.open_database(self._conf))
        except _UNREADABLE as error:
            return _unreadable(error)
        if found == newest:
            return upgradecheck.Result(upgradecheck.Code.SUCCESS)
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'The schema is at revision {found}, the newest is {newest}; '
            'run esi-leap-dbsync upgrade.',
        )

    def _takeover(self) -> upgradecheck.Result:
        try:
            with parts.open_database(self._conf).reader() as connection:
                report = takeover.survey(connection)
        except _UNREADABLE as error:
            return _unreadable(error)
        if report is None:
            return upgradecheck.Result(upgradecheck.Code.SUCCESS)
        lines = [*report.lines(), *self._missing_nodes(report), *self._unknown_projects(report)]
        sys.stdout.write('\n'.join(['In the database of the existing service:', *lines, '']))
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            'The database is that of the existing service; what is in it is printed above. Stop '
            'that service, make a backup, and run esi-leap-dbsync upgrade.',
        )

    def _missing_nodes(self, report: takeover.Report) -> Iterator[str]:
        """Yield a line about the nodes of offers and leases that no longer exist."""
        gone = []
        try:
            fleet = parts.make_fleet(self._conf)
            for kind, uuid in sorted(report.nodes):
                try:
                    if kind in fleet:
                        fleet[kind].find(uuid)
                except NodeNotFoundError:
                    gone.append(uuid)
        except (ConfigurationError, LeapError) as error:
            yield f'Whether the nodes exist could not be checked: {error}'
        if gone:
            yield f'{len(gone)} x node is gone: its leases end with that reason: {", ".join(gone)}'

    def _unknown_projects(self, report: takeover.Report) -> Iterator[str]:
        """Yield a line about the projects that Keystone does not know."""
        unknown = []
        try:
            keystone = parts.make_keystone(self._conf)
            for project in sorted(report.projects):
                try:
                    keystone.project(project, None)
                except UnknownProjectError:
                    unknown.append(project)
        except (ConfigurationError, LeapError) as error:
            yield f'Whether the projects exist could not be checked: {error}'
        if unknown:
            yield f'{len(unknown)} x unknown project: shown without a name: {", ".join(unknown)}'

    def _options(self) -> upgradecheck.Result:
        idle = list(existing.warnings(self._conf))
        if not idle:
            return upgradecheck.Result(upgradecheck.Code.SUCCESS)
        return upgradecheck.Result(upgradecheck.Code.WARNING, ' '.join(idle))

    def _api(self) -> upgradecheck.Result:
        return self._check_build(make_application)

    def _manager(self) -> upgradecheck.Result:
        return self._check_build(make_loop)

    def _notifications(self) -> upgradecheck.Result:
        """Check that the relay can be built; nothing is connected to."""
        result = self._check_build(make_relay)
        if result.code is upgradecheck.Code.FAILURE:
            return result
        warnings = ' '.join(bus.warnings_of(self._conf))
        return upgradecheck.Result(upgradecheck.Code.WARNING, warnings) if warnings else result

    def _check_build(self, make: Callable[[cfg.ConfigOpts], object]) -> upgradecheck.Result:
        """Check that a part of the service can be built from the configuration."""
        try:
            make(self._conf)
        except ConfigurationError as error:
            return upgradecheck.Result(upgradecheck.Code.FAILURE, str(error))
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    def _policy_file(self) -> upgradecheck.Result:
        return common_checks.check_policy_json(self, self._conf)

    def _rules(self) -> upgradecheck.Result:
        """Check the policy files: a rule that no call asks protects nothing."""
        enforcer = policy.make_enforcer(self._conf)
        try:
            enforcer.load_rules()
            enforcer.check_rules(raise_on_violation=True)
        except (ValueError, InvalidDefinitionError) as error:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE, f'The policy files cannot be used: {error}'
            )
        idle = set(enforcer.file_rules) - set(enforcer.registered_rules)
        idle -= {name for rule in enforcer.rules.values() for name in _REFERENCE.findall(str(rule))}
        if not idle:
            return upgradecheck.Result(upgradecheck.Code.SUCCESS)
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'Nothing asks these rules of the policy files: {", ".join(sorted(idle))}.',
        )

    def _lessees(self) -> upgradecheck.Result:
        try:
            service = parts.make_fleet(self._conf).get('ironic_node')
            flagged = service.with_automatic_lessee() if isinstance(service, IronicNodes) else []
        except (ConfigurationError, LeapError) as error:
            return upgradecheck.Result(upgradecheck.Code.WARNING, str(error))
        if not flagged:
            return upgradecheck.Result(upgradecheck.Code.SUCCESS)
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'A deployment has set the lessee of {", ".join(flagged)}; these nodes are not handed '
            'over. Set [conductor] automatic_lessee_source = none in Ironic and undeploy them.',
        )

    def _ports(self) -> upgradecheck.Result:
        """Check that Neutron shows the ports that a return depends on, if Neutron is configured."""
        try:
            network = parts.make_network(self._conf)
            if network is not None:
                network.check()
        except LeapError as error:
            return upgradecheck.Result(upgradecheck.Code.WARNING, error.message)
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    _upgrade_checks = (
        ('Database of the existing service', _takeover),
        ('Database schema', _schema),
        ('Options without effect', _options),
        ('API', _api),
        ('Manager', _manager),
        ('Notifications', _notifications),
        ('Policy file', _policy_file),
        ('Policy rules', _rules),
        ('Lessees set by deployments', _lessees),
        ('Ports in Neutron', _ports),
    )


def _unreadable(error: Exception) -> upgradecheck.Result:
    return upgradecheck.Result(
        upgradecheck.Code.FAILURE, f'The database cannot be read: {str(error).splitlines()[0]}'
    )


def main() -> int:
    """Run the program."""
    conf = configuration.registered()
    code: int = upgradecheck.main(conf, 'esi-leap', _Checks(conf), sys.argv[1:])
    return code
