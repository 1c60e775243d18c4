"""Values that a process believes for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

_Value = TypeVar('_Value')

#: A bound on memory, not a rule: when there are more, the one unused longest is forgotten.
_MOST = 10_000


class Cache(Generic[_Value]):
    """Values by key, shared by threads.

    Args:
        ttl: seconds for which a value is believed.
    """

    def __init__(self, ttl: float) -> None:
        self._lock = threading.Lock()
        self._values: TTLCache[Hashable, _Value] = TTLCache(_MOST, ttl)

    def peek(self, key: Hashable) -> _Value | None:
        """Return the value that is believed, or None if there is none."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: Hashable, value: _Value) -> None:
        """Believe a value from now on."""
        with self._lock:
            self._values[key] = value

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Return the value that is believed, made if there is none.

        It is made outside the lock: another service is asked for it.
        """
        value = self.peek(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value
