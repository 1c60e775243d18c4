"""The configuration files of the services, written anew at every start."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from sandbox import machine, redfish, users
from sandbox.layout import PROJECT, Layout
from sandbox.state import State

_POLICY = PROJECT / 'policies' / 'ironic' / '50-esi.yaml'
Groups = Mapping[str, Mapping[str, object]]
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
    for folder in ('keystone', 'ironic/policy.d', 'esi-leap'):
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
            'enabled_network_interfaces': 'noop',
            'enabled_rescue_interfaces': 'fake,no-rescue',
            'enabled_storage_interfaces': 'noop,fake',
            'enabled_vendor_interfaces': 'fake,no-vendor',
            'default_network_interface': 'noop',
        },
        'api': {'host_ip': '127.0.0.1', 'port': state.ports['ironic']},
        'conductor': {
            'graceful_shutdown_timeout': 3,
            'automated_clean': 'true',
            # One step that takes a second, so that cleaning can be seen.
            'clean_step_priority_override': 'bios.factory_reset:10',
            'automatic_lessee_source': 'none',
            'bootloader': '',
            'sync_power_state_interval': 10,
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
    }


def _esi_leap(layout: Layout, state: State, connection: str) -> Groups:
    in_project = users.ESI_LEAP
    in_system = users.User(in_project.name, 'reader', '')
    # Ironic's own rules know nothing of the role esi_leap; there the service needs the system.
    towards_ironic = in_project if state.ironic_policy == 'esi' else in_system
    console: Groups = {}
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
        'ironic': {
            **_auth(state, towards_ironic),
            'region_name': 'RegionOne',
            'valid_interfaces': 'public',
        },
        'keystone': {**_auth(state, in_system), 'region_name': 'RegionOne'},
        'manager': {
            'holding_project': state.holding_project,
            # Machines with a BMC have no disk to clean; the others are cleaned all the same.
            'require_clean': str(not (state.console or state.redfish)).lower(),
        },
        'dummy_node': {'dummy_node_dir': layout.dummy_nodes},
        **console,
    }


def _auth(state: State, user: users.User) -> dict[str, object]:
    return {'auth_type': 'password', 'auth_url': state.url('keystone'), **user.options()}


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
