"""Configuration: one module for each group of options; `checks` compares options of several groups.

Nothing here reads a global CONF.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from keystoneauth1 import loading
from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log
from oslo_policy import opts as policy_opts

from esi_leap.conf import (
    api,
    audit,
    dummy_node,
    gate,
    inventory,
    manager,
    metrics,
    notification,
    quota,
    serialconsoleproxy,
    ssl,
)

#: Groups with the credentials and endpoint of another service, each with its service type.
SERVICES = {'ironic': 'baremetal', 'keystone': 'identity', 'neutron': 'network'}

#: The libraries retry nothing: the manager backs off by itself, and knows when its claim on a node
#: runs out.
_SERVICE_DEFAULTS = {
    'valid_interfaces': ['internal', 'public'],
    'timeout': 10,
    'status_code_retries': 0,
    'connect_retries': 0,
}


def load(argv: Sequence[str], prog: str) -> cfg.ConfigOpts:
    """Return the configuration, read from the command line and the configuration files.

    Args:
        argv: arguments after the program's name, for example `--config-file F`.
        prog: the program's name.
    """
    conf = registered()
    conf(list(argv), project='esi-leap', prog=prog)
    return conf


def registered() -> cfg.ConfigOpts:
    """Return a configuration that knows all options of the service and has read no file."""
    conf = cfg.ConfigOpts()
    log.register_options(conf)
    conf.set_default('use_stderr', True)  # noqa: FBT003 - what a program prints is its answer
    conf.register_opts(api.OPTS, group='api')
    conf.register_opts(ssl.OPTS, group='ssl')
    conf.register_opts(audit.OPTS, group='audit')
    conf.register_opts(quota.OPTS, group='quota')
    conf.register_opts(manager.OPTS, group='manager')
    conf.register_opts(gate.OPTS, group='gate')
    conf.register_opts(inventory.OPTS, group='inventory')
    conf.register_opts(dummy_node.OPTS, group='dummy_node')
    conf.register_opts(metrics.OPTS, group='metrics')
    conf.register_opts(notification.OPTS, group='notification')
    conf.register_opts(serialconsoleproxy.OPTS, group='serialconsoleproxy')
    conf.register_opts(db_options.database_opts, group='database')
    policy_opts.set_defaults(conf)
    # A request does not wait for a database that is away: it is answered 503.
    conf.set_default('max_retries', 1, group='database')
    conf.set_default('retry_interval', 1, group='database')
    for group, service_type in SERVICES.items():
        loading.register_auth_conf_options(conf, group)
        loading.register_session_conf_options(conf, group)
        loading.register_adapter_conf_options(conf, group)
        conf.set_default('service_type', service_type, group=group)
        for name, value in _SERVICE_DEFAULTS.items():
            conf.set_default(name, value, group=group)
    return conf


def list_opts() -> list[tuple[str, Sequence[cfg.Opt]]]:
    """Return (group, options) for the sample configuration file, with our own defaults."""
    return [
        ('api', api.OPTS),
        ('ssl', ssl.OPTS),
        ('audit', audit.OPTS),
        ('quota', quota.OPTS),
        ('manager', manager.OPTS),
        ('gate', gate.OPTS),
        ('inventory', inventory.OPTS),
        ('dummy_node', dummy_node.OPTS),
        ('metrics', metrics.OPTS),
        ('notification', notification.OPTS),
        ('serialconsoleproxy', serialconsoleproxy.OPTS),
        *((group, _service_opts(kind)) for group, kind in SERVICES.items()),
    ]


def _service_opts(service_type: str) -> list[cfg.Opt]:
    found = copy.deepcopy(
        [
            *loading.get_auth_common_conf_options(),
            *loading.get_auth_plugin_conf_options('v3password'),
            *loading.get_session_conf_options(),
            *loading.get_adapter_conf_options(include_deprecated=False),
        ]
    )
    ours = {'service_type': service_type, **_SERVICE_DEFAULTS}
    for option in found:
        option.default = ours.get(option.dest, option.default)
    return found
