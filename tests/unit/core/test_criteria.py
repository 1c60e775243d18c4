"""Conditions on properties: what is read, what is refused, and the laws of the comparison."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from esi_leap.core.criteria import ORDER, Criterion, Fact, Sign, facts, parse
from esi_leap.core.errors import InvalidError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30)
WORDS = st.text('abcXYZ019._-:/ ü🚀', max_size=8)
VALUES = st.none() | st.booleans() | NUMBERS | WORDS | st.lists(st.integers(), max_size=2)
FLIPPED = {'<': '>=', '<=': '>', '>': '<=', '>=': '<', '=': '!='}

HARDWARE = {
    'cpus': '40',
    'memory_mb': 131072,
    'cpu_arch': 'x86_64',
    'ratio': 1.5,
    'gpu': True,
    'rack': ' r7 ',
    'disks': [1, 2],
    'nothing': None,
}


def holds(text: str, properties: Mapping[str, object] = HARDWARE) -> bool:
    return parse(text).holds(facts(properties))


@pytest.mark.parametrize(
    'text',
    [
        'cpus=40',
        'cpus = 40.0',
        'cpus=4e1',
        'cpus>=40',
        'cpus>9',
        'cpus<100',
        'cpus<=+40',
        'cpus!=41',
        'memory_mb>=131072',
        'memory_mb=131072',
        'cpu_arch=x86_64',
        'cpu_arch != aarch64',
        'cpu_arch in x86_64,aarch64',
        'cpu_arch in (aarch64, x86_64)',
        'cpu_arch  in  ( x86_64 )',
        'cpus in 8,40',
        'cpus in 40.0',
        'ratio>-1',
        'ratio<1.50001',
        'gpu=true',
        'gpu exists',
        'rack=r7',
        'disks exists',
        'disks!=1',
        '  cpus>=1  ',
    ],
)
def test_it_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    'text',
    [
        'cpus>40',
        'cpus<9',
        'cpus=forty',
        'cpus!=40.0',
        'memory_mb<131072',
        'cpu_arch=X86_64',
        'cpu_arch=x86',
        'cpu_arch=x86_6.',
        'cpu_arch=',
        'cpu_arch in aarch64,x86',
        'cpu_arch>=1',
        'cpu_arch<1',
        'gpu=1',
        'gpu=True',
        'disks=[1, 2]',
        'disks>1',
        'nothing exists',
        'nothing!=x',
        'missing exists',
        'missing=1',
        'missing!=1',
        'missing<1',
        'missing in 1,2',
        'Cpus=40',
    ],
)
def test_it_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'Write a name, an operator and a value.'),
        ('cpus', 'Write a name, an operator and a value.'),
        ('>=40', 'Write a name, an operator and a value.'),
        ('cpus=>40', "'=>' is not an operator; =, !=, <, <=, >, >=, in, exists are."),
        ('cpus==40', "'==' is not an operator"),
        ('cpus<>40', "'<>' is not an operator"),
        ('cpus=~4.*', "'=~' is not an operator"),
        ('cpus!40', "'!' is not an operator"),
        ('cpus like 4', "'like' is not an operator"),
        ('cpus IN 4', "'IN' is not an operator"),
        ('my cpus=4', "'cpus=4' is not an operator"),
        ('cpus exists 4', "'exists' takes no value."),
        ('cpus in', "'in' takes values, separated by commas."),
        ('cpus>=', "'>=' compares numbers, and '' is none."),
        ('cpus>=forty', "'>=' compares numbers, and 'forty' is none."),
        ('cpus<0x10', "'<' compares numbers, and '0x10' is none."),
        ('cpus>nan', "'>' compares numbers, and 'nan' is none."),
        ('cpus>1_000', "'>' compares numbers, and '1_000' is none."),
        ('cpus>inf', "'>' compares numbers, and 'inf' is none."),
        ('cpus>1e999', "'>' compares numbers, and '1e999' is none."),
        ('cpus>٤٠', "'>' compares numbers, and '٤٠' is none."),
    ],
)
def test_what_is_no_condition_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse(text)
    assert why in caught.value.message
    assert caught.value.details == {'field': 'property'}


@given(VALUES, NUMBERS)
def test_a_condition_and_its_opposite_divide_the_numbers(value: object, bound: float) -> None:
    known = facts({'p': value})
    for sign, opposite in FLIPPED.items():
        one, other = (
            parse(f'p{sign}{bound}').holds(known),
            parse(f'p{opposite}{bound}').holds(known),
        )
        ordered = 'p' in known and (sign == '=' or known['p'].number is not None)
        assert (one != other) == ordered
        assert not (one and other)


@given(NUMBERS, NUMBERS)
def test_numbers_compare_as_numbers_however_they_are_written(one: float, two: float) -> None:
    for stored in (one, str(one), json.dumps(one), f' {one} '):
        number = Fact.of(stored).number
        assert number is not None
        known = facts({'p': stored})
        for sign, compare in ORDER.items():
            bound = Fact.of(two).number
            assert bound is not None
            assert parse(f'p {sign} {two}').holds(known) == compare(number, bound)
        assert parse(f'p={two}').holds(known) == (number == Fact.of(two).number)


@given(VALUES, st.lists(WORDS.filter(lambda each: ',' not in each), min_size=1, max_size=3))
def test_in_is_any_of_equals(value: object, words: list[str]) -> None:
    assume(','.join(words).strip() and not words[0].strip().startswith('('))
    known = facts({'p': value})
    either = any(parse(f'p={word}').holds(known) for word in words)
    assert parse(f'p in {",".join(words)}').holds(known) == either


@given(VALUES, st.sampled_from([each for each in Sign if each is not Sign.EXISTS]))
def test_what_a_node_does_not_have_meets_no_condition(value: object, sign: Sign) -> None:
    criterion = Criterion('p', sign, (Fact.of(1),))
    assert not criterion.holds({})
    assert not criterion.holds(facts({'p': None, 'q': value}))
    assert parse('p exists').holds(facts({'p': value})) == (value is not None)


@given(st.text(max_size=30))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        criterion = parse(text)
    except InvalidError:
        return
    assert criterion.name
    assert criterion.holds({}) is False


@given(st.dictionaries(st.text(max_size=300), VALUES, max_size=5))
def test_facts_can_be_kept_by_every_database(properties: dict[str, object]) -> None:
    for name, fact in facts(properties).items():
        assert name == name.strip()
        assert 0 < len(name) <= 255
        assert '\0' not in name
        assert fact.text is None or len(fact.text) <= 255
        assert fact.number is None or abs(fact.number) < float('inf')


def test_what_is_too_long_is_there_and_equals_nothing() -> None:
    known = facts({'p': 'x' * 256, 'x' * 256: 1, 'q': '\0', '\0': 1})
    assert set(known) == {'p', 'q'}
    assert parse('p exists').holds(known)
    assert not parse(f'p={"x" * 256}').holds(known)
    assert parse(f'p!={"x" * 256}').holds(known)
