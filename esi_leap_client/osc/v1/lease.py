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
#: Fields that are shown only if `-c` names them.
EXTRA = ('duration', 'name', 'contract_uuid', 'status_reason')

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


def wait_and_show(self: base.ShowOne, made: Any, parsed_args: argparse.Namespace) -> Shown:  # noqa: ANN401 - a Lease
    """Show a new lease, with `--wait` when it is active.

    Args:
        self: The command.
        made: The lease.
        parsed_args: The arguments.

    Returns:
        Names and values.

    Raises:
        openstack.exceptions.ResourceFailure: The lease will not become active.
        openstack.exceptions.ResourceTimeout: The lease did not become active in time.
    """
    if parsed_args.wait:
        made = self.lease.wait_for_status(
            made, wait=parsed_args.timeout, progress=waiting.teller(self.tell)
        )
    return show_lease(self, made, BRIEF, parsed_args)


def show_lease(
    self: base.ShowOne,
    lease: Any,  # noqa: ANN401 - a Lease
    attrs: tuple[str, ...],
    parsed_args: argparse.Namespace,
) -> Shown:
    """Show a lease; print the reason of its status, and its recall, on stderr.

    Args:
        self: The command.
        lease: The lease.
        attrs: The rows.
        parsed_args: The arguments.

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
    """Lease a node of your project to a project."""

    example = 'openstack esi lease create node-7 physics --end-time +7d --wait'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('resource_uuid', metavar='<node>', help='Node (name or UUID)')
        parser.add_argument('project_id', metavar='<project>', help='Lessee (name or ID)')
        options.add_window(parser)
        parser.add_argument('--name', metavar='<name>', help='Name of the lease')
        options.add_properties(parser)
        parser.add_argument('--resource-type', metavar='<type>', help='Resource type of the node')
        parser.add_argument('--purpose', metavar='<purpose>', help='Purpose of the lease')
        options.add_terms(parser)
        waiting.add(parser, 'the lease is active')
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
        return wait_and_show(self, made, parsed_args)


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the filters of leases."""
    options.add_all(parser, 'leases')
    options.add_identity(parser)
    options.add_status(parser)
    options.add_filter(parser, '--offer-uuid', '<offer>', 'offer (name or UUID)')
    options.add_filter(parser, '--contract-uuid', '<contract>', 'contract (UUID)')
    options.add_filter(parser, '--parent-lease-uuid', '<lease>', 'lease it is sub-let from (UUID)')
    options.add_range(parser, '--time-range', 'List leases that overlap this window')
    options.add_filter(parser, '--project', '<project>', 'lessee (name or ID)')
    options.add_filter(parser, '--owner', '<project>', 'provider (name or ID)')
    options.add_resource(parser)
    options.add_filter(parser, '--purpose', '<purpose>', 'purpose')
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
    return {
        'view': 'all' if parsed_args.all else None,
        'uuid': parsed_args.uuid,
        'name': parsed_args.name,
        'status': parsed_args.status,
        'offer_uuid': parsed_args.offer_uuid,
        'contract_uuid': parsed_args.contract_uuid,
        'parent_lease_uuid': parsed_args.parent_lease_uuid,
        'start_time': start,
        'end_time': end,
        'project_id': parsed_args.project,
        'owner_id': parsed_args.owner,
        'resource_type': parsed_args.resource_type,
        'resource_uuid': parsed_args.resource_uuid,
        'resource_class': parsed_args.resource_class,
        'purpose': parsed_args.purpose,
        'property': parsed_args.property,
        'properties': options.properties_filter(parsed_args),
    }


class ListLease(base.Lister):
    """List leases."""

    example = 'openstack esi lease list --long --status any --time-range now +7d'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_long(parser)
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
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<lease>', help='Lease (name or UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        return show_lease(self, self.lease.get_lease(parsed_args.uuid), DETAIL, parsed_args)


class UpdateLease(base.ShowOne):
    """Change the end, the name, the purpose or the properties of a lease."""

    example = 'openstack esi lease update my-lease --end-time +3d'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<lease>', help='Lease (name or UUID)')
        options.add_end(parser, 'from now')
        parser.add_argument('--name', metavar='<name>', help='New name')
        parser.add_argument('--purpose', metavar='<purpose>', help='New purpose')
        options.add_properties(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Change it.

        Args:
            parsed_args: The arguments.

        Returns:
            Names and values.

        Raises:
            osc_lib.exceptions.CommandError: No change is given, or the end is `now`.
        """
        end = parsed_args.end_time
        if end is not None and end.is_now:
            raise exceptions.CommandError(
                'argument --end-time: "now" is in the past when the request arrives. To end the '
                f'lease now, use: openstack esi lease delete {parsed_args.uuid}'
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
        return show_lease(
            self, self.lease.update_lease(parsed_args.uuid, **attrs), BRIEF, parsed_args
        )


class DeleteLease(delete.Delete):
    """Cancel lease(s): the lessee loses the nodes."""

    noun = 'lease'
    example = 'openstack esi lease delete my-lease --wait --timeout 600'
