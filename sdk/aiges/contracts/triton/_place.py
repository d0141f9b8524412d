# SPDX-License-Identifier: Apache-2.0
"""Where the model lies, and what it is called.

A version's folder in that of a model (``add/1/model.py``, ``add/config.pbtxt``), the folder of a
model, whose version with the highest number is taken, or one folder with both files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aiges.contracts._detect import folders_here
from aiges.contracts.triton._config import CONFIG
from aiges.contracts.triton._errors import LoadError

__all__ = ["Place", "find", "instance_number"]

MODEL = "model.py"


class Place(NamedTuple):
    """``model`` and ``version``: the folders; of a model in one folder they are the same."""

    name: str
    number: str
    model: Path
    version: Path
    config: Path

    @property
    def is_versioned(self) -> bool:
        """Whether the version has a folder of its own."""
        return self.model != self.version


def is_number(name: str) -> bool:
    """Whether a folder of that name is a version."""
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0")


def _versions(folder: Path) -> list[int]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return []
    return sorted(int(e.name) for e in entries if is_number(e.name) and e.is_dir())


def _of_version(folder: Path) -> Place:
    model = folder.parent
    return Place(model.name, folder.name, model, folder, model / CONFIG)


def _look(folder: Path) -> Place | None:
    folder = folder.resolve()
    if is_number(folder.name) and ((folder / MODEL).is_file() or (folder.parent / CONFIG).exists()):
        return _of_version(folder)
    if (folder / MODEL).is_file():
        return Place(folder.name, "1", folder, folder, folder / CONFIG)
    versions = _versions(folder)
    if versions and ((folder / CONFIG).is_file() or (folder / str(versions[-1]) / MODEL).is_file()):
        return _of_version(folder / str(versions[-1]))
    if (folder / CONFIG).is_file():
        return Place(folder.name, "1", folder, folder, folder / CONFIG)
    return None


def find(environment: Mapping[str, str]) -> Place:
    """Return the place of the model, in the folders of the user's code. Raises LoadError.

    Of a repository the host says name, version and folder.
    """
    model = environment.get("AIGES_MODEL_FOLDER")
    if model:
        folder = Path(model).resolve()
        name = environment.get("AIGES_MODEL_NAME") or folder.name
        number = environment.get("AIGES_MODEL_VERSION") or "1"
        return Place(name, number, folder, Path.cwd().resolve(), folder / CONFIG)
    folders = [Path.cwd(), *folders_here()]
    for folder in folders:
        place = _look(folder)
        if place is not None:
            return place
    shown = ", ".join(dict.fromkeys(map(str, folders)))
    raise LoadError(f"expected model.py, or a version's folder and config.pbtxt, in {shown}")


def instance_number() -> int:
    """Return the number of this worker among those of the model."""
    words = Path("/proc/self/cmdline").read_bytes().split(b"\0")
    for at, word in enumerate(words[:-1]):
        if word.rpartition(b"/")[2] in (b"aiges-worker", b"libaiges-worker.so"):
            number = words[at + 1]
            return int(number) if number.isdigit() else 0
    return 0
