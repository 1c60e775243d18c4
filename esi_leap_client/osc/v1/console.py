"""`openstack esi console auth token …`."""

import argparse

from esi_leap_client.osc.v1 import base, columns, options

ROWS = ('node_uuid', 'token', 'access_url')
#: Fields that are shown only if `-c` names them.
EXTRA = ('expires_at', 'read_only')

Shown = tuple[list[str], list[object]]


class CreateConsoleAuthToken(base.ShowOne):
    """Create a token for the serial console of a node that your project holds.

    The token is shown only once: the service keeps no copy of it.
    """

    example = 'openstack esi console auth token create node-7 -f value -c access_url'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node (name or UUID)')
        parser.add_argument(
            '--token-ttl',
            metavar='<seconds>',
            type=options.positive,
            help='Seconds in which the token has to be used (default: set by the service)',
        )
        parser.add_argument(
            '--read-only', action='store_true', help='Drop what is typed on the console'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Create it."""
        made = self.lease.create_console_auth_token(
            parsed_args.node, parsed_args.token_ttl, read_only=parsed_args.read_only
        )
        return columns.fields(made, ROWS, EXTRA, parsed_args)


class DeleteConsoleAuthToken(base.Command):
    """Delete all console tokens of a node and close the consoles that they opened."""

    example = 'openstack esi console auth token delete node-7'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node (name or UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete them."""
        self.lease.delete_console_auth_token(parsed_args.node)
        self.app.stdout.write(f'Disabled console auth tokens for node {parsed_args.node}\n')
