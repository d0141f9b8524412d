# SPDX-License-Identifier: Apache-2.0
"""How many retries a client may send: retries must not become the load that breaks a service."""

from __future__ import annotations

import threading
import time
from typing import Callable

__all__ = ["RetryBudget"]


AGE_S = 0.01  # So long what was earned counts as new: a call need not compute how it fades.


class RetryBudget:
    """A bucket of tokens, one for each retry. Thread-safe.

    Every call pays ``share`` of a token in; half of that is lost in 5 s. ``least_per_s`` more come
    by themselves, at most one second's worth at once, so that a client with few calls can retry.
    """

    def __init__(
        self,
        share: float = 0.2,
        least_per_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share, self._least_per_s, self._clock = share, least_per_s, clock
        self._lock = threading.Lock()
        self._free = least_per_s  # What came by itself: at most one second's worth.
        self._earned = 0.0  # What calls paid in.
        self._at = clock()

    def called(self, now: float | None = None) -> None:
        """Count a call (its first try). ``now``: the clock's time, where the caller has it."""
        with self._lock:
            if (self._clock() if now is None else now) - self._at > AGE_S:
                self._age()
            self._earned += self._share

    def take(self) -> bool:
        """Take a token for one retry; False when there is none, then do not retry."""
        with self._lock:
            self._age()
            if self._free >= 1:
                self._free -= 1
                return True
            if self._earned >= 1:
                self._earned -= 1
                return True
            return False

    def _age(self) -> None:
        now = self._clock()
        passed = max(0.0, now - self._at)
        self._at = now
        self._free = min(self._least_per_s, self._free + passed * self._least_per_s)
        self._earned *= 0.5 ** (passed / 5.0)
