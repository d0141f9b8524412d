# SPDX-License-Identifier: Apache-2.0
"""The package paddlepaddle, which is large and is imported only by what runs or writes models."""

from __future__ import annotations

import importlib
import os
import warnings
from typing import Any

__all__ = ["inference", "old_programs", "paddle"]


def paddle(part: str = "") -> Any:
    """Return ``paddle``, or a module in it. Raises ImportError, which says what to install."""
    if "GLOG_v" not in os.environ:
        os.environ.setdefault("GLOG_minloglevel", "1")  # Warnings and errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What it says of compilers is for those who build it.
        try:
            return importlib.import_module(f"paddle.{part}" if part else "paddle")
        except ModuleNotFoundError as fault:
            raise ImportError(
                f"expected the package paddlepaddle, which runs models "
                f"(pip install 'paddlepaddle>=3'): {fault}"
            ) from fault


def inference() -> Any:
    """Return ``paddle.inference``."""
    return paddle("inference")


def old_programs() -> Any:
    """Return a context in which programs are those of ``.pdmodel`` files, not of ``.json``."""
    return paddle("pir_utils").OldIrGuard()
