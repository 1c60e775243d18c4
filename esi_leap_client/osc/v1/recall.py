"""`openstack esi recall …`."""

import argparse
from typing import Any

from osc_lib import exceptions

from esi_leap_client import moments
from esi_leap_client.osc.v1 import base, columns, delete, options, waiting

BRIEF = ('uuid', 'status', 'created_at', 'deadline', 'reason', 'counts')
DETAIL = (
    'counts',
    'created_at',
    'deadline',
    'latency',
    'project',
    'project_id',
    'reason',
    'status',
    'uuid',
)
#: Shown to who asks for them with -c.
EXTRA = ('nodes', 'project', 'project_id')
NODES = ('resource', 'status', 'due', 'returned_at', 'latency', 'lease_uuid', 'project', 'reason')

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


class CreateRecall(base.ShowOne):
    """Have nodes back that you have offered or leased out.

    Their lessees are told, and lose the nodes when the terms of their leases allow it, but not
    before the time that is asked for.
    """

    example = 'openstack esi recall create --node node-7 --by +30m --reason "a deadline" --wait'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            '--node',
            metavar='<node>',
            action='append',
            help='Node, uuid or name (repeat for several)',
        )
        which.add_argument('--all', action='store_true', help='All that you have given away')
        which.add_argument(
            '--resource-class', metavar='<class>', help='Nodes of this class; needs --count'
        )
        parser.add_argument(
            '--count',
            metavar='<n>',
            type=options.positive,
            help='So many of this class: those that are back soonest',
        )
        when = parser.add_mutually_exclusive_group()
        when.add_argument(
            '--by',
            metavar='<time>',
            type=options.moment,
            help=f'When you need them: {moments.ACCEPTED} (default: now)',
        )
        when.add_argument(
            '--notice',
            metavar='<duration>',
            type=options.seconds,
            help='The same as so long after now, for example 30m',
        )
        parser.add_argument('--reason', metavar='<reason>', help='What the lessees are told')
        parser.add_argument(
            '--project', metavar='<project>', help="Another project's nodes (administrators only)"
        )
        waiting.add(parser, 'all nodes are back that can be')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Create it.

        Args:
            parsed_args: What to recall.

        Returns:
            Names and values.

        Raises:
            osc_lib.exceptions.CommandError: Half of --resource-class and --count is missing.
        """
        if (parsed_args.resource_class is None) is not (parsed_args.count is None):
            raise exceptions.CommandError('Give --resource-class and --count together.')
        by = parsed_args.by
        now = moments.present().replace(microsecond=0)
        attrs = options.given(
            nodes=parsed_args.node,
            all=parsed_args.all or None,
            resource_class=parsed_args.resource_class,
            count=parsed_args.count,
            deadline=None if by is None or by.is_now else options.place('--by', by, now),
            notice=parsed_args.notice,
            reason=parsed_args.reason,
            project_id=parsed_args.project,
        )
        recall = self.lease.create_recall(**attrs)
        self._tell_missing(recall, parsed_args.count)
        if parsed_args.wait:
            recall = self.lease.wait_for_recall(
                recall, wait=parsed_args.timeout, progress=waiting.teller(self.tell, line_of)
            )
        return columns.fields(recall, DETAIL, EXTRA, parsed_args)

    def _tell_missing(self, recall: Any, wanted: int | None) -> None:  # noqa: ANN401 - a Recall
        if wanted is not None and len(recall.nodes) < wanted:
            self.tell(f'Asked for {wanted} nodes, found {len(recall.nodes)}.')
        for each in recall.nodes:
            if each['status'] == 'refused':
                self.tell(f'{each["resource"]} does not come back: {each["reason"]}')


class ListRecall(base.Lister):
    """List recalls."""

    example = 'openstack esi recall list --status any'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--all', action='store_true', help="Every project's recalls (administrators only)"
        )
        options.add_status(parser)
        options.add_paging(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.recalls(
            view='all' if parsed_args.all else None,
            status=parsed_args.status,
            **options.paging(parsed_args),
        )
        return columns.rows(
            options.limited(found, parsed_args), BRIEF, ('project', 'project_id'), parsed_args
        )


class ShowRecall(base.ShowOne):
    """Show a recall and how long it took until its nodes were back."""

    example = 'openstack esi recall show 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<uuid>', help='Recall')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        return columns.fields(self.lease.get_recall(parsed_args.uuid), DETAIL, EXTRA, parsed_args)


class ListRecallNode(base.Lister):
    """List the nodes of a recall, and how far each is."""

    example = 'openstack esi recall node list 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<uuid>', help='Recall')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.get_recall(parsed_args.uuid).nodes
        rows = [tuple(each[attr] for attr in NODES) for each in found]
        return [columns.label(attr) for attr in NODES], rows


class CancelRecall(delete.Delete):
    """Cancel recalls: leases that have not ended by them last as long as before."""

    noun = 'recall'
    done = 'Cancelled'
    can_wait = False
    example = 'openstack esi recall cancel 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11'


def line_of(recall: Any) -> str:  # noqa: ANN401 - a Recall
    """Say how far a recall is.

    Args:
        recall: The recall.

    Returns:
        For example `Recall 1c6e…: pending (97 back, 3 to come)`.
    """
    counts = recall.counts
    still = counts['pending'] + counts['requested']
    return f'Recall {recall.uuid}: {recall.status} ({counts["returned"]} back, {still} to come)'
