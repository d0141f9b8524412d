# SPDX-License-Identifier: Apache-2.0
"""What workers that share a data folder tell each other by files in it.

``<data folder>/.aiges/`` has for each version a number that grows with each initialize and train, a
lock that its initialize or train holds, and a wish to cancel. Locks are flock's: they go with their
process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import logging
import mmap
import os
import threading
import time
from pathlib import Path
from urllib.parse import quote

from aiges.contracts.aipod._versions import OWN

__all__ = ["DEFAULT_PATH", "TRAIN", "Disk", "Held", "Signature"]

Signature = tuple[int, int]  # Differs whenever the number has been raised.

DEFAULT_PATH = "appdata/"
TRAIN = "train"  # What a lock says that is held for long.
_LOG = logging.getLogger("aiges.aipod")
_MOST_NAME = 180
_LOOK_S, _LOOK_AGAIN_S = 0.005, 1.0
_NEWS, _MOST_KNOWN = 8, 4096
_NO_LOCKS = frozenset((errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))


@functools.lru_cache(maxsize=4096)
def _name_of(version: str) -> str:
    name = quote(version, safe="")
    if len(name) <= _MOST_NAME:
        return name
    return name[:_MOST_NAME] + "-" + hashlib.sha256(version.encode()).hexdigest()[:16]


class Held:
    """A lock that is held until :meth:`free`."""

    def __init__(self, file: int) -> None:
        self._file = file

    def free(self) -> None:
        """Give it back. Once."""
        if self._file >= 0:
            file, self._file = self._file, -1
            with contextlib.suppress(OSError):
                os.ftruncate(file, 0)
            with contextlib.suppress(OSError):  # It is closed all the same.
                os.close(file)


class Disk:
    """The files of one data folder."""

    def __init__(self, data_path: str | None) -> None:
        self.folder = Path(data_path or DEFAULT_PATH).absolute()
        self._own = str(self.folder / OWN)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[bytes, float, Signature | None]] = {}
        self._news = self._share_news()

    def _path(self, version: str, what: str) -> str:
        return f"{self._own}/{_name_of(version)}.{what}"

    def _open(self, path: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(self._own, exist_ok=True)
            return os.open(path, flags, 0o666)

    # --- how often a version has been initialized or trained ---

    def signature(self, version: str) -> Signature | None:
        """Return what differs when others have initialized or trained it; None: nobody has.

        Other workers of this machine are heard of at once, by memory that all share; other machines
        with the same data folder within a second.
        """
        news = self._news[:] if self._news is not None else b""
        known = self._known.get(version)
        if known is not None and known[0] == news and time.monotonic() < known[1]:
            return known[2]
        until = time.monotonic() + (_LOOK_AGAIN_S if news else 0.0)
        try:
            told = os.stat(self._path(version, "generation"))
            signature = told.st_mtime_ns, told.st_ino
        except OSError:
            signature = None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[version] = (news, until, signature)
        return signature

    def _share_news(self) -> mmap.mmap | None:
        """Return memory that differs whenever somebody has raised a number, if there is any."""
        try:
            file = self._open(f"{self._own}/news")
            try:
                if os.fstat(file).st_size < _NEWS:
                    os.pwrite(file, bytes(_NEWS), 0)  # Its place on the disk is taken, too.
                return mmap.mmap(file, _NEWS)
            finally:
                os.close(file)
        except (OSError, ValueError):
            return None

    def raise_generation(self, version: str) -> Signature | None:
        """Tell all workers that what they have of the version is old; return the signature."""
        path = self._path(version, "generation")
        try:
            with self._lock:
                os.makedirs(self._own, exist_ok=True)
                try:
                    with open(path, encoding="ascii") as old:
                        number = int(old.read() or 0)
                except (OSError, ValueError):
                    number = 0
                fresh = f"{path}.{os.getpid()}"
                with open(fresh, "w", encoding="ascii") as new:
                    new.write(f"{number + 1}\n")
                os.replace(fresh, path)
                if self._news is not None:
                    self._news[:] = os.urandom(_NEWS)
        except OSError as fault:
            _LOG.warning("other workers are not told of version %r: %s", version, fault)
        return self.signature(version)

    # --- one initialize or train of a version at a time ---

    def hold(self, version: str, what: str) -> Held | None:
        """Hold the version's lock for ``what``, after a wait if need be; None: it is trained.

        Where the file system has no locks, it is held all the same: for this worker alone. Raises
        OSError where the disk is full or broken.
        """
        try:
            file = self._open(self._path(version, "lock"))
        except OSError as fault:
            _LOG.warning("version %r is not locked: %s", version, fault)
            return Held(-1)
        try:
            while not _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
                if os.pread(file, 100, 0) == TRAIN.encode():
                    os.close(file)
                    return None
                time.sleep(_LOOK_S)
            os.ftruncate(file, 0)
            os.pwrite(file, what.encode(), 0)
        except BaseException:
            os.close(file)
            raise
        return Held(file)

    def is_known(self, version: str) -> bool:
        """Whether anybody has ever held it."""
        return os.path.exists(self._path(version, "lock"))

    def wish_cancel(self, version: str) -> None:
        """Tell the worker that trains the version to stop."""
        os.close(self._open(self._path(version, "cancel")))

    def take_wish(self, version: str) -> bool:
        """Whether another worker wants it to stop; that is known then."""
        try:
            os.unlink(self._path(version, "cancel"))
        except OSError:
            return False
        return True


def _lock(file: int, how: int) -> bool:
    """Take the lock, or return False. True, too, where the file system knows no locks."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError as fault:
        if fault.errno not in _NO_LOCKS:
            raise
    return True
