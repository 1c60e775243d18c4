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
    """List events of offers, leases, contracts and nodes, the oldest first."""

    example = 'openstack esi event list --last-event-id 4711 -f json'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_filter(
            parser, '--project', '<project>', 'lessee or provider (name or ID; admin only)'
        )
        parser.add_argument(
            '--last-event-id',
            metavar='<id>',
            type=options.natural,
            help='List events after the event with this ID',
        )
        parser.add_argument(
            '--last-notification-time',
            metavar='<time>',
            type=options.moment,
            help=f'List events after this time ({moments.ACCEPTED})',
        )
        options.add_filter(parser, '--event-type', '<type>', 'event type')
        options.add_resource_type(parser)
        options.add_filter(parser, '--resource-uuid', '<node>', 'node (name or UUID)')
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
