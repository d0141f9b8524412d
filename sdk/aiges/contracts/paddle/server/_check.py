# SPDX-License-Identifier: Apache-2.0
"""``serve check``: whether what serving needs is there."""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Callable

from aiges._programs import native_program
from aiges.contracts.paddle import _library

__all__ = ["check"]


def check() -> int:
    """Print a line for each thing, and return the exit status: 0 where all that is needed is."""
    needed: list[tuple[str, Callable[[], str]]] = [
        ("Python", platform.python_version),
        ("AIService", _loader),
        ("numpy", lambda: _version("numpy")),
        ("protobuf", lambda: _version("google.protobuf")),
        ("paddlepaddle", _paddle),
    ]
    missing = 0
    for name, look in needed:
        try:
            said = look()
        except Exception as fault:
            missing += 1
            said = f"MISSING: {str(fault).splitlines()[0] if str(fault) else type(fault).__name__}"
        print(f"{name:<14}{said}")
    print(f"{'GPU':<14}{_gpus()}")
    print("The environment is ready." if not missing else f"{missing} of these are missing.")
    sys.stdout.flush()
    return 1 if missing else 0


def _loader() -> str:
    found = native_program("AIService")
    if found is None:
        raise FileNotFoundError("install AIGES, or set AIGES_BIN to its folder")
    return str(found)


def _version(name: str) -> str:
    return str(importlib.import_module(name).__version__)


def _paddle() -> str:
    paddle = _library.paddle()
    _library.inference()
    return str(paddle.__version__)


def _gpus() -> str:
    try:
        paddle = _library.paddle()
        if not paddle.is_compiled_with_cuda():
            return "none: this paddlepaddle is the one for CPUs"
        return str(paddle.device.cuda.device_count())
    except Exception:
        return "unknown"
