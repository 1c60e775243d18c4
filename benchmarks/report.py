"""The tables of the measurements: rows of text, aligned for a terminal or written as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Whose CPU time is shown, and what for.
_CPU = {'api': 'API', 'mariadb': 'database', 'ironic': 'Ironic'}
_TIMES = {'median': 'median', 'p99': '99 of 100', 'slowest': 'slowest'}
_BOTH = ('existing', 'ours')

Table = Sequence[Sequence[str]]


def phases(results: Mapping[str, Any]) -> Table:
    """Return one row for each phase and service, and how many times better ours is.

    Times are of one operation, in milliseconds; so is CPU time, by whom it was spent.
    """
    head = ['phase', 'service', 'a second', *(f'{each}, ms' for each in _TIMES.values())]
    head += ['SQL statements', *(f'CPU of {each}, ms' for each in _CPU.values()), 'answers']
    rows = [head]
    services = results['services']
    for phase in next(iter(services.values()))['phases']:
        found = {key: _numbers(each['phases'][phase]) for key, each in services.items()}
        name = phase
        for key, numbers in found.items():
            answers = services[key]['phases'][phase]['statuses']
            said = ', '.join(f'{count} x {status}' for status, count in answers.items())
            rows.append([name, key, *map(_short, numbers), said])
            name = ''
        if all(key in found for key in _BOTH):
            theirs, ours = (found[key] for key in _BOTH)
            # A rate is better when it is more, all else when it is less.
            pairs = [(ours[0], theirs[0]), *zip(theirs[1:], ours[1:], strict=True)]
            rows.append(['', 'better by', *(_times(*each) for each in pairs), ''])
    return rows


def memory(results: Mapping[str, Any]) -> Table:
    """Return one row for each program: megabytes, with shared pages counted often and once."""
    rows = [['service', 'program', 'processes', 'RSS, MB', 'PSS, MB']]
    for key, service in results['services'].items():
        kinds = [service['memory'][part] for part in service['memory']]
        for part, each in service['memory'].items():
            rows.append([key, part, *_sums([each])])
        rows.append([key, 'both', *_sums(kinds)])
    return rows


def aligned(table: Table) -> str:
    """Return a table as text, its columns under each other."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        '  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    return '\n'.join([lines[0], '-' * max(map(len, lines)), *lines[1:]])


def _numbers(phase: Mapping[str, Any]) -> list[float]:
    times = [phase[name] * 1000 for name in _TIMES]
    cpu = [phase['cpu'][name] * 1000 for name in _CPU]
    return [phase['rate'], *times, phase['statements'], *cpu]


def _sums(kinds: Sequence[Mapping[str, Sequence[float]]]) -> list[str]:
    count = sum(len(each['rss']) for each in kinds)
    return [
        str(count),
        *(f'{sum(sum(each[name]) for each in kinds):.0f}' for name in ('rss', 'pss')),
    ]


def _short(value: float) -> str:
    return f'{value:.1f}' if value >= 1 else f'{value:.2f}'


def _times(more: float, less: float) -> str:
    return f'{more / less:.1f} x' if less else ''
