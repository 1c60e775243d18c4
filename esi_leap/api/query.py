"""List calls: from query parameters to the store's query, and from its rows to a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from esi_leap.actions import offers
from esi_leap.api.expose import Call, Reply, check_storable
from esi_leap.api.schemas.parameters import (
    Bound,
    Criteria,
    Filter,
    Parameters,
    Reading,
    SortKey,
)
from esi_leap.core import instant
from esi_leap.core.criteria import Criterion, parse
from esi_leap.core.errors import InvalidError
from esi_leap.core.interval import Interval
from esi_leap.core.query import EventQuery, Query

_View = TypeVar('_View')


def build_query(call: Call, parameters: Parameters) -> Query:
    """Build the store's query from the parameters of a request.

    Args:
        call: the request.
        parameters: the declared parameters of its call.

    Raises:
        InvalidError: a value cannot be read, or half of a window is missing.
        UnknownProjectError: a project does not exist.
        OfferNotFoundError: the caller may see no offer of this name.
    """
    equal, criteria = read_filters(call, parameters), _read_criteria(call, parameters)
    windows = {
        each.window: _read_window(call, each)
        for each in parameters.values()
        if isinstance(each, Bound)
    }
    return Query(
        equal=equal,
        criteria=criteria,
        spanning=windows.get('spanning'),
        meeting=windows.get('meeting'),
        free=windows.get('free'),
        sort=_read_sort(call, parameters),
        limit=read_limit(call),
        marker=call.query.get('marker'),
    )


def read_filters(call: Call, parameters: Parameters) -> dict[str, object]:
    """Return the filters by equality: column to value.

    Of two filters by one column, the one that is declared first counts.
    """
    equal: dict[str, object] = {}
    for name, parameter in parameters.items():
        if isinstance(parameter, Filter):
            value = _read_filter(call, name, parameter)
            if value is not None:
                equal.setdefault(parameter.column, value)
    return equal


def read_limit(call: Call) -> int:
    """Return the maximum number of objects on the caller's page."""
    return min(int(call.query.get('limit', call.deps.max_limit)), call.deps.max_limit)


def make_page(
    call: Call,
    name: str,
    found: Sequence[_View],
    query: Query | EventQuery,
    render: Callable[[_View, Call], dict[str, object]],
    *,
    marker: str = 'uuid',
) -> Reply:
    """Make the answer of a list. A row more than the page holds means that there is a next page.

    Args:
        call: the request.
        name: plural of the listed objects, as in the path.
        found: rows from the store.
        query: the query that found them.
        render: makes the JSON object of a row.
        marker: field whose value in the last row is the marker of the next page.
    """
    shown = [render(each, call) for each in found[: query.limit]]
    answer: dict[str, object] = {name: shown}
    if query.limit is not None and len(found) > query.limit:
        params = [(key, value) for key, value in call.request.GET.items() if key != 'marker']
        after = urlencode([*params, ('marker', str(shown[-1][marker]))])
        href = f'{call.request.application_url}/v1/{name}?{after}'
        answer[f'{name}_links'] = [{'rel': 'next', 'href': href}]
    return Reply(answer)


def _read_filter(call: Call, name: str, parameter: Filter) -> object:
    """Return the value of a filter; None if it does not filter."""
    given = call.query.get(name, parameter.default)
    return None if given is None else _READERS[parameter.reading](call, given)


def _read_window(call: Call, bound: Bound) -> Interval | None:
    """Return the window by which a list is filtered; None if neither end is given.

    Raises:
        InvalidError: one end is given without the other.
    """
    given = [name for name in (bound.start, bound.end) if name in call.query]
    if not given:
        return None
    if len(given) == 1:
        raise InvalidError(
            f'Attempted to get {bound.kind} resource without providing both a valid Start Time and '
            f'End Time. Give {bound.start} and {bound.end} together, or neither.',
            field=given[0],
        )
    start, end = (instant.parse(call.query[name], name) for name in (bound.start, bound.end))
    return Interval(start, end)


def _read_criteria(call: Call, parameters: Parameters) -> list[Criterion]:
    return [
        parse(text)
        for name, parameter in parameters.items()
        if isinstance(parameter, Criteria)
        for text in call.query.get(name, ())
    ]


def _read_sort(call: Call, parameters: Parameters) -> Sequence[tuple[str, bool]]:
    descending = call.query.get('sort_dir') == 'desc'
    return [
        (parameter.columns.get(call.query[name], call.query[name]), descending)
        for name, parameter in parameters.items()
        if isinstance(parameter, SortKey) and name in call.query
    ]


def _read_offer(call: Call, ident: str) -> str:
    """Return the uuid of an offer; a name is looked up among the offers that the caller may see."""
    try:
        return str(UUID(ident))
    except ValueError:
        return offers.show(call.deps, call.ctx, ident).offer.uuid


def _read_properties(text: str) -> Mapping[str, str]:
    """Return the texts that the properties of a row must have.

    Raises:
        InvalidError: it is not a JSON object of texts, or a key has a quote or a backslash. The
            databases do not agree on how a path names such a key.
    """
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        wanted = None
    check_storable(wanted, 'The query cannot be read.')
    if not isinstance(wanted, dict) or not all(
        isinstance(value, str) and not {'"', '\\'}.intersection(key)
        for key, value in wanted.items()
    ):
        raise InvalidError(
            f"Invalid input for field/attribute properties. Value: '{text[:64]}'. "
            'Give a JSON object of texts, all of which the properties must have; no key may have a '
            'quote or a backslash.',
            field='properties',
        )
    return wanted


#: From the text of a filter to its value; None means that it does not filter.
_READERS: Mapping[Reading, Callable[[Call, Any], object]] = {
    Reading.TEXT: lambda _, text: text,
    Reading.TEXTS: lambda _, texts: frozenset(texts),
    Reading.STATUSES: lambda _, texts: None if 'any' in texts else frozenset(texts),
    Reading.PROJECT: lambda call, ident: call.deps.project(ident, call.ctx).id,
    Reading.OFFER: _read_offer,
    Reading.PROPERTIES: lambda _, text: _read_properties(text) if text else None,
}
