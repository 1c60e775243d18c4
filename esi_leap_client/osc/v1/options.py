"""Arguments that several commands share, and how their texts are read."""

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
    """Read a length of time for argparse, in seconds."""
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
        help=f'First instant: {moments.ACCEPTED} (default: now)',
    )
    add_end(parser, 'from the start')


def add_end(parser: argparse.ArgumentParser, origin: str) -> None:
    """Add `--end-time`, saying what an offset counts from."""
    parser.add_argument(
        '--end-time',
        metavar='<time>',
        type=moment,
        help=f'The instant after the last one: {moments.ACCEPTED}, counted {origin}',
    )


def window(parsed_args: argparse.Namespace) -> dict[str, str]:
    """Place `--start-time` and `--end-time`.

    A start `now` is left to the service, whose clock decides.

    Args:
        parsed_args: Holds both.

    Returns:
        `start_time` and `end_time` for the wire, as far as given.

    Raises:
        osc_lib.exceptions.CommandError: The end lies beyond the calendar.
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
    """Place a time that was read.

    Args:
        option: Whose value it is.
        when: What was read.
        now: The present, aware UTC.
        base: What an offset counts from, aware UTC; the present if None.

    Returns:
        Aware UTC.

    Raises:
        osc_lib.exceptions.CommandError: It lies beyond the calendar.
    """
    try:
        return when.at(now, base)
    except ValueError as error:
        raise exceptions.CommandError(f'argument {option}: {error}') from None


def add_range(parser: Any, option: str, text: str) -> None:  # noqa: ANN401 - parser or group
    """Add an option that takes two times."""
    parser.add_argument(
        option,
        nargs=2,
        metavar=('<start>', '<end>'),
        type=moment,
        help=f'{text}. Each is {moments.ACCEPTED}; the second offset counts from the first time',
    )


def span(option: str, pair: list[moments.Moment] | None) -> tuple[str, str] | tuple[None, None]:
    """Place the two times of a range.

    Args:
        option: Whose values they are.
        pair: What was read, None if the option was not given.

    Returns:
        Both for the wire.

    Raises:
        osc_lib.exceptions.CommandError: One lies beyond the calendar.
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
        help='You can have it back only by a recall, told so long before, for example 30m '
        '(default: you may cancel it at once)',
    )
    terms.add_argument(
        '--firm', action='store_true', default=None, help='You cannot have it back before its end'
    )


def add_properties(parser: argparse.ArgumentParser) -> None:
    """Add `--properties`."""
    parser.add_argument(
        '--properties', metavar='<json>', type=mapping, help='Free data, a JSON object'
    )


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add the filter by name."""
    parser.add_argument('--name', metavar='<name>', help='Only those of this name')


def add_status(parser: argparse.ArgumentParser) -> None:
    """Add the filter by status."""
    parser.add_argument(
        '--status',
        metavar='<status>',
        action='append',
        help='Only this status (repeat for several); any for all of them',
    )


def add_resource(parser: argparse.ArgumentParser) -> None:
    """Add the filters by node."""
    parser.add_argument('--resource-type', metavar='<type>', help='Only this type of resource')
    parser.add_argument('--resource-uuid', metavar='<node>', help='Only this node, uuid or name')
    add_resource_class(parser)


def add_resource_class(parser: argparse.ArgumentParser) -> None:
    """Add the filter by resource class."""
    parser.add_argument(
        '--resource-class',
        metavar='<class>',
        action='append',
        help='Only this resource class (repeat for several)',
    )


def add_property(parser: argparse.ArgumentParser) -> None:
    """Add `--property`, which the service reads."""
    parser.add_argument(
        '--property',
        metavar='<condition>',
        action='append',
        help='Only nodes with such a property: for example "memory_mb>=65536", '
        '"cpu_arch in x86_64,aarch64" or "gpu exists" (repeat for several, which must all hold; '
        'numbers compare as numbers)',
    )


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add how much to list."""
    parser.add_argument('--limit', metavar='<n>', type=positive, help='List at most so many')


def add_paging(parser: argparse.ArgumentParser) -> None:
    """Add how much to list, from where, in which order."""
    add_limit(parser)
    parser.add_argument('--marker', metavar='<uuid>', help='List what comes after this one')
    parser.add_argument(
        '--sort',
        metavar='<key>[:asc|desc]',
        help='Order by this attribute, for example start_time:desc',
    )


def paging(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Name the page and the order to the service.

    Args:
        parsed_args: Holds `limit`, `marker` and `sort`.

    Returns:
        Query parameters; None for what was not asked.
    """
    key, _, direction = (parsed_args.sort or '').partition(':')
    return {
        'limit': parsed_args.limit,
        'marker': parsed_args.marker,
        'sort_key': key or None,
        'sort_dir': direction or None,
    }


def limited(found: Iterable[_T], parsed_args: argparse.Namespace) -> Iterator[_T]:
    """Keep to the limit; to the service it is only the size of a page.

    Args:
        found: What is listed.
        parsed_args: Holds `limit`.

    Returns:
        Those that are wanted; no page beyond them is fetched.
    """
    return islice(found, parsed_args.limit)


def given(**values: object) -> dict[str, Any]:
    """Leave out what the user did not give."""
    return {key: value for key, value in values.items() if value is not None}
