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
#: Fields that are shown only if `-c` names them.
EXTRA = ('nodes', 'project', 'project_id')
NODES = ('resource', 'status', 'due', 'returned_at', 'latency', 'lease_uuid', 'project', 'reason')

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


class CreateRecall(base.ShowOne):
    """Recall nodes that your project owns or has leased out.

    The lessees are notified. They lose the nodes at the requested time, or later where the terms
    of their leases require it.
    """

    example = 'openstack esi recall create --node node-7 --by +30m --reason "a deadline" --wait'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            '--node',
            metavar='<node>',
            action='append',
            help='Node to recall (name or UUID; repeat option for several nodes)',
        )
        which.add_argument(
            '--all',
            action='store_true',
            help='Recall all nodes that your project offers or has leased out',
        )
        which.add_argument(
            '--resource-class',
            metavar='<class>',
            help='Recall nodes of this resource class (requires --count)',
        )
        parser.add_argument(
            '--count',
            metavar='<count>',
            type=options.positive,
            help='Number of nodes of the resource class; those due first are chosen',
        )
        when = parser.add_mutually_exclusive_group()
        when.add_argument(
            '--by',
            metavar='<time>',
            type=options.moment,
            help=f'Time at which the nodes are needed ({moments.ACCEPTED}; default: now)',
        )
        when.add_argument(
            '--notice',
            metavar='<duration>',
            type=options.seconds,
            help='Duration after which the nodes are needed, e.g. 30m',
        )
        parser.add_argument('--reason', metavar='<reason>', help='Reason that the lessees are told')
        parser.add_argument(
            '--project',
            metavar='<project>',
            help='Recall nodes of this project (name or ID; admin only)',
        )
        waiting.add(parser, 'the recall is complete')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Create it.

        Args:
            parsed_args: The arguments.

        Returns:
            Names and values.

        Raises:
            osc_lib.exceptions.CommandError: --resource-class or --count is missing.
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
        self._print_problems(recall, parsed_args.count)
        if parsed_args.wait:
            recall = self.lease.wait_for_recall(
                recall,
                wait=parsed_args.timeout,
                progress=waiting.teller(self.tell, describe_recall),
            )
        return columns.fields(recall, DETAIL, EXTRA, parsed_args)

    def _print_problems(self, recall: Any, wanted: int | None) -> None:  # noqa: ANN401 - a Recall
        if wanted is not None and len(recall.nodes) < wanted:
            self.tell(f'Asked for {wanted} nodes, found {len(recall.nodes)}.')
        for each in recall.nodes:
            if each['status'] == 'refused':
                self.tell(f'{each["resource"]} does not come back: {each["reason"]}')


class ListRecall(base.Lister):
    """List recalls."""

    example = 'openstack esi recall list --status any'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_all(parser, 'recalls')
        options.add_filter(parser, '--uuid', '<uuid>', 'UUID')
        options.add_filter(parser, '--project', '<project>', 'recalling project (name or ID)')
        options.add_status(parser)
        options.add_paging(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.recalls(
            view='all' if parsed_args.all else None,
            uuid=parsed_args.uuid,
            project_id=parsed_args.project,
            status=parsed_args.status,
            **options.paging(parsed_args),
        )
        return columns.rows(
            options.limited(found, parsed_args), BRIEF, ('project', 'project_id'), parsed_args
        )


class ShowRecall(base.ShowOne):
    """Show a recall, with the time until its nodes were back."""

    example = 'openstack esi recall show 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<recall>', help='Recall (UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        return columns.fields(self.lease.get_recall(parsed_args.uuid), DETAIL, EXTRA, parsed_args)


class ListRecallNode(base.Lister):
    """List the nodes of a recall with the progress of each."""

    example = 'openstack esi recall node list 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<recall>', help='Recall (UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.get_recall(parsed_args.uuid).nodes
        rows = [tuple(each[attr] for attr in NODES) for each in found]
        return [columns.label(attr) for attr in NODES], rows


class CancelRecall(delete.Delete):
    """Cancel recall(s): leases that have not ended yet get their former end back."""

    noun = 'recall'
    verb = 'cancel'
    done = 'Cancelled'
    ident = 'UUID'
    can_wait = False
    example = 'openstack esi recall cancel 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11'


def describe_recall(recall: Any) -> str:  # noqa: ANN401 - a Recall
    """Return a line on the progress of a recall.

    Args:
        recall: The recall.

    Returns:
        For example `Recall 1c6e…: pending (97 back, 3 to come)`.
    """
    counts = recall.counts
    still = counts['pending'] + counts['requested']
    return f'Recall {recall.uuid}: {recall.status} ({counts["returned"]} back, {still} to come)'
