"""`openstack esi event …`."""

import argparse

from esi_leap_client import moments
from esi_leap_client.osc.v1 import base, columns, options

BRIEF = (
    'id',
    'event_type',
    'event_time',
    'object_type',
    'object_uuid',
    'resource_type',
    'resource_uuid',
    'lessee_id',
    'owner_id',
)

Listed = tuple[list[str], list[tuple[object, ...]]]


class ListEvent(base.Lister):
    """List what happened to offers, contracts and leases, the oldest first."""

    example = 'openstack esi event list --last-event-id 4711 -f json'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--project', metavar='<project>', help='Only where this project is lessee or owner'
        )
        parser.add_argument(
            '--last-event-id',
            metavar='<id>',
            type=options.natural,
            help='Only what came after this event; one who asks again and again misses nothing '
            'if he gives the id of the last event he has seen',
        )
        parser.add_argument(
            '--last-notification-time',
            metavar='<time>',
            type=options.moment,
            help=f'Only what happened after this time: {moments.ACCEPTED}',
        )
        parser.add_argument('--event-type', metavar='<type>', help='Only this type of event')
        parser.add_argument('--resource-type', metavar='<type>', help='Only this type of resource')
        parser.add_argument('--resource-uuid', metavar='<node>', help='Only this node')
        options.add_limit(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        when = parsed_args.last_notification_time
        option = '--last-notification-time'
        found = self.lease.events(
            lessee_or_owner_id=parsed_args.project,
            last_event_id=parsed_args.last_event_id,
            last_event_time=options.place(option, when, moments.present()) if when else None,
            event_type=parsed_args.event_type,
            resource_type=parsed_args.resource_type,
            resource_uuid=parsed_args.resource_uuid,
            limit=parsed_args.limit,
        )
        return columns.rows(options.limited(found, parsed_args), BRIEF, (), parsed_args)
