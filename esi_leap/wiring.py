"""Putting the parts together. Only `cmd`, `wsgi` and the fixture know this module."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oslo_config import cfg
from oslo_db import options as db_options

from esi_leap import clock, metrics, policy
from esi_leap.actions.deps import Deps as ActionDeps
from esi_leap.actions.inventory import Inventory
from esi_leap.cloud.dummy import DummyNodes
from esi_leap.cloud.ironic import IronicNodes
from esi_leap.cloud.keystone import Keystone, NoKeystone
from esi_leap.cloud.neutron import Neutron
from esi_leap.cloud.rest import Service
from esi_leap.conf import cors
from esi_leap.core.booking.quota import Limits, Quota
from esi_leap.core.console_auth_token import TokenLimits
from esi_leap.core.event import Priority
from esi_leap.core.gate import Rules
from esi_leap.core.ports.cloud import Fleet, Gate, Identity
from esi_leap.db.agenda import Agenda
from esi_leap.db.console_auth_tokens import ConsoleAuthTokens
from esi_leap.db.engine import Database
from esi_leap.db.inventory import Inventory as InventoryStore
from esi_leap.db.outbox import Outbox
from esi_leap.db.store import Store
from esi_leap.gate.guard import Guard
from esi_leap.manager import relay as relays
from esi_leap.manager.deps import Deps as ManagerDeps
from esi_leap.manager.deps import Settings
from esi_leap.manager.loop import Loop
from esi_leap.manager.recalls import Finisher
from esi_leap.manager.refresh import Refresher
from esi_leap.tell import bus as message_bus

if TYPE_CHECKING:
    from esi_leap.console.proxy import Proxy

#: Options of `[database]` that are not for the engine.
_NOT_ENGINE = frozenset({'backend', 'connection_parameters', 'slave_connection', 'connection'})


#: Addresses that stand for all of a host.
_EVERYWHERE = frozenset({'0.0.0.0', '::'})  # noqa: S104 - known, not bound


class ConfigurationError(Exception):
    """The configuration cannot work; the message says what would."""


def database(conf: cfg.ConfigOpts) -> Database:
    """Return the database of `[database]`."""
    if not conf.database.connection:
        raise ConfigurationError(
            '[database] connection is not set; for example '
            'sqlite:////var/lib/esi-leap/esi-leap.sqlite'
        )
    options = {
        option.dest: conf.database[option.dest]
        for option in db_options.database_opts
        if option.dest not in _NOT_ENGINE and not option.deprecated_for_removal
    }
    return Database(conf.database.connection, **options)


def api(
    conf: cfg.ConfigOpts, base: Database | None = None
) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Return the WSGI application, over `base` or the database of the configuration.

    What comes in through the port of `[metrics] api_port` is answered with the metrics.
    """
    # Pecan and the middleware are 14 MB that the manager does without.
    from esi_leap.api import app, auth  # noqa: PLC0415

    cors.register(conf)
    base = base or database(conf)
    meter = metrics.Api() if conf.metrics.api_port else None
    if meter:
        base.watch(meter.connections)
    enforcer = policy.enforcer(conf)
    noauth = conf.api.auth_strategy == 'noauth'
    try:
        authenticate = auth.noauth(conf.api.host_ip) if noauth else auth.keystone(conf)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    nodes = fleet(conf)
    deps = ActionDeps(
        store=Store(base, _level(conf)),
        tokens=ConsoleAuthTokens(base),
        fleet=nodes,
        identity=NoKeystone() if noauth else keystone(conf),
        inventory=inventory(conf, InventoryStore(base), nodes),
        now=clock.now,
        new_uuid=new_uuid,
        new_secret=secrets.token_urlsafe,
        pause=time.sleep,
        default_type=conf.api.default_resource_type,
        limits=Limits(
            timedelta(days=conf.api.default_lease_time), timedelta(days=conf.api.max_lease_time)
        ),
        quota=Quota(
            leases=conf.quota.leases,
            ahead=_days(conf.quota.days_ahead),
            chain=_days(conf.quota.days_in_a_row),
        ),
        delete_wait=conf.api.delete_wait,
        max_limit=conf.api.max_limit,
        console=_console_terms(conf),
    )

    def judge(rule: str, target: Any, creds: object) -> bool:  # noqa: ANN401 - a policy target
        return policy.allows(enforcer, rule, target, creds)

    rates = _rates(conf)
    if meter is None:
        return app.build(deps, judge, authenticate, conf, count=rates)
    application = app.build(deps, judge, authenticate, conf, answered=meter.answered, count=rates)
    return meter.beside(application, conf.metrics.api_port)


def _rates(conf: cfg.ConfigOpts) -> Callable[[str], None] | None:
    """Return what counts the calls of each project, if `[api] rate_limit` asks for it."""
    if conf.api.rate_limit is None:
        return None
    from esi_leap.api.rates import Rates  # noqa: PLC0415 - only who limits needs the library

    try:
        return Rates(conf.api.rate_limit, conf.api.rate_limit_storage, clock.now).count
    except ValueError as error:
        raise ConfigurationError(f'[api] rate_limit, rate_limit_storage: {error}') from error


def manager(
    conf: cfg.ConfigOpts, base: Database | None = None, meter: metrics.Manager | None = None
) -> Loop:
    """Return a manager, over `base` or the database of the configuration; `meter` counts."""
    meter = meter or metrics.Manager()
    base = base or database(conf)
    base.watch(meter.connections)
    found = fleet(conf)
    holding = conf.manager.holding_project
    if holding is None:
        if 'ironic_node' in found:
            raise ConfigurationError(
                '[manager] holding_project is not set: the id of a project without members that '
                'has a node while it is prepared or returned.'
            )
        holding = 'esi-leap-holding'
    guard = gate(conf)
    asked = ('ironic',) if conf.neutron.auth_type is None else ('ironic', 'neutron')
    times = {f'[{group}] timeout': conf[group].timeout or 0 for group in asked}
    if guard is not None:
        times['[gate] call_timeout'] = conf.gate.call_timeout
    for name, seconds in times.items():
        if conf.manager.claim_time <= 2 * seconds:
            raise ConfigurationError(
                f'[manager] claim_time ({conf.manager.claim_time} s) must be more than twice '
                f'{name} ({seconds} s).'
            )
    level, seen = _level(conf), InventoryStore(base)
    refresher = Refresher(inventory(conf, seen, found), meter, conf.inventory.refresh_interval)
    return Loop(
        ManagerDeps(
            agenda=Agenda(base, level),
            fleet=found,
            meter=meter,
            now=clock.now,
            monotonic=time.monotonic,
            new_uuid=new_uuid,
            settings=Settings(
                host=socket.gethostname(),
                holding_project=holding,
                poll_interval=conf.manager.poll_interval,
                threads=conf.manager.threads,
                claim_time=conf.manager.claim_time,
                retry_max=conf.manager.retry_max,
                max_attempts=conf.manager.max_attempts,
                check_interval=conf.manager.check_interval,
                require_clean=conf.manager.require_clean,
                repair=conf.manager.on_drift == 'repair',
                call_time=max(times.values()),
                gate=Rules(
                    max_age=timedelta(seconds=conf.gate.max_age),
                    timeout=conf.gate.timeout and timedelta(seconds=conf.gate.timeout),
                ),
            ),
            beside=[refresher, Finisher(Store(base, level), meter, clock.now)],
            gate=guard,
        )
    )


def gate(conf: cfg.ConfigOpts) -> Gate | None:
    """Return the gate of the configuration, None if there is none."""
    if conf.gate.driver == 'none':
        return None
    # Most managers have no gate, and no use for this.
    from stevedore import DriverManager  # noqa: PLC0415
    from stevedore.exception import NoMatches  # noqa: PLC0415

    try:
        found = DriverManager(
            'esi_leap.gate', conf.gate.driver, invoke_on_load=True, invoke_args=(conf,)
        )
    except NoMatches:
        raise ConfigurationError(f'[gate] driver: there is no driver {conf.gate.driver}.') from None
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return Guard(found.driver, conf.gate.call_timeout)


def inventory(conf: cfg.ConfigOpts, store: InventoryStore, nodes: Fleet) -> Inventory:
    """Return the inventory of the nodes of a fleet."""
    # Without Keystone there are no names but those that callers say, and a manager without its
    # credentials does its work all the same.
    silent = conf.api.auth_strategy == 'noauth' or conf.keystone.auth_type is None
    return Inventory(
        store=store,
        fleet=nodes,
        identity=None if silent else keystone(conf),
        now=clock.now,
        new_uuid=new_uuid,
        pause=time.sleep,
        max_age=timedelta(seconds=conf.inventory.max_age),
    )


def relay(conf: cfg.ConfigOpts, base: Database | None = None) -> relays.Relay:
    """Return a relay, over `base` or the database of the configuration."""
    bus = None
    if _level(conf) is not None:
        topics = conf.notification.versioned_notifications_topics
        with _notifying():
            bus = message_bus.MessageBus(
                conf.config_file, conf.config_dir, topics, socket.gethostname()
            )
    return relays.Relay(
        relays.Deps(
            outbox=Outbox(base or database(conf)),
            bus=bus,
            silence=message_bus.SILENCE,
            now=clock.now,
            monotonic=time.monotonic,
            new_uuid=new_uuid,
            poll=conf.manager.poll_interval,
        )
    )


def console_proxy(conf: cfg.ConfigOpts, base: Database | None = None) -> Proxy:
    """Return the proxy for consoles, over `base` or the database of the configuration."""
    # The other programs do without websockets.
    from esi_leap.console.deps import Deps as ConsoleDeps  # noqa: PLC0415
    from esi_leap.console.deps import Settings as ConsoleSettings  # noqa: PLC0415
    from esi_leap.console.proxy import Proxy  # noqa: PLC0415

    options = conf.serialconsoleproxy
    terms = _console_terms(conf)
    return Proxy(
        ConsoleDeps(
            tokens=ConsoleAuthTokens(base or database(conf)),
            fleet=fleet(conf),
            now=clock.now,
            monotonic=time.monotonic,
            settings=ConsoleSettings(
                host=options.host_address,
                port=options.port,
                tls=_tls(options.cert_file, options.key_file) if options.cert_file else None,
                public_url=terms.url,
                allowed_origins=options.allowed_origins,
                idle=options.timeout if options.timeout > 0 else None,
                max_connections=options.max_connections,
                poll_interval=options.poll_interval,
            ),
        )
    )


def _console_terms(conf: cfg.ConfigOpts) -> TokenLimits:
    options = conf.serialconsoleproxy
    if options.token_ttl > options.token_ttl_max:
        raise ConfigurationError(
            f'[serialconsoleproxy] token_ttl ({options.token_ttl} s) must not be more than '
            f'token_ttl_max ({options.token_ttl_max} s).'
        )
    url = options.public_url
    if url is None:
        scheme = 'wss' if options.cert_file else 'ws'
        host = str(options.host_address)
        if host in _EVERYWHERE:  # nobody can connect to that
            host = socket.getfqdn()
        url = (
            f'{scheme}://[{host}]:{options.port}'
            if ':' in host
            else f'{scheme}://{host}:{options.port}'
        )
    return TokenLimits(options.token_ttl, options.token_ttl_max, url.rstrip('/'))


def _tls(cert: str, key: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f'[serialconsoleproxy] cert_file and key_file cannot be used: {error}'
        ) from error
    return context


def fleet(conf: cfg.ConfigOpts) -> Fleet:
    """Return the nodes adapters of this deployment, by resource type."""
    found: dict[str, Any] = {}
    if conf.ironic.auth_type is not None:
        found['ironic_node'] = IronicNodes(Service.of(conf, 'ironic', 1), network(conf))
    if conf.dummy_node.dummy_node_dir:
        found['dummy_node'] = DummyNodes(conf.dummy_node.dummy_node_dir)
    if not found:
        raise ConfigurationError(
            'There are no nodes: set the credentials in [ironic], or [dummy_node] dummy_node_dir.'
        )
    return found


def network(conf: cfg.ConfigOpts) -> Neutron | None:
    """Return Neutron with the rights of `[neutron]`; None: Ironic's word is taken for its ports."""
    return None if conf.neutron.auth_type is None else Neutron(Service.of(conf, 'neutron', 2))


def _level(conf: cfg.ConfigOpts) -> Priority | None:
    with _notifying():
        return message_bus.level(conf)


@contextmanager
def _notifying() -> Iterator[None]:
    try:
        yield
    except message_bus.UnusableError as error:
        raise ConfigurationError(str(error)) from error


def keystone(conf: cfg.ConfigOpts) -> Identity:
    """Return Keystone with the rights of `[keystone]`."""
    if conf.keystone.auth_type is None:
        raise ConfigurationError('[keystone] has no credentials; project names cannot be known.')
    return Keystone(Service.of(conf, 'keystone', 3))


def _days(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(days=number)


def new_uuid() -> str:
    """Return a new uuid."""
    return str(uuid.uuid4())
