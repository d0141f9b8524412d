# SPDX-License-Identifier: Apache-2.0
"""Files that a call has uploaded: on disk while the call runs, for engines that want a path.

What only they need is imported with the first of them: it takes longer than all of a typed model.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tempfile

__all__ = ["CallFiles", "keep_file"]

_MOST_NAME, _MOST_SUFFIX = 100, 20
_ANY = "application/octet-stream"
_current: ContextVar[CallFiles | None] = ContextVar("aiges_call_files", default=None)


class CallFiles:
    """Those of one call. ``with`` is around what reads its inputs; ``close()`` removes them."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> CallFiles:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)

    def keep(self, data: bytes, name: str, media: str = "") -> Path:
        """Write a file; its name is made harmless. ``media``: what is in it, for its suffix."""
        import tempfile

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="aiges-")
        file = Path(tempfile.mkdtemp(dir=self._folder.name)) / _harmless(name, media)
        file.write_bytes(data)
        return file

    def close(self) -> None:
        """Remove them."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def keep_file(data: bytes, name: str, media: str = "") -> Path:
    """Write a file of the call whose inputs are being read."""
    files = _current.get()
    assert files is not None
    return files.keep(data, name, media)


def _harmless(name: str, media: str) -> str:
    plain = os.path.basename(name.replace("\\", "/")).strip().lstrip(".")
    plain = "".join(c if c.isprintable() else "_" for c in plain)
    stem, suffix = os.path.splitext(plain)
    if not suffix and media != _ANY:
        import mimetypes

        suffix = mimetypes.guess_extension(media) or ""
    suffix = _cut(suffix, _MOST_SUFFIX)
    return (_cut(stem, _MOST_NAME - len(suffix)) or "file") + suffix


def _cut(text: str, most: int) -> str:
    """Return as much of a text as has so many bytes: of them file systems allow 255."""
    return text.encode()[:most].decode(errors="ignore")
