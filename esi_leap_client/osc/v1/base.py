"""Commands whose errors are one sentence."""

import argparse
import sys
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from esi_leap_client import errors


class Told:
    """Runs a command, and puts what goes wrong into one sentence.

    A subclass sets `example`, shown at the end of its help.
    """

    app: Any
    example = ''

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command.

        Args:
            parsed_args: What the user asked for.

        Returns:
            The exit status.

        Raises:
            osc_lib.exceptions.CommandError: The sentence.
        """
        try:
            return super().run(parsed_args)  # type: ignore[misc,no-any-return]
        except errors.KNOWN as error:
            raise exceptions.CommandError(self.sentence(error)) from error

    def get_epilog(self) -> str:
        """Show how the command is used."""
        return f'Example: {self.example}'

    @property
    def lease(self) -> Any:  # noqa: ANN401 - what python-openstackclient keeps for us
        """The proxy of the lease service."""
        return self.app.client_manager.lease

    def sentence(self, error: Exception) -> str:
        """Put an error into words, naming the service if it was found."""
        proxies = getattr(self.app.client_manager.sdk_connection, '_proxies', {})
        return errors.sentence(error, getattr(proxies.get('lease'), 'endpoint_override', None))

    def tell(self, text: str) -> None:
        """Say something beside the result, on stderr."""
        sys.stderr.write(f'{text}\n')
        sys.stderr.flush()


class Lister(Told, command.Lister):  # type: ignore[misc]  # untyped osc-lib
    """A command that answers with rows."""


class ShowOne(Told, command.ShowOne):  # type: ignore[misc]  # untyped osc-lib
    """A command that answers with one object."""


class Command(Told, command.Command):  # type: ignore[misc]  # untyped osc-lib
    """A command that does something."""
