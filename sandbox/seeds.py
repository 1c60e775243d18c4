"""What the cloud is filled with: projects, users, roles, catalog and nodes."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from sandbox import machine, redfish, users
from sandbox.configs import PHYSICAL_NETWORK, PROVISIONING
from sandbox.errors import SandboxError
from sandbox.rest import Json, Session
from sandbox.state import State

_CATALOG = {
    'keystone': ('keystone', 'identity', '/v3'),
    'ironic': ('ironic', 'baremetal', ''),
    'neutron': ('neutron', 'network', ''),
    'api': ('esi-leap', 'lease', ''),  # unversioned: clients append /v1 themselves
}
IRONIC_VERSION = '1.82'
CONSOLE_NODE = 'console-1'
REDFISH_NODE = 'redfish-1'
_PATIENCE = 120


def session(state: State, user: users.User) -> Session:
    """Return a session of a user of this cloud."""
    return Session(state.url('keystone'), user.auth())


class Identity:
    """Keystone's objects by their names; each is made only where it is missing."""

    def __init__(self, state: State) -> None:
        self._url = f'{state.url("keystone")}/v3'
        # Bootstrap gives its admin the project and the system; the system may do everything.
        self._session = Session(state.url('keystone'), users.User('admin', 'admin', '').auth())
        self._known: dict[str, dict[str, str]] = {}

    def ids(self, kind: str) -> dict[str, str]:
        """Return the ids of all objects of a kind (``projects``, ``users``, ...) by name."""
        if kind not in self._known:
            found = self._session.must('GET', f'{self._url}/{kind}')[kind]
            self._known[kind] = {str(item['name']): str(item['id']) for item in found}
        return self._known[kind]

    def ensure(self, kind: str, name: str, **fields: object) -> str:
        """Return the id of an object, which is made if there is none of that name."""
        known = self.ids(kind)
        if name not in known:
            single = kind.removesuffix('s')
            body = {single: {'name': name, **fields}}
            answer: Json = self._session.must('POST', f'{self._url}/{kind}', body)
            known[name] = str(answer[single]['id'])
        return known[name]

    def ensure_user(self, user: users.User) -> None:
        """Make a user and give him his one role."""
        self.ensure('users', user.name, domain_id='default', password=user.password)
        self.grant(user.name, user.role, user.project)

    def grant(self, user: str, role: str, project: str) -> None:
        """Give a role on a project, or on the system where no project is named."""
        where = f'projects/{self.ids("projects")[project]}' if project else 'system'
        who = f'users/{self.ids("users")[user]}/roles/{self.ids("roles")[role]}'
        self._session.must('PUT', f'{self._url}/{where}/{who}')

    def publish(self, name: str, kind: str, url: str) -> None:
        """See to it that the catalog names this public URL for a service."""
        service = self.ensure('services', name, type=kind)
        listed = f'{self._url}/endpoints?service_id={service}&interface=public'
        wanted = {
            'service_id': service,
            'interface': 'public',
            'region_id': 'RegionOne',
            'url': url,
        }
        endpoints = self._session.must('GET', listed)['endpoints']
        if not endpoints:
            self._session.must('POST', f'{self._url}/endpoints', {'endpoint': wanted})
        elif endpoints[0]['url'] != url:
            path = f'{self._url}/endpoints/{endpoints[0]["id"]}'
            self._session.must('PATCH', path, {'endpoint': wanted})


def fill_keystone(state: State) -> None:
    """Make projects, roles and users, and note the holding project's id."""
    identity = Identity(state)
    for role in users.LEASE_ROLES:
        identity.ensure('roles', role)
    for project in (users.SERVICE, *users.PROJECTS):
        identity.ensure('projects', project, domain_id='default')
    state.holding_project = identity.ensure('projects', users.HOLDING, domain_id='default')
    for user in (*users.PEOPLE, users.ESI_LEAP, users.IRONIC, users.NEUTRON):
        identity.ensure_user(user)
    for name in (users.ESI_LEAP.name, users.IRONIC.name):
        identity.grant(name, 'service', users.SERVICE)
    # Ironic's own rules do not know the role esi_leap, and let only the system write a lessee.
    beyond = 'reader' if state.ironic_policy == 'esi' else 'member'
    identity.grant(users.ESI_LEAP.name, beyond, '')


def publish(state: State) -> None:
    """Bring the catalog in line with the ports of this start."""
    identity = Identity(state)
    for part, (name, kind, path) in _CATALOG.items():
        if part in state.ports:
            identity.publish(name, kind, state.url(part) + path)


def lay_networks(state: State) -> None:
    """Make the network for Ironic's own work, and one for each project, named after it."""
    admin = session(state, users.ADMIN)
    url = f'{state.url("neutron")}/v2.0'
    projects = Identity(state).ids('projects')
    of_ironic = {'provider:network_type': 'flat', 'provider:physical_network': PHYSICAL_NETWORK}
    wanted: list[tuple[str, str, Json]] = [
        (PROVISIONING, users.SERVICE, of_ironic),
        *((f'{project}-network', project, {}) for project in users.PROJECTS),
    ]
    known = {each['name'] for each in admin.must('GET', f'{url}/networks')['networks']}
    for number, (name, project, more) in enumerate(wanted):
        if name in known:
            continue
        of = {'name': name, 'project_id': projects[project]}
        network = admin.must('POST', f'{url}/networks', {'network': {**of, **more}})['network']
        cidr = {'network_id': network['id'], 'ip_version': 4, 'cidr': f'10.0.{number}.0/24'}
        admin.must('POST', f'{url}/subnets', {'subnet': {**of, **cidr}})


def enrol_nodes(state: State) -> None:
    """Make the nodes that are missing, owned by the project ``owner`` and available."""
    admin = session(state, users.SYSTEM_ADMIN)
    url = state.url('ironic')
    known = {node['name'] for node in _nodes(admin, url)}
    wanted = {f'node-{number}': _fake(number) for number in range(1, state.nodes + 1)}
    if state.console:
        wanted[CONSOLE_NODE] = _with_console(state)
    if state.redfish:
        wanted[REDFISH_NODE] = _with_redfish(state)
    for name in known & wanted.keys() & {CONSOLE_NODE, REDFISH_NODE}:
        _find_bmc(admin, state, name, wanted[name]['driver_info'])
    missing = [name for name in wanted if name not in known]
    if not missing:
        return
    owner = Identity(state).ids('projects')['owner']
    admin.token()  # once, before the threads share it
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(
            pool.map(
                lambda name: _enrol(
                    admin, url, {'name': name, 'owner': owner, **wanted[name]}, _wire(state, name)
                ),
                missing,
            )
        )
    # One look at all of them at a time: Ironic has enough to do.
    _await(admin, url, set(missing), 'available', _PATIENCE + len(missing))


def _fake(number: int) -> Json:
    """Return a node that Ironic's fake hardware stands for."""
    return {
        'driver': 'fake-hardware',
        'resource_class': 'baremetal',
        'console_interface': 'fake',
        'properties': {'cpus': 16, 'memory_mb': 65536, 'local_gb': 480, 'cpu_arch': 'x86_64'},
        'address': f'52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}',
    }


def _with_console(state: State) -> Json:
    """Return the node that the simulated machine stands for."""
    return {
        'driver': 'ipmi',
        'resource_class': 'with-console',
        'console_interface': 'ipmitool-socat',
        'properties': {'cpus': 2, 'memory_mb': 4096, 'local_gb': 0, 'cpu_arch': 'x86_64'},
        'address': '52:54:01:00:00:01',
        # There is no disk, and nothing that would boot a ramdisk to clean it.
        'automated_clean': False,
        'driver_info': {
            'ipmi_address': '127.0.0.1',
            **_ways(state),
            'ipmi_username': machine.USER,
            'ipmi_password': machine.PASSWORD,
            'ipmi_cipher_suite': 3,
        },
    }


def _ways(state: State) -> dict[str, int]:
    """Return the ports of the BMC and of the console.

    Of a range of ports Ironic takes none from which a connection was closed a minute ago.
    """
    return {'ipmi_port': state.ports['bmc'], 'ipmi_terminal_port': state.ports['socat']}


def _with_redfish(state: State) -> Json:
    """Return the node behind the BMC that speaks Redfish."""
    return {
        'driver': 'redfish',
        'resource_class': 'with-redfish',
        'properties': {'cpus': 2, 'memory_mb': 4096, 'local_gb': 0, 'cpu_arch': 'x86_64'},
        'address': '52:54:02:00:00:01',
        'automated_clean': False,
        'driver_info': {
            'redfish_address': state.url('redfish'),
            'redfish_system_id': f'/redfish/v1/Systems/{redfish.SYSTEM}',
        },
    }


def _find_bmc(admin: Session, state: State, node: str, info: Json) -> None:
    """Tell Ironic the ports of this start."""
    changes = [
        {'op': 'add', 'path': f'/driver_info/{name}', 'value': value}
        for name, value in info.items()
    ]
    path = f'{state.url("ironic")}/v1/nodes/{node}'
    admin.must('PATCH', path, changes, version=IRONIC_VERSION)


def _wire(state: State, name: str) -> Json:
    """Return where the cable of a node ends, without which Ironic attaches it to no network."""
    if not state.neutron:
        return {}
    switch = {'switch_id': '52:54:02:00:00:01', 'switch_info': 'sandbox', 'port_id': name}
    return {'physical_network': PHYSICAL_NETWORK, 'local_link_connection': switch}


def _enrol(admin: Session, url: str, wanted: Json, wire: Json) -> None:
    node = {'uuid': str(uuid.uuid4()), **wanted}
    port = {'node_uuid': node['uuid'], 'address': node.pop('address'), **wire}
    admin.must('POST', f'{url}/v1/nodes', node, version=IRONIC_VERSION)
    admin.must('POST', f'{url}/v1/ports', port, version=IRONIC_VERSION)
    path = f'{url}/v1/nodes/{node["uuid"]}/states/provision'
    admin.must('PUT', path, {'target': 'manage'}, version=IRONIC_VERSION)
    _await(admin, url, {node['name']}, 'manageable', _PATIENCE, one=node['uuid'])
    admin.must('PUT', path, {'target': 'provide'}, version=IRONIC_VERSION)


def _await(
    admin: Session, url: str, names: set[str], wanted: str, seconds: float, *, one: str = ''
) -> None:
    """Wait until all of these nodes are in the wanted provision state."""
    deadline = time.monotonic() + seconds
    while True:
        nodes = [_node(admin, url, one)] if one else _nodes(admin, url)
        late = [n for n in nodes if n['name'] in names and n['provision_state'] != wanted]
        if not late:
            return
        failed = [node for node in late if node['last_error']]
        if failed or time.monotonic() > deadline:
            node = (failed or late)[0]
            raise SandboxError(
                f'{node["name"]} did not become {wanted}: it is {node["provision_state"]}, '
                f'{node["last_error"] or "without an error"}.'
            )
        time.sleep(0.1 if one else 0.5)


def _node(admin: Session, url: str, ident: str) -> Json:
    return admin.must('GET', f'{url}/v1/nodes/{ident}', version=IRONIC_VERSION)


def _nodes(admin: Session, url: str) -> list[Json]:
    """Return all nodes, of which Ironic hands out a thousand at a time."""
    nodes: list[Json] = []
    page = f'{url}/v1/nodes?fields=name,provision_state,last_error'
    while page:
        answer = admin.must('GET', page, version=IRONIC_VERSION)
        nodes += answer['nodes']
        page = answer.get('next', '')
    return nodes
