# SPDX-License-Identifier: Apache-2.0
"""Whether memory grows with each of many calls.

What malloc has given out (mallinfo2 of glibc) shows a leak of a few bytes. Resident memory shows
only large ones, but also those of an allocator of the plugin's own.
"""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass
from typing import Any, Callable

__all__ = ["FEWEST", "Growth", "growth"]

ROUNDS, CALLS = 4, 100
FEWEST = 10  # Calls of a round: with fewer, chance decides.
LEAST_BYTES = 16  # For each call. The smallest block of malloc takes 32.
PAGE = os.sysconf("SC_PAGE_SIZE")
DECLARED = """
struct mallinfo2 {
  size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 mallinfo2(void);
"""


@dataclass(frozen=True)
class Growth:
    """Bytes for each of ``calls`` calls. ``heap`` is 0 where nothing is lost, or nobody knows."""

    heap: int
    resident: int
    calls: int


def _heap() -> Callable[[], int]:
    """Return a function for the bytes in use of malloc; always 0 without mallinfo2."""
    import cffi  # type: ignore[import-untyped]

    ffi = cffi.FFI()
    ffi.cdef(DECLARED)
    library: Any = ffi.dlopen(None)
    try:
        ask = library.mallinfo2
    except AttributeError:
        return lambda: 0

    def in_use() -> int:
        said = ask()
        return int(said.uordblks) + int(said.hblkhd)

    return in_use


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE


def growth(call: Callable[[], object], limit_s: float) -> Growth | None:
    """Call again and again; None: too slow to tell.

    A leak grows in every round, a cache that fills and a pool do not: the least of them counts.
    """
    heap = _heap()
    begin = time.monotonic()
    gc.collect()
    gc.disable()
    try:
        rounds: list[int] = []
        calls = first = last = 0
        for number in range(ROUNDS + 1):  # The first one is to warm up.
            until = begin + limit_s * (number + 1) / (ROUNDS + 1)
            done = 0
            while done < CALLS and (not done or time.monotonic() < until):
                call()
                done += 1
            if done < FEWEST:
                return None
            now = heap()
            if number == 0:
                first = _resident()
            else:
                rounds.append((now - last) // done)
                calls += done
            last = now
        least = min(rounds)
        resident = (_resident() - first) // calls
        return Growth(least if least >= LEAST_BYTES else 0, resident, calls)
    finally:
        gc.enable()
