"""E-mail to projects: a lease has begun, its node is recalled, and it ends soon.

One run looks at the events since the run before and at the leases that end soon, and remembers how
far it came. What could not be sent is tried again by the next run, and nothing is sent twice unless
a run is killed between sending and remembering.
"""

from __future__ import annotations

import json
import logging
import os
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from importlib import resources
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from esi_leap.core import instant

_LOG = logging.getLogger(__name__)

_BEGUN = 'esi_leap.lease.fulfill.end'
_RECALLED = 'esi_leap.lease.recall.start'
_SUBJECT = '[ESI] Lease notification'
_PAGE = 500
#: What a text may have, in braces; the last two are of a recall.
_WORDS = (
    'project',
    'lease_uuid',
    'start_time',
    'end_time',
    'node_name',
    'node_uuid',
    'deadline',
    'reason',
)
#: Least code with which a mail server refuses for good.
_PERMANENT = 500
#: How long, in seconds, the mail server may take for one answer.
_PATIENCE = 30


class SettingsError(Exception):
    """The environment cannot work; the message says what would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says; `of` tells under which names."""

    enabled: bool
    server: str
    port: int
    security: str
    user: str | None
    password: str | None
    sender: str
    warning: timedelta
    begun: str
    recalled: str
    ending: str
    state: Path
    ca_file: str | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            SettingsError: a value cannot be.
        """
        security = environ.get('SMTP_SECURITY', 'none').lower()
        if security not in {'none', 'starttls', 'ssl'}:
            raise SettingsError('SMTP_SECURITY is none, starttls or ssl.')
        enabled = environ.get('ENABLE_EMAIL', 'false').lower() == 'true'
        sender = environ.get('EMAIL_SENDER', '')
        if enabled and not _address(sender):
            raise SettingsError('EMAIL_SENDER has to be an e-mail address.')
        try:
            port = int(environ.get('SMTP_PORT') or {'none': 25, 'starttls': 587}.get(security, 465))
            warning = timedelta(days=float(environ.get('LEASE_WARNING_DAYS', '1')))
            secret = environ.get('SMTP_PASSWORD_FILE')
            return cls(
                enabled=enabled,
                server=environ.get('SMTP_SERVER', 'localhost'),
                port=port,
                security=security,
                user=environ.get('SMTP_USER'),
                password=Path(secret).read_text(encoding='utf-8').strip() if secret else None,
                sender=sender,
                warning=warning,
                begun=_template(environ.get('LEASE_CREATE_TEMPLATE'), 'lease_create_email.txt'),
                recalled=_template(environ.get('LEASE_RECALL_TEMPLATE'), 'lease_recall_email.txt'),
                ending=_template(environ.get('LEASE_EXPIRE_TEMPLATE'), 'lease_expire_email.txt'),
                state=Path(environ.get('EMAIL_STATE_FILE', '.esi-last-event-id')),
                ca_file=environ.get('SMTP_CA_FILE') or None,
            )
        except OSError as error:
            raise SettingsError(f'{error.filename}: {error.strerror}.') from error
        except ValueError as error:
            raise SettingsError(
                f'SMTP_PORT and LEASE_WARNING_DAYS are numbers: {error}.'
            ) from error


class World(Protocol):
    """The lease service and Keystone, as far as the mailer asks them."""

    def lease(self, path: str) -> Mapping[str, Any] | None:
        """GET a path of the lease service; None if it has nothing there."""

    def email(self, project_id: str) -> str | None:
        """Return the attribute `email` of a project."""


@dataclass(frozen=True, slots=True)
class State:
    """How far the run before came.

    Attributes:
        last: the id of the last event that is done with; None before the first run.
        warned: the end of each lease that its project was warned of, by uuid.
    """

    last: int | None = None
    warned: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> State:
        """Read the file of a run before; that of the existing program holds a number only.

        Raises:
            SettingsError: it is no such file.
        """
        try:
            known = json.loads(file.read_text(encoding='utf-8'))
        except FileNotFoundError:
            return cls()
        except ValueError as error:
            raise SettingsError(f'{file} cannot be read: {error}.') from error
        if isinstance(known, int):
            return cls(known)
        return cls(known['last_event_id'], known['warned'])

    def write(self, file: Path) -> None:
        """Write it so that a crash leaves the old or the new file, and never half of one."""
        fresh = file.with_name(f'{file.name}.new')
        with fresh.open('w', encoding='utf-8') as output:
            json.dump({'last_event_id': self.last, 'warned': dict(self.warned)}, output)
            output.flush()
            os.fsync(output.fileno())
        fresh.replace(file)


class Mailer:
    """One run of the program.

    Args:
        settings: what the environment says.
        world: the lease service and Keystone.
        send: hands a message to the mail server; raises `OSError` where it did not take it.
        now: the present instant.
    """

    def __init__(
        self,
        settings: Settings,
        world: World,
        send: Callable[[EmailMessage], None],
        now: datetime,
    ) -> None:
        self._settings = settings
        self._world = world
        self._send = send
        self._now = now
        self._state = State.read(settings.state)

    def run(self) -> None:
        """Send what there is to send.

        Raises:
            OSError: the mail server did not take it; what was done is remembered.
        """
        try:
            self._tell_events()
            self._tell_ending()
        finally:
            self._state.write(self._settings.state)

    def _tell_events(self) -> None:
        texts = {_BEGUN: self._settings.begun, _RECALLED: self._settings.recalled}
        first = self._state.last is None
        if first:
            _LOG.info('the first run: what has happened until now is not told')
        for event in self._events(self._state.last or 0):
            kind = event['event_type']
            if kind in texts and not first:
                lease = self._world.lease(f'/v1/leases/{quote(event["object_uuid"], safe="")}')
                over = kind == _RECALLED and lease is not None and lease['recall'] is None
                if lease is not None and not over:
                    self._tell(lease, texts[kind])
            self._state = replace(self._state, last=event['id'])
        if self._state.last is None:
            self._state = replace(self._state, last=0)

    def _tell_ending(self) -> None:
        soon = {lease['uuid']: lease for lease in self._leases() if self._ends_soon(lease)}
        kept = {uuid: end for uuid, end in self._state.warned.items() if uuid in soon}
        self._state = replace(self._state, warned=kept)
        for uuid, lease in soon.items():
            if self._state.warned.get(uuid) != lease['end_time']:
                self._tell(lease, self._settings.ending)
                warned = {**self._state.warned, uuid: lease['end_time']}
                self._state = replace(self._state, warned=warned)

    def _ends_soon(self, lease: Mapping[str, Any]) -> bool:
        return instant.parse(lease['end_time'], 'end_time') - self._now <= self._settings.warning

    def _events(self, last: int) -> Iterator[Mapping[str, Any]]:
        while True:
            page = self._world.lease(f'/v1/events?last_event_id={last}&limit={_PAGE}')
            found = page['events'] if page else []
            yield from found
            if not found:
                return
            last = found[-1]['id']

    def _leases(self) -> Iterator[Mapping[str, Any]]:
        path = f'/v1/leases?view=all&status=active&limit={_PAGE}'
        marker = ''
        while True:
            page = self._world.lease(path + marker)
            found = page['leases'] if page else []
            yield from found
            if page is None or 'leases_links' not in page:
                return
            marker = f'&marker={found[-1]["uuid"]}'

    def _tell(self, lease: Mapping[str, Any], template: str) -> None:
        """Write to the project of a lease, if it can be written to."""
        recipient = self._world.email(lease['project_id'])
        address = _address(recipient or '')
        if address is None:
            _LOG.info('lease %s: project %s has no e-mail', lease['uuid'], lease['project_id'])
            return
        if not self._settings.enabled:
            _LOG.info('lease %s: ENABLE_EMAIL is not true', lease['uuid'])
            return
        try:
            self._send(compose(self._settings.sender, address, template, lease))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            if not _for_ever(error):
                raise
            # It would refuse the same tomorrow, and everything after it would wait.
            _LOG.error('lease %s: the mail server refuses %s: %s', lease['uuid'], address, error)
            return
        _LOG.info('lease %s: sent to %s', lease['uuid'], address)


def compose(sender: str, recipient: str, template: str, lease: Mapping[str, Any]) -> EmailMessage:
    """Write a message. Its headers hold addresses that were read as such, and nothing else."""
    recall = lease['recall'] or {}
    message = EmailMessage()
    message['From'] = sender
    message['To'] = recipient
    message['Subject'] = _SUBJECT
    message.set_content(
        template.format(
            project=lease['project'],
            lease_uuid=lease['uuid'],
            start_time=lease['start_time'],
            end_time=lease['end_time'],
            node_name=lease['resource'],
            node_uuid=lease['resource_uuid'],
            deadline=recall.get('deadline') or lease['end_time'],
            reason=recall.get('reason') or 'none given',
        )
    )
    return message


def smtp(settings: Settings, message: EmailMessage) -> None:
    """Hand a message to the mail server of the settings.

    Raises:
        OSError: it does not take it; smtplib's errors are such.
    """
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.security == 'ssl':
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.server, settings.port, timeout=_PATIENCE, context=context
        )
    else:
        server = smtplib.SMTP(settings.server, settings.port, timeout=_PATIENCE)
    with server:
        if settings.security == 'starttls':
            server.starttls(context=context)
        if settings.user:
            server.login(settings.user, settings.password or '')
        server.send_message(message)


def _for_ever(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> bool:
    """Tell whether the mail server refuses for good: its code begins with 5, and not with 4."""
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= _PERMANENT
    return all(code >= _PERMANENT for code, _ in error.recipients.values())


def _address(text: str) -> str | None:
    """Return the address that a text is; None if it is none, or more than one."""
    try:
        return Address(addr_spec=text.strip()).addr_spec or None
    except (ValueError, IndexError):
        return None


def _template(path: str | None, default: str) -> str:
    text = (
        Path(path).read_text(encoding='utf-8')
        if path
        else (resources.files('esi_leap') / 'templates' / default).read_text(encoding='utf-8')
    )
    keys = dict.fromkeys(_WORDS, '')
    try:
        text.format(**keys)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise SettingsError(
            f'The template {path} has {error}; it may have {", ".join(keys)}, in braces.'
        ) from error
    return text
