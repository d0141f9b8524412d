# SPDX-License-Identifier: Apache-2.0
"""EXECUTION_ENV_PATH: the model's own Python, which the worker must run in already."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from aiges.contracts.triton._errors import LoadError
from aiges.contracts.triton._place import Place

__all__ = ["check_environment"]

_KEY, _MODEL = "EXECUTION_ENV_PATH", "$$TRITON_MODEL_DIRECTORY"


def check_environment(message: Any, place: Place) -> None:
    """Raise LoadError where the model names an environment that this process is not in."""
    if _KEY not in message.parameters:
        return
    text = message.parameters[_KEY].string_value
    path = Path(text.replace(_MODEL, str(place.model)))
    if path.is_file():
        raise LoadError(
            f"parameters.{_KEY}: archives are not unpacked here: unpack {path}, and name its folder"
        )
    python = path / "bin" / "python"
    if not python.exists():
        raise LoadError(f"parameters.{_KEY}: Path {path} does not exist, or has no bin/python.")
    if os.path.realpath(sys.prefix) != os.path.realpath(path):
        raise LoadError(
            f"parameters.{_KEY}: expected the worker to run in {path}, it runs in {sys.prefix}: "
            f'set [instances] python = "{python}"'
        )
