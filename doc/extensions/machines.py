"""The directive `machine`: a state machine of the code as a diagram and as a list.

    .. machine:: esi_leap.core.lease

draws `TRANSITIONS` of that module. Each state is a row, top to bottom in the order in which the
code names them. Each state that can be reached has a lane: a line that starts at the lowest and
highest row it is reached from and ends in an arrow at its own row. A dot where a row meets a lane
is a transition; lines that cross without a dot have nothing to do with each other.
"""

from __future__ import annotations

import html
import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

Transitions = Mapping[Any, frozenset[Any]]

_BOX = (130, 28)
_ROW = 52
_LANE = 44
_TOP = 30
_LEFT = 10
_COLOURS = ('#1b6ca8', '#b3541e', '#2e7d32', '#8e24aa', '#c62828', '#00695c', '#5d4037', '#37474f')


def load(module: str) -> Transitions:
    """Return the transitions of a module."""
    found: Transitions = importlib.import_module(module).TRANSITIONS
    return found


def pairs(transitions: Transitions) -> list[tuple[str, str]]:
    """Return every transition, from and to, in the order of the diagram."""
    order = list(transitions)
    return [
        (str(source), str(target))
        for source in order
        for target in sorted(transitions[source], key=order.index)
    ]


def draw(transitions: Transitions) -> str:
    """Draw the machine as SVG."""
    states = [str(state) for state in transitions]
    wanted = pairs(transitions)
    lanes = [state for state in states if any(target == state for _, target in wanted)]
    first = _LEFT + _BOX[0] + 40
    width = first + _LANE * len(lanes)
    height = _TOP + _ROW * len(states)
    rows = {state: _TOP + _ROW * index + _BOX[1] // 2 for index, state in enumerate(states)}
    places = {state: first + _LANE * index for index, state in enumerate(lanes)}
    colours = {state: _COLOURS[index % len(_COLOURS)] for index, state in enumerate(lanes)}
    parts = [
        _head(width, height),
        *(_lane(state, wanted, rows, places, colours) for state in lanes),
        *(_row(state, wanted, rows, places) for state in states),
        *(_dot(source, target, rows, places, colours) for source, target in wanted),
        *(_box(state, rows, colours) for state in states),
        '</svg>',
    ]
    return '\n'.join(parts)


def _head(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="sans-serif" font-size="13">'
    )


def _lane(
    state: str,
    wanted: Sequence[tuple[str, str]],
    rows: Mapping[str, int],
    places: Mapping[str, int],
    colours: Mapping[str, str],
) -> str:
    """Draw the line that leads to a state, its arrow at the state's box."""
    x, y, colour = places[state], rows[state] - 6, colours[state]
    ends = [y, *(rows[source] + 6 for source, target in wanted if target == state)]
    tip = _LEFT + _BOX[0] + 2
    return (
        f'<path d="M{x} {min(ends)}V{max(ends)}M{x} {y}H{tip + 8}" fill="none" '
        f'stroke="{colour}" stroke-width="2"/>'
        f'<path d="M{tip} {y}l9 -4v8z" fill="{colour}"/>'
    )


def _row(
    state: str,
    wanted: Sequence[tuple[str, str]],
    rows: Mapping[str, int],
    places: Mapping[str, int],
) -> str:
    """Draw the line that leaves a state, as far as the last lane that it meets."""
    reached = [places[target] for source, target in wanted if source == state]
    if not reached:
        return ''
    y = rows[state] + 6
    return f'<path d="M{_LEFT + _BOX[0]} {y}H{max(reached)}" stroke="#555" fill="none"/>'


def _dot(
    source: str,
    target: str,
    rows: Mapping[str, int],
    places: Mapping[str, int],
    colours: Mapping[str, str],
) -> str:
    """Draw one transition; whoever points at it is told which."""
    return (
        f'<circle cx="{places[target]}" cy="{rows[source] + 6}" r="4.5" '
        f'fill="{colours[target]}"><title>{_safe(source)} to {_safe(target)}</title></circle>'
    )


def _box(state: str, rows: Mapping[str, int], colours: Mapping[str, str]) -> str:
    y = rows[state] - _BOX[1] // 2
    colour = colours.get(state, '#555')
    return (
        f'<rect x="{_LEFT}" y="{y}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6" fill="#fff" '
        f'stroke="{colour}" stroke-width="2"/>'
        f'<text x="{_LEFT + _BOX[0] // 2}" y="{rows[state] + 5}" text-anchor="middle">'
        f'{_safe(state)}</text>'
    )


def _safe(text: str) -> str:
    return html.escape(text, quote=True)


class Machine(SphinxDirective):
    """Show the state machine of a module."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the diagram, and the same as a list for readers of other formats."""
        transitions = load(self.arguments[0])
        self.env.note_dependency(importlib.import_module(self.arguments[0]).__file__)
        picture = nodes.raw('', draw(transitions), format='html')
        listed = nodes.bullet_list()
        for source, targets in transitions.items():
            order = list(transitions)
            names = ', '.join(str(each) for each in sorted(targets, key=order.index))
            text = nodes.paragraph('', '', nodes.strong('', str(source)))
            text += nodes.Text(f' → {names}' if names else ': final')
            listed += nodes.list_item('', text)
        return [picture, listed]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive('machine', Machine)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
