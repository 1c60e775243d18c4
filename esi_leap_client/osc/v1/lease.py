"""`openstack esi lease …`."""

import argparse
from typing import Any

from osc_lib import exceptions

from esi_leap_client import moments
from esi_leap_client.osc.v1 import base, columns, delete, options, waiting

BRIEF = (
    'uuid',
    'resource',
    'resource_class',
    'project',
    'start_time',
    'end_time',
    'offer_uuid',
    'status',
    'purpose',
)
LONG = (
    'uuid',
    'resource',
    'resource_class',
    'resource_properties',
    'project',
    'start_time',
    'end_time',
    'expire_time',
    'fulfill_time',
    'offer_uuid',
    'owner',
    'parent_lease_uuid',
    'status',
    'purpose',
    'recall_notice',
    'firm',
    'recall',
)
DETAIL = (
    'end_time',
    'expire_time',
    'firm',
    'fulfill_time',
    'name',
    'offer_uuid',
    'owner',
    'owner_id',
    'parent_lease_uuid',
    'project',
    'project_id',
    'properties',
    'purpose',
    'recall',
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
EXTRA = ('duration', 'name', 'contract_uuid', 'status_reason')

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


def settled(self: base.ShowOne, made: Any, parsed_args: argparse.Namespace) -> Shown:  # noqa: ANN401 - a Lease
    """Wait for a new lease if that is wanted, and show it.

    Args:
        self: The command that made it.
        made: The lease.
        parsed_args: Holds `wait` and `timeout`.

    Returns:
        Names and values.

    Raises:
        openstack.exceptions.ResourceFailure: It will not become active.
        openstack.exceptions.ResourceTimeout: It did not in time.
    """
    if parsed_args.wait:
        made = self.lease.wait_for_status(
            made, wait=parsed_args.timeout, progress=waiting.teller(self.tell)
        )
    return shown(self, made, BRIEF, parsed_args)


def shown(
    self: base.ShowOne,
    lease: Any,  # noqa: ANN401 - a Lease
    attrs: tuple[str, ...],
    parsed_args: argparse.Namespace,
) -> Shown:
    """Show a lease, and beside it why it is in its state.

    Args:
        self: The command.
        lease: The lease.
        attrs: The rows.
        parsed_args: May ask for further rows.

    Returns:
        Names and values.
    """
    if lease.status_reason:
        self.tell(waiting.line_of(lease))
    if lease.recall:
        why = lease.recall['reason']
        deadline = lease.recall['deadline'].removesuffix('Z')
        line = f'Lease {lease.uuid}: recalled, it ends {deadline} UTC'
        self.tell(line + (f' ({why})' if why else ''))
    return columns.fields(lease, attrs, (*DETAIL, *EXTRA), parsed_args)


class CreateLease(base.ShowOne):
    """Lease a node of your own to a project."""

    example = 'openstack esi lease create node-7 physics --end-time +7d --wait'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('resource_uuid', metavar='<resource>', help='Node, uuid or name')
        parser.add_argument('project_id', metavar='<project>', help='Lessee, uuid or name')
        options.add_window(parser)
        parser.add_argument('--name', metavar='<name>', help='Name of the lease')
        options.add_properties(parser)
        parser.add_argument('--resource-type', metavar='<type>', help='Type of the resource')
        parser.add_argument('--purpose', metavar='<purpose>', help='What the lease is for')
        options.add_terms(parser)
        waiting.add(parser, 'the node is handed over')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Create it."""
        attrs = options.given(
            resource_uuid=parsed_args.resource_uuid,
            project_id=parsed_args.project_id,
            name=parsed_args.name,
            properties=parsed_args.properties,
            resource_type=parsed_args.resource_type,
            purpose=parsed_args.purpose,
            recall_notice=parsed_args.recall_notice,
            firm=parsed_args.firm,
        )
        made = self.lease.create_lease(**attrs, **options.window(parsed_args))
        return settled(self, made, parsed_args)


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Describe which leases to list."""
    parser.add_argument(
        '--all', action='store_true', help="Every project's leases (administrators only)"
    )
    options.add_name(parser)
    options.add_status(parser)
    parser.add_argument('--offer-uuid', metavar='<offer>', help='Only leases of this offer')
    options.add_range(parser, '--time-range', 'Only leases that touch this time')
    parser.add_argument('--project', metavar='<project>', help='Only leases to this project')
    parser.add_argument('--owner', metavar='<project>', help='Only leases by this project')
    options.add_resource(parser)
    parser.add_argument('--purpose', metavar='<purpose>', help='Only leases for this purpose')
    options.add_property(parser)


def filters(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Say to the service which leases to list.

    Args:
        parsed_args: What `add_filters` has described.

    Returns:
        Query parameters; None for what was not asked.

    Raises:
        osc_lib.exceptions.CommandError: A time lies beyond the calendar.
    """
    start, end = options.span('--time-range', parsed_args.time_range)
    return {
        'view': 'all' if parsed_args.all else None,
        'name': parsed_args.name,
        'status': parsed_args.status,
        'offer_uuid': parsed_args.offer_uuid,
        'start_time': start,
        'end_time': end,
        'project_id': parsed_args.project,
        'owner_id': parsed_args.owner,
        'resource_type': parsed_args.resource_type,
        'resource_uuid': parsed_args.resource_uuid,
        'resource_class': parsed_args.resource_class,
        'purpose': parsed_args.purpose,
        'property': parsed_args.property,
    }


class ListLease(base.Lister):
    """List leases."""

    example = 'openstack esi lease list --long --status any --time-range now +7d'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('--long', action='store_true', help='Show more columns')
        add_filters(parser)
        options.add_paging(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.leases(**filters(parsed_args), **options.paging(parsed_args))
        attrs = LONG if parsed_args.long else BRIEF
        extra = [attr for attr in (*DETAIL, *EXTRA) if attr not in attrs]
        return columns.rows(options.limited(found, parsed_args), attrs, extra, parsed_args)


class ShowLease(base.ShowOne):
    """Show a lease."""

    example = 'openstack esi lease show my-lease -f value -c status'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<uuid>', help='Lease, uuid or name')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        return shown(self, self.lease.get_lease(parsed_args.uuid), DETAIL, parsed_args)


class UpdateLease(base.ShowOne):
    """Change the end, the name, the purpose or the properties of a lease."""

    example = 'openstack esi lease update my-lease --end-time +3d'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<uuid>', help='Lease, uuid or name')
        options.add_end(parser, 'from now')
        parser.add_argument('--name', metavar='<name>', help='New name')
        parser.add_argument('--purpose', metavar='<purpose>', help='New purpose')
        options.add_properties(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Change it.

        Args:
            parsed_args: What to change.

        Returns:
            Names and values.

        Raises:
            osc_lib.exceptions.CommandError: Nothing is to be changed, or the end is `now`.
        """
        end = parsed_args.end_time
        if end is not None and end.is_now:
            raise exceptions.CommandError(
                'argument --end-time: now has passed when the service reads it; to end the lease '
                f'now, use `openstack esi lease delete {parsed_args.uuid}`'
            )
        now = moments.present().replace(microsecond=0)
        attrs = options.given(
            end_time=options.place('--end-time', end, now) if end is not None else None,
            name=parsed_args.name,
            purpose=parsed_args.purpose,
            properties=parsed_args.properties,
        )
        if not attrs:
            raise exceptions.CommandError(
                'Nothing to change: give --end-time, --name, --purpose or --properties.'
            )
        return shown(self, self.lease.update_lease(parsed_args.uuid, **attrs), BRIEF, parsed_args)


class DeleteLease(delete.Delete):
    """End leases: the lessee loses the nodes."""

    noun = 'lease'
    example = 'openstack esi lease delete my-lease --wait --timeout 600'
