"""Commands that delete several objects."""

import argparse
from typing import Any

from osc_lib import exceptions

from esi_leap_client import errors
from esi_leap_client.osc.v1 import base, waiting


class Delete(base.Command):
    """Deletes objects of the noun that a subclass sets."""

    noun = ''
    verb = 'delete'
    done = 'Deleted'
    ident = 'name or UUID'
    can_wait = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            'uuids',
            metavar=f'<{self.noun}>',
            nargs='+',
            help=f'{self.noun.capitalize()}(s) to {self.verb} ({self.ident})',
        )
        if self.can_wait:
            waiting.add(parser, 'deletion completes')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete one object after the other, even if some cannot be deleted.

        Args:
            parsed_args: The arguments.

        Raises:
            osc_lib.exceptions.CommandError: An object could not be deleted.
        """
        failures = [why for ident in parsed_args.uuids if (why := self._trial(ident, parsed_args))]
        if len(parsed_args.uuids) == 1 and failures:
            raise exceptions.CommandError(failures[0])
        for why in failures:
            self.tell(why)
        if failures:
            done = self.done.lower()
            raise exceptions.CommandError(
                f'{len(failures)} of {len(parsed_args.uuids)} {self.noun}s could not be {done}.'
            )

    def _trial(self, ident: str, parsed_args: argparse.Namespace) -> str | None:
        try:
            self._delete(ident, parsed_args)
        except errors.KNOWN as error:
            return self.sentence(error)
        self.app.stdout.write(f'{self.done} {self.noun} {ident}\n')
        return None

    def _delete(self, ident: str, parsed_args: argparse.Namespace) -> None:
        delete = getattr(self.lease, f'delete_{self.noun}')
        if not (self.can_wait and parsed_args.wait):
            delete(ident)
            return
        # After the deletion its name may mean another object.
        found: Any = getattr(self.lease, f'get_{self.noun}')(ident)
        delete(found)
        self.lease.wait_for_delete(
            found, wait=parsed_args.timeout, progress=waiting.teller(self.tell)
        )
