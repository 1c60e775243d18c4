"""The pages that say where things are: every name on them exists, and every room is on them."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
CONTRIBUTOR = PROJECT / 'doc/source/contributor/index.rst'
PAGES = (PROJECT / 'HACKING.rst', CONTRIBUTOR)
#: These name modules, classes and constants, too.
SYMBOLS = (*PAGES, CONTRIBUTOR.with_name('states.rst'))
#: Where a path on these pages begins.
ROOTS = (PROJECT, PROJECT / 'esi_leap')
#: Folders below one of these, that deep, are rooms.
DEPTHS = {'esi_leap': 9, 'esi_leap_client': 9, 'sandbox': 9, 'tests': 2}
LITERAL = re.compile(r'``([^`]+)``')
PATH = re.compile(r'(?:[\w.<>-]|\{[\w,]+\})+(?:/(?:[\w.<>-]|\{[\w,]+\})+)*/?')
SUFFIXES = ('/', '.py', '.rst', '.yaml', '.cfg', '.toml', '.txt')
DOTTED = re.compile(r'(?:\w+/)*[A-Za-z_]\w*(?:\.\w+)+')
#: Names in other packages.
OTHERS = {'conn.lease', 'oslo_config.cfg.ConfigOpts'}


def literals(page: Path) -> set[str]:
    """Return the literals of a page, without code blocks."""
    return set(LITERAL.findall(page.read_text(encoding='utf-8')))


def paths(text: str) -> list[Path]:
    """Return the files and folders that a literal names: one for each of `{a,b}`, `<noun>` any."""
    parts = [each.split(',') for each in re.split(r'[{}]', re.sub(r'<\w+>', '*', text))]
    found: list[Path] = []
    for name in map(''.join, product(*parts)):
        found += [each for root in ROOTS for each in sorted(root.glob(name))] or [Path(name)]
    return found


def named(page: Path) -> Iterator[tuple[str, Path]]:
    """Iterate over (literal, path) of a page."""
    for text in literals(page):
        if PATH.fullmatch(text) and text.endswith(SUFFIXES) and not text.startswith('/'):
            yield from ((text, path) for path in paths(text))


@cache
def names(file: Path) -> dict[str, set[str]]:
    """Return the names that a module defines, each with those of its members."""
    found: dict[str, set[str]] = {}
    for node in ast.parse(file.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = set().union(*map(defined, node.body))
        else:
            found |= {name: set() for name in defined(node)}
    return found


def defined(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    targets = getattr(node, 'targets', None) or [getattr(node, 'target', None)]
    return {each.id for each in targets if isinstance(each, ast.Name)}


def modules() -> Iterator[Path]:
    for package in ('esi_leap', 'esi_leap_client', 'sandbox'):
        yield from (PROJECT / package).rglob('*.py')


def exists(text: str) -> bool:
    """Return whether a dotted name is a module, a symbol of one, or a member of a class.

    `core/lease.BLOCKING` and `esi_leap.core.lease.BLOCKING` are symbols of a module;
    `Store.booking` is a member of any class of that name.
    """
    steps = text.replace('/', '.').split('.')
    if steps[0] in sys.stdlib_module_names:
        return True
    for root in ROOTS:
        for length in range(len(steps), 0, -1):
            place = root.joinpath(*steps[:length])
            if length == len(steps) and place.is_dir():
                return True
            file = place.with_suffix('.py')
            if not file.is_file():
                continue
            rest, symbols = steps[length:], names(file)
            if not rest or (rest[0] in symbols and (len(rest) == 1 or rest[1] in symbols[rest[0]])):
                return True
    kind, *member = steps
    return any(
        set(member) <= names(file).get(kind, set()) for file in modules() if kind[0].isupper()
    )


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_every_path_on_the_page_exists(page: Path) -> None:
    found = list(named(page))
    assert found
    assert sorted({text for text, path in found if not path.is_absolute()}) == []


@pytest.mark.parametrize('page', SYMBOLS, ids=lambda page: page.name)
def test_every_dotted_name_on_the_page_exists(page: Path) -> None:
    dotted = {
        text.removesuffix('()')
        for text in literals(page) - OTHERS
        if DOTTED.fullmatch(text.removesuffix('()')) and not text.endswith(SUFFIXES)
    }
    assert sorted(text for text in dotted if not exists(text)) == []


def rooms() -> Iterator[Path]:
    """Iterate over the folders with code, and the modules directly in a top-level package."""
    for package, depth in DEPTHS.items():
        top = PROJECT / package
        yield top
        for file in top.rglob('*.py'):
            folder = file.parent
            if folder == top and file.name != '__init__.py':
                yield file
            elif folder != top and len(folder.relative_to(top).parts) <= depth:
                yield folder


def test_every_room_is_on_the_contributor_page() -> None:
    listed = {path for _, path in named(CONTRIBUTOR)}
    missing = {room.relative_to(PROJECT).as_posix() for room in rooms() if room not in listed}
    assert sorted(missing - {'esi_leap', 'tests'}) == []


@pytest.mark.parametrize(
    ('text', 'true'),
    [
        ('core/lease.BLOCKING', True),
        ('core/lease.NONE', False),
        ('esi_leap.core.lease.Lease', True),
        ('esi_leap.core.lore', False),
        ('Store.booking', True),
        ('Store.cooking', False),
        ('core/ports/cloud.Gate.ask', True),
        ('core/ports/cloud.Gate.tell', False),
        ('ctx.can', False),
    ],
)
def test_a_name_that_does_not_exist_is_found(text: str, *, true: bool) -> None:
    assert exists(text) is true
