# SPDX-License-Identifier: Apache-2.0
"""A fetched model takes the place of the one that is served: all of it at one moment, or nothing.

The new folder is made beside the old one: its files, with the fetched ones over them, and a fresh
``fluid_time_file``. Then the two change places.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import tarfile
from pathlib import Path

from aiges.contracts.paddle import _conf
from aiges.contracts.paddle.engine import _files

__all__ = ["install", "unpack"]

_AT_FDCWD, _EXCHANGE = -100, 2
_MOST_BYTES = 64 << 30  # Of what an archive unpacks to.


def unpack(file: Path, folder: Path, inner: str) -> Path:
    """Return the folder with the model's files: unpacked, or as it was fetched.

    ``inner``: which folder of the archive it is. Raises ValueError for what is no such archive.
    """
    if file.is_dir():
        return file / inner if inner else file
    if not tarfile.is_tarfile(file):
        alone = folder / "files"
        alone.mkdir()
        shutil.move(str(file), str(alone / file.name))
        return alone
    made = folder / "unpacked"
    made.mkdir()
    with tarfile.open(file) as archive:
        _extract(archive, made)
    place = made / inner if inner else _only_folder(made)
    if not place.is_dir():
        raise ValueError(f"{file.name}: expected the folder {inner} in it")
    return place


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack files and folders; nothing else, and nothing outside of the folder."""
    size = 0
    for member in archive:
        path = os.path.normpath(member.name)
        if path.startswith((os.sep, "..")):
            raise ValueError(f"{member.name[:200]}: expected a path inside of the archive")
        if member.isdir():
            (folder / path).mkdir(parents=True, exist_ok=True)
            continue
        content = archive.extractfile(member) if member.isfile() else None
        if content is None:
            raise ValueError(f"{member.name[:200]}: expected files and folders only")
        size += member.size
        if size > _MOST_BYTES:
            raise ValueError(f"expected at most {_MOST_BYTES} bytes in the archive")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with content, (folder / path).open("wb") as made:
            shutil.copyfileobj(content, made, 1 << 20)


def _only_folder(folder: Path) -> Path:
    """Return the one folder that an archive has, as most have, or the archive's own place."""
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def install(files: Path, target: Path, mark: str) -> None:
    """Put the files over those of the target. Raises ValueError where that makes no model."""
    fresh = target.with_name(f".{target.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        if target.is_dir():
            shutil.copytree(target, fresh)
        _drop_old_model(fresh, files)
        shutil.copytree(files, fresh, dirs_exist_ok=True)
        _conf.read(fresh, _conf.SERVER)
        _files.find(fresh)
        (fresh / mark).unlink(missing_ok=True)
        (fresh / mark).touch()
        _swap(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _drop_old_model(fresh: Path, files: Path) -> None:
    """Take the old model's files away where the new one is under other names."""
    try:
        new = _files.find(files)
        old = _files.find(fresh)
    except ValueError:
        return  # Parts of a model, as users may send them, or the first one.
    for file in (old.program, old.params):
        if file is not None and file.name not in (
            new.program.name,
            getattr(new.params, "name", ""),
        ):
            file.unlink(missing_ok=True)


def _swap(fresh: Path, target: Path) -> None:
    """Let the two folders change places: at one moment where the kernel can do that."""
    if not target.exists():
        os.rename(fresh, target)
        return
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    paths = os.fsencode(fresh), os.fsencode(target)
    if exchange is not None and exchange(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _EXCHANGE) == 0:
        return
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    os.rename(target, old)
    os.rename(fresh, target)
    shutil.rmtree(old, ignore_errors=True)
