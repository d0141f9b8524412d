# SPDX-License-Identifier: Apache-2.0
"""A worker that is to take the place of another waits until that one trains no more.

Both know the place by a file of the data folder. Trainings hold its lock, shared; the worker that
comes waits for it, alone, before it is ready, and lets go when the old one is gone or the first
call has come: until then no training begins that the replacement would cut off.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from pathlib import Path

from aiges.contracts.aipod._disk import Disk, _lock, own_seat

__all__ = ["Seat"]

_LOG = logging.getLogger("aiges.aipod")
_LOOK_S, _TELL_S = 0.05, 60.0


def _parent_of(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


class Seat:
    """The place of this worker. Without a number of it, nothing is waited for."""

    def __init__(self, disk: Disk) -> None:
        seat = own_seat()
        self._file = disk.seat_file(seat) if seat else -1
        self._lock = threading.Lock()
        self._alone = False  # Ours alone, until the old worker is gone.
        self._trainings = 0

    def take(self) -> None:
        """Wait for the trainings of the worker that has the place. Once, before calls come."""
        if self._file < 0:
            return
        begin = told = time.monotonic()
        while not _lock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            if told == begin or time.monotonic() - told > _TELL_S:
                _LOG.warning("waiting until the worker that is replaced has trained its model")
                told = time.monotonic() + 1e-6
            time.sleep(_LOOK_S)
        text = os.pread(self._file, 20, 0).decode(errors="replace").strip()
        old = int(text) if text.isdigit() else 0
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)
        self._alone = True
        if old == os.getpid() or _parent_of(old) != os.getppid():
            self.served()
            return
        threading.Thread(target=self._wait_for, args=(old,), name="seat", daemon=True).start()

    def _wait_for(self, old: int) -> None:
        while self._alone and _parent_of(old) == os.getppid():
            time.sleep(_LOOK_S)
        self.served()

    def served(self) -> None:
        """Hear that calls come here: the old worker has none any more."""
        if not self._alone:
            return
        with self._lock:
            if self._alone:
                self._alone = False
                _lock(self._file, fcntl.LOCK_SH if self._trainings else fcntl.LOCK_UN)

    def begin_training(self) -> bool:
        """Let nobody take the place; False: somebody is about to."""
        with self._lock:
            free = self._file < 0 or self._alone or self._trainings > 0
            if not free and not _lock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB):
                return False
            self._trainings += 1
            return True

    def end_training(self) -> None:
        """Say that a training has ended."""
        with self._lock:
            self._trainings -= 1
            if self._trainings == 0 and self._file >= 0 and not self._alone:
                _lock(self._file, fcntl.LOCK_UN)
