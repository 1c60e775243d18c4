"""The environment in which a user of the cloud types his commands."""

import os
import shlex

from sandbox import services, users
from sandbox.layout import Layout
from sandbox.state import State


def variables(layout: Layout, state: State, user: users.User) -> dict[str, str]:
    """Return the variables that make ``openstack`` act as this user."""
    clients = str(layout.venv('client') / 'bin')
    path = [part for part in os.environ.get('PATH', os.defpath).split(':') if part != clients]
    options = {f'OS_{name.upper()}': value for name, value in user.options().items()}
    return {
        **options,
        'OS_AUTH_TYPE': 'password',
        'OS_AUTH_URL': state.url('keystone'),
        'OS_IDENTITY_API_VERSION': '3',
        'OS_REGION_NAME': 'RegionOne',
        'OS_INTERFACE': 'public',
        'ESI_LEAP_URL': state.url('api'),
        'ESI_LEAP_DATABASE_URL': services.connection(layout, state),
        'ESI_LEAP_DUMMY_NODE_DIR': str(layout.dummy_nodes),
        'PATH': ':'.join([clients, *path]),
        'no_proxy': '127.0.0.1,localhost',
        'NO_PROXY': '127.0.0.1,localhost',
    }


def exports(layout: Layout, state: State, user: users.User) -> str:
    """Return the shell commands that set these variables and forget those of other users."""
    chosen = variables(layout, state, user)
    others = (
        'OS_CLOUD',
        'OS_CLIENT_CONFIG_FILE',
        'OS_TOKEN',
        'OS_PROJECT_ID',
        'OS_PROJECT_NAME',
        'OS_PROJECT_DOMAIN_NAME',
        'OS_SYSTEM_SCOPE',
    )
    lines = [f'unset {" ".join(name for name in others if name not in chosen)}']
    lines += [f'export {name}={shlex.quote(value)}' for name, value in sorted(chosen.items())]
    return '\n'.join(lines)
