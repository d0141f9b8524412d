# SPDX-License-Identifier: Apache-2.0
"""Pauses between tries that fail: they grow, and no two clients keep the same step."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Pauses of ``first_s``, twice that, .. up to ``most_s``, each of them half of it or more.

    Belongs to one thread.
    """

    def __init__(
        self, first_s: float = 0.2, most_s: float = 10.0, chance: random.Random | None = None
    ) -> None:
        self._first_s, self._most_s = first_s, most_s
        self._chance = chance or random.Random()
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the pause before the next try, in seconds."""
        whole = self._next_s
        self._next_s = min(whole * 2, self._most_s)
        return whole * (0.5 + 0.5 * self._chance.random())

    def reset(self) -> None:
        """Start from the shortest pause again: a try has succeeded."""
        self._next_s = self._first_s
