"""A cache of values that expire, shared by the threads of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

_Value = TypeVar('_Value')

#: Most values; beyond, the least recently used one is dropped. A bound on memory, not a rule.
_MOST = 10_000


class Cache(Generic[_Value]):
    """Values by key, shared by threads.

    Args:
        ttl: seconds after which a value expires.
    """

    def __init__(self, ttl: float) -> None:
        self._lock = threading.Lock()
        self._values: TTLCache[Hashable, _Value] = TTLCache(_MOST, ttl)

    def peek(self, key: Hashable) -> _Value | None:
        """Return the value of a key, None if there is none or it has expired."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: Hashable, value: _Value) -> None:
        """Keep a value for the next `ttl` seconds."""
        with self._lock:
            self._values[key] = value

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Return the value of a key; make and keep it if there is none or it has expired.

        `make` runs outside the lock: it asks another service.
        """
        value = self.peek(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value
