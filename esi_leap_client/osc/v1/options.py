"""Arguments that several commands share, and their types."""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from osc_lib import exceptions

from esi_leap_client import moments

_T = TypeVar('_T')


def moment(text: str) -> moments.Moment:
    """Read a time for argparse."""
    return _read(moments.parse, text)


def seconds(text: str) -> int:
    """Read a duration for argparse; return seconds."""
    return int(_read(moments.duration, text).total_seconds())


def mapping(text: str) -> dict[str, Any]:
    """Read a JSON object for argparse."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a JSON object; write for example '{{\"rack\": 7}}'"
        )
    return value


def positive(text: str) -> int:
    """Read a whole number above zero for argparse."""
    if not natural(text):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a whole number above zero; write for example 60"
        )
    return int(text)


def natural(text: str) -> int:
    """Read a whole number for argparse."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number; write for example 60")
    return int(text)


def _read(parse: Callable[[str], _T], text: str) -> _T:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_window(parser: argparse.ArgumentParser) -> None:
    """Add `--start-time` and `--end-time`."""
    parser.add_argument(
        '--start-time',
        metavar='<time>',
        type=moment,
        help=f'Start time ({moments.ACCEPTED}; default: now)',
    )
    add_end(parser, 'from the start time')


def add_end(parser: argparse.ArgumentParser, origin: str) -> None:
    """Add `--end-time`.

    Args:
        parser: The parser of the command.
        origin: The time from which an offset counts, for the help.
    """
    parser.add_argument(
        '--end-time',
        metavar='<time>',
        type=moment,
        help=f'End time, exclusive ({moments.ACCEPTED}, which counts {origin})',
    )


def window(parsed_args: argparse.Namespace) -> dict[str, str]:
    """Return `--start-time` and `--end-time` for the wire.

    A start `now` is left out: the clock of the service decides.

    Args:
        parsed_args: The arguments.

    Returns:
        `start_time` and `end_time`, each if it is given.

    Raises:
        osc_lib.exceptions.CommandError: The end is after the year 9999.
    """
    now = moments.present().replace(microsecond=0)
    start, end = parsed_args.start_time, parsed_args.end_time
    placed: dict[str, str] = {}
    begin = None
    if start is not None and not start.is_now:
        begin = place('--start-time', start, now)
        placed['start_time'] = moments.wire(begin)
    if end is not None:
        placed['end_time'] = moments.wire(place('--end-time', end, now, begin))
    return placed


def place(
    option: str, when: moments.Moment, now: datetime, base: datetime | None = None
) -> datetime:
    """Return the time of an option as an instant.

    Args:
        option: The option, for the message.
        when: The time as the user wrote it.
        now: The present, aware UTC.
        base: The time from which an offset counts, aware UTC; None is the present.

    Returns:
        The instant, aware UTC.

    Raises:
        osc_lib.exceptions.CommandError: It is after the year 9999.
    """
    try:
        return when.at(now, base)
    except ValueError as error:
        raise exceptions.CommandError(f'argument {option}: {error}') from None


def add_range(parser: Any, option: str, text: str) -> None:  # noqa: ANN401 - parser or group
    """Add an option that takes the start and the end of a window."""
    parser.add_argument(
        option,
        nargs=2,
        metavar=('<start>', '<end>'),
        type=moment,
        help=f'{text} ({moments.ACCEPTED}; an offset of the end counts from the start)',
    )


def span(option: str, pair: list[moments.Moment] | None) -> tuple[str, str] | tuple[None, None]:
    """Return the two times of a range for the wire.

    Args:
        option: The option, for the message.
        pair: The times as the user wrote them; None if the option was not given.

    Returns:
        Start and end; None for both if the option was not given.

    Raises:
        osc_lib.exceptions.CommandError: One is after the year 9999.
    """
    if pair is None:
        return None, None
    now = moments.present()
    start = place(option, pair[0], now)
    return moments.wire(start), moments.wire(place(option, pair[1], now, start))


def add_terms(parser: argparse.ArgumentParser) -> None:
    """Add `--recall-notice` and `--firm`."""
    terms = parser.add_mutually_exclusive_group()
    terms.add_argument(
        '--recall-notice',
        metavar='<duration>',
        type=seconds,
        help='Minimum notice before a recall, e.g. 30m (default: the provider can cancel the lease '
        'at any time)',
    )
    terms.add_argument(
        '--firm', action='store_true', default=None, help='Exclude recalls before the end'
    )


def add_properties(parser: argparse.ArgumentParser) -> None:
    """Add `--properties`."""
    parser.add_argument(
        '--properties', metavar='<json>', type=mapping, help='Arbitrary data (JSON object)'
    )


def add_filter(parser: argparse.ArgumentParser, option: str, metavar: str, attribute: str) -> None:
    """Add a filter by one value of an attribute.

    Args:
        parser: The parser of the command.
        option: The option, for example `--offer-uuid`.
        metavar: Its value, for example `<offer>`.
        attribute: The attribute, for the help.
    """
    parser.add_argument(option, metavar=metavar, help=f'Filter by {attribute}')


def add_identity(parser: argparse.ArgumentParser) -> None:
    """Add the filters by uuid and by name."""
    add_filter(parser, '--uuid', '<uuid>', 'UUID')
    add_filter(parser, '--name', '<name>', 'name')


def add_all(parser: argparse.ArgumentParser, noun: str) -> None:
    """Add `--all`.

    Args:
        parser: The parser of the command.
        noun: Plural of the listed objects.
    """
    parser.add_argument(
        '--all', action='store_true', help=f'List the {noun} of all projects (admin only)'
    )


def add_long(parser: argparse.ArgumentParser) -> None:
    """Add `--long`."""
    parser.add_argument('--long', action='store_true', help='List additional fields in output')


def add_status(parser: argparse.ArgumentParser) -> None:
    """Add the filter by status."""
    parser.add_argument(
        '--status',
        metavar='<status>',
        action='append',
        help='Filter by status; "any" lists all statuses (repeat option to filter by several)',
    )


def add_resource_type(parser: argparse.ArgumentParser) -> None:
    """Add the filter by resource type."""
    add_filter(parser, '--resource-type', '<type>', 'resource type')


def add_resource(parser: argparse.ArgumentParser) -> None:
    """Add the filters by node."""
    add_resource_type(parser)
    add_filter(parser, '--resource-uuid', '<node>', 'node (name or UUID)')
    add_resource_class(parser)


def add_resource_class(parser: argparse.ArgumentParser) -> None:
    """Add the filter by resource class."""
    parser.add_argument(
        '--resource-class',
        metavar='<class>',
        action='append',
        help='Filter by resource class (repeat option to filter by several)',
    )


def add_property(parser: argparse.ArgumentParser) -> None:
    """Add the filter by properties of the node."""
    parser.add_argument(
        '--property',
        metavar='<condition>',
        action='append',
        help='Filter by a property of the node, e.g. "memory_mb>=65536", '
        '"cpu_arch in x86_64,aarch64" or "gpu exists"; numbers compare as numbers (repeat option '
        'for several conditions, all of which must hold)',
    )


def add_properties_filter(parser: argparse.ArgumentParser) -> None:
    """Add the filter by the object's own properties."""
    parser.add_argument(
        '--properties',
        metavar='<json>',
        type=mapping,
        help='Filter by arbitrary data given at creation (JSON object of texts)',
    )


def properties_filter(parsed_args: argparse.Namespace) -> str | None:
    """Return `--properties` for the wire; None if it was not given."""
    found = parsed_args.properties
    return None if found is None else json.dumps(found)


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add `--limit`."""
    parser.add_argument(
        '--limit', metavar='<limit>', type=positive, help='Maximum number of results'
    )


def add_paging(parser: argparse.ArgumentParser) -> None:
    """Add `--limit`, `--marker` and `--sort`."""
    add_limit(parser)
    parser.add_argument(
        '--marker', metavar='<uuid>', help='UUID of the last result of the previous page'
    )
    parser.add_argument(
        '--sort',
        metavar='<key>[:<direction>]',
        help='Sort by this attribute, ascending (asc) or descending (desc), e.g. start_time:desc',
    )


def paging(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the query parameters of page and order.

    Args:
        parsed_args: The arguments.

    Returns:
        Name to value; None for an option that was not given.
    """
    key, _, direction = (parsed_args.sort or '').partition(':')
    return {
        'limit': parsed_args.limit,
        'marker': parsed_args.marker,
        'sort_key': key or None,
        'sort_dir': direction or None,
    }


def limited(found: Iterable[_T], parsed_args: argparse.Namespace) -> Iterator[_T]:
    """Return at most `--limit` results; the service takes it as the size of a page only.

    Args:
        found: The results.
        parsed_args: The arguments.

    Returns:
        The first results; no page after them is fetched.
    """
    return islice(found, parsed_args.limit)


def given(**values: object) -> dict[str, Any]:
    """Return the values that are not None, by name."""
    return {key: value for key, value in values.items() if value is not None}
