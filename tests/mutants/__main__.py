"""Try changes of a line: `python -m tests.mutants [NUMBER …]`; exit code 1 if one survives.

The tests of the changed room come first, the law tests last, so that most changes are noticed in
seconds. The unchanged tree has to pass, or every change would count as noticed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.changes import CHANGES, Change

_ROOT = Path(__file__).parents[2]
_KEPT = ('esi_leap', 'tests/unit', 'pyproject.toml', 'sandbox')
_UNIT = Path('tests/unit')
#: Tests that are tried one after the other; those of the room come before.
_STAGES = (
    ('core/duty', 'core/handover', 'core/test_consequences.py', 'core/test_node.py'),
    ('core',),
    ('manager',),
)
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
    """Copy the files that the tests need, without the examples that Hypothesis kept."""
    for name in (*_KEPT, *(f'tests/{each.name}' for each in (_ROOT / 'tests').glob('*.py'))):
        source, copy = _ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(source, copy)


def stages(change: Change) -> Iterator[tuple[str, ...]]:
    """Yield the tests to try, the fastest to notice first."""
    room = Path(change.file).parent
    if (_ROOT / _UNIT / room).is_dir() and room.name not in {'core', 'manager'}:
        yield (str(room),)
    yield from _STAGES


def run(tree: Path, tests: tuple[str, ...]) -> str | None:
    """Run tests in a tree; return the first that fails, None if all pass.

    Raises:
        RuntimeError: pytest itself failed.
    """
    ran = subprocess.run(
        [sys.executable, '-m', 'pytest', '-x', '-q', '-n0', '--no-header', '-p', 'no:cacheprovider']
        + [str(_UNIT / each) for each in tests],
        cwd=tree,
        env={**os.environ, 'CI': '1', 'PYTHONHASHSEED': '0'},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if ran.returncode == 0:
        return None
    found = re.search(r'^(?:FAILED|ERROR) (\S+)', ran.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(ran.stdout + ran.stderr)
    return found[1]


def try_change(number: int) -> tuple[int, str | None]:
    """Try a change and print its row; return its number and the test that noticed it."""
    change = CHANGES[number - 1]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_tree(tree)
        line = apply(change, tree)
        began = time.monotonic()
        noticed = next(filter(None, (run(tree, each) for each in stages(change))), None)
        seconds = time.monotonic() - began
    where = f'{change.file}:{line}'
    print(
        number,
        where,
        change.wrong,
        noticed or 'SURVIVED',
        f'{seconds:.0f} s',
        sep=' | ',
        flush=True,
    )
    return number, noticed


def main(numbers: list[int]) -> int:
    """Try the changes with these numbers, all if there are none, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        copy_tree(Path(folder))
        for tests in _STAGES:
            failed = run(Path(folder), tests)
            if failed is not None:
                print(f'The unchanged tree fails: {failed}')
                return 2
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = list(pool.map(try_change, numbers or range(1, len(CHANGES) + 1)))
    survived = [number for number, noticed in tried if noticed is None]
    print(f'{len(tried)} changes, {len(survived)} not noticed: {survived}')
    return 1 if survived else 0


if __name__ == '__main__':
    sys.exit(main([int(each) for each in sys.argv[1:]]))
