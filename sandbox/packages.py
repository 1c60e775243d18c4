"""``python -m sandbox.packages``: install what the tests start, servers and environments.

It takes some minutes on a new machine, which no test has to spare.
"""

import sys

from sandbox import cloud, databases, environments, machine, programs, rabbit
from sandbox.errors import SandboxError
from sandbox.layout import Layout


def main() -> int:
    """Install what is missing, or say in one sentence how to."""
    servers = (databases.MariaDB, databases.PostgreSQL, rabbit.RabbitMQ)
    missing = [package for server in servers for package in server.missing_packages()]
    missing += programs.missing_packages({**machine.NEEDS, 'curl': 'curl'})
    try:
        if missing:
            environments.install_packages(missing, 'The tests need servers.')
        environments.build(Layout(), [*cloud.ENVIRONMENTS, *cloud.OPTIONAL], database='mariadb')
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
