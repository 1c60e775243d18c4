"""The manager: its loop, the gate, and the relay to the message bus."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from typing import Any, cast

from oslo_config import cfg

from esi_leap import clock, metrics
from esi_leap.conf import checks
from esi_leap.conf.checks import ConfigurationError
from esi_leap.core.gate import Rules
from esi_leap.core.ports.cloud import Gate
from esi_leap.db.agenda import Agenda
from esi_leap.db.engine import Database
from esi_leap.db.outbox import Outbox
from esi_leap.db.store import Store
from esi_leap.gate.guard import Guard
from esi_leap.manager import relay
from esi_leap.manager.deps import Deps, Settings
from esi_leap.manager.loop import Loop
from esi_leap.manager.recalls import Finisher
from esi_leap.manager.refresh import Refresher
from esi_leap.tell import bus
from esi_leap.wiring import parts


def make_loop(
    conf: cfg.ConfigOpts, database: Database | None = None, meter: metrics.Manager | None = None
) -> Loop:
    """Return a manager's loop, over `database` or the database of the configuration.

    Args:
        conf: the configuration.
        database: None opens that of the configuration.
        meter: counts what the manager does; None counts for no reader.

    Raises:
        ConfigurationError: the configuration cannot work.
    """
    meter = meter or metrics.Manager()
    database = database or parts.open_database(conf)
    database.watch(meter.connections)
    fleet = parts.make_fleet(conf)
    holding = checks.holding_project(conf, fleet)
    guard = make_gate(conf)
    settings = _settings(conf, holding)
    level = bus.level(conf)
    inventory = parts.make_inventory(conf, database, fleet)
    return Loop(
        Deps(
            agenda=Agenda(database, level),
            fleet=fleet,
            meter=meter,
            now=clock.now,
            monotonic=time.monotonic,
            new_uuid=parts.new_uuid,
            settings=settings,
            beside=[
                Refresher(inventory, meter, conf.inventory.refresh_interval),
                Finisher(Store(database, level), meter, clock.now),
            ],
            gate=guard,
        )
    )


def _settings(conf: cfg.ConfigOpts, holding: str) -> Settings:
    return Settings(
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
        call_time=checks.longest_call(conf),
        gate=Rules(
            max_age=timedelta(seconds=conf.gate.max_age),
            timeout=conf.gate.timeout and timedelta(seconds=conf.gate.timeout),
        ),
    )


def make_gate(conf: cfg.ConfigOpts) -> Gate | None:
    """Return the driver of `[gate] driver` behind its guard, None if there is none.

    Raises:
        ConfigurationError: there is no such driver, or it cannot work as it is configured.
    """
    if conf.gate.driver == 'none':
        return None
    # Most managers have no gate, and do without this.
    from stevedore import DriverManager  # noqa: PLC0415
    from stevedore.exception import NoMatches  # noqa: PLC0415

    try:
        found = DriverManager[Any](
            'esi_leap.gate', conf.gate.driver, invoke_on_load=True, invoke_args=(conf,)
        )
    except NoMatches:
        raise ConfigurationError(f'[gate] driver: there is no driver {conf.gate.driver}.') from None
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    return Guard(cast('Gate', found.driver), conf.gate.call_timeout)


def make_relay(conf: cfg.ConfigOpts, database: Database | None = None) -> relay.Relay:
    """Return a relay, over `database` or the database of the configuration.

    Raises:
        ConfigurationError: notifications are configured and cannot be sent.
    """
    sender = None
    if bus.level(conf) is not None:
        topics = conf.notification.versioned_notifications_topics
        sender = bus.MessageBus(conf.config_file, conf.config_dir, topics, socket.gethostname())
    return relay.Relay(
        relay.Deps(
            outbox=Outbox(database or parts.open_database(conf)),
            bus=sender,
            silence=bus.SILENCE,
            now=clock.now,
            monotonic=time.monotonic,
            new_uuid=parts.new_uuid,
            poll=conf.manager.poll_interval,
        )
    )
