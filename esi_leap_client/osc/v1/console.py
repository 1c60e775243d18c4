"""`openstack esi console auth token …`."""

import argparse

from esi_leap_client.osc.v1 import base, columns, options

ROWS = ('node_uuid', 'token', 'access_url')
#: Shown to who asks for them with -c.
EXTRA = ('expires_at', 'read_only')

Shown = tuple[list[str], list[object]]


class CreateConsoleAuthToken(base.ShowOne):
    """Get a token for the serial console of a node that one has.

    It is shown this once: the service itself keeps no copy.
    """

    example = 'openstack esi console auth token create node-7 -f value -c access_url'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node, uuid or name')
        parser.add_argument(
            '--token-ttl',
            metavar='<seconds>',
            type=options.positive,
            help="How long the token is good for (default: the service's own choice)",
        )
        parser.add_argument(
            '--read-only', action='store_true', help='Only watch: what is typed is dropped'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Create it."""
        made = self.lease.create_console_auth_token(
            parsed_args.node, parsed_args.token_ttl, read_only=parsed_args.read_only
        )
        return columns.fields(made, ROWS, EXTRA, parsed_args)


class DeleteConsoleAuthToken(base.Command):
    """Make all console tokens of a node invalid, and close the consoles that they opened."""

    example = 'openstack esi console auth token delete node-7'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node, uuid or name')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Disable them."""
        self.lease.delete_console_auth_token(parsed_args.node)
        self.app.stdout.write(f'Disabled console auth tokens for node {parsed_args.node}\n')
