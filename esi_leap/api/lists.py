"""What the list calls share: from query parameters to a query, and the links to the next page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from esi_leap.api.expose import Call, Reply
from esi_leap.core import instant
from esi_leap.core.errors import InvalidError
from esi_leap.core.interval import Interval
from esi_leap.core.query import EventQuery, Query

_Seen = TypeVar('_Seen')


def window(query: Mapping[str, Any], kind: str, start: str, end: str) -> Interval | None:
    """Read a pair of time parameters.

    Raises:
        InvalidError: one is given without the other.
    """
    given = [name for name in (start, end) if name in query]
    if not given:
        return None
    if len(given) == 1:
        raise InvalidError(
            f'Attempted to get {kind} resource without providing both a valid Start Time and End '
            f'Time. Give {start} and {end} together, or neither.',
            field=given[0],
        )
    return Interval(instant.parse(query[start], start), instant.parse(query[end], end))


def statuses(query: Mapping[str, Any], default: Collection[str]) -> dict[str, object]:
    """Read the status parameter: several are any of them, `any` is no filter."""
    wanted = frozenset(query.get('status', default))
    return {} if 'any' in wanted else {'status': wanted}


def limit(call: Call) -> int:
    """Return how many objects the caller's page has at most."""
    return min(int(call.query.get('limit', call.deps.max_limit)), call.deps.max_limit)


def page(call: Call, project: str, **parts: object) -> Query:
    """Build the query of a list with the caller's page and order.

    Args:
        call: the request.
        project: what the store calls `project_id`: an offer's is its owner, a lease's its lessee.
        parts: the rest of the query.
    """
    key = call.query.get('sort_key')
    column = project if key == 'project_id' else key
    sort = ((column, call.query.get('sort_dir') == 'desc'),) if column else ()
    return Query(limit=limit(call), marker=call.query.get('marker'), sort=sort, **parts)  # type: ignore[arg-type]


def reply(
    call: Call,
    name: str,
    found: Sequence[_Seen],
    query: Query | EventQuery,
    show: Callable[[_Seen, Call], dict[str, object]],
    *,
    marker: str = 'uuid',
) -> Reply:
    """Build the answer of a list; one row more than the page holds tells that there is a next.

    Args:
        call: the request.
        name: what is listed.
        found: the rows.
        query: what was asked of the store.
        show: makes what is shown of a row.
        marker: the field that tells where the next page begins.
    """
    shown = [show(each, call) for each in found[: query.limit]]
    answer: dict[str, object] = {name: shown}
    if query.limit is not None and len(found) > query.limit:
        params = [(key, value) for key, value in call.request.GET.items() if key != 'marker']
        after = urlencode([*params, ('marker', str(shown[-1][marker]))])
        href = f'{call.request.application_url}/v1/{name}?{after}'
        answer[f'{name}_links'] = [{'rel': 'next', 'href': href}]
    return Reply(answer)
