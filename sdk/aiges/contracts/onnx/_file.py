# SPDX-License-Identifier: Apache-2.0
"""Which file is served, and the configuration beside it."""

from __future__ import annotations

import os
from pathlib import Path

from aiges.contracts._detect import folders_here

__all__ = ["find_model"]


def find_model(said: str) -> Path:
    """Return the file: ``said``, what ``[aiges] app`` names, or the one that there is.

    Raises ValueError, with what was looked at.
    """
    app = os.environ.get("AIGES_APP", "")
    for key, name in (("[wrapper] model", said), ("[aiges] app", app)):
        if name:
            return _named(key, name)
    folders = folders_here()
    for folder in folders:
        found = sorted(file for file in folder.glob("*.onnx") if file.is_file())
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(file.name for file in found[:10])
            raise ValueError(
                f"expected one .onnx file in {folder}, found {len(found)} ({names}): name one in "
                "[wrapper] model"
            )
    looked = ", ".join(str(folder) for folder in folders)
    raise ValueError(
        f"expected a .onnx file in one of {looked}, found none: name one in [wrapper] model"
    )


def _named(key: str, name: str) -> Path:
    for folder in [Path(), *folders_here()]:
        if (folder / name).is_file():
            return (folder / name).absolute()
    looked = ", ".join(str(folder) for folder in folders_here())
    raise ValueError(f"{key}: expected a file, got {name}, which is in none of {looked}")
