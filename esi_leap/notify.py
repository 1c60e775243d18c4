"""The message bus: notifications through oslo.messaging, which only the extra `notify` installs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from oslo_config import cfg

from esi_leap.core.errors import UnavailableError
from esi_leap.core.event import Priority
from esi_leap.core.ports import Message

_GROUP = 'oslo_messaging_notifications'
#: oslo.messaging's own option, as far as it tells whether anybody is to be notified: it is asked in
#: processes that never send anything and need not load oslo.messaging.
_DRIVER = cfg.MultiStrOpt('driver', default=[])


class MissingError(Exception):
    """Notifications are configured, and what sends them is not installed."""


def level(conf: cfg.ConfigOpts) -> Priority | None:
    """Return the least priority that is told to the bus, None if nothing is.

    Raises:
        MissingError: oslo.messaging is needed and not installed.
    """
    conf.register_opt(_DRIVER, _GROUP)
    name = conf.notification.notification_level
    if not {*conf[_GROUP].driver} - {'noop'} or name is None:
        return None
    if find_spec('oslo_messaging') is None:
        raise MissingError(
            f'[{_GROUP}] driver is set, but oslo.messaging is not installed; install '
            "'esi-leap[server,notify]', or remove the option."
        )
    return Priority[name.upper()]


class MessageBus:
    """oslo.messaging's notifier; see `core.ports.Bus`.

    Args:
        files: configuration files of oslo.messaging, which reads them by itself.
        folders: and folders of such files.
        topics: the topics that notifications are sent to.
        host: the name of this host.
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
        transport = messaging.get_notification_transport(conf)
        self._notifier = messaging.Notifier(
            transport, publisher_id=f'esi-leap-manager.{host}', topics=list(topics), retry=0
        )
        self._failures = _heard(transport)

    def send(self, message: Message) -> None:
        """Let the bus take a notification."""
        self._failures.clear()
        getattr(self._notifier, message.priority)({}, message.type, dict(message.payload))
        if self._failures:
            error = self._failures[-1]
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UnavailableError(f'The message bus does not take notifications: {why}.')


def _messaging() -> Any:  # noqa: ANN401 - a module without types
    # It logs every failure with the whole notification; we say it in a sentence, and try again.
    logging.getLogger('oslo_messaging.notify.messaging').setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        # For the sake of RPC, which we do not have, it loads eventlet, which warns of itself.
        warnings.simplefilter('ignore')
        return import_module('oslo_messaging')


def _heard(transport: Any) -> list[BaseException]:  # noqa: ANN401 - oslo.messaging's own
    """Return a list to which the transport's failures are added.

    The notifier swallows them: its caller would take a lost notification for one that was sent.
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
