"""A real mail server that wants TLS and a password, and keeps what it is given."""

import asyncio
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from sandbox import ports
from tests.certificates import certificate
from tests.patience import PATIENCE


class Inbox:
    """Takes messages, unless it is told to refuse them."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refusal = ''

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ANN401
        if self.refusal:
            return self.refusal
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert session.authenticated
        assert session.ssl is not None
        assert envelope.rcpt_tos == [found['To']]
        self.messages.append(found)
        return '250 OK'


class MailServer(Controller):
    """It closes at its end what clients have left open.

    Otherwise the garbage collector does, with a warning, in whatever test comes next.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - aiosmtpd's
        super().__init__(*arguments, **settings)
        self._talks: list[Any] = []

    def factory(self) -> Any:  # noqa: ANN401 - aiosmtpd's
        self._talks.append(super().factory())
        return self._talks[-1]

    def stop(self, no_assert: bool = False) -> None:  # noqa: FBT001, FBT002 - aiosmtpd's
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(PATIENCE)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        for talk in self._talks:
            if talk.transport is not None:
                talk.transport.abort()
        await asyncio.sleep(0.1)


@contextmanager
def serving(inbox: Inbox, folder: Path) -> Iterator[dict[str, str]]:
    """Run a mail server; yield how `esi-leap-email-notification` is told to reach it."""
    shown = certificate(folder)

    def authenticate(*call: Any) -> AuthResult:  # noqa: ANN401 - aiosmtpd's
        given = call[-1]
        good = (given.login, given.password) == (b'esi', b'secret word')
        return AuthResult(success=good, handled=False)  # refused in words; else in silence

    port = ports.pick()
    controller = MailServer(
        inbox,
        hostname='127.0.0.1',
        port=port,
        tls_context=shown.server(),
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
        ready_timeout=PATIENCE,
    )
    password = folder / 'password'
    password.write_text('secret word\n', encoding='utf-8')
    controller.start()
    try:
        yield {
            'SMTP_SERVER': '127.0.0.1',
            'SMTP_PORT': str(port),
            'SMTP_SECURITY': 'starttls',
            'SMTP_USER': 'esi',
            'SMTP_PASSWORD_FILE': str(password),
            'SMTP_CA_FILE': str(shown.public),
        }
    finally:
        controller.stop()
