"""Reasons are for people: code compares causes, and never the words of a reason.

An old and a new whole value may be compared, to tell whether anything has changed.
"""

import ast
import re
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2] / 'esi_leap'
#: Names of values, fields and columns that say in words why something is as it is.
REASONS = frozenset({'reason', 'status_reason', 'maintenance_reason', 'cause_detail'})
#: Parts of a reason that are words, too.
WORDS = frozenset({'detail', 'plain'})
#: Methods of texts, of columns and of patterns that look at the words.
LOOKING = frozenset(
    {
        *('startswith', 'endswith', 'removeprefix', 'removesuffix', 'partition', 'rpartition'),
        *('find', 'rfind', 'index', 'rindex', 'count', '__eq__', '__contains__'),
        *('in_', 'not_in', 'like', 'ilike', 'not_like', 'contains', 'icontains', 'regexp_match'),
        *('istartswith', 'iendswith'),
    }
)
MATCHING = frozenset({'match', 'fullmatch', 'search', 'findall', 'finditer'})
#: Conditions in SQL that is written as a text.
_COLUMN = rf'\b({"|".join(sorted(REASONS))})\s*'
SQL = re.compile(_COLUMN + r'(=|<>|!=|(NOT\s+)?(I?LIKE\s|IN\s*[(:]))', re.IGNORECASE)


def is_reason(node: ast.AST) -> bool:
    """Tell whether an expression is a reason, or its words."""
    match node:
        case (
            ast.Name(name)
            | ast.Attribute(attr=name)
            | ast.Subscript(slice=ast.Constant(str(name)))
            | ast.Call(ast.Attribute(attr='get'), [ast.Constant(str(name)), *_])
        ) if name in REASONS:
            return True
        case (
            ast.Call(ast.Name('str' | 'repr'), [inner])
            | ast.FormattedValue(inner)
            | ast.JoinedStr([inner])
            | ast.Call(ast.Attribute(inner), _)  # such as `.lower()`
            | ast.Subscript(inner)  # a part of the text
        ):
            return is_reason(inner)
        case ast.Attribute(inner, name) if name in WORDS:
            return is_reason(inner)
        case ast.BoolOp(values=values):
            return any(map(is_reason, values))
    return False


def is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def compares(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    inside = any(isinstance(each, ast.In | ast.NotIn) for each in node.ops)
    rest = [each for each in sides if not is_reason(each) and not is_none(each)]
    return any(map(is_reason, sides)) and (inside or bool(rest))


def matches(node: ast.Match | ast.MatchClass) -> bool:
    """Tell whether a `match` has the words of a reason in a case."""
    if isinstance(node, ast.Match):
        patterns = [each for case in node.cases for each in ast.walk(case.pattern)]
        return is_reason(node.subject) and any(isinstance(x, ast.MatchValue) for x in patterns)
    pairs = zip(node.kwd_attrs, node.kwd_patterns, strict=True)
    return any(name in REASONS and isinstance(each, ast.MatchValue) for name, each in pairs)


def compares_words(node: ast.AST) -> bool:
    """Tell whether an expression or a statement decides something by the words of a reason."""
    match node:
        case ast.Compare():
            return compares(node)
        case ast.Match() | ast.MatchClass():
            return matches(node)
        case ast.Call(ast.Attribute(value, name), arguments):
            looks = name in LOOKING and is_reason(value)
            return looks or (name in MATCHING and any(map(is_reason, arguments)))
        case ast.Constant(str(text)):
            return SQL.search(text) is not None
    return False


def found_in(source: str) -> list[int]:
    """Return the lines of a module that compare the words of a reason."""
    return [
        getattr(each, 'lineno', 0) for each in ast.walk(ast.parse(source)) if compares_words(each)
    ]


def test_the_service_compares_causes_and_no_words() -> None:
    found = {
        f'{file.relative_to(SERVICE)}:{line}'
        for file in SERVICE.rglob('*.py')
        for line in found_in(file.read_text(encoding='utf-8'))
    }
    assert found == set()


@pytest.mark.parametrize(
    'snippet',
    [
        "lease.reason == 'The node is busy.'",
        "'The node is busy.' != lease.reason",
        'lease.reason == TAKEN',
        'offer.reason is NOT_HIS',
        'offer.reason == offers.NOT_HIS',
        'reason == Reason(Cause.NODE_GONE)',
        'lease.reason == said',
        "node.reason in {'a', 'b'}",
        'node.reason not in KNOWN',
        "'automated_clean' in step.reason",
        "'a' in str(reason)",
        "str(reason) == 'The node is busy.'",
        "str(lease.reason or '') == WORDS",
        "f'{reason}' == WORDS",
        "reason.detail == 'changed'",
        "lease.reason.plain == 'The node is busy.'",
        "lease.reason.startswith('The node is')",
        'str(lease.reason).startswith(PREFIX)',
        "reason.lower().endswith('busy.')",
        "reason[:8] == 'The gate'",
        'machine.maintenance_reason.startswith(OURS)',
        "machine.maintenance_reason == f'{OURS}{said}'",
        "(machine.maintenance_reason or '').startswith(OURS)",
        "row['status_reason'] == 'x'",
        "row['cause_detail'].startswith('x')",
        "row.get('reason') == 'x'",
        "re.match('The gate', reason)",
        'PATTERN.fullmatch(str(lease.reason))',
        "bookings.c.status_reason == 'x'",
        "bookings.c.cause_detail.in_(['x'])",
        "bookings.c['cause_detail'].like('x%')",
        'sa.select(bookings).where(bookings.c.cause_detail != WORDS)',
        'sa.text("SELECT id FROM bookings WHERE status_reason = \'x\'")',
        'sa.text("UPDATE nodes SET attempts = 0 WHERE cause_detail LIKE \'x%\'")',
        "match lease.reason:\n    case 'x':\n        pass",
        "match lease:\n    case Lease(reason='x'):\n        pass",
    ],
)
def test_words_that_are_compared_are_found(snippet: str) -> None:
    assert found_in(snippet)


@pytest.mark.parametrize(
    'snippet',
    [
        'lease.reason is None',
        'lease.reason is not None and lease.reason.cause is Cause.OWNER_CHANGED',
        'reason.cause in REPAIRED',
        'before.reason != after.reason',
        'each.reason != reason',
        'machine.maintenance_reason == node.maintenance_reason',
        "said = machine.maintenance_reason or 'no reason given'",
        'bookings.c.cause == str(Cause.OWNER_CHANGED)',
        'rows.c.maintenance_reason.is_(None)',
        'match step:\n    case RetryLater(reason):\n        pass',
        'match step:\n    case RetryLater(reason=said):\n        pass',
        'told = replace(lease, reason=reason)',
        "sa.text('SELECT cause_detail FROM bookings')",
        "logging.info('failed: %s', reason)",
    ],
)
def test_whole_values_and_causes_may_be_compared(snippet: str) -> None:
    assert found_in(snippet) == []
