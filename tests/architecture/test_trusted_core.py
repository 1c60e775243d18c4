"""The trusted core: the code that decides who is the lessee of a node, and stays small.

A defect here gives a node to the wrong project; a defect elsewhere refuses or delays a request. The
bound counts lines of code, without blank lines, comments and docstrings. The hardware isolation
layer (HIL) called itself small enough to be audited at about 3,000 lines; whoever raises the bound
says why.
"""

import ast
import io
import tokenize
from pathlib import Path

SERVICE = Path(__file__).parents[2] / 'esi_leap'
#: Modules and packages of the trusted core, below `esi_leap`.
TRUSTED = (
    # What is decided: states, tasks, steps, and what follows from them.
    'core/node.py',
    'core/lease.py',
    'core/offer.py',
    'core/terms.py',
    'core/gate.py',
    'core/tree.py',
    'core/interval.py',
    'core/cause.py',
    'core/retry.py',
    'core/change.py',
    'core/consequences.py',
    'core/booking',
    'core/duty',
    'core/handover',
    # How it is carried out and written: claims, calls, locks, verbs.
    'manager/work.py',
    'manager/calls.py',
    'db/book.py',
    'db/lock.py',
    'cloud/ironic/verbs.py',
)
#: Lines of code that it may have.
BOUND = 3000
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def files() -> list[Path]:
    found = []
    for name in TRUSTED:
        place = SERVICE / name
        found += sorted(place.rglob('*.py')) if place.is_dir() else [place]
    return found


def code_lines(text: str) -> int:
    """Count the lines of a module without blank lines, comments and docstrings."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            documented.update(range(first.lineno, (first.end_lineno or 0) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - documented)


def test_only_code_is_counted() -> None:
    assert (
        code_lines('"""A module."""\n\n# why\nx = 1\n\n\ndef f():\n    """Say."""\n    return x\n')
        == 3
    )


def test_the_trusted_core_is_small() -> None:
    assert sum(code_lines(file.read_text(encoding='utf-8')) for file in files()) <= BOUND


def test_no_other_module_writes_a_lessee() -> None:
    """The constant of the field is imported by the trusted core alone, and by adapters to read."""
    users = set()
    for file in SERVICE.rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.ImportFrom) and any(
                each.name == 'LESSEE' for each in node.names
            ):
                users.add(file)
    reading = {SERVICE / 'cloud' / 'dummy.py'}
    assert users - reading <= set(files())
