"""The message bus, through oslo.messaging, which only the extra `notify` installs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from oslo_config import cfg
from typing_extensions import override

from esi_leap.conf import notification
from esi_leap.conf.checks import ConfigurationError
from esi_leap.conf.existing import is_set
from esi_leap.core.errors import UnavailableError
from esi_leap.core.event import Priority
from esi_leap.core.ports.bus import Bus, Message

_GROUP = 'oslo_messaging_notifications'
#: The option of oslo.messaging that says whether notifications are sent. It is read here because
#: processes that send none need not load oslo.messaging.
_DRIVER = cfg.MultiStrOpt('driver', default=[])
#: Drivers that need a message bus.
_ON_A_BUS = frozenset({'messaging', 'messagingv2'})
#: The heartbeat of connections to RabbitMQ, in seconds. Operators do not choose it: `SILENCE`
#: depends on it.
_HEARTBEAT = 5
#: Seconds after which a process that stands still cannot send any more: RabbitMQ closes a
#: connection without traffic after three heartbeats. The kernel drops what it cannot deliver after
#: one.
SILENCE = 3.0 * _HEARTBEAT


def level(conf: cfg.ConfigOpts) -> Priority | None:
    """Return the lowest priority that is sent to the bus, None if no notification is.

    Raises:
        ConfigurationError: oslo.messaging is needed and not installed.
    """
    conf.register_opt(_DRIVER, _GROUP)
    name = conf.notification.notification_level
    if not {*conf[_GROUP].driver} - {'noop'} or name is None:
        return None
    if find_spec('oslo_messaging') is None:
        raise ConfigurationError(
            f'[{_GROUP}] driver is set, but oslo.messaging is not installed; install '
            "'esi-leap[server,notify]', or remove the option."
        )
    return Priority[name.upper()]


class _LateError(Exception):
    """The notification must not be sent any more."""


class MessageBus(Bus):
    """The notifier of oslo.messaging.

    Args:
        files: configuration files, which oslo.messaging reads by itself.
        folders: directories of configuration files.
        topics: the topics that notifications are sent to.
        host: the name of this host.

    Raises:
        ConfigurationError: there is no such driver or transport.
    """

    def __init__(
        self, files: Sequence[str], folders: Sequence[str], topics: Sequence[str], host: str
    ) -> None:
        messaging = _messaging()
        conf = cfg.ConfigOpts()
        conf(
            [],
            project='esi-leap',
            default_config_files=list(files),
            default_config_dirs=list(folders),
        )
        try:
            transport = messaging.get_notification_transport(conf)
        except messaging.DriverLoadFailure as error:
            raise ConfigurationError(f'transport_url: {error}.') from error
        except messaging.InvalidTransportURL:  # whose text is the URL, and the password in it
            raise ConfigurationError(
                'transport_url is not like rabbit://name:password@host:5672/.'
            ) from None
        self._notifier = messaging.Notifier(
            transport, publisher_id=f'esi-leap-manager.{host}', topics=list(topics), retry=0
        )
        _check_drivers(conf)
        self._failures = _collect_failures(transport)
        self._may: Callable[[], bool] = lambda: False
        _guard(transport, conf, self._may_send)

    @override
    def send(self, message: Message, may: Callable[[], bool]) -> None:
        self._failures.clear()
        self._may = may
        getattr(self._notifier, message.priority)({}, message.type, dict(message.payload))
        if self._failures:
            error = self._failures[-1]
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UnavailableError(f'The message bus does not take notifications: {reason}.')

    def _may_send(self) -> bool:
        return self._may()


def warnings_of(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield a warning for each setting that probably has another effect than was meant.

    Raises:
        ConfigurationError: oslo.messaging is needed and not installed.
    """
    if level(conf) is None:
        if is_set(conf, 'notification', notification.LEVEL):
            yield (
                f'[notification] notification_level is set, and [{_GROUP}] driver is not: events '
                'are kept, and none is sent to a message bus.'
            )
        return
    urls = [is_set(conf, group, cfg.StrOpt('transport_url')) for group in ('DEFAULT', _GROUP)]
    if not any(urls) and _ON_A_BUS.intersection(conf[_GROUP].driver):
        yield (
            f'[{_GROUP}] driver is set, and transport_url is not: notifications go to a RabbitMQ '
            'on this host.'
        )


def _check_drivers(conf: cfg.ConfigOpts) -> None:
    """Check that all drivers exist: the notifier ignores others, and notifications with them.

    Raises:
        ConfigurationError: a driver does not exist.
    """
    known = {each.name for each in entry_points(group='oslo.messaging.notify.drivers')}
    unknown = sorted({*conf[_GROUP].driver} - known)
    if unknown:
        raise ConfigurationError(
            f'[{_GROUP}] driver {", ".join(unknown)} does not exist; there are '
            f'{", ".join(sorted(known))}.'
        )


def _messaging() -> Any:  # noqa: ANN401 - a module without types
    # It logs every failure with the whole notification; the relay logs a sentence, and retries.
    logging.getLogger('oslo_messaging.notify.messaging').setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # It loads eventlet, which only RPC needs and which warns of its own use.
        warnings.simplefilter('ignore')
        return import_module('oslo_messaging')


def _collect_failures(transport: Any) -> list[BaseException]:  # noqa: ANN401 - oslo.messaging's own
    """Return a list to which the transport adds its failures.

    The notifier swallows them: its caller would take a lost notification for a sent one.
    """
    failures: list[BaseException] = []
    send = transport._send_notification  # noqa: SLF001 - nothing public tells

    def sending(*args: Any, **values: Any) -> None:  # noqa: ANN401 - passed through
        with ExitStack() as stack:
            stack.push(note)
            send(*args, **values)

    def note(kind: object, error: BaseException | None, trace: object) -> None:
        del kind, trace
        if error is not None:
            failures.append(error)

    transport._send_notification = sending  # noqa: SLF001 - as above
    return failures


def _guard(
    transport: Any,  # noqa: ANN401 - oslo.messaging's own
    conf: cfg.ConfigOpts,
    may: Callable[[], bool],
) -> None:
    """Ask `may` right before a notification is written to the socket of RabbitMQ.

    Before that, a sender may have waited for a connection, or for the lock of a connection that is
    being renewed, for any time. After that, only the socket follows.
    """
    pool = getattr(transport._driver, '_connection_pool', None)  # noqa: SLF001 - nothing public asks
    if pool is None:  # another kind of bus
        return
    conf.set_override('heartbeat_timeout_threshold', _HEARTBEAT, 'oslo_messaging_rabbit')
    kind = pool.connection_cls

    def publish(connection: Any, *args: Any, **values: Any) -> None:  # noqa: ANN401 - passed on
        if not may():
            raise _LateError('it is too late to send it')
        kind._publish(connection, *args, **values)  # noqa: SLF001 - as above

    pool.connection_cls = type(kind.__name__, (kind,), {'_publish': publish})
