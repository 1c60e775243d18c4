"""``python -m sandbox.packages``: install what the tests start, servers and environments.

It takes some minutes on a new machine, which no test has to spare. A second one waits for the first
and finds everything installed.
"""

import fcntl
import sys

from sandbox import cloud, databases, environments, machine, programs, rabbit
from sandbox.errors import SandboxError
from sandbox.layout import Layout


def main() -> int:
    """Install what is missing, or say in one sentence how to."""
    layout = Layout()
    layout.root.mkdir(parents=True, exist_ok=True)
    with (layout.root / 'packages.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _install(layout)


def _install(layout: Layout) -> int:
    servers = (databases.MariaDB, databases.PostgreSQL, rabbit.RabbitMQ)
    missing = [package for server in servers for package in server.missing_packages()]
    missing += programs.missing_packages({**machine.NEEDS, 'curl': 'curl'})
    try:
        if missing:
            environments.install_packages(missing, 'The tests need servers.')
        environments.build(layout, [*cloud.ENVIRONMENTS, *cloud.OPTIONAL], database='mariadb')
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
