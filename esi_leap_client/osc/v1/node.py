"""`openstack esi node …`."""

import argparse

from esi_leap_client.osc.v1 import base, columns, options

BRIEF = (
    'name',
    'owner',
    'lessee',
    'resource_class',
    'provision_state',
    'maintenance',
    'offer_uuid',
    'lease_uuid',
)
LONG = (
    'uuid',
    'name',
    'owner',
    'lessee',
    'resource_class',
    'provision_state',
    'maintenance',
    'properties',
    'offer_uuid',
    'lease_uuid',
    'future_offers',
    'future_leases',
)
DETAIL = (
    'future_leases',
    'future_offers',
    'gate',
    'lease_uuid',
    'lessee',
    'maintenance',
    'name',
    'offer_uuid',
    'owner',
    'power_state',
    'properties',
    'provision_state',
    'reason',
    'refreshed_at',
    'resource_class',
    'resource_type',
    'state',
    'target_power_state',
    'target_provision_state',
    'uuid',
)

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


class ListNode(base.Lister):
    """List the nodes that one owns, holds or may claim."""

    example = 'openstack esi node list --resource-class gpu --property "memory_mb>=65536"'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('--long', action='store_true', help='Show more columns')
        options.add_resource_class(parser)
        parser.add_argument('--owner', metavar='<project>', help='Only nodes of this owner')
        parser.add_argument('--lessee', metavar='<project>', help='Only nodes this project holds')
        options.add_property(parser)
        options.add_paging(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.nodes(
            resource_class=parsed_args.resource_class,
            owner=parsed_args.owner,
            lessee=parsed_args.lessee,
            property=parsed_args.property,
            **options.paging(parsed_args),
        )
        attrs = LONG if parsed_args.long else BRIEF
        return columns.rows(options.limited(found, parsed_args), attrs, DETAIL, parsed_args)


class ShowNode(base.ShowOne):
    """Show a node: what Ironic says of it, what is booked on it, how far its hand-over is.

    What Ironic says is as old as `refreshed_at` tells.
    """

    example = 'openstack esi node show node-7 -c state -c reason -c refreshed_at'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node, uuid or name')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        return columns.fields(self.lease.get_node(parsed_args.node), DETAIL, (), parsed_args)


class ResetNode(base.ShowOne):
    """Let a node that the gate has rejected come back: it is cleaned, and tried once more."""

    example = 'openstack esi node reset node-7 -c state -c reason'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node, uuid or name')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Reset it."""
        return columns.fields(self.lease.reset_node(parsed_args.node), DETAIL, (), parsed_args)
