"""The devstack plugin, driven through all phases against what devstack gives to plugins."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from esi_leap import conf as configuration
from esi_leap.wiring import parts
from sandbox import ports, processes, rest, seeds, services, users
from sandbox.layout import PROJECT, environment

from .conftest import Cloud, until

HARNESS = Path(__file__).parent / 'devstack'
PLUGIN = PROJECT / 'devstack'
PROGRAMS = ('install', 'rm', 'uwsgi')
PHASES = ('pre-install', 'install', 'post-config', 'extra')
SERVICES = ('esi-leap-api', 'esi-leap-manager', 'esi-leap-console')
#: Of this run; one that was killed cannot have taken its own away.
DOMAIN = REGION = f'devstack-{uuid.uuid4().hex[:8]}'
DATABASE = 'esi_leap_of_devstack'


class Devstack:
    """A host on which devstack runs, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.etc = folder / 'etc'
        self.apache = self.etc / 'apache'
        self.ironic = self.etc / 'ironic'
        self.calls = folder / 'calls'
        self.violations = folder / 'violations'
        programs = folder / 'programs'
        for made in (self.apache, self.ironic, programs):
            made.mkdir(parents=True)
        here = Path(sys.executable).parent
        for name in PROGRAMS:
            own = here / name
            (programs / name).symlink_to(own if own.exists() else str(shutil.which(name)))
        self.env = {
            # the harness
            'HARNESS': str(folder),
            'HARNESS_PATH': os.environ['PATH'],
            'PYTHON': sys.executable,
            'PYTHONPATH': str(PROJECT),
            'PROGRAMS': str(programs),
            'APACHE_CONF_DIR': str(self.apache),
            'ENABLED_SERVICES': 'key,mysql,q-svc,ir-api,ir-cond',
            # what devstack says of itself
            'DEST': str(folder / 'dest'),
            'DATA_DIR': str(folder / 'data'),
            'STACK_USER': str(os.getuid()),
            'ENABLE_DEBUG_LOG_LEVEL': 'True',
            'API_WORKERS': '1',
            'SERVICE_PROTOCOL': 'http',
            'SERVICE_HOST': '127.0.0.1',
            'SERVICE_LISTEN_ADDRESS': '127.0.0.1',
            'SERVICE_TIMEOUT': '120',
            'SERVICE_PASSWORD': 'only&here',
            'SERVICE_PROJECT_NAME': 'service',
            'SERVICE_DOMAIN_NAME': DOMAIN,
            'REGION_NAME': REGION,
            'SSL_BUNDLE_FILE': str(folder / 'data' / 'ca-bundle.pem'),
            'IRONIC_CONF_DIR': str(self.ironic),
            # local.conf
            'ESI_LEAP_DIR': str(PROJECT),
            'ESI_LEAP_CONF_DIR': str(self.etc / 'esi-leap'),
            'ESI_LEAP_DATABASE': DATABASE,
        }

    def run(
        self, mode: str, *phases: str, plugin: Path = PLUGIN
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ['/bin/bash', HARNESS / 'harness.sh', plugin, mode, *phases],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def must(self, mode: str, *phases: str) -> None:
        done = self.run(mode, *phases)
        assert done.returncode == 0, done.stderr[-4000:]
        assert not self.violations.exists(), self.violations.read_text()

    def running(self) -> dict[str, processes.Process]:
        return {
            file.stem: processes.Process(**json.loads(file.read_text()))
            for file in self.folder.glob('*.pid')
        }

    def end(self) -> None:
        for process in self.running().values():
            processes.end(process)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Devstack]:
    made = Devstack(tmp_path)
    yield made
    made.end()


class Tenancy:
    """Keystone as devstack has it before plugins come: a domain with the project of services.

    It is a domain and a region of their own, so that all of it can be taken away again.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._session = seeds.session(cloud.state, users.SYSTEM_ADMIN)
        self._url = f'{cloud.state.url("keystone")}/v3'
        self.domain = self._make('domain', name=DOMAIN)
        self._make('project', name='service', domain_id=self.domain)
        self._make('region', id=REGION)
        parts = {'identity': 'keystone', 'baremetal': 'ironic', 'network': 'neutron'}
        for kind, part in parts.items():
            service = self.get('services', type=kind)[0]['id']
            self._make(
                'endpoint',
                service_id=service,
                interface='public',
                region_id=REGION,
                url=cloud.state.url(part),
            )

    def _make(self, kind: str, **fields: str) -> str:
        body = {kind: fields}
        return str(self._session.must('POST', f'{self._url}/{kind}s', body)[kind]['id'])

    def get(self, kind: str, **query: str) -> list[dict]:
        asked = '&'.join(f'{name}={value}' for name, value in query.items())
        return self._session.must('GET', f'{self._url}/{kind}?{asked}')[kind]

    def end(self) -> None:
        for endpoint in self.get('endpoints', region_id=REGION):
            self._session.must('DELETE', f'{self._url}/endpoints/{endpoint["id"]}')
        self._session.must('DELETE', f'{self._url}/regions/{REGION}')
        domain = f'{self._url}/domains/{self.domain}'
        self._session.must('PATCH', domain, {'domain': {'enabled': False}})
        self._session.must('DELETE', domain)


@pytest.fixture
def tenancy(cloud: Cloud) -> Iterator[Tenancy]:
    made = Tenancy(cloud)
    yield made
    made.end()
    server = services.database(cloud.state)
    assert server is not None
    server.drop_database(DATABASE)


def options(file: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, default_section='')
    parser.read(file)
    return parser


def openstack(cloud: Cloud, user: str, *words: str) -> dict:
    """Run a command as somebody in the region of this devstack."""
    who = {f'OS_{name.upper()}': value for name, value in users.find(user).options().items()}
    where = {'OS_AUTH_URL': cloud.state.url('keystone'), 'OS_REGION_NAME': REGION}
    done = subprocess.run(
        [Path(sys.executable).parent / 'openstack', *words, '--format=json'],
        env={**environment(), **who, **where},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.sandbox
@pytest.mark.timeout(600)
def test_from_nothing_to_a_service_and_back(cloud, tenancy, host):
    listening = ports.pick()
    url = f'http://127.0.0.1:{listening}/lease'
    console = ports.pick(frozenset({listening}))
    host.env |= {
        'APACHE_PORT': str(listening),
        'ESI_LEAP_URL': url,
        'ESI_LEAP_CONSOLE_PORT': str(console),
        'KEYSTONE_SERVICE_URI': cloud.state.url('keystone'),
    }
    # Ironic's plugin comes first and leaves this.
    (host.ironic / 'ironic.conf').write_text('[conductor]\nautomated_clean = True\n')

    host.must('stack', *[phase for phase in PHASES for _ in range(2)])

    # What Ironic is told.
    rules = host.ironic / 'policy.d' / '50-esi.yaml'
    told = options(host.ironic / 'ironic.conf')
    assert told['oslo_policy']['policy_dirs'] == str(rules.parent)
    assert told['conductor']['automatic_lessee_source'] == 'none'
    assert told['conductor']['automated_clean'] == 'True'
    assert list(rules.parent.iterdir()) == [rules]
    assert rules.read_bytes() == (PROJECT / 'policies/ironic/50-esi.yaml').read_bytes()

    # The rights that the service has, and who may be where its nodes are meanwhile.
    [user] = tenancy.get('users', name='esi-leap', domain_id=tenancy.domain)
    granted = tenancy.get('role_assignments', **{'user.id': user['id'], 'include_names': 'true'})
    held = {
        (each['role']['name'], each['scope'].get('project', {}).get('name', 'the system'))
        for each in granted
    }
    assert held == {('service', 'service'), ('esi_leap', 'service'), ('reader', 'the system')}
    [holding] = tenancy.get('projects', name='esi-holding', domain_id=tenancy.domain)
    assert tenancy.get('role_assignments', **{'scope.project.id': holding['id']}) == []
    conf = host.etc / 'esi-leap' / 'esi-leap.conf'
    assert options(conf)['manager']['holding_project'] == holding['id']
    assert conf.stat().st_mode & 0o077 == 0
    network = parts.make_network(configuration.load([f'--config-file={conf}'], 'test'))
    assert network is not None
    network.check()  # what it has to see in Neutron, it sees
    [endpoint] = tenancy.get('endpoints', service_id=_service(tenancy), region_id=REGION)
    assert (endpoint['interface'], endpoint['url']) == ('public', url)

    # It runs: the API where the catalog says, the manager, the proxy for consoles.
    running = host.running()
    assert set(running) == set(SERVICES)
    assert rest.status(f'http://127.0.0.1:{console}/healthcheck') == 200
    _, versions, _ = rest.call('GET', url)
    assert versions['default_version']['links'][0]['href'] == f'{url}/v1'
    made = openstack(cloud, 'owner-member', 'esi', 'offer', 'create', 'node-1', '--end-time=+1h')
    assert (made['resource'], made['status']) == ('node-1', 'available')
    _lease_a_dummy(cloud, host, url)

    for _ in range(2):
        host.must('unstack')
    assert host.running() == {}
    assert not any(processes.is_alive(each) for each in running.values())
    assert ports.is_free(listening)
    assert ports.is_free(console)
    for _ in range(2):
        host.must('clean')
    assert sorted(each.name for each in host.etc.iterdir()) == ['apache', 'ironic']
    assert list(host.apache.iterdir()) == []
    assert list(rules.parent.iterdir()) == []
    assert not (host.folder / 'data' / 'esi-leap').exists()

    # Nothing is in the list of devstack's functions that nobody calls.
    used = {line.split()[0] for line in host.calls.read_text().splitlines()}
    assert used | {'die'} == {name for name, *_ in listed()}


def _service(tenancy: Tenancy) -> str:
    return tenancy.get('services', type='lease')[0]['id']


def _lease_a_dummy(cloud: Cloud, host: Devstack, url: str) -> None:
    """See the manager hand over a node that is a file."""
    nodes = host.folder / 'data' / 'esi-leap' / 'dummy-nodes'
    owner = {'project_owner_id': cloud.projects['owner']}
    (nodes / 'd1').write_text(json.dumps(owner), encoding='utf-8')
    body = {
        'resource_type': 'dummy_node',
        'resource_uuid': 'd1',
        'project_id': cloud.projects['lessee'],
    }
    lease = cloud.session('owner-member').must('POST', f'{url}/v1/leases', body)

    def handed_over() -> bool:
        path = f'{url}/v1/leases/{lease["uuid"]}'
        return cloud.session('lessee-member').must('GET', path)['status'] == 'active'

    until('the dummy node is handed over', handed_over, seconds=60)


def listed() -> list[tuple[str, str, str]]:
    """Return the functions that devstack gives: name, least and greatest number of arguments."""
    lines = (HARNESS / 'functions.txt').read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith('#')]
    return [(name, least, most) for name, least, most, _ in rows]


def test_the_list_of_functions_names_each_once():
    assert max(Counter(name for name, *_ in listed()).values()) == 1


@pytest.mark.parametrize(
    ('script', 'complaint'),
    [
        ('restart_everything now', 'restart_everything is neither a function of devstack nor'),
        ('echo "$(restart_everything)"', 'restart_everything is neither'),
        ('curl http://127.0.0.1/ || true', 'curl is neither'),
        ('iniset file section option', 'iniset takes 4 to 5 arguments, not 3'),
        ('get_python_exec_prefix here', 'get_python_exec_prefix takes 0 to 0 arguments, not 1'),
        ('local_value=$(stop_process) || true', 'stop_process takes 1 to 1 arguments, not 0'),
    ],
)
def test_the_harness_lets_nothing_pass_that_devstack_has_not(host, tmp_path, script, complaint):
    plugin = tmp_path / 'plugin'
    plugin.mkdir()
    (plugin / 'settings').touch()
    (plugin / 'plugin.sh').write_text(f'{script}\n')
    host.run('stack', 'install', plugin=plugin)
    assert complaint in host.violations.read_text()


def test_a_command_that_systemd_cannot_start_is_an_error(host, tmp_path):
    plugin = tmp_path / 'plugin'
    plugin.mkdir()
    (plugin / 'settings').write_text('enable_service here\n')
    (plugin / 'plugin.sh').write_text('run_process here "sleep 60"\n')
    done = host.run('stack', 'extra', plugin=plugin)
    assert done.returncode != 0
    assert "systemd cannot start 'sleep 60'" in done.stderr


def test_ironic_has_to_be_enabled_before(host):
    # Its plugin writes the file anew after ours has.
    (host.ironic / 'ironic.conf').write_text('[conductor]\nautomated_clean = True\n')
    done = host.run('stack', 'extra')
    assert done.returncode != 0
    assert 'enable the plugin ironic before esi-leap' in done.stderr


def test_nothing_is_done_where_none_of_its_services_is_enabled(host, tmp_path):
    plugin = tmp_path / 'plugin'
    shutil.copytree(PLUGIN, plugin)
    settings = (plugin / 'settings').read_text()
    (plugin / 'settings').write_text(settings.replace('enable_service esi-leap', '# '))
    for mode, *phases in (('stack', *PHASES), ('unstack',), ('clean',)):
        assert host.run(mode, *phases, plugin=plugin).returncode == 0
    called = {line.split()[0] for line in host.calls.read_text().splitlines()}
    assert called == {'define_plugin', 'plugin_requires', 'is_service_enabled'}
    assert sorted(each.name for each in host.etc.iterdir()) == ['apache', 'ironic']


def test_with_tls_the_console_has_the_certificate_of_devstack(host):
    host.env |= {
        'ENABLED_SERVICES': 'key,mysql,tls-proxy',
        'SERVICE_PROTOCOL': 'https',
        'DEVSTACK_CERT': '/opt/stack/data/devstack-cert.pem',
    }
    plugin = host.folder / 'plugin'
    plugin.mkdir()
    shutil.copy(PLUGIN / 'settings', plugin)
    source = (PLUGIN / 'plugin.sh').read_text()
    (plugin / 'plugin.sh').write_text(
        f'{source}\nconfigure_esi_leap_console\necho "$ESI_LEAP_URL"\n'
    )
    (host.etc / 'esi-leap').mkdir()
    done = host.run('stack', 'pre-install', plugin=plugin)
    assert done.returncode == 0, done.stderr
    written = options(host.etc / 'esi-leap' / 'esi-leap.conf')['serialconsoleproxy']
    assert written['cert_file'] == '/opt/stack/data/devstack-cert.pem'
    assert written['public_url'] == 'wss://127.0.0.1:6083'
    assert done.stdout.splitlines()[-1] == 'https://127.0.0.1/lease'
