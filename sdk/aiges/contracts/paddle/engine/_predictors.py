# SPDX-License-Identifier: Apache-2.0
"""Predictors of one model, which share its weights, for calls that run at the same time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from typing import Any

__all__ = ["Predictors"]


class Predictors:
    """At most ``most`` clones of one predictor, made when they are needed. Threads: any.

    The first one only gives clones: a predictor that runs is not cloned at the same time.
    """

    def __init__(self, base: Any, most: int) -> None:
        self._base, self._most = base, most
        self._lock = threading.Condition()
        self._idle = [base.clone()]
        self._made = 1

    @property
    def base(self) -> Any:
        """The one that never runs: it tells names."""
        return self._base

    @contextlib.contextmanager
    def lent(self) -> Generator[Any, None, None]:
        """Give one for the time of a call; wait while all are in use."""
        predictor = self._take()
        try:
            yield predictor
        finally:
            with self._lock:
                self._idle.append(predictor)  # The last one used is next: its memory is warm.
                self._lock.notify()

    def _take(self) -> Any:
        with self._lock:
            while not self._idle:
                if self._made < self._most:
                    made = self._base.clone()
                    self._made += 1
                    return made
                self._lock.wait()
            return self._idle.pop()
