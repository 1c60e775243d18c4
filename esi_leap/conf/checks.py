"""Checks across options; each raises `ConfigurationError`, which names the option to change."""

from __future__ import annotations

from collections.abc import Collection

from oslo_config import cfg

#: The holding project of a fleet without Ironic, where no Keystone has to know it.
_DUMMY_HOLDING = 'esi-leap-holding'


class ConfigurationError(Exception):
    """The configuration cannot work; the message names the option to change."""


def check_connection(conf: cfg.ConfigOpts) -> None:
    """Check that the database is named.

    Raises:
        ConfigurationError: it is not.
    """
    if not conf.database.connection:
        raise ConfigurationError(
            '[database] connection is not set; for example '
            'sqlite:////var/lib/esi-leap/esi-leap.sqlite'
        )


def check_keystone(conf: cfg.ConfigOpts) -> None:
    """Check that there are credentials for Keystone.

    Raises:
        ConfigurationError: there are none.
    """
    if conf.keystone.auth_type is None:
        raise ConfigurationError('[keystone] has no credentials; project names cannot be known.')


def check_fleet(resource_types: Collection[str]) -> None:
    """Check that at least one service of nodes is configured.

    Raises:
        ConfigurationError: there is none.
    """
    if not resource_types:
        raise ConfigurationError(
            'There are no nodes: set the credentials in [ironic], or [dummy_node] dummy_node_dir.'
        )


def check_api_certificate(conf: cfg.ConfigOpts) -> None:
    """Check that an API that serves TLS has a certificate and its key.

    Raises:
        ConfigurationError: one of them is missing.
    """
    if conf.api.enable_ssl_api and not (conf.ssl.cert_file and conf.ssl.key_file):
        raise ConfigurationError('[api] enable_ssl_api needs [ssl] cert_file and key_file.')


def check_token_ttl(conf: cfg.ConfigOpts) -> None:
    """Check that the default lifetime of a console's token is within its limit.

    Raises:
        ConfigurationError: it is longer.
    """
    options = conf.serialconsoleproxy
    if options.token_ttl > options.token_ttl_max:
        raise ConfigurationError(
            f'[serialconsoleproxy] token_ttl ({options.token_ttl} s) must not be more than '
            f'token_ttl_max ({options.token_ttl_max} s).'
        )


def holding_project(conf: cfg.ConfigOpts, resource_types: Collection[str]) -> str:
    """Return the id of the holding project.

    Raises:
        ConfigurationError: it is not set, and there are nodes of Ironic.
    """
    project: str | None = conf.manager.holding_project
    if project is not None:
        return project
    if 'ironic_node' in resource_types:
        raise ConfigurationError(
            '[manager] holding_project is not set: the id of a project without members that '
            'has a node while it is prepared or returned.'
        )
    return _DUMMY_HOLDING


def longest_call(conf: cfg.ConfigOpts) -> float:
    """Return how long one call of the manager may take, in seconds.

    A claim has to outlive two calls: a manager that has lost its claim must not still be asking.

    Raises:
        ConfigurationError: a claim ends too early.
    """
    services = ('ironic',) if conf.neutron.auth_type is None else ('ironic', 'neutron')
    timeouts: dict[str, float] = {
        f'[{group}] timeout': conf[group].timeout or 0 for group in services
    }
    if conf.gate.driver != 'none':
        timeouts['[gate] call_timeout'] = conf.gate.call_timeout
    for name, seconds in timeouts.items():
        if conf.manager.claim_time <= 2 * seconds:
            raise ConfigurationError(
                f'[manager] claim_time ({conf.manager.claim_time} s) must be more than twice '
                f'{name} ({seconds} s).'
            )
    return max(timeouts.values())
