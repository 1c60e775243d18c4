"""Who lives in the cloud of the sandbox."""

from dataclasses import dataclass

from sandbox.errors import SandboxError

PROJECTS = ('owner', 'lessee', 'stranger')
HOLDING = 'esi-holding'
SERVICE = 'service'
LEASE_ROLES = ('esi_leap', 'esi_leap_owner', 'esi_leap_lessee', 'esi_leap_admin')
DOMAIN = 'Default'


@dataclass(frozen=True)
class User:
    """One user with one role, on a project or (``project`` empty) on the whole system."""

    name: str
    role: str
    project: str

    @property
    def password(self) -> str:
        """Return the password; this cloud is thrown away and listens on loopback only."""
        return f'{self.name}-password'

    def auth(self) -> dict[str, object]:
        """Return the ``auth`` body for a token of this user."""
        identity = {
            'methods': ['password'],
            'password': {
                'user': {
                    'name': self.name,
                    'domain': {'name': DOMAIN},
                    'password': self.password,
                }
            },
        }
        project = {'project': {'name': self.project, 'domain': {'name': DOMAIN}}}
        scope = project if self.project else {'system': {'all': True}}
        return {'identity': identity, 'scope': scope}

    def options(self) -> dict[str, str]:
        """Return the same as options of keystoneauth, without the URL."""
        scope = (
            {'project_name': self.project, 'project_domain_name': DOMAIN}
            if self.project
            else {'system_scope': 'all'}
        )
        return {
            'username': self.name,
            'password': self.password,
            'user_domain_name': DOMAIN,
            **scope,
        }


ADMIN = User('admin', 'admin', 'admin')
SYSTEM_ADMIN = User('system-admin', 'admin', '')
PEOPLE = (
    ADMIN,
    SYSTEM_ADMIN,
    User('system-reader', 'reader', ''),
    *(
        User(f'{project}-{role}', role, project)
        for project in PROJECTS
        for role in ('reader', 'member', 'manager', 'admin')
    ),
    User('owner-legacy', 'esi_leap_owner', 'owner'),
    User('lessee-legacy', 'esi_leap_lessee', 'lessee'),
)
# The service's user; his further roles are given where the cloud is seeded.
ESI_LEAP = User('esi-leap', 'esi_leap', SERVICE)
IRONIC = User('ironic', 'admin', SERVICE)
NEUTRON = User('neutron', 'service', SERVICE)


def find(name: str) -> User:
    """Return the user of that name; the lease service's own user is among them."""
    for user in (*PEOPLE, ESI_LEAP):
        if user.name == name:
            return user
    names = ', '.join(user.name for user in (*PEOPLE, ESI_LEAP))
    raise SandboxError(f'There is no user {name!r}; the users are {names}.')
