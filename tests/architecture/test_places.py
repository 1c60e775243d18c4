"""Single places: the clock, the broad `except`, Pecan; and the import contracts."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
SERVICE = TREE / 'esi_leap'
#: Callables that tell the time of the day.
CLOCKS = {
    ('datetime', 'now'),
    ('datetime', 'utcnow'),
    ('datetime', 'today'),
    ('date', 'today'),
    ('time', 'time'),
    ('time', 'time_ns'),
    ('timeutils', 'utcnow'),
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Parse every module of the service; its name is its path below the package."""
    for file in sorted(SERVICE.rglob('*.py')):
        name = file.relative_to(SERVICE).as_posix()
        yield name, ast.parse(file.read_text(encoding='utf-8'), filename=name)


def imported(tree: ast.Module) -> set[str]:
    """Return the top-level packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(each.name.split('.')[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split('.')[0])
    return found


def tells_time(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute):
        return False
    of = node.value
    owner = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ''
    return (owner, node.attr) in CLOCKS


def is_broad(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        each is None or (isinstance(each, ast.Name) and each.id in {'Exception', 'BaseException'})
        for each in kinds
    )


def test_only_the_clock_reads_the_time() -> None:
    found = {name for name, tree in modules() if any(map(tells_time, ast.walk(tree)))}
    assert found == {'clock.py'}


def test_broad_except_is_only_in_the_manager_and_the_gate_guard() -> None:
    # The API's one place is a hook of Pecan's, and needs no `except` at all. What asks a driver of
    # the gate, which is somebody else's code, does so for the manager.
    found = {name for name, tree in modules() if any(map(is_broad, ast.walk(tree)))}
    assert {each for each in found if not each.startswith('manager/')} == {'gate/guard.py'}


def test_only_the_api_imports_pecan() -> None:
    found = {name for name, tree in modules() if 'pecan' in imported(tree)}
    assert found
    assert all(each.startswith('api/') for each in found)


def test_core_imports_the_standard_library_only() -> None:
    allowed = {*sys.stdlib_module_names, 'esi_leap'}
    found = {name: imported(tree) - allowed for name, tree in modules() if name.startswith('core/')}
    assert {name: extra for name, extra in found.items() if extra} == {}


def test_only_entry_points_import_the_wiring() -> None:
    found = set()
    for name, tree in modules():
        for node in ast.walk(tree):
            names: set[str] = set()
            if isinstance(node, ast.Import):
                names = {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {f'{node.module}.{each.name}' for each in node.names}
            if any(f'{each}.'.startswith('esi_leap.wiring.') for each in names):
                found.add(name.split('/')[0])
    assert found == {'cmd', 'wsgi', 'fixture.py', 'wiring'}


@pytest.mark.parametrize(
    ('program', 'heavy'),
    [
        ('manager', {'pecan', 'webob', 'websockets', 'keystonemiddleware'}),
        ('serial_console_proxy', {'pecan', 'webob', 'keystonemiddleware'}),
        ('dbsync', {'pecan', 'webob', 'websockets', 'keystonemiddleware'}),
    ],
)
def test_a_program_loads_nothing_that_only_another_one_needs(program: str, heavy: set[str]) -> None:
    asked = f'import sys, esi_leap.cmd.{program}; print(*sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', asked], check=True, cwd=TREE, capture_output=True, text=True
    )
    loaded = {each.split('.')[0] for each in done.stdout.split()}
    assert 'esi_leap' in loaded
    assert not heavy & loaded


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name('lint-imports'), '--no-cache'],
        check=False,
        cwd=TREE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
