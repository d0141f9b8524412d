# SPDX-License-Identifier: Apache-2.0
"""The folder with the values of all instances: made by the command, or by the first worker."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

__all__ = ["VARIABLE", "make_folder"]

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "aiges-seldon-metrics"


def make_folder(loader: int, *, anew: bool = False) -> str:
    """Return the folder for the instances of that process, made where it is not there.

    ``anew``: what lies there is of an earlier process with that number, as a container's first one
    has it each time. A folder that the user has named is theirs. Folders of loaders that have ended
    are removed.
    """
    named = os.environ.get(VARIABLE)
    if named:
        os.makedirs(named, exist_ok=True)
        os.environ[VARIABLE.lower()] = named
        return named
    place = Path(tempfile.gettempdir())
    begin = f"{_PREFIX}-{os.getuid()}-"
    _remove_old(place, begin)
    folder = place / f"{begin}{loader}"
    if anew and folder.exists() and _is_ours(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not _is_ours(folder):
            folder = Path(tempfile.mkdtemp(prefix=begin))
    os.environ[VARIABLE] = os.environ[VARIABLE.lower()] = str(folder)  # Old clients: lower case.
    return str(folder)


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    return (
        stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    )


def _remove_old(place: Path, begin: str) -> None:
    for folder in place.glob(begin + "*"):
        number = folder.name[len(begin) :]
        if number.isdigit() and not os.path.exists(f"/proc/{number}") and _is_ours(folder):
            shutil.rmtree(folder, ignore_errors=True)
