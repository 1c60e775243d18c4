"""``python -m sandbox.packages``: install the servers that the tests start."""

import sys

from sandbox import databases, environments, machine, programs, rabbit
from sandbox.errors import SandboxError


def main() -> int:
    """Install what is missing, or say in one sentence how to."""
    servers = (databases.MariaDB, databases.PostgreSQL, rabbit.RabbitMQ)
    missing = [package for server in servers for package in server.missing_packages()]
    missing += programs.missing_packages({**machine.NEEDS, 'curl': 'curl'})
    try:
        if missing:
            environments.install_packages(missing, 'The tests need servers.')
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
