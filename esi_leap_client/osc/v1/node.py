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
    """List nodes that your project owns, holds or may claim."""

    example = 'openstack esi node list --resource-class gpu --property "memory_mb>=65536"'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_long(parser)
        options.add_identity(parser)
        options.add_resource_type(parser)
        options.add_resource_class(parser)
        options.add_filter(parser, '--owner', '<project>', 'owner (name or ID)')
        options.add_filter(parser, '--lessee', '<project>', 'lessee (name or ID)')
        options.add_filter(parser, '--offer-uuid', '<offer>', 'offer of the node (name or UUID)')
        options.add_filter(parser, '--lease-uuid', '<lease>', 'lease of the node (UUID)')
        options.add_property(parser)
        options.add_paging(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.nodes(
            uuid=parsed_args.uuid,
            name=parsed_args.name,
            resource_type=parsed_args.resource_type,
            resource_class=parsed_args.resource_class,
            owner=parsed_args.owner,
            lessee=parsed_args.lessee,
            offer_uuid=parsed_args.offer_uuid,
            lease_uuid=parsed_args.lease_uuid,
            property=parsed_args.property,
            **options.paging(parsed_args),
        )
        attrs = LONG if parsed_args.long else BRIEF
        return columns.rows(options.limited(found, parsed_args), attrs, DETAIL, parsed_args)


class ShowNode(base.ShowOne):
    """Show a node: its state in Ironic, its offers and leases, and its hand-over or return.

    The state in Ironic is that at the time `refreshed_at`.
    """

    example = 'openstack esi node show node-7 -c state -c reason -c refreshed_at'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node (name or UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        return columns.fields(self.lease.get_node(parsed_args.node), DETAIL, (), parsed_args)


class ResetNode(base.ShowOne):
    """Reset a node that the gate has rejected: clean it and ask the gate again."""

    example = 'openstack esi node reset node-7 -c state -c reason'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('node', metavar='<node>', help='Node (name or UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Reset it."""
        return columns.fields(self.lease.reset_node(parsed_args.node), DETAIL, (), parsed_args)
