# SPDX-License-Identifier: Apache-2.0
"""Which of an op's processes this is: the first number that no living one has."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["take"]

_MOST = 4096
_kept: list[int] = []  # Descriptors whose locks last as long as the process.


def take(folder: str) -> int:
    """Return a number from 0, which is this process's as long as it lives."""
    for number in range(_MOST):
        file = os.open(
            Path(folder) / f".seat{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            continue
        _kept.append(file)
        return number
    raise ValueError(f"{folder}: expected a free number below {_MOST}")
