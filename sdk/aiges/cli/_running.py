# SPDX-License-Identifier: Apache-2.0
"""The loader that ``asectl serve`` runs in a project, for the other commands there.

A note of it lies in the folder ``.asectl`` of the project while it serves, so that a command in
that folder, or below it, needs no address.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Running", "find_running", "forget", "note"]

FOLDER, FILE = ".asectl", "serve.json"


@dataclass(frozen=True)
class Running:
    """``http`` is a URL, or empty where HTTP is off; ``grpc`` host:port; ``pid`` asectl's own."""

    pid: int
    service: str
    grpc: str
    http: str


def note(project: Path, running: Running) -> None:
    """Leave the note; a folder that cannot be written to has none."""
    folder = project / FOLDER
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        made = folder / f"{FILE}.{running.pid}"
        made.write_text(json.dumps(asdict(running)), encoding="utf-8")
        made.replace(folder / FILE)


def forget(project: Path) -> None:
    """Take our own note away, and the folder with it; what others have left there stays."""
    found = _read(project)
    if found is None or found.pid != os.getpid():
        return
    with contextlib.suppress(OSError):
        (project / FOLDER / FILE).unlink()
        (project / FOLDER / ".gitignore").unlink()
        (project / FOLDER).rmdir()


def find_running(folder: Path | None = None) -> Running | None:
    """Return what serves in this folder or one above; None: nothing does."""
    here = (folder or Path.cwd()).absolute()
    for each in (here, *here.parents):
        found = _read(each)
        if found is not None and _lives(found.pid):
            return found
    return None


def _read(project: Path) -> Running | None:
    try:
        return Running(**json.loads((project / FOLDER / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
