"""Try changes of a line: `python -m tests.mutants [NUMBER …]`; exit code 1 if one survives."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.changes import CHANGES, Change

_ROOT = Path(__file__).parents[2]
_KEPT = ('esi_leap', 'tests/unit', 'pyproject.toml', 'sandbox')
_TESTS = ('tests/unit/core', 'tests/unit/manager')
_TIMEOUT = 300


def apply(change: Change, tree: Path) -> int:
    """Change the line in a tree and return its number.

    Raises:
        ValueError: the file does not have it exactly once.
    """
    path = tree / 'esi_leap' / change.file
    lines = path.read_text().split('\n')
    found = [at for at, line in enumerate(lines) if line.strip() == change.line]
    if len(found) != 1:
        raise ValueError(f'{change.file} has {len(found)} times: {change.line}')
    at = found[0]
    lines[at] = lines[at].replace(change.line, change.changed)
    path.write_text('\n'.join(lines))
    return at + 1


def copy_tree(target: Path) -> None:
    """Copy what the tests need, without the examples that Hypothesis kept."""
    for name in (*_KEPT, *(f'tests/{each.name}' for each in (_ROOT / 'tests').glob('*.py'))):
        source, copy = _ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(source, copy)


def try_change(change: Change) -> tuple[int, str | None, float]:
    """Return the line's number, the test that noticed the change (None if none), and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_tree(tree)
        number = apply(change, tree)
        began = time.monotonic()
        command = [sys.executable, '-m', 'pytest', '-x', '-q', '-n0', '--no-header', *_TESTS]
        ran = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, 'CI': '1', 'PYTHONHASHSEED': '0'},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        found = re.search(r'^(?:FAILED|ERROR) (\S+)', ran.stdout, re.MULTILINE)
        noticed = found[1] if found else None
        if ran.returncode not in {0, 1} or (ran.returncode == 1 and noticed is None):
            raise RuntimeError(ran.stdout + ran.stderr)
        return number, noticed, time.monotonic() - began


def main(numbers: list[int]) -> int:
    """Try the changes with these numbers, all if there are none, and print a table."""
    survived = 0
    for number in numbers or range(1, len(CHANGES) + 1):
        change = CHANGES[number - 1]
        line, noticed, seconds = try_change(change)
        survived += noticed is None
        row = (f'{change.file}:{line}', change.wrong, noticed or 'SURVIVED', f'{seconds:.0f} s')
        print(number, *row, sep=' | ', flush=True)
    return 1 if survived else 0


if __name__ == '__main__':
    sys.exit(main([int(each) for each in sys.argv[1:]]))
