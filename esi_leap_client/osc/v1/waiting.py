"""`--wait`, and the progress that it prints on stderr."""

import argparse
from collections.abc import Callable
from typing import Any

from esi_leap_client.osc.v1 import options


def add(parser: argparse.ArgumentParser, goal: str) -> None:
    """Add `--wait` and `--timeout`.

    Args:
        parser: The parser of the command.
        goal: The end of the wait, as a clause for the help.
    """
    parser.add_argument(
        '--wait', action='store_true', help=f'Wait until {goal}; print the progress on stderr'
    )
    parser.add_argument(
        '--timeout',
        metavar='<seconds>',
        type=options.positive,
        help='Maximum time to wait with --wait (default: no limit)',
    )


def teller(
    tell: Callable[[str], None], say: Callable[[Any], str] | None = None
) -> Callable[[Any], None]:
    """Return a progress callback that prints every change once.

    Args:
        tell: Prints a line.
        say: Makes the line of an object; `line_of` if None.

    Returns:
        The callback.
    """
    last = ''

    def progress(item: Any) -> None:  # noqa: ANN401 - an offer, lease or contract
        nonlocal last
        line = (say or line_of)(item)
        if line != last:
            tell(line)
        last = line

    return progress


def line_of(item: Any) -> str:  # noqa: ANN401 - an offer, lease or contract
    """Return a line with the status of an object and its reason.

    Args:
        item: An offer, lease or contract.

    Returns:
        For example `Lease 1c6e…: wait fulfill (the node is in maintenance)`.
    """
    why = item.status_reason
    if not why and item.status == 'created':
        why = f'starts {item.start_time.removesuffix("Z")} UTC'
    return f'{type(item).__name__} {item.uuid}: {item.status}' + (f' ({why})' if why else '')
