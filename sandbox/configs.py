"""The configuration files of the services, written anew at every start."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from sandbox import machine, redfish, users
from sandbox.layout import PROJECT, Layout
from sandbox.state import State

_POLICY = PROJECT / 'policies' / 'ironic' / '50-esi.yaml'
Groups = Mapping[str, Mapping[str, object]]
#: The network that Ironic's own ramdisks would boot on, and the wire that every network runs over.
PROVISIONING, PHYSICAL_NETWORK = 'provisioning', 'physnet1'
#: Seconds for which a manager has a node for itself, and those in which Ironic and Neutron have to
#: answer; the service wants the first to be more than twice the second.
CLAIM_TIME, _TIMEOUT = 17, 8
#: What a node with a BMC uses where the fake one fakes; none is ever deployed or cleaned.
_WITH_BMC = {
    'bios': 'no-bios',
    'deploy': 'ramdisk',
    'firmware': 'no-firmware',
    'inspect': 'no-inspect',
    'raid': 'no-raid',
}
_IPMI = {**_WITH_BMC, 'boot': 'pxe', 'management': 'ipmitool', 'power': 'ipmitool'}
_REDFISH = {
    **_WITH_BMC,
    'boot': 'redfish-virtual-media',
    'management': 'redfish',
    'power': 'redfish',
}


def write(layout: Layout, state: State, connection: str) -> None:
    """Write every file; ``connection`` is the database URL of the lease service."""
    for folder in ('keystone', 'ironic/policy.d', 'neutron/plugins', 'esi-leap'):
        (layout.etc / folder).mkdir(parents=True, exist_ok=True)
    for folder in ('ironic/tftp', 'ironic/images', 'ironic/http', 'ironic/locks', 'dummy-nodes'):
        (layout.data / folder).mkdir(parents=True, exist_ok=True)
    policy = layout.etc / 'ironic' / 'policy.d' / _POLICY.name
    if state.ironic_policy == 'esi':
        shutil.copyfile(_POLICY, policy)
    else:
        policy.unlink(missing_ok=True)
    _write(layout.etc / 'keystone' / 'keystone.conf', _keystone(layout))
    _write(layout.etc / 'ironic' / 'ironic.conf', _ironic(layout, state))
    _write(layout.etc / 'esi-leap' / 'esi-leap.conf', _esi_leap(layout, state, connection))
    if state.neutron:
        _write(layout.etc / 'neutron' / 'neutron.conf', _neutron(layout, state))
        _plug_in(layout.etc / 'neutron' / 'plugins')
    if state.console:
        machine.write(layout.machine, bmc=state.ports['bmc'], serial=state.ports['serial'])
    if state.redfish:
        redfish.write(layout.redfish, port=state.ports['redfish'])
    layout.clouds.write_text(_clouds(state))
    layout.clouds.chmod(0o600)


def _write(path: Path, groups: Groups) -> None:
    lines = ['# Written by the sandbox at every start.']
    for group, options in groups.items():
        lines += ['', f'[{group}]', *(f'{name} = {value}' for name, value in options.items())]
    path.write_text('\n'.join(lines) + '\n')
    path.chmod(0o600)


def _keystone(layout: Layout) -> Groups:
    keys = layout.data / 'fernet-keys'
    return {
        'DEFAULT': {'use_stderr': 'true'},
        'database': {
            'connection': f'sqlite:///{layout.data / "keystone.db"}',
            'sqlite_synchronous': 'false',
        },
        'token': {'provider': 'fernet', 'expiration': 86400},
        'fernet_tokens': {'key_repository': keys},
        'fernet_receipts': {'key_repository': keys},
        'credential': {'key_repository': layout.data / 'credential-keys'},
        # Without a cache each request costs half a second. This one lives in its process, which is
        # why Keystone gets a single worker.
        'cache': {'enabled': 'true', 'backend': 'oslo_cache.dict'},
        'identity': {'password_hash_algorithm': 'bcrypt', 'password_hash_rounds': 4},
    }


def _ironic(layout: Layout, state: State) -> Groups:
    folder = layout.data / 'ironic'
    with_bmc = {
        hardware: interfaces
        for hardware, interfaces, chosen in (
            ('ipmi', _IPMI, state.console),
            ('redfish', _REDFISH, state.redfish),
        )
        if chosen
    }
    interfaces = {
        f'enabled_{kind}_interfaces': ','.join(
            dict.fromkeys(['fake', *(each[kind] for each in with_bmc.values())])
        )
        for kind in sorted(_IPMI)
    }
    console: Groups = {}
    consoles = 'fake,no-console'
    if state.console:
        consoles = f'{consoles},ipmitool-socat'
        console = {
            'console': {'terminal_pid_dir': folder, 'socat_address': '127.0.0.1'},
            # Ironic keeps five seconds between two commands to a BMC, for the sake of slow ones; it
            # divides by them, so there has to be one. What this BMC does not know, as its boot
            # device, Ironic would ask for a minute.
            'ipmi': {'min_command_interval': 1, 'command_retry_timeout': 5},
        }
    network = 'neutron' if state.neutron else 'noop'
    return {
        'DEFAULT': {
            'host': 'sandbox',
            'my_ip': '127.0.0.1',
            'auth_strategy': 'keystone',
            'rpc_transport': 'none',
            'use_stderr': 'true',
            'state_path': folder,
            'tempdir': folder,
            'enabled_hardware_types': ','.join(['fake-hardware', *with_bmc]),
            **interfaces,
            'enabled_console_interfaces': consoles,
            'enabled_network_interfaces': network,
            'enabled_rescue_interfaces': 'fake,no-rescue',
            'enabled_storage_interfaces': 'noop,fake',
            'enabled_vendor_interfaces': 'fake,no-vendor',
            'default_network_interface': network,
        },
        'api': {'host_ip': '127.0.0.1', 'port': state.ports['ironic']},
        'conductor': {
            'graceful_shutdown_timeout': 3,
            'automated_clean': 'true',
            # One step that takes a second, so that cleaning can be seen.
            'clean_step_priority_override': 'bios.factory_reset:10',
            'automatic_lessee_source': 'none',
            'bootloader': '',
            # Ironic hashes the password of a Redfish BMC 600,000 times for each look at it, so it
            # does not look more often than each minute.
            'sync_power_state_interval': 60,
            'heartbeat_interval': 5,
            'heartbeat_timeout': 20,
            'check_provision_state_interval': 5,
        },
        'database': {
            'connection': f'sqlite:///{layout.data / "ironic.db"}',
            'sqlite_synchronous': 'false',
        },
        'fake': {'bios_delay': 1, 'deploy_delay': 1, 'power_delay': 0},
        'dhcp': {'dhcp_provider': 'none'},
        'pxe': {
            'tftp_root': folder / 'tftp',
            'images_path': folder / 'images',
            'instance_master_path': '',
            'tftp_master_path': '',
        },
        'deploy': {'http_root': folder / 'http'},
        'oslo_policy': {'policy_dirs': layout.etc / 'ironic' / 'policy.d'},
        'keystone_authtoken': _authtoken(state, users.IRONIC),
        'service_catalog': {**_auth(state, users.IRONIC), 'region_name': 'RegionOne'},
        'oslo_concurrency': {'lock_path': folder / 'locks'},
        'oslo_messaging_notifications': {'driver': 'noop', 'transport_url': 'fake://'},
        'sensor_data': {'send_sensor_data': 'false'},
        **console,
        **_towards_neutron(state),
    }


def _towards_neutron(state: State) -> Groups:
    """Return what Ironic needs to know of Neutron."""
    if not state.neutron:
        return {}
    verbs = ('cleaning', 'inspection', 'provisioning', 'rescuing', 'servicing')
    return {
        'neutron': {
            **_towards(state, users.IRONIC),
            **{f'{verb}_network': PROVISIONING for verb in verbs},
        }
    }


def neutron_database(layout: Layout) -> str:
    """Return the SQLAlchemy URL of Neutron's database."""
    return f'sqlite:///{layout.data / "neutron.db"}'


def _neutron(layout: Layout, state: State) -> Groups:
    folder = layout.data / 'neutron'
    folder.mkdir(exist_ok=True)
    return {
        'DEFAULT': {
            'use_stderr': 'true',
            'state_path': folder,
            'api_paste_config': layout.venv('neutron') / 'etc' / 'neutron' / 'api-paste.ini',
            'auth_strategy': 'keystone',
            'core_plugin': 'ml2',
            'service_plugins': '',
            # No agents, no Nova, and nobody to tell anything.
            'transport_url': 'fake://',
            'dhcp_agent_notification': 'false',
            'notify_nova_on_port_status_changes': 'false',
            'notify_nova_on_port_data_changes': 'false',
        },
        'database': {'connection': neutron_database(layout), 'sqlite_synchronous': 'false'},
        'ml2': {
            'type_drivers': 'flat,vlan',
            'tenant_network_types': 'vlan',
            'mechanism_drivers': 'sandbox',
            'extension_drivers': 'port_security',
        },
        'ml2_type_flat': {'flat_networks': PHYSICAL_NETWORK},
        'ml2_type_vlan': {'network_vlan_ranges': f'{PHYSICAL_NETWORK}:100:200'},
        'keystone_authtoken': _authtoken(state, users.NEUTRON),
        'oslo_concurrency': {'lock_path': folder / 'locks'},
        'oslo_messaging_notifications': {'driver': 'noop'},
    }


def _plug_in(folder: Path) -> None:
    """Let Neutron find the mechanism driver: as an installed package would, from a folder."""
    package = folder / 'esi_leap_sandbox-0.dist-info'
    package.mkdir(exist_ok=True)
    (package / 'METADATA').write_text('Metadata-Version: 2.1\nName: esi-leap-sandbox\nVersion: 0\n')
    (package / 'entry_points.txt').write_text(
        '[neutron.ml2.mechanism_drivers]\nsandbox = neutron_driver:Driver\n'
    )


def _esi_leap(layout: Layout, state: State, connection: str) -> Groups:
    in_project = users.ESI_LEAP
    in_system = users.User(in_project.name, 'reader', '')
    # Ironic's own rules know nothing of the role esi_leap; there the service needs the system.
    towards_ironic = in_project if state.ironic_policy == 'esi' else in_system
    console: Groups = {}
    neutron: Groups = {}
    if state.neutron:
        neutron = {'neutron': {**_towards(state, in_project), 'timeout': _TIMEOUT}}
    if state.console:
        port = state.ports['console']
        console = {'serialconsoleproxy': {'host_address': '127.0.0.1', 'port': port}}
    return {
        'DEFAULT': {'use_stderr': 'true'},
        'api': {
            'host_ip': '127.0.0.1',
            'port': state.ports['api'],
            'api_workers': 2,
            'auth_strategy': 'keystone',
        },
        # An option's value may hold "$name"; a URL's dollar would have to be doubled.
        'database': {'connection': connection.replace('$', '$$')},
        'keystone_authtoken': _authtoken(state, in_project),
        'ironic': {**_towards(state, towards_ironic), 'timeout': _TIMEOUT},
        'keystone': {**_auth(state, in_system), 'region_name': 'RegionOne'},
        **neutron,
        'manager': {
            'holding_project': state.holding_project,
            # What is changed past the service is to be seen soon by who tries it here.
            'check_interval': 15,
            # What waits for a retry, or for the claim of a manager that was killed, need not wait
            # long: nothing here has to be spared.
            'retry_max': 5,
            'claim_time': CLAIM_TIME,
            # Machines with a BMC have no disk to clean; the others are cleaned all the same.
            'require_clean': str(not (state.console or state.redfish)).lower(),
        },
        'dummy_node': {'dummy_node_dir': layout.dummy_nodes},
        **console,
    }


def _auth(state: State, user: users.User) -> dict[str, object]:
    return {'auth_type': 'password', 'auth_url': state.url('keystone'), **user.options()}


def _towards(state: State, user: users.User) -> dict[str, object]:
    """Return how a service calls another one, as a user."""
    return {**_auth(state, user), 'region_name': 'RegionOne', 'valid_interfaces': 'public'}


def _authtoken(state: State, user: users.User) -> dict[str, object]:
    return {
        'www_authenticate_uri': state.url('keystone'),
        'interface': 'public',  # the only one in this catalog; the middleware asks for internal
        **_auth(state, user),
    }


def _clouds(state: State) -> str:
    lines = [
        '# Every user of the sandbox as a cloud: openstack --os-cloud owner-member ...',
        'clouds:',
    ]
    for user in (*users.PEOPLE, users.ESI_LEAP):
        lines += [
            f'  {user.name}:',
            '    region_name: RegionOne',
            '    identity_api_version: 3',
            '    auth:',
            f'      auth_url: {state.url("keystone")}',
            *(f'      {name}: {value}' for name, value in user.options().items()),
        ]
    return '\n'.join(lines) + '\n'
