"""Ways to other servers are encrypted where the operator asks for it, and lead to nobody else.

That of clients to the API is tried in `cmd/test_existing_service.py`, to consoles in
`console/test_settings.py`, and that of e-mail with STARTTLS in `mail/test_email.py`.
"""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import webob
from oslo_db.exception import DBConnectionError

from esi_leap import conf as configuration
from esi_leap.api import auth
from esi_leap.cloud.rest import Service, SilenceError
from esi_leap.core.errors import UnavailableError
from esi_leap.core.ports.bus import Message
from esi_leap.db.engine import Database
from esi_leap.tell.bus import MessageBus
from esi_leap.tell.mail.message import send as send_mail
from esi_leap.tell.mail.settings import Settings
from sandbox import databases, ports
from sandbox.rabbit import RabbitMQ
from tests.certificates import Certificate, certificate
from tests.conftest import require
from tests.functional.mail.mail_server import MailServer
from tests.listener import TOPIC, Listener
from tests.listener import configuration as of_the_bus
from tests.patience import PATIENCE, until

from .peer import Peer, serving


@pytest.fixture(scope='module')
def shown(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return the certificate of the servers, for 127.0.0.1."""
    return certificate(tmp_path_factory.mktemp('shown'))


@pytest.fixture(scope='module')
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate of the same name from another authority."""
    return certificate(tmp_path_factory.mktemp('foreign'))


# The database

_SERVES = {
    'mariadb': ('--ssl-cert={public}', '--ssl-key={private}'),
    'postgresql': (
        *('-c', 'ssl=on', '-c', 'ssl_cert_file={public}'),
        *('-c', 'ssl_key_file={private}'),
    ),
}
_BELIEVES = {'mariadb': 'ssl_ca={}', 'postgresql': 'sslmode=verify-full&sslrootcert={}'}
_SPOKEN = {
    'mariadb': "SHOW STATUS LIKE 'Ssl_version'",
    'postgresql': 'SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
}


@pytest.fixture(scope='module', params=sorted(databases.KINDS))
def server(request: pytest.FixtureRequest, shown: Certificate) -> Iterator[databases.Server]:
    kind: Any = databases.KINDS[request.param]
    require(kind)

    class Encrypted(kind):
        def _make_folders(self) -> None:
            super()._make_folders()
            for file in (shown.public, shown.private):
                mine = Path(shutil.copy(file, self.folder))
                if os.geteuid() == 0:
                    shutil.chown(mine, self.system_user, self.system_user)

        def _command(self) -> list[str]:
            files = {
                'public': self.folder / shown.public.name,
                'private': self.folder / shown.private.name,
            }
            return [*super()._command(), *(each.format(**files) for each in _SERVES[self.name])]

    with Encrypted() as made:
        made.create_database('leases')
        yield made


def _url(server: databases.Server, trusted: Certificate, host: str = '127.0.0.1') -> str:
    url = sa.make_url(server.url('leases')).set(host=host)
    url = url.update_query_string(_BELIEVES[server.name].format(trusted.public))
    return url.render_as_string(hide_password=False)


def test_database_is_reached_over_tls(
    server: databases.Server, shown: Certificate, open_database: Callable[..., Database]
) -> None:
    with open_database(_url(server, shown)).reader() as connection:
        assert connection.exec_driver_sql(_SPOKEN[server.name]).one()[-1].startswith('TLSv1.')


def test_database_with_a_foreign_certificate_is_refused(
    server: databases.Server,
    shown: Certificate,
    foreign: Certificate,
    open_database: Callable[..., Database],
) -> None:
    refused = (DBConnectionError, sa.exc.OperationalError)
    for url in (_url(server, foreign), _url(server, shown, host='localhost')):
        with pytest.raises(refused, match=r'(?i)certificate'):
            open_database(url, max_retries=1, retry_interval=0)


# Ironic, Keystone


def _service(group: str, url: str, **options: object) -> Service:
    conf = configuration.registered()
    conf([], project='esi-leap', default_config_files=[], default_config_dirs=[])
    options |= {'auth_type': 'none', 'endpoint_override': url}
    for name, value in options.items():
        conf.set_override(name, value, group)
    return Service.of(conf, group, 1)


@pytest.mark.parametrize('group', sorted(configuration.SERVICES))
def test_services_with_a_foreign_certificate_are_refused(
    group: str, shown: Certificate, foreign: Certificate
) -> None:
    peer = Peer()
    with serving(peer, shown.server()) as url:
        for options in ({}, {'cafile': str(foreign.public)}):
            with pytest.raises(SilenceError):
                _service(group, url, **options).get('/thing')
        assert peer.asked == []
        assert _service(group, url, cafile=str(shown.public)).get('/thing') == {'a': 1}


@pytest.mark.filterwarnings('ignore:Unverified HTTPS request')
def test_insecure_option_accepts_any_certificate(shown: Certificate) -> None:
    with serving(Peer(), shown.server()) as url:
        assert _service('ironic', url, insecure=True).get('/thing') == {'a': 1}


def test_client_certificate_is_shown_to_services_that_ask_for_it(
    shown: Certificate, foreign: Certificate
) -> None:
    asking = shown.server()
    asking.load_verify_locations(foreign.public)
    asking.verify_mode = asking.verify_mode.CERT_REQUIRED
    ours = {'certfile': str(foreign.public), 'keyfile': str(foreign.private)}
    with serving(Peer(), asking) as url:
        with pytest.raises(SilenceError):
            _service('ironic', url, cafile=str(shown.public)).get('/thing')
        known = _service('ironic', url, cafile=str(shown.public), **ours)
        assert known.get('/thing') == {'a': 1}


# Keystone, for the tokens of callers


@pytest.mark.parametrize('believed', [True, False])
def test_tokens_are_checked_over_trusted_tls_only(
    tmp_path: Path,
    shown: Certificate,
    foreign: Certificate,
    believed: bool,  # noqa: FBT001
) -> None:
    peer = Peer()
    with serving(peer, shown.server()) as url:
        file = tmp_path / 'esi-leap.conf'
        file.write_text(
            '[keystone_authtoken]\nauth_type = password\nusername = esi-leap\npassword = x\n'
            f'auth_url = {url}/v3\nwww_authenticate_uri = {url}\nhttp_request_max_retries = 0\n'
            f'cafile = {(shown if believed else foreign).public}\n',
            encoding='utf-8',
        )
        conf = configuration.load(['--config-file', str(file)], 'esi-leap-api')
        guarded = auth.keystone(conf)(webob.Response('let in'))
        request = webob.Request.blank('/v1/leases', headers={'X-Auth-Token': 'a token'})
        answer = request.get_response(guarded)
    assert bool(peer.asked) is believed  # it knows nobody, whom it is asked about
    assert answer.status_int == 503


# The message bus


class Bus(RabbitMQ):
    """RabbitMQ that is also reached over TLS."""

    def __init__(self, shown: Certificate) -> None:
        super().__init__()
        self._shown = shown
        self._encrypted = ports.pick(frozenset({self.port}))

    def encrypted(self, host: str) -> str:
        return f'rabbit://guest:guest@{host}:{self._encrypted}/'

    def _write_settings(self) -> None:
        super()._write_settings()
        with (self.folder / 'rabbitmq.conf').open('a', encoding='utf-8') as file:
            file.write(
                f'listeners.ssl.1 = 127.0.0.1:{self._encrypted}\n'
                f'ssl_options.certfile = {self._shown.public}\n'
                f'ssl_options.keyfile = {self._shown.private}\n'
            )


@pytest.fixture(scope='module')
def bus(shown: Certificate) -> Iterator[Bus]:
    require(Bus)
    with Bus(shown) as made:
        yield made


@pytest.fixture
def sender(bus: Bus, tmp_path: Path) -> Iterator[Callable[..., MessageBus]]:
    made: list[MessageBus] = []

    def sender(trusted: Certificate, host: str = '127.0.0.1') -> MessageBus:
        file = tmp_path / str(len(made))
        tls = f'ssl = true\nssl_ca_file = {trusted.public}\n'
        file.write_text(of_the_bus(bus.encrypted(host)) + tls, encoding='utf-8')
        made.append(MessageBus([str(file)], [], [TOPIC], 'here'))
        return made[-1]

    yield sender
    for each in made:
        each._notifier.transport.cleanup()  # noqa: SLF001 - a process keeps its bus to its end


def test_message_bus_is_reached_with_a_trusted_certificate(
    bus: Bus, sender: Callable[..., MessageBus], shown: Certificate
) -> None:
    data = {'esi_leap_object.data': {'uuid': 'one'}}
    kind = 'esi_leap.lease.create.end'
    with Listener(bus.amqp) as listener:
        sender(shown).send(Message(id=1, type=kind, priority='info', payload=data), lambda: True)
        until(lambda: listener.types('one') == [kind], 'the notification')


def test_message_bus_with_a_foreign_certificate_is_refused(
    sender: Callable[..., MessageBus], shown: Certificate, foreign: Certificate
) -> None:
    message = Message(id=1, type='esi_leap.lease.create.end', priority='info', payload={})
    for trusted, host in ((foreign, '127.0.0.1'), (shown, 'localhost')):
        with pytest.raises(UnavailableError, match=r'(?i)certificate'):
            sender(trusted, host).send(message, lambda: True)


# E-mail


class Mail(MailServer):
    """A mail server that is encrypted from the first word."""

    def __init__(self, shown: Certificate) -> None:
        self.messages: list[bytes] = []
        super().__init__(
            self,
            hostname='127.0.0.1',
            port=ports.pick(),
            ssl_context=shown.server(),
            ready_timeout=PATIENCE,
        )

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ANN401
        self.messages.append(envelope.content)
        return '250 OK'


def test_mail_server_with_a_foreign_certificate_is_refused(
    shown: Certificate, foreign: Certificate
) -> None:
    server = Mail(shown)
    message = EmailMessage()
    message['From'] = message['To'] = 'esi@example.com'

    def send(trusted: Certificate) -> None:
        settings = {
            'SMTP_SERVER': '127.0.0.1',
            'SMTP_PORT': str(server.port),
            'SMTP_SECURITY': 'ssl',
            'SMTP_CA_FILE': str(trusted.public),
        }
        send_mail(Settings.of(settings), message)

    server.start()
    try:
        with pytest.raises(ssl.SSLCertVerificationError):
            send(foreign)
        assert server.messages == []
        send(shown)
    finally:
        server.stop()
    assert len(server.messages) == 1
