"""Values that a process believes for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Value = TypeVar('_Value')

#: A bound on memory, not a rule: when there are more, all are forgotten.
_MOST = 10_000


class Cache(Generic[_Value]):
    """Values by key, shared by threads.

    Args:
        ttl: seconds for which a value is believed.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._lock = threading.Lock()
        self._values: dict[Hashable, tuple[float, _Value]] = {}

    def peek(self, key: Hashable) -> _Value | None:
        """Return the value that is believed, or None if there is none."""
        with self._lock:
            found = self._values.get(key)
        return None if found is None or found[0] <= time.monotonic() else found[1]

    def put(self, key: Hashable, value: _Value) -> None:
        """Believe a value from now on."""
        with self._lock:
            if len(self._values) > _MOST:
                self._values.clear()
            self._values[key] = (time.monotonic() + self._ttl, value)

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Return the value that is believed, made if there is none."""
        value = self.peek(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value
