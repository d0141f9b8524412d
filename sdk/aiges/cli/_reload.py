# SPDX-License-Identifier: Apache-2.0
"""Which files of a project have changed, for ``asectl serve --reload``.

All that an engine may have imported or read from its project: code, configuration and the small
files beside it. Not what others put there: environments, caches, hidden folders, and data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Watch"]

ENDINGS = (
    ".py",
    ".toml",
    ".json",
    ".yaml",
    ".yml",
    ".pbtxt",
    ".jinja",
    ".j2",
    ".html",
    ".so",
    ".go",
    ".rs",
    ".java",
    ".xml",
    ".jar",
)
NOT_OURS = frozenset(("__pycache__", "site-packages", "node_modules", "log", "result", "target"))
MOST_FILES = 5000
_Marks = dict[str, tuple[int, int, int]]


class Watch:
    """Belongs to one thread. ``files`` are watched beside what lies in the folders."""

    def __init__(self, folders: Iterable[Path], files: Iterable[Path] = ()) -> None:
        self._folders = list(dict.fromkeys(os.path.realpath(each) for each in folders))
        self._files = [str(each) for each in files]
        self._seen = self._look()

    def changed(self) -> str:
        """Return a file that is new or another since the last call; empty: none is.

        One that is gone is being replaced: its successor will be noticed.
        """
        now, found = self._look(), ""
        for path, mark in now.items():
            if self._seen.get(path) != mark:
                found = path
        self._seen.update(now)
        return found

    def _look(self) -> _Marks:
        marks: _Marks = {}
        for file in self._files:
            _mark(file, marks)
        for folder in self._folders:
            self._below(folder, marks)
        return marks

    def _below(self, folder: str, marks: _Marks) -> None:
        for root, folders, files in os.walk(folder):
            folders[:] = [
                each
                for each in folders
                if not each.startswith(".")
                and each not in NOT_OURS
                and not os.path.exists(os.path.join(root, each, "pyvenv.cfg"))
            ]
            for name in files:
                if name.endswith(ENDINGS) and not name.startswith("."):
                    _mark(os.path.join(root, name), marks)
            if len(marks) >= MOST_FILES:
                return


def _mark(path: str, marks: _Marks) -> None:
    try:
        found = os.stat(path)
    except OSError:
        return
    marks[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
