"""`openstack esi offer …`."""

import argparse
from datetime import timedelta
from typing import Any

from esi_leap_client import moments
from esi_leap_client.osc.v1 import base, columns, delete, lease, options, waiting

BRIEF = (
    'uuid',
    'resource',
    'resource_class',
    'lessee',
    'start_time',
    'end_time',
    'status',
    'availabilities',
)
LONG = (
    'uuid',
    'resource',
    'resource_class',
    'resource_properties',
    'lessee',
    'start_time',
    'end_time',
    'status',
    'availabilities',
    'project',
    'parent_lease_uuid',
    'recall_notice',
    'firm',
)
DETAIL = (
    'availabilities',
    'end_time',
    'firm',
    'lessee',
    'lessee_id',
    'name',
    'parent_lease_uuid',
    'project',
    'project_id',
    'properties',
    'recall_notice',
    'resource',
    'resource_class',
    'resource_properties',
    'resource_type',
    'resource_uuid',
    'start_time',
    'status',
    'uuid',
)
#: Fields that are shown only if `-c` names them.
EXTRA = ('duration', 'name', 'status_reason')

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


class CreateOffer(base.ShowOne):
    """Create an offer of a node for a window of time."""

    example = 'openstack esi offer create node-7 --end-time +7d --lessee physics'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('resource_uuid', metavar='<node>', help='Node (name or UUID)')
        options.add_window(parser)
        parser.add_argument(
            '--lessee',
            metavar='<project>',
            help='Allow claims only by this project and projects below it (name or ID)',
        )
        parser.add_argument('--name', metavar='<name>', help='Name of the offer')
        options.add_properties(parser)
        parser.add_argument('--resource-type', metavar='<type>', help='Resource type of the node')
        options.add_terms(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Create it."""
        attrs = options.given(
            resource_uuid=parsed_args.resource_uuid,
            lessee_id=parsed_args.lessee,
            name=parsed_args.name,
            properties=parsed_args.properties,
            resource_type=parsed_args.resource_type,
            recall_notice=parsed_args.recall_notice,
            firm=parsed_args.firm,
        )
        offer = self.lease.create_offer(**attrs, **options.window(parsed_args))
        return columns.fields(offer, BRIEF, (*DETAIL, *EXTRA), parsed_args)


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the filters of offers."""
    options.add_identity(parser)
    options.add_status(parser)
    options.add_range(parser, '--time-range', 'List offers that span this window')
    free = parser.add_mutually_exclusive_group()
    options.add_range(free, '--availability-range', 'List offers that are free in this window')
    free.add_argument('--now', action='store_true', help='List offers that are free now')
    options.add_filter(parser, '--project', '<project>', 'provider (name or ID)')
    options.add_filter(
        parser, '--lessee', '<project>', 'the only project that may claim (name or ID)'
    )
    options.add_filter(parser, '--parent-lease-uuid', '<lease>', 'lease it sub-lets (UUID)')
    options.add_resource(parser)
    options.add_property(parser)
    options.add_properties_filter(parser)


def filters(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the query parameters of the filters that `add_filters` has added.

    Args:
        parsed_args: The arguments.

    Returns:
        Name to value; None for an option that was not given.

    Raises:
        osc_lib.exceptions.CommandError: A time is after the year 9999.
    """
    start, end = options.span('--time-range', parsed_args.time_range)
    free_start, free_end = _free(parsed_args)
    return {
        'uuid': parsed_args.uuid,
        'name': parsed_args.name,
        'status': parsed_args.status,
        'start_time': start,
        'end_time': end,
        'available_start_time': free_start,
        'available_end_time': free_end,
        'project_id': parsed_args.project,
        'lessee_id': parsed_args.lessee,
        'parent_lease_uuid': parsed_args.parent_lease_uuid,
        'resource_type': parsed_args.resource_type,
        'resource_uuid': parsed_args.resource_uuid,
        'resource_class': parsed_args.resource_class,
        'property': parsed_args.property,
        'properties': options.properties_filter(parsed_args),
    }


def _free(parsed_args: argparse.Namespace) -> tuple[str, str] | tuple[None, None]:
    if parsed_args.now:
        # The shortest possible window: a filter cannot be an instant.
        now = moments.present()
        return moments.wire(now), moments.wire(now + timedelta(microseconds=1))
    return options.span('--availability-range', parsed_args.availability_range)


class ListOffer(base.Lister):
    """List offers."""

    example = 'openstack esi offer list --now --property "memory_mb>=65536"'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_long(parser)
        add_filters(parser)
        options.add_paging(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.offers(**filters(parsed_args), **options.paging(parsed_args))
        attrs = LONG if parsed_args.long else BRIEF
        extra = [attr for attr in (*DETAIL, *EXTRA) if attr not in attrs]
        return columns.rows(options.limited(found, parsed_args), attrs, extra, parsed_args)


class ShowOffer(base.ShowOne):
    """Show an offer."""

    example = 'openstack esi offer show spare-gpu -f json'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<offer>', help='Offer (name or UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        offer = self.lease.get_offer(parsed_args.uuid)
        return columns.fields(offer, DETAIL, EXTRA, parsed_args)


class ClaimOffer(base.ShowOne):
    """Claim a window of an offer, which creates a lease."""

    example = 'openstack esi offer claim spare-gpu --end-time +2h --purpose tests --wait'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('offer_uuid', metavar='<offer>', help='Offer (name or UUID)')
        options.add_window(parser)
        options.add_properties(parser)
        parser.add_argument('--name', metavar='<name>', help='Name of the lease')
        parser.add_argument('--purpose', metavar='<purpose>', help='Purpose of the lease')
        waiting.add(parser, 'the lease is active')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Claim it."""
        attrs: dict[str, Any] = options.given(
            name=parsed_args.name,
            purpose=parsed_args.purpose,
            properties=parsed_args.properties,
        )
        made = self.lease.claim_offer(
            parsed_args.offer_uuid, **attrs, **options.window(parsed_args)
        )
        return lease.wait_and_show(self, made, parsed_args)


class DeleteOffer(delete.Delete):
    """Delete offer(s)."""

    noun = 'offer'
    example = 'openstack esi offer delete spare-gpu old-gpu --wait'
