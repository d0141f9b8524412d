# SPDX-License-Identifier: Apache-2.0
"""The values of the config centre. Immutable; no I/O."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "Config",
    "Conflict",
    "Entry",
    "LoaderStatus",
    "RegistryError",
    "Scope",
    "Service",
    "diff",
    "revision_of",
]


class RegistryError(Exception):
    """The registry cannot be reached, or refuses; the text says what was tried and why not."""


class Conflict(RegistryError):
    """Somebody else has pushed meanwhile. ``expected`` and ``found`` are revisions."""

    def __init__(self, scope: Scope, expected: str, found: str) -> None:
        super().__init__(
            f"{scope}: expected revision {expected or '(no files)'}, "
            f"found {found or '(no files)'}: pull, and push again"
        )
        self.scope, self.expected, self.found = scope, expected, found


@dataclass(frozen=True)
class Scope:
    """What a set of files is for: all loaders with these four words. Raises ValueError."""

    service: str = "svcName"
    project: str = "AIpaas"
    group: str = "hu"
    version: str = "1.0.0"

    def __post_init__(self) -> None:
        for key in ("project", "group", "service", "version"):
            value = getattr(self, key)
            if not value or "/" in value:
                raise ValueError(f"{key}: expected text without a slash, got {value!r}")

    def __str__(self) -> str:
        return f"{self.project}/{self.group}/{self.service}/{self.version}"


def revision_of(files: Mapping[str, str]) -> str:
    """Return the name of a content: the same files have the same revision everywhere.

    It is the first 12 hex digits of the SHA-256 over ``<length>:<path><length>:<text>`` for each
    file, in the order of the paths' UTF-8 bytes, lengths in decimal bytes; empty without files.
    ``loader/registry/tree.cc`` computes the same.
    """
    if not files:
        return ""
    digest = hashlib.sha256()
    for path, text in sorted((p.encode("utf-8"), t.encode("utf-8")) for p, t in files.items()):
        digest.update(b"%d:%b%d:%b" % (len(path), path, len(text), text))
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Config:
    """The files of one scope (relative path to text), and their revision."""

    files: Mapping[str, str] = field(default_factory=dict[str, str])
    revision: str = ""

    @classmethod
    def of(cls, files: Mapping[str, str]) -> Config:
        """Return the files with their revision."""
        return cls(dict(files), revision_of(files))


@dataclass(frozen=True)
class Entry:
    """One push, as the history keeps it. ``time``: seconds since 1970."""

    revision: str
    time: float
    author: str
    message: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class LoaderStatus:
    """What one loader says about the newest files it has seen.

    ``result`` is ``applied``, ``refused`` (``errors`` say why) or ``restart needed`` (``restart``
    has the keys that wait for it). ``time``: seconds since 1970.
    """

    id: str
    revision: str
    result: str
    errors: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    time: float = 0.0


@dataclass(frozen=True)
class Service:
    """One loader as it is registered. ``standing``: ready, not ready or doubted."""

    name: str
    id: str
    address: str
    http_address: str
    standing: str
    tags: tuple[str, ...]
    meta: Mapping[str, str]


def diff(a: Config, b: Config) -> str:
    """Return what changes from ``a`` to ``b`` as a unified diff of all files; empty: nothing."""
    out: list[str] = []
    for name in sorted({*a.files, *b.files}):
        before, after = a.files.get(name), b.files.get(name)
        if before == after:
            continue
        lines = difflib.unified_diff(
            (before or "").splitlines(),
            (after or "").splitlines(),
            f"a/{name}" if before is not None else "/dev/null",
            f"b/{name}" if after is not None else "/dev/null",
            lineterm="",
        )
        made = list(lines)
        if not made:  # An empty file came or went, or only the end of the last line is another.
            made = [f"--- a/{name}", f"+++ b/{name}"]
        out += made
    return "".join(f"{line}\n" for line in out)
