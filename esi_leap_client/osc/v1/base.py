"""Base classes of commands; their errors are one sentence."""

import argparse
import sys
from typing import Any

from osc_lib import exceptions
from osc_lib.command import command

from esi_leap_client import errors


class _Base:
    """Runs a command and turns an error into one sentence.

    A subclass sets `example`, which is shown at the end of its help.
    """

    app: Any
    example = ''

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command.

        Args:
            parsed_args: The arguments.

        Returns:
            The exit status.

        Raises:
            osc_lib.exceptions.CommandError: A request failed.
        """
        try:
            return super().run(parsed_args)  # type: ignore[misc,no-any-return]
        except errors.KNOWN as error:
            raise exceptions.CommandError(self.sentence(error)) from error

    def get_epilog(self) -> str:
        """Return the end of the help: an example."""
        return f'Example: {self.example}'

    @property
    def lease(self) -> Any:  # noqa: ANN401 - kept by python-openstackclient
        """The proxy of the lease service."""
        return self.app.client_manager.lease

    def sentence(self, error: Exception) -> str:
        """Return one sentence for an error; it names the service if its address is known."""
        proxies = getattr(self.app.client_manager.sdk_connection, '_proxies', {})
        return errors.sentence(error, getattr(proxies.get('lease'), 'endpoint_override', None))

    def tell(self, text: str) -> None:
        """Print a line on stderr."""
        sys.stderr.write(f'{text}\n')
        sys.stderr.flush()


class Lister(_Base, command.Lister):  # type: ignore[misc]  # untyped osc-lib
    """A command that prints rows."""


class ShowOne(_Base, command.ShowOne):  # type: ignore[misc]  # untyped osc-lib
    """A command that prints one object."""


class Command(_Base, command.Command):  # type: ignore[misc]  # untyped osc-lib
    """A command without a result."""
