"""The API: the WSGI application."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from oslo_config import cfg
from oslo_context.context import RequestContext

from esi_leap import clock, metrics, policy
from esi_leap.actions.deps import Deps
from esi_leap.api import app, auth
from esi_leap.cloud.keystone import NoKeystone
from esi_leap.conf import cors
from esi_leap.conf.checks import ConfigurationError
from esi_leap.core.booking.quota import Limits, Quota
from esi_leap.db.console_auth_tokens import ConsoleAuthTokens
from esi_leap.db.engine import Database
from esi_leap.db.store import Store
from esi_leap.tell import bus
from esi_leap.wiring import parts


def make_application(
    conf: cfg.ConfigOpts, database: Database | None = None
) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Return the WSGI application, over `database` or the database of the configuration.

    Requests to the port of `[metrics] api_port` are answered with the metrics.

    Raises:
        ConfigurationError: the configuration cannot work.
    """
    cors.register(conf)
    database = database or parts.open_database(conf)
    meter = metrics.Api() if conf.metrics.api_port else None
    if meter:
        database.watch(meter.connections)
    enforcer = policy.make_enforcer(conf)
    authenticate = _authentication(conf)
    deps = _deps(conf, database)

    def judge(rule: str, target: Mapping[str, object], creds: RequestContext) -> bool:
        return policy.allows(enforcer, rule, target, creds)

    count = _rate_limit(conf)
    if meter is None:
        return app.build(deps, judge, authenticate, conf, count=count)
    application = app.build(deps, judge, authenticate, conf, answered=meter.answered, count=count)
    return meter.beside(application, conf.metrics.api_port)


def _deps(conf: cfg.ConfigOpts, database: Database) -> Deps:
    fleet = parts.make_fleet(conf)
    return Deps(
        store=Store(database, bus.level(conf)),
        tokens=ConsoleAuthTokens(database),
        fleet=fleet,
        identity=NoKeystone() if _is_noauth(conf) else parts.make_keystone(conf),
        inventory=parts.make_inventory(conf, database, fleet),
        now=clock.now,
        new_uuid=parts.new_uuid,
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
        console=parts.token_limits(conf),
    )


def _is_noauth(conf: cfg.ConfigOpts) -> bool:
    return bool(conf.api.auth_strategy == 'noauth')


def _authentication(conf: cfg.ConfigOpts) -> Callable[[auth.WSGI], auth.WSGI]:
    """Return the middleware that authenticates callers."""
    try:
        return auth.noauth(conf.api.host_ip) if _is_noauth(conf) else auth.keystone(conf)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _rate_limit(conf: cfg.ConfigOpts) -> Callable[[str], None] | None:
    """Return the counter of calls of each project; None without `[api] rate_limit`."""
    if conf.api.rate_limit is None:
        return None
    from esi_leap.api.rates import Rates  # noqa: PLC0415 - only a limit needs the library

    try:
        return Rates(conf.api.rate_limit, conf.api.rate_limit_storage, clock.now).count
    except ValueError as error:
        raise ConfigurationError(f'[api] rate_limit, rate_limit_storage: {error}') from error


def _days(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(days=number)
