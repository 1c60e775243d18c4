"""Parameters of list calls: the schema of each, and the part of the store's query that it sets.

A parameter is declared once, here. `api.query` builds the store's query from the declarations, and
the OpenAPI document shows their schemas.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from esi_leap.api.schemas import common
from esi_leap.api.schemas.common import Schema


class Reading(Enum):
    """How `api.query` reads the text of a filter."""

    #: As it is.
    TEXT = auto()
    #: As several texts; a row has any one of them.
    TEXTS = auto()
    #: As several statuses, likewise; `any` is no filter.
    STATUSES = auto()
    #: As the id or the name of a project.
    PROJECT = auto()
    #: As the uuid or the name of an offer that the caller may see.
    OFFER = auto()
    #: As a JSON object of texts; an empty text is no filter.
    PROPERTIES = auto()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that its call reads by name."""

    schema: Schema


@dataclass(frozen=True, slots=True)
class Filter(Parameter):
    """A filter by equality.

    Attributes:
        column: key of `core.query.Query.equal`.
        reading: how the text becomes the value.
        default: value where the caller gives none; None is no filter.
    """

    column: str
    reading: Reading = Reading.TEXT
    default: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Bound(Parameter):
    """The start or the end of a window by which a list is filtered.

    Attributes:
        window: field of `core.query.Query`.
        start: name of the parameter with the start.
        end: name of the parameter with the end.
        kind: kind of the listed objects, with its article, for messages.
    """

    window: Literal['spanning', 'meeting', 'free']
    start: str
    end: str
    kind: str


@dataclass(frozen=True, slots=True)
class Criteria(Parameter):
    """Conditions on properties of the node."""


@dataclass(frozen=True, slots=True)
class SortKey(Parameter):
    """The attribute by which a list is sorted.

    Attributes:
        columns: columns of the attributes that the store calls otherwise.
    """

    columns: Mapping[str, str] = field(default_factory=dict)


Parameters = Mapping[str, Parameter]

CRITERIA = Criteria(
    {
        'type': 'array',
        'items': {'type': 'string', 'maxLength': 2000},
        'maxItems': 20,
        'description': 'At most 20 conditions on properties of the node, such as '
        'memory_mb>=131072.',
    }
)
PROPERTIES = Filter(common.TEXT, 'properties', Reading.PROPERTIES)
#: `view=all` lists the objects of all projects, for admins.
VIEW = Parameter(common.TEXT)
LIMIT = Parameter(
    {
        'type': 'string',
        'pattern': '^[1-9][0-9]{0,8}$',
        'description': 'A positive number.',
    }
)


def filter_by(column: str, reading: Reading = Reading.TEXT) -> Filter:
    """Declare a filter by equality; several texts are given by repeating the parameter."""
    several = reading is Reading.TEXTS
    return Filter(
        {'type': 'array', 'items': common.IDENT} if several else common.IDENT, column, reading
    )


def filter_by_status(statuses: Iterable[str], default: Collection[str]) -> Filter:
    """Declare the filter by status.

    Args:
        statuses: all statuses.
        default: the statuses that are listed where the caller names none.
    """
    known = [*sorted(map(str, statuses)), 'any']
    several = f'One or more of {", ".join(known)}.'
    schema = {'type': 'array', 'items': {'enum': known, 'description': several}}
    return Filter(schema, 'status', Reading.STATUSES, frozenset(default))


def filter_by_window(
    window: Literal['spanning', 'meeting', 'free'], start: str, end: str, kind: str
) -> dict[str, Parameter]:
    """Declare the two parameters of a filter by a window; see `Bound`."""
    bound = Bound(common.TIME, window, start, end, kind)
    return {start: bound, end: bound}


def page(keys: Iterable[str], **columns: str) -> dict[str, Parameter]:
    """Declare the parameters of pages.

    Args:
        keys: attributes by which the list can be sorted.
        columns: columns of those that the store calls otherwise.
    """
    known = sorted(keys)
    return {
        'limit': LIMIT,
        'marker': Parameter(
            {
                'type': 'string',
                'description': 'The uuid of the last object of the page before.',
            }
        ),
        'sort_key': SortKey(
            {'enum': known, 'description': f'It is one of {", ".join(known)}.'}, columns
        ),
        'sort_dir': Parameter({'enum': ['asc', 'desc'], 'description': 'It is asc or desc.'}),
    }
