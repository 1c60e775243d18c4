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
#: Shown to who asks for them with -c.
EXTRA = ('duration', 'name', 'status_reason')

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


class CreateOffer(base.ShowOne):
    """Offer a node for a window of time."""

    example = 'openstack esi offer create node-7 --end-time +7d --lessee physics'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('resource_uuid', metavar='<resource_uuid>', help='Node, uuid or name')
        options.add_window(parser)
        parser.add_argument(
            '--lessee', metavar='<project>', help='Only this project and those below it may claim'
        )
        parser.add_argument('--name', metavar='<name>', help='Name of the offer')
        options.add_properties(parser)
        parser.add_argument('--resource-type', metavar='<type>', help='Type of the resource')
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
    """Describe which offers to list."""
    options.add_name(parser)
    options.add_status(parser)
    options.add_range(parser, '--time-range', 'Only offers that span this time')
    free = parser.add_mutually_exclusive_group()
    options.add_range(free, '--availability-range', 'Only offers free for all of this time')
    free.add_argument('--now', action='store_true', help='Only offers free at this instant')
    parser.add_argument('--project', metavar='<project>', help='Only offers of this project')
    options.add_resource(parser)
    options.add_property(parser)


def filters(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Say to the service which offers to list.

    Args:
        parsed_args: What `add_filters` has described.

    Returns:
        Query parameters; None for what was not asked.

    Raises:
        osc_lib.exceptions.CommandError: A time lies beyond the calendar.
    """
    start, end = options.span('--time-range', parsed_args.time_range)
    free_start, free_end = _free(parsed_args)
    return {
        'name': parsed_args.name,
        'status': parsed_args.status,
        'start_time': start,
        'end_time': end,
        'available_start_time': free_start,
        'available_end_time': free_end,
        'project_id': parsed_args.project,
        'resource_type': parsed_args.resource_type,
        'resource_uuid': parsed_args.resource_uuid,
        'resource_class': parsed_args.resource_class,
        'property': parsed_args.property,
    }


def _free(parsed_args: argparse.Namespace) -> tuple[str, str] | tuple[None, None]:
    if parsed_args.now:
        # The shortest window there is: the wire knows no instants.
        now = moments.present()
        return moments.wire(now), moments.wire(now + timedelta(microseconds=1))
    return options.span('--availability-range', parsed_args.availability_range)


class ListOffer(base.Lister):
    """List offers."""

    example = 'openstack esi offer list --now --property "memory_mb>=65536"'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('--long', action='store_true', help='Show more columns')
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
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<uuid>', help='Offer, uuid or name')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        offer = self.lease.get_offer(parsed_args.uuid)
        return columns.fields(offer, DETAIL, EXTRA, parsed_args)


class ClaimOffer(base.ShowOne):
    """Claim a window of an offer: the answer is a lease."""

    example = 'openstack esi offer claim spare-gpu --end-time +2h --purpose tests --wait'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('offer_uuid', metavar='<offer_uuid>', help='Offer, uuid or name')
        options.add_window(parser)
        options.add_properties(parser)
        parser.add_argument('--name', metavar='<name>', help='Name of the lease')
        parser.add_argument('--purpose', metavar='<purpose>', help='What the lease is for')
        waiting.add(parser, 'the node is handed over')
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
        return lease.settled(self, made, parsed_args)


class DeleteOffer(delete.Delete):
    """Delete offers."""

    noun = 'offer'
    example = 'openstack esi offer delete spare-gpu old-gpu --wait'
