# SPDX-License-Identifier: Apache-2.0
"""Which Python runs the user's code: one rule for serve, check, run and schema.

``[instances] python`` of aiges.toml, else that of the virtual environment which is active
(``$VIRTUAL_ENV``), else the one that asectl itself runs in.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiges._narrow import is_mapping
from aiges.cli._errors import CliError

__all__ = ["default_python", "is_ours", "python_for"]


def default_python() -> str:
    """Return the interpreter where no file says one."""
    active = os.environ.get("VIRTUAL_ENV", "")
    found = Path(active, "bin", "python")
    if active and os.access(found, os.X_OK):
        return str(found)
    return sys.executable


def python_for(project: Path, tables: Mapping[str, Any]) -> str:
    """Return the interpreter for a project; ``tables`` are those of its aiges.toml."""
    instances = tables.get("instances", {})
    named = instances.get("python") if is_mapping(instances) else None
    if not isinstance(named, str) or not named:
        return default_python()
    found = shutil.which(named) if os.sep not in named else str(project / named)
    if found is None or not os.access(found, os.X_OK):
        raise CliError(f"[instances] python: expected an interpreter, found none: {named}")
    return found


def is_ours(python: str) -> bool:
    """Tell whether it is the environment of this process: the same program in the same folder."""

    def place(path: str) -> tuple[str, str]:
        folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
        return folder, os.path.realpath(path)

    return place(python) == place(sys.executable)
