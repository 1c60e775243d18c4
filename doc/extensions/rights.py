"""The directive `rights`: who may do what to a node in Ironic, before and after our rules.

    .. rights:: lent

tells it for a node in that state, from `policies/ironic/calls.yaml`, which a test replays against a
real Ironic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

_FILE = Path(__file__).parents[2] / 'policies' / 'ironic' / 'calls.yaml'
_ROLES = ('reader', 'member', 'manager', 'admin')
#: The columns of the file: how each is called, and whose its letters are.
_COLUMNS: Mapping[str, Sequence[str]] = {
    'System': ('reader', 'member', 'admin'),
    'Lease service': ('yes',),
    'Other service': ('yes',),
    'Owner': _ROLES,
    'Lessee': _ROLES,
    'Stranger': ('admin',),
}
#: Where the letters of two columns are one word in the file.
_SERVICES = 1


def load() -> list[dict[str, Any]]:
    """Return the calls of the file."""
    found: list[dict[str, Any]] = yaml.safe_load(_FILE.read_text(encoding='utf-8'))['calls']
    return found


def words(row: Sequence[str]) -> list[str]:
    """Return for each column from which role on one may; "no" where nobody may."""
    parted = [*row[:_SERVICES], *row[_SERVICES], *row[_SERVICES + 1 :]]
    columns = zip(parted, _COLUMNS.values(), strict=True)
    return [_first(letters, roles) for letters, roles in columns]


def _first(letters: str, roles: Sequence[str]) -> str:
    may = [role for letter, role in zip(letters, roles, strict=True) if letter == 'Y']
    if may and may != list(roles[-len(may) :]):
        return ', '.join(may)  # a stronger role may less; none should
    return may[0] if may else 'no'


def table(calls: Sequence[Mapping[str, Any]], state: str) -> Iterator[str]:
    """Tell of a node in a state as a table; what our rules change is bold."""
    yield from ('.. list-table::', '   :header-rows: 1', '')
    yield from _row(['Call', *_COLUMNS])
    for call in calls:
        if state in call:
            before, after = (words(call[state][when]) for when in ('before', 'after'))
            cells = (
                old if old == new else f'{old} → **{new}**'
                for old, new in zip(before, after, strict=True)
            )
            yield from _row([call['call'], *cells])
    yield ''


def _row(cells: Sequence[str]) -> Iterator[str]:
    for index, cell in enumerate(cells):
        yield f'   {"*" if index == 0 else " "} - {cell}'


class Rights(SphinxDirective):
    """Show what our rules change for a node in a state."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(str(_FILE))
        return self.parse_text_to_nodes('\n'.join(table(load(), self.arguments[0])))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive('rights', Rights)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
