# SPDX-License-Identifier: Apache-2.0
"""The log, as models write into it: lines of stderr, which the host keeps with its own."""

from __future__ import annotations

import os
import sys

__all__ = ["Logger"]

_VERBOSE = "AIGES_TRITON_LOG_VERBOSE"
_LETTERS = {"INFO": "I", "WARNING": "W", "ERROR": "E", "VERBOSE": "V"}


class _Level(str):
    __slots__ = ()


class Logger:
    """All of it is static."""

    INFO, WARNING = _Level("INFO"), _Level("WARNING")
    ERROR, VERBOSE = _Level("ERROR"), _Level("VERBOSE")

    @staticmethod
    def log(message: str, level: _Level = INFO) -> None:
        """Write a line."""
        _write(message, level)

    @staticmethod
    def log_info(message: str) -> None:
        """Write a line."""
        _write(message, Logger.INFO)

    @staticmethod
    def log_warn(message: str) -> None:
        """Write a line."""
        _write(message, Logger.WARNING)

    @staticmethod
    def log_error(message: str) -> None:
        """Write a line."""
        _write(message, Logger.ERROR)

    @staticmethod
    def log_verbose(message: str) -> None:
        """Write a line, where AIGES_TRITON_LOG_VERBOSE is set."""
        _write(message, Logger.VERBOSE)


def _write(message: str, level: _Level) -> None:
    if not isinstance(message, str):
        raise TypeError(f"message: expected a str, got {type(message).__name__}")
    if not isinstance(level, _Level):
        raise TypeError(f"level: expected one of Logger's, got {type(level).__name__}")
    if level is Logger.VERBOSE and not os.environ.get(_VERBOSE):
        return
    frame = sys._getframe(2)
    where = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
    print(f"{_LETTERS[level]} {where}] {message}", file=sys.stderr, flush=True)
