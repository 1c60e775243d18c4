"""`--wait`, and telling on stderr what is waited for."""

import argparse
from collections.abc import Callable
from typing import Any

from esi_leap_client.osc.v1 import options


def add(parser: argparse.ArgumentParser, goal: str) -> None:
    """Add `--wait` and `--timeout`.

    Args:
        parser: The command's parser.
        goal: What is waited for.
    """
    parser.add_argument(
        '--wait', action='store_true', help=f'Wait until {goal}, telling on stderr what happens'
    )
    parser.add_argument(
        '--timeout',
        metavar='<seconds>',
        type=options.positive,
        help='With --wait: give up after so many seconds (default: never)',
    )


def teller(
    tell: Callable[[str], None], say: Callable[[Any], str] | None = None
) -> Callable[[Any], None]:
    """Make a progress callback that tells every change once.

    Args:
        tell: Where the line goes.
        say: Puts a look into a line; `line_of` if None.

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
    """Say in what state something is, and why.

    Args:
        item: An offer, lease or contract.

    Returns:
        For example `Lease 1c6e…: wait fulfill (the node is in maintenance)`.
    """
    why = item.status_reason
    if not why and item.status == 'created':
        why = f'starts {item.start_time.removesuffix("Z")} UTC'
    return f'{type(item).__name__} {item.uuid}: {item.status}' + (f' ({why})' if why else '')
