"""Parts that several programs share, built from the configuration."""

from __future__ import annotations

import socket
import time
import uuid
from datetime import timedelta

from oslo_config import cfg
from oslo_db import options as db_options

from esi_leap import clock
from esi_leap.actions.inventory import Inventory
from esi_leap.cloud.dummy import DummyNodes
from esi_leap.cloud.ironic.nodes import IronicNodes
from esi_leap.cloud.keystone import Keystone
from esi_leap.cloud.neutron import Neutron
from esi_leap.cloud.rest import Service
from esi_leap.conf import checks
from esi_leap.core.console_auth_token import TokenLimits
from esi_leap.core.ports.cloud import Fleet, Identity, Nodes
from esi_leap.db.engine import Database
from esi_leap.db.inventory import Inventory as InventoryStore

#: Options of `[database]` that are not for the engine.
_NOT_ENGINE = frozenset({'backend', 'connection_parameters', 'slave_connection', 'connection'})
#: Addresses that stand for all of a host.
_EVERYWHERE = frozenset({'0.0.0.0', '::'})  # noqa: S104 - known, not bound


def open_database(conf: cfg.ConfigOpts) -> Database:
    """Return the database of `[database]`; it connects at its first use.

    Raises:
        ConfigurationError: the option `connection` is not set.
    """
    checks.check_connection(conf)
    options = {
        option.dest: conf.database[option.dest]
        for option in db_options.database_opts
        if option.dest not in _NOT_ENGINE and not option.deprecated_for_removal
    }
    return Database(conf.database.connection, **options)


def make_fleet(conf: cfg.ConfigOpts) -> Fleet:
    """Return the `Nodes` adapters of this deployment, by resource type.

    Raises:
        ConfigurationError: there is none.
    """
    fleet: dict[str, Nodes] = {}
    if conf.ironic.auth_type is not None:
        fleet['ironic_node'] = IronicNodes(Service.of(conf, 'ironic', 1), make_network(conf))
    if conf.dummy_node.dummy_node_dir:
        fleet['dummy_node'] = DummyNodes(conf.dummy_node.dummy_node_dir)
    checks.check_fleet(fleet)
    return fleet


def make_network(conf: cfg.ConfigOpts) -> Neutron | None:
    """Return Neutron with the rights of `[neutron]`; None if that group has no credentials."""
    return None if conf.neutron.auth_type is None else Neutron(Service.of(conf, 'neutron', 2))


def make_keystone(conf: cfg.ConfigOpts) -> Identity:
    """Return Keystone with the rights of `[keystone]`.

    Raises:
        ConfigurationError: that group has no credentials.
    """
    checks.check_keystone(conf)
    return Keystone(Service.of(conf, 'keystone', 3))


def make_inventory(conf: cfg.ConfigOpts, database: Database, fleet: Fleet) -> Inventory:
    """Return the inventory of the nodes of `fleet`."""
    # Without Keystone the only project names are those that callers give, and a manager without
    # Keystone's credentials does its work all the same.
    nameless = conf.api.auth_strategy == 'noauth' or conf.keystone.auth_type is None
    return Inventory(
        store=InventoryStore(database),
        fleet=fleet,
        identity=None if nameless else make_keystone(conf),
        now=clock.now,
        new_uuid=new_uuid,
        pause=time.sleep,
        max_age=timedelta(seconds=conf.inventory.max_age),
    )


def token_limits(conf: cfg.ConfigOpts) -> TokenLimits:
    """Return the limits of console tokens, and the address of the proxy that takes them.

    Raises:
        ConfigurationError: the default lifetime is above the longest one.
    """
    checks.check_token_ttl(conf)
    options = conf.serialconsoleproxy
    url = options.public_url
    if url is None:
        scheme = 'wss' if options.cert_file else 'ws'
        host = str(options.host_address)
        if host in _EVERYWHERE:  # no client can connect to that
            host = socket.getfqdn()
        url = (
            f'{scheme}://[{host}]:{options.port}'
            if ':' in host
            else f'{scheme}://{host}:{options.port}'
        )
    return TokenLimits(options.token_ttl, options.token_ttl_max, url.rstrip('/'))


def new_uuid() -> str:
    """Return a new uuid."""
    return str(uuid.uuid4())
