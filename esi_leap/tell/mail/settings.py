"""Settings of the program, from the environment, with the templates of the messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from importlib import resources
from pathlib import Path

#: Keys that a template may have, in braces; the last two are of a recall.
_KEYS = (
    'project',
    'lease_uuid',
    'start_time',
    'end_time',
    'node_name',
    'node_uuid',
    'deadline',
    'reason',
)
#: Security of the connection to its usual port.
_PORTS = {'none': 25, 'starttls': 587, 'ssl': 465}


class SettingsError(Exception):
    """The environment variables cannot work; the message names values that would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of one run.

    Attributes:
        enabled: whether messages are sent, and not only logged.
        server: host of the mail server.
        port: its port.
        security: `none`, `starttls` or `ssl`.
        user: name to log in with; None logs in with none.
        password: its password.
        sender: address of the sender.
        warning: how long before its end a lease ends soon.
        begun: template of the message about a lease that has begun.
        recalled: template of the message about a recall.
        ending: template of the message about a lease that ends soon.
        state: file of the progress.
        ca_file: certificates that the server's is checked against; None: those of the system.
    """

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
        """Return the settings of an environment.

        Raises:
            SettingsError: a value is wrong, or a file cannot be read.
        """
        security = environ.get('SMTP_SECURITY', 'none').lower()
        if security not in _PORTS:
            raise SettingsError('SMTP_SECURITY must be none, starttls or ssl.')
        enabled = environ.get('ENABLE_EMAIL', 'false').lower() == 'true'
        sender = environ.get('EMAIL_SENDER', '')
        if enabled and not parse_address(sender):
            raise SettingsError('EMAIL_SENDER must be an e-mail address.')
        try:
            secret = environ.get('SMTP_PASSWORD_FILE')
            return cls(
                enabled=enabled,
                server=environ.get('SMTP_SERVER', 'localhost'),
                port=int(environ.get('SMTP_PORT') or _PORTS[security]),
                security=security,
                user=environ.get('SMTP_USER'),
                password=Path(secret).read_text(encoding='utf-8').strip() if secret else None,
                sender=sender,
                warning=timedelta(days=float(environ.get('LEASE_WARNING_DAYS', '1'))),
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
                f'SMTP_PORT and LEASE_WARNING_DAYS must be numbers: {error}.'
            ) from error


def parse_address(text: str) -> str | None:
    """Return the e-mail address in a text; None if it is not exactly one address."""
    try:
        return Address(addr_spec=text.strip()).addr_spec or None
    except (ValueError, IndexError):
        return None


def _template(path: str | None, default: str) -> str:
    """Return the text of a template, or of the default one.

    Raises:
        OSError: the file cannot be read.
        SettingsError: it has a key that is not known.
    """
    text = (
        Path(path).read_text(encoding='utf-8')
        if path
        else (resources.files('esi_leap') / 'templates' / default).read_text(encoding='utf-8')
    )
    try:
        text.format(**dict.fromkeys(_KEYS, ''))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise SettingsError(
            f'The template {path} has {error}; it may have {", ".join(_KEYS)}, in braces.'
        ) from error
    return text
