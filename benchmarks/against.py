"""The service of this tree and of another commit, on one database server, in alternating rounds.

    python -m benchmarks.side_by_side --against COMMIT [--rounds 5] [--database mariadb]

The commit gets a worktree and an environment of its own in a temporary folder, with the versions of
the packages of this one, so that nothing but the two trees differs.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import report
from sandbox import databases
from sandbox.errors import SandboxError, tail
from sandbox.layout import PROJECT

_WORKER = Path(__file__).with_name('worker.py')
PRESENT = 'present'
Found = Mapping[str, Mapping[str, float]]


class Tree(NamedTuple):
    """A tree of this project and the Python that runs it."""

    name: str
    path: Path
    python: Path


def run(commit: str, *, database: str, rounds: int, offers: int, leases: int) -> dict[str, Any]:
    """Measure both trees and return all numbers: rounds, each with those of the two trees."""
    results: list[dict[str, Found]] = []
    with _checked_out(commit) as other, databases.KINDS[database]() as server:
        trees = [Tree(PRESENT, PROJECT, Path(sys.executable)), other]
        for number in range(rounds):
            found = {}
            # The first one of a round meets a server that rests; so both are first in turn.
            for tree in trees[:: 1 if number % 2 == 0 else -1]:
                names = [f'round{number}_{tree.name}_{part}' for part in ('requests', 'manager')]
                found[tree.name] = _measure(tree, server, names, offers, leases)
            results.append(found)
            print(f'round {number + 1} of {rounds}: {_line(found, other.name)}', flush=True)
    return {'commit': other.name, 'database': database, 'rounds': results}


def table(results: Mapping[str, Any]) -> report.Table:
    """Return one row for each deed: medians of both trees, and the ratio with its spread.

    A ratio is that of one round; rates are shown with their spread, and not compared.
    """
    other, rounds = results['commit'], results['rounds']
    rows = [
        [
            'one',
            f'CPU {PRESENT}, ms',
            f'CPU {other}, ms',
            'ratio (from, to)',
            f'SQL {PRESENT}',
            f'SQL {other}',
            'ratio',
            f'a second, {PRESENT}',
            f'a second, {other}',
        ]
    ]
    for deed in rounds[0][PRESENT]:
        cpu, asked, rate = (
            {tree: [each[tree][deed][kind] for each in rounds] for tree in (PRESENT, other)}
            for kind in ('cpu', 'statements', 'rate')
        )
        ratios = [a / b for a, b in zip(cpu[PRESENT], cpu[other], strict=True)]
        medians = {tree: statistics.median(asked[tree]) for tree in asked}
        rows.append(
            [
                deed,
                *(f'{1000 * statistics.median(cpu[tree]):.2f}' for tree in (PRESENT, other)),
                _spread(ratios, 2),
                *(f'{medians[tree]:g}' for tree in (PRESENT, other)),
                f'{medians[PRESENT] / medians[other]:.2f}',
                *(_spread(rate[tree], 0) for tree in (PRESENT, other)),
            ]
        )
    return rows


def _spread(values: Sequence[float], digits: int) -> str:
    """Return the median with the smallest and the largest value."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f'{middle:.{digits}f} ({least:.{digits}f}, {most:.{digits}f})'


def _line(found: Mapping[str, Found], other: str) -> str:
    return ', '.join(
        f'{deed} {each["cpu"] / found[other][deed]["cpu"]:.2f}'
        for deed, each in found[PRESENT].items()
    )


@contextmanager
def _checked_out(commit: str) -> Iterator[Tree]:
    """Make a worktree of a commit and an environment for it, and remove both afterwards."""
    known = _git('rev-parse', '--short=12', '--verify', f'{commit}^{{commit}}')
    with tempfile.TemporaryDirectory(prefix='esi-leap-against-') as name:
        folder = Path(name)
        path = folder / 'tree'
        _git('worktree', 'add', '--detach', str(path), known)
        try:
            yield Tree(known, path, _environment(folder, path))
        finally:
            _git('worktree', 'remove', '--force', str(path))


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ['git', *arguments],  # noqa: S607 - whichever git the caller has
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    if done.returncode:
        raise SandboxError(f'git {arguments[0]} failed: {done.stderr.strip()}')
    return done.stdout.strip()


def _environment(folder: Path, tree: Path) -> Path:
    """Make the environment of a tree and return its Python."""
    print(f'Making an environment for {tree} ...', flush=True)
    versions = {
        each.metadata['Name']: each.version
        for each in importlib.metadata.distributions()
        if each.metadata['Name'] not in {'esi-leap', 'pip', 'setuptools', 'wheel'}
    }
    constraints, log = folder / 'constraints.txt', folder / 'pip.log'
    constraints.write_text(''.join(f'{name}=={has}\n' for name, has in sorted(versions.items())))
    python = folder / 'venv' / 'bin' / 'python'
    install = [python, '-m', 'pip', '--disable-pip-version-check', 'install', '--no-compile']
    what = ['--constraint', constraints, '--editable', f'{tree}[server,postgresql]']
    for command in ([sys.executable, '-m', 'venv', python.parents[1]], [*install, *what]):
        with log.open('ab') as output:
            done = subprocess.run(command, check=False, stdout=output, stderr=output)
        if done.returncode:
            raise SandboxError(f'The environment of {tree} could not be made. {tail(log)}')
    return python


def _measure(
    tree: Tree, server: databases.Server, names: Sequence[str], offers: int, leases: int
) -> Found:
    """Run the worker of a tree on two empty databases and return what it has found."""
    for name in names:
        server.create_database(name)
    urls = [server.url(name) for name in names]
    # Nothing that leads Python elsewhere.
    env = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}
    done = subprocess.run(
        [
            tree.python,
            '-P',
            _WORKER,
            f'--tree={tree.path}',
            f'--database={urls[0]}',
            f'--second-database={urls[1]}',
            f'--offers={offers}',
            f'--leases={leases}',
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=tree.path,
        env=env,
    )
    if done.returncode:
        raise SandboxError(f'The worker of {tree.name} failed: {done.stderr.strip()[-2000:]}')
    for name in names:
        server.drop_database(name)
    found: Found = json.loads(done.stdout)
    return found
