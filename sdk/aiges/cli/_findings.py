# SPDX-License-Identifier: Apache-2.0
"""What a check found: one thing that is wrong, where, and how to mend it."""

from __future__ import annotations

import os
import re
import traceback
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

__all__ = ["ERROR", "NOTE", "WARNING", "Finding", "Findings", "place_in_dump", "place_of_error"]

# A note is no fault: it says what the check could not try.
ERROR, WARNING, NOTE = "error", "warning", "note"
FAULT_LINE = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass(frozen=True)
class Finding:
    """``hook`` is the function it is about; ``line`` is 0 where nobody knows it."""

    level: str
    hook: str
    text: str
    fix: str
    file: str = ""
    line: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it for --json."""
        return asdict(self)

    def shown(self, base: str) -> str:
        """Return it as text; files are relative to ``base`` where they are in it."""
        where = ""
        if self.file:
            file = os.path.relpath(self.file, base)
            file = self.file if file.startswith("..") else file
            where = f"{file}:{self.line}: " if self.line else f"{file}: "
        hook = f"{self.hook}: " if self.hook else ""
        fix = f"\n    fix: {self.fix}" if self.fix else ""
        return f"{where}{self.level}: {hook}{self.text}{fix}"


class Findings:
    """A list of findings, each once. ``folder`` has the files of the user."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self.all: list[Finding] = []
        self._known: set[Finding] = set()

    def add(
        self,
        hook: str,
        text: str,
        fix: str,
        place: tuple[str, int] = ("", 0),
        level: str = ERROR,
    ) -> None:
        """Note something that is wrong at ``place``, a file and a line."""
        made = Finding(level, hook, text, fix, *place)
        if made not in self._known:
            self._known.add(made)
            self.all.append(made)

    def not_tried(self, hook: str, reason: str, place: tuple[str, int] = ("", 0)) -> None:
        """Note that a function was not called, and why."""
        self.add(hook, f"not tried: {hook}, because {reason}", "", place, NOTE)

    def raised(
        self,
        hook: str,
        error: BaseException,
        fix: str,
        place: tuple[str, int] = ("", 0),
        level: str = ERROR,
    ) -> None:
        """Note an exception, at the last line of it that is in the user's files."""
        found = place_of_error(error, self.folder)
        text = f"raised {type(error).__name__}: {error}"
        self.add(hook, text, fix, found if found[0] else place, level)


def place_of_error(error: BaseException, folder: str) -> tuple[str, int]:
    """Return file and line of an exception: in the folder if it passed there, else the last."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    trace: TracebackType | None = error.__traceback__
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(trace)]
    own = [each for each in frames if _lies_in(each[0], folder + os.sep)]
    if own:
        return own[-1]
    return ("", 0)


def place_in_dump(text: str, folder: str) -> tuple[str, int]:
    """Return the first place in the folder from what faulthandler wrote."""
    inside = os.path.realpath(folder) + os.sep
    for file, line in FAULT_LINE.findall(text):
        if _lies_in(file, inside):
            return file, int(line)
    return ("", 0)


def _lies_in(file: str, inside: str) -> bool:
    """Tell whether it is a file there; "<frozen runpy>" and its like are none."""
    return not file.startswith("<") and os.path.realpath(file).startswith(inside)
