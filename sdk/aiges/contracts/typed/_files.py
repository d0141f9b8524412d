# SPDX-License-Identifier: Apache-2.0
"""Files that a call has uploaded: on disk while the call runs, for engines that want a path."""

from __future__ import annotations

import os
import tempfile
from contextvars import ContextVar
from pathlib import Path

__all__ = ["CallFiles", "keep_file"]

_MOST_NAME, _MOST_SUFFIX = 100, 20
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

    def keep(self, data: bytes, name: str) -> Path:
        """Write a file; its name is made harmless."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="aiges-")
        file = Path(tempfile.mkdtemp(dir=self._folder.name)) / _harmless(name)
        file.write_bytes(data)
        return file

    def close(self) -> None:
        """Remove them."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def keep_file(data: bytes, name: str) -> Path:
    """Write a file of the call whose inputs are being read."""
    files = _current.get()
    assert files is not None
    return files.keep(data, name)


def _harmless(name: str) -> str:
    plain = os.path.basename(name.replace("\\", "/")).replace("\0", "").strip().lstrip(".")
    stem, suffix = os.path.splitext(plain)
    suffix = suffix[:_MOST_SUFFIX]
    return (stem[: _MOST_NAME - len(suffix)] + suffix) or "file"
