"""Each known defect of the existing service has a test with its number."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_every_known_defect_has_a_test() -> None:
    found = {
        number
        for file in TESTS.rglob('test_*.py')
        for number in re.findall(r'def test_([ab]\d\d)_', file.read_text(encoding='utf-8'))
    }
    correctness = {f'a{number:02}' for number in range(1, 26)}
    security = {f'b{number:02}' for number in range(1, 14)}
    assert found == correctness | security
