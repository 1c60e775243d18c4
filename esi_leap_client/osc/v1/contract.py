"""`openstack esi contract …`."""

import argparse

from esi_leap_client.osc.v1 import base, columns, delete, options

BRIEF = (
    'uuid',
    'name',
    'status',
    'owner',
    'project',
    'offer_uuid',
    'start_time',
    'end_time',
)
DETAIL = (
    'end_time',
    'firm',
    'leases',
    'name',
    'offer_uuid',
    'owner',
    'owner_id',
    'project',
    'project_id',
    'recall_notice',
    'start_time',
    'status',
    'uuid',
)
#: Fields that are shown only if `-c` names them.
EXTRA = ('duration', 'leases', 'owner_id', 'project_id', 'status_reason')

Shown = tuple[list[str], list[object]]
Listed = tuple[list[str], list[tuple[object, ...]]]


class ListContract(base.Lister):
    """List contracts."""

    example = 'openstack esi contract list --project physics'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        options.add_all(parser, 'contracts')
        options.add_identity(parser)
        options.add_status(parser)
        options.add_filter(parser, '--project', '<project>', 'lessee (name or ID)')
        options.add_filter(parser, '--owner', '<project>', 'provider (name or ID)')
        options.add_filter(parser, '--offer-uuid', '<offer>', 'offer (name or UUID)')
        options.add_paging(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        found = self.lease.contracts(
            view='all' if parsed_args.all else None,
            uuid=parsed_args.uuid,
            name=parsed_args.name,
            status=parsed_args.status,
            project_id=parsed_args.project,
            owner_id=parsed_args.owner,
            offer_uuid=parsed_args.offer_uuid,
            **options.paging(parsed_args),
        )
        return columns.rows(options.limited(found, parsed_args), BRIEF, EXTRA, parsed_args)


class ShowContract(base.ShowOne):
    """Show a contract and its leases."""

    example = 'openstack esi contract show 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument('uuid', metavar='<contract>', help='Contract (name or UUID)')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Show it."""
        contract = self.lease.get_contract(parsed_args.uuid)
        return columns.fields(contract, DETAIL, EXTRA, parsed_args)


class DeleteContract(delete.Delete):
    """Cancel contract(s) with all their leases."""

    noun = 'contract'
    example = 'openstack esi contract delete 9c1c7f5e-2f0e-4a3a-8f53-0d6a2f9b7c11 --wait'
