"""All nodes of Ironic, page after page, while nodes come and go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from esi_leap.cloud.ironic.client import Client
from esi_leap.core.errors import NodeNotFoundError, UnavailableError

#: Nodes at the end of a page of which one has to exist still when the next page is read.
_MARKS = 5


def read_pages(
    ironic: Client, fields: Sequence[str], page_size: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield `fields` of all nodes; Ironic may make the pages smaller than `page_size`.

    Raises:
        UnavailableError: Ironic does not answer, or has lost the place in its list.
    """
    marks: list[str] = []
    while page := _read_page(ironic, fields, page_size, marks):
        yield page
        marks = [node['uuid'] for node in page[-_MARKS:]]


def _read_page(
    ironic: Client, fields: Sequence[str], page_size: int, marks: list[str]
) -> list[dict[str, Any]]:
    """Return the page after the last node of `marks` that still exists."""
    params: dict[str, object] = {'fields': ','.join(fields), 'limit': page_size}
    while True:
        after = {'marker': marks[-1]} if marks else {}
        try:
            with ironic.errors_of(marks[-1] if marks else 'first'):
                page: list[dict[str, Any]] = ironic.read('/nodes', params={**params, **after})[
                    'nodes'
                ]
                return page
        except NodeNotFoundError as error:
            marks[-1:] = []
            if not marks:
                raise UnavailableError('Ironic lost the place in its list.') from error
