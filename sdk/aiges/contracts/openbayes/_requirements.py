# SPDX-License-Identifier: Apache-2.0
"""requirements.txt beside the predictor, which the platform installs: is all of it there?"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

__all__ = ["missing"]

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")
_OURS = frozenset(("openbayes-serving",))  # In our place.
_MOST_BYTES = 1 << 20


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
    except OSError:
        return []
    lines = text.replace("\\\n", " ").splitlines()
    return [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]


def _problem(line: str) -> str:
    """Return what is wrong with what one line asks for, "" where it is there."""
    found = _NAME.match(line)
    if not found or line.startswith(("-", ".", "/")) or "://" in line.split(";")[0].split("@")[0]:
        return ""  # An option, a folder, an address: pip's to read.
    if _canonical(found.group(1)) in _OURS:
        return ""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return _absent(found.group(1))
    try:
        asked = Requirement(line.split(" --")[0])
    except InvalidRequirement:
        return ""
    if asked.marker is not None and not asked.marker.evaluate():
        return ""
    if problem := _absent(asked.name):
        return problem
    there = importlib.metadata.version(asked.name)
    if asked.specifier.contains(there, prereleases=True):
        return ""
    return f"{asked.name}{asked.specifier} ({there} is installed)"


def _absent(name: str) -> str:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"{name} (not installed)"
    return ""


def missing(folder: Path) -> list[str]:
    """Return what the file names and this Python does not have, each with what is wrong."""
    problems = (_problem(line) for line in _lines(folder / "requirements.txt") if line)
    return [problem for problem in problems if problem]
