"""One message: written from a template, and sent to the mail server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

from esi_leap.tell.mail.settings import Settings

_SUBJECT = '[ESI] Lease notification'
#: Lowest reply code of a mail server that refuses for good.
_PERMANENT = 500
#: Longest time for one answer of the mail server, in seconds.
_PATIENCE = 30.0


def compose(sender: str, recipient: str, template: str, lease: Mapping[str, Any]) -> EmailMessage:
    """Return a message about a lease; only parsed addresses get into its headers.

    Args:
        sender: address of the sender.
        recipient: address of the recipient.
        template: text with keys in braces.
        lease: the lease, as the API shows it.
    """
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


def send(settings: Settings, message: EmailMessage) -> None:
    """Send a message to the mail server of the settings.

    Raises:
        OSError: the server did not take it; the errors of smtplib are such.
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


def is_refused_for_good(error: OSError) -> bool:
    """Tell whether the mail server refuses a message for good: with codes from 500 on."""
    match error:
        case smtplib.SMTPDataError():
            return error.smtp_code >= _PERMANENT
        case smtplib.SMTPRecipientsRefused():
            return all(code >= _PERMANENT for code, _ in error.recipients.values())
        case _:
            return False
