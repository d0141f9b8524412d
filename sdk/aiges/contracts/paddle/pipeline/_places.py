# SPDX-License-Identifier: Apache-2.0
"""So many calls at a time in an op.

A call that runs too long leaves its place to the next one; where many do, places are missing until
they end.
"""

from __future__ import annotations

import threading
from typing import Callable

from aiges.contracts.paddle.pipeline._late import Lease

__all__ = ["Places"]

_MOST_ABANDONED = 16  # Threads of an op beside its places.


class Places:
    """``count`` places. ``limit_s``: what a call may take in one; 0: no limit."""

    def __init__(self, count: int, limit_s: float) -> None:
        self._count, self._limit_s = count, limit_s
        self._room = threading.Lock() if count == 1 else threading.Semaphore(count)
        self._lock = threading.Lock()
        self._late = 0
        self._spares = threading.Semaphore(_MOST_ABANDONED)
        self.take_plainly: Callable[[], object] = self._room.acquire
        self.give: Callable[[], object] = self._room.release

    @property
    def are_lost(self) -> bool:
        """Whether all are held by what has run too long."""
        return self._late >= self._count

    def take(self) -> bool:
        """Wait for a place. False: there is none, for all are lost."""
        while not self._room.acquire(timeout=self._limit_s):
            if self.are_lost:
                return False
        return True

    def lease(self, free: Callable[[], object] | None = None) -> Lease:
        """Return what holds a place that was taken. ``free``: gives it back; else ``give``."""
        give = free or self.give

        def end() -> None:
            if lease.is_late:
                self.count_late(-1)
            give()

        lease = Lease(end, self._spares)
        return lease

    def count_late(self, by: int) -> None:
        """Count a place that is lost, or found again."""
        with self._lock:
            self._late += by
