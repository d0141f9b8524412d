# SPDX-License-Identifier: Apache-2.0
"""Names of versions, which are folders, too; and how a folder is put in the place of another."""

from __future__ import annotations

import ctypes
import functools
import os
import secrets
import shutil
from pathlib import Path

__all__ = ["DEFAULT", "OWN", "check_version", "replace_folder", "version_problem"]

DEFAULT = "default"
OWN = ".aiges"  # What begins so beside versions is ours.

_AT_FDCWD, _EXCHANGE = -100, 2  # Of renameat2(2).


@functools.lru_cache(maxsize=4096)
def version_problem(version: str) -> str:
    """Return why a version cannot be a folder in the data folder, or ""."""
    shown = version if len(version) <= 200 else version[:200] + ".."
    parts = version.split("/")
    if "\0" in version or any(part in ("", ".", "..") for part in parts):
        return (
            f"version {shown!r}: expected a name, or names joined by single slashes, without "
            '"." and ".." among them: it is a folder in the data folder'
        )
    if any(part.startswith(OWN) for part in parts):
        return f'version {shown!r}: names that begin with "{OWN}" are the host\'s'
    return ""


def check_version(version: str) -> str:
    """Return the version. Raises ValueError where it cannot be one."""
    problem = version_problem(version)
    if problem:
        raise ValueError(problem)
    return version


def replace_folder(folder: Path, files: dict[str, str]) -> None:
    """Let the folder have these texts and nothing else, at one moment.

    The new folder is whole, and on the disk, before the old one goes; where writing fails, the old
    one stays as it was. Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    fresh = folder.parent / f"{OWN}-new-{token}"
    try:
        fresh.mkdir()
        for name, text in files.items():
            with open(fresh / name, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
        old = _put(fresh, folder, token)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _put(fresh: Path, folder: Path, token: str) -> Path | None:
    """Put it there; return where the old one lies now."""
    if not os.path.lexists(folder):
        os.rename(fresh, folder)
        return None
    if _exchange(fresh, folder):
        return fresh
    old = folder.parent / f"{OWN}-old-{token}"  # A file system without exchange: two steps.
    os.rename(folder, old)
    try:
        os.rename(fresh, folder)
    except BaseException:
        os.rename(old, folder)
        raise
    return old


def _exchange(one: Path, other: Path) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    done = renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
    return int(done) == 0
