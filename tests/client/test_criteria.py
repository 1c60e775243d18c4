"""Laws of conditions on properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esi_leap_client import criteria

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SIGNS = {
    '>=': lambda a, b: a >= b,
    '<=': lambda a, b: a <= b,
    '>': lambda a, b: a > b,
    '<': lambda a, b: a < b,
    '=': lambda a, b: a == b,
    '!=': lambda a, b: a != b,
}


@given(numbers, st.sampled_from(sorted(SIGNS)), numbers, st.booleans())
def test_numbers_compare_as_numbers(
    mine: float,
    sign: str,
    theirs: float,
    as_text: bool,  # noqa: FBT001
) -> None:
    have = str(mine) if as_text else mine
    condition = criteria.parse(f'size{sign}{theirs}')
    assert condition.holds({'size': have}) == SIGNS[sign](mine, theirs)


@given(st.sampled_from(sorted(SIGNS)), st.text(max_size=5))
def test_a_missing_property_is_false(sign: str, value: str) -> None:
    assert not criteria.parse(f'size{sign}{value}').holds({'other': value})


@given(
    st.sampled_from(sorted(SIGNS)),
    st.none() | st.booleans() | numbers | st.text() | st.lists(st.integers()),
    st.text(max_size=5),
)
def test_no_pair_of_values_is_an_accident(sign: str, mine: object, theirs: str) -> None:
    assert criteria.parse(f'size{sign}{theirs}').holds({'size': mine}) in {True, False}


@pytest.mark.parametrize(
    ('text', 'mine', 'holds'),
    [
        ('memory_mb >= 65536', '131072', True),
        ('memory_mb>=65536', '9000', False),
        ('cpu_arch=x86_64', 'x86_64', True),
        ('cpu_arch!=x86_64', 'x86_64', False),
        ('memory_mb>1024', 'much', False),
        ('memory_mb!=1024', 'much', True),
        ('ssd=true', True, True),
        ('note=a=b', 'a=b', True),
    ],
)
def test_examples(text: str, mine: object, holds: bool) -> None:  # noqa: FBT001
    condition = criteria.parse(text)
    assert condition.holds({condition.key: mine}) is holds


@pytest.mark.parametrize('text', ['', 'memory_mb', '>=5', '= x', 'a b=c'])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match='is not a condition; write name'):
        criteria.parse(text)
