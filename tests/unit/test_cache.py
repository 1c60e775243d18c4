"""What a process believes for a while."""

import pytest

from esi_leap import cache
from esi_leap.cache import Cache


def test_value_is_made_once_until_it_expires() -> None:
    known: Cache[str] = Cache(ttl=1000)
    made = iter(('first', 'second'))

    assert known.peek('key') is None
    assert [known.get('key', lambda: next(made)) for _ in range(3)] == ['first'] * 3
    assert known.peek('key') == 'first'
    assert known.peek('another') is None

    known.put('key', 'newer')
    assert known.get('key', lambda: next(made)) == 'newer'


def test_expired_value_is_made_again() -> None:
    known: Cache[int] = Cache(ttl=0)
    made = iter(range(3))

    assert [known.get('key', lambda: next(made)) for _ in range(3)] == [0, 1, 2]
    assert known.peek('key') is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, '_MOST', 3)
    known: Cache[int] = Cache(ttl=1000)
    for key in range(100):
        known.put(key, key)

    believed = [key for key in range(100) if known.peek(key) is not None]

    assert 99 in believed
    assert len(believed) <= 4
