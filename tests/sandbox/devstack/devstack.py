"""What functions of devstack do, with a real Keystone, a real database, real files and processes.

    devstack.py FUNCTION ARGUMENT...

Their arguments are those of devstack's functions of the same names.
"""

from __future__ import annotations

import configparser
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from sandbox import databases, processes, rest, seeds, services, users
from sandbox.layout import Layout, environment
from sandbox.state import State

FUNCTIONS: dict[str, Callable[..., object]] = {}
_ENV = os.environ


def function(made: Callable[..., object]) -> Callable[..., object]:
    """Let the harness call a function by its name; what it returns is printed."""
    FUNCTIONS[made.__name__] = made
    return made


# Python and files


@function
def setup_develop(project: str, extras: str = '') -> None:
    """Look whether pip would find the project and its extras; the tests have installed it."""
    setup = _ini(Path(project) / 'setup.cfg')
    missing = [name for name in extras.split(',') if name and name not in setup['extras']]
    if missing:
        raise SystemExit(f'{project} has no extra {", ".join(missing)}.')


@function
def get_python_exec_prefix() -> Path:
    return Path(sys.executable).parent


def _ini(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(default_section='', interpolation=None, delimiters='=')
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


@function
def iniset(*arguments: str) -> None:
    *_, file, section, option, value = arguments  # -sudo may come first
    content = _ini(Path(file))
    if not content.has_section(section):
        content.add_section(section)
    content[section][option] = value
    with Path(file).open('w', encoding='utf-8') as output:
        content.write(output)


@function
def iniget(file: str, section: str, option: str) -> str:
    return _ini(Path(file)).get(section, option, fallback='')


@function
def setup_logging(file: str) -> None:
    line = '%(levelname)s %(name)s [%(global_request_id)s %(request_id)s %(user_identity)s] '
    iniset(file, 'DEFAULT', 'logging_context_format_string', f'{line}%(instance)s%(message)s')


@function
def configure_keystone_authtoken_middleware(
    file: str, user: str, section: str = 'keystone_authtoken'
) -> None:
    """Write what devstack's own writes; there is no memcached here."""
    options = {
        'auth_type': 'password',
        'interface': 'public',
        'auth_url': _ENV['KEYSTONE_SERVICE_URI'],
        'username': user,
        'password': _ENV['SERVICE_PASSWORD'],
        'user_domain_name': _ENV['SERVICE_DOMAIN_NAME'],
        'project_name': _ENV['SERVICE_PROJECT_NAME'],
        'project_domain_name': _ENV['SERVICE_DOMAIN_NAME'],
        'cafile': _ENV['SSL_BUNDLE_FILE'],
    }
    for name, value in options.items():
        iniset(file, section, name, value)


@function
def write_uwsgi_config(file: str, wsgi: str, url: str, http: str = '', name: str = '') -> None:
    """Configure uWSGI as devstack does, and let it stand in for the Apache before it."""
    Path(file).unlink(missing_ok=True)
    options = {
        'processes': _ENV['API_WORKERS'],
        'master': 'true',
        'die-on-term': 'true',
        'exit-on-reload': 'false',
        'enable-threads': 'true',
        'thunder-lock': 'true',
        'hook-master-start': 'unix_signal:15 gracefully_kill_them_all',
        'worker-reload-mercy': '10',
        'buffer-size': '65535',
        'add-header': 'Connection: close',
        'lazy-apps': 'true',
        'http-socket': http or f'127.0.0.1:{_ENV["APACHE_PORT"]}',
        # Apache's ProxyPass: the application is asked for what comes below the path.
        'mount': f'{url}={wsgi}',
        'manage-script-name': 'true',
    }
    for option, value in options.items():
        iniset(file, 'uwsgi', option, value)
    _site(name or Path(wsgi).name).touch()


@function
def remove_uwsgi_config(file: str, name: str) -> None:
    Path(file).unlink(missing_ok=True)
    _site(name).unlink(missing_ok=True)


def _site(name: str) -> Path:
    return Path(_ENV['APACHE_CONF_DIR']) / f'{name}.conf'


# Processes


@function
def run_process(
    service: str, command: str, _group: str = '', _user: str = '', env: str = ''
) -> None:
    """Start a program, as systemd would: by its absolute path, unless it runs."""
    if not command.startswith('/') or 'sudo' in command:
        raise SystemExit(f'systemd cannot start {command!r}.')
    known = _known(service)
    if service not in _ENV['ENABLED_SERVICES'].split(',') or (known and processes.is_alive(known)):
        return
    if 'uwsgi' in command:
        command += f' --venv {sys.prefix}'
    log = Path(_ENV['HARNESS']) / f'{service}.log'
    more = dict(pair.split('=', 1) for pair in env.split())
    started = processes.spawn(shlex.split(command), log=log, env=environment(**more))
    _pidfile(service).write_text(json.dumps(asdict(started)), encoding='utf-8')


@function
def stop_process(service: str) -> None:
    if known := _known(service):
        processes.end(known, grace=30)
        _pidfile(service).unlink()


def _pidfile(service: str) -> Path:
    return Path(_ENV['HARNESS']) / f'{service}.pid'


def _known(service: str) -> processes.Process | None:
    file = _pidfile(service)
    return processes.Process(**json.loads(file.read_text())) if file.exists() else None


@function
def wait_for_service(seconds: str, url: str) -> None:
    """Wait as devstack does: for anything but 503 and nobody."""
    deadline = time.monotonic() + float(seconds)
    while rest.status(url) in {0, 503}:
        if time.monotonic() > deadline:
            raise SystemExit(f'{url} does not answer.')
        time.sleep(0.1)


# The database


def _server() -> databases.Server:
    server = services.database(State.load(Layout()))
    assert server is not None, 'this cloud has no database server'
    return server


@function
def recreate_database(name: str) -> None:
    server = _server()
    server.drop_database(name)
    server.create_database(name)


@function
def database_connection_url(name: str) -> str:
    return _server().url(name).replace('utf8mb4', 'utf8')  # devstack still says utf8


# Keystone


class _Keystone:
    def __init__(self) -> None:
        state = State.load(Layout())
        self._session = seeds.session(state, users.SYSTEM_ADMIN)
        self._url = f'{state.url("keystone")}/v3'

    def id(self, kind: str, **query: str) -> str:
        """Return the id of what is of that kind and meets the query; nothing if none does."""
        asked = '&'.join(f'{key}={quote(value)}' for key, value in query.items())
        found = self._session.must('GET', f'{self._url}/{kind}s?{asked}')[f'{kind}s']
        return found[0]['id'] if found else ''

    def ensure(self, kind: str, query: dict[str, str], **more: str) -> str:
        """Return the id of what meets the query, and make it if there is nothing."""
        body = {kind: {**query, **more}}
        return self.id(kind, **query) or str(
            self._session.must('POST', f'{self._url}/{kind}s', body)[kind]['id']
        )

    def domain(self, name: str) -> str:
        return self.id('domain', name=name)

    def grant(self, role: str, user: str, where: str) -> None:
        path = f'{where}/users/{user}/roles/{self.id("role", name=role)}'
        self._session.must('PUT', f'{self._url}/{path}')


@function
def get_or_create_role(name: str) -> str:
    return _Keystone().ensure('role', {'name': name})


@function
def get_or_create_project(name: str, domain: str) -> str:
    keystone = _Keystone()
    return keystone.ensure('project', {'name': name, 'domain_id': keystone.domain(domain)})


@function
def create_service_user(name: str, role: str = '') -> None:
    """Make a user with the role ``service``, and one more, in the project of services."""
    keystone = _Keystone()
    domain = keystone.domain(_ENV['SERVICE_DOMAIN_NAME'])
    password = _ENV['SERVICE_PASSWORD']
    user = keystone.ensure('user', {'name': name, 'domain_id': domain}, password=password)
    project = keystone.id('project', name=_ENV['SERVICE_PROJECT_NAME'], domain_id=domain)
    for each in filter(None, ('service', role)):
        keystone.grant(each, user, f'projects/{project}')


@function
def get_or_add_user_system_role(role: str, user: str, system: str, domain: str) -> None:
    assert system == 'all', system
    keystone = _Keystone()
    known = keystone.id('user', name=user, domain_id=keystone.domain(domain))
    keystone.grant(role, known, 'system')


@function
def get_or_create_service(name: str, kind: str, description: str) -> str:
    keystone = _Keystone()
    return keystone.ensure('service', {'type': kind}, name=name, description=description)


@function
def get_or_create_endpoint(
    service: str, region: str, public: str, admin: str = '', internal: str = ''
) -> None:
    keystone = _Keystone()
    known = keystone.id('service', type=service)
    for interface, url in (('public', public), ('admin', admin), ('internal', internal)):
        if url:
            query = {'service_id': known, 'interface': interface, 'region_id': region}
            keystone.ensure('endpoint', query, url=url)


if __name__ == '__main__':
    os.environ['PATH'] = _ENV['HARNESS_PATH']  # what the plugin is not to see
    answer = FUNCTIONS[sys.argv[1]](*sys.argv[2:])
    if answer is not None:
        print(answer)  # noqa: T201 - that is how shell functions return
