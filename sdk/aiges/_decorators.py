# SPDX-License-Identifier: Apache-2.0
"""What a ``predict`` asks of the host beside its hints: batches, threads."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

__all__ = ["Asked", "asked_of", "batch", "threads"]

Function = TypeVar("Function", bound=Callable[..., Any])

_ASKED = "__aiges_asked__"
_MOST, _MOST_DELAY_MS = 1024, 1000.0  # As [batch] and [instances] take them.


class Asked:
    """``threads`` and ``batch_size``: 0 where nothing is asked."""

    def __init__(self) -> None:
        self.threads = self.batch_size = 0
        self.batch_delay_ms = 0.0


def asked_of(function: Any) -> Asked:
    """Return what a function, or a method, asks."""
    found = getattr(function, _ASKED, None)
    return found if isinstance(found, Asked) else Asked()


def _asked(function: Any) -> Asked:
    found = asked_of(function)
    setattr(function, _ASKED, found)
    return found


def batch(*, max_size: int = 16, max_delay_ms: float = 0) -> Callable[[Function], Function]:
    """Let one call of ``predict`` answer up to ``max_size`` calls of clients.

    Each parameter is then a list with one value of each call, and what is returned a list with one
    result of each; an exception in it fails its call alone. A call waits at most ``max_delay_ms``
    for others. ``[batch]`` of aiges.toml is before this.
    """
    if isinstance(max_size, bool) or not isinstance(max_size, int) or not 1 <= max_size <= _MOST:
        raise ValueError(f"max_size: expected a number from 1 to {_MOST}, got {max_size!r}")
    if not isinstance(max_delay_ms, (int, float)) or not 0 <= max_delay_ms <= _MOST_DELAY_MS:
        raise ValueError(
            f"max_delay_ms: expected a number from 0 to {_MOST_DELAY_MS:.0f}, got {max_delay_ms!r}"
        )

    def mark(function: Function) -> Function:
        asked = _asked(function)
        asked.batch_size, asked.batch_delay_ms = max_size, float(max_delay_ms)
        return function

    return mark


def threads(count: int) -> Callable[[Function], Function]:
    """Let up to ``count`` calls of a plain ``predict`` run at once in one worker; else it is one.

    ``[instances] threads`` of aiges.toml is before this.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST:
        raise ValueError(f"threads: expected a number from 1 to {_MOST}, got {count!r}")

    def mark(function: Function) -> Function:
        _asked(function).threads = count
        return function

    return mark
