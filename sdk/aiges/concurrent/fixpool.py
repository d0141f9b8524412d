# SPDX-License-Identifier: Apache-2.0
"""A pool that takes no more than a number of workers."""

from __future__ import annotations

import threading
from typing import Any

from aiges.concurrent.pool import Pool
from aiges.worker import Worker

__all__ = ["FixedPool", "Pool", "Worker"]


class FixedPool(Pool):
    """Keeps at most ``capacity`` objects, by the names that it gives them. Thread-safe."""

    capacity = 1
    allocated = 0
    pool: dict[str, Any] = {}  # Of each object its own, made below.

    def __init__(self) -> None:
        self.pool = {}
        self._lock = threading.Lock()

    def set_capacity(self, c: int) -> None:
        """Change how many may be in it."""
        self.capacity = c

    def get(self, key: str) -> Any:
        """Return what has that name; None when nothing has."""
        return self.pool.get(key)

    def add(self, obj: Any) -> tuple[bool, str]:
        """Keep an object. Returns (True, its name), or (False, "") when the pool is full."""
        with self._lock:
            if self.allocated >= self.capacity:
                return False, ""
            names = (f"worker-{number}" for number in range(len(self.pool) + 1))
            key = next(name for name in names if name not in self.pool)
            self.pool[key] = obj
            self.allocated += 1
            return True, key

    def remove(self, key: str) -> bool:
        """Forget a name; one that is not there is no fault."""
        with self._lock:
            if self.pool.pop(key, None) is not None:
                self.allocated -= 1
            return True

    def clear_all(self) -> None:
        """Forget all."""
        with self._lock:
            self.pool = {}
            self.allocated = 0
