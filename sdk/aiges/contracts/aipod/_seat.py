# SPDX-License-Identifier: Apache-2.0
"""A worker that is to take the place of another waits until that one trains no more.

Who trains, or is about to take over, holds the name of the place: an abstract socket, which goes
with its process. The worker that comes takes it before it is ready, and lets go when the old one is
gone or the first call has come: until then no training begins that the replacement would cut off.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
import time
from pathlib import Path

__all__ = ["Seat", "others_of"]

_LOG = logging.getLogger("aiges.aipod")
_LOOK_S, _TELL_S = 0.05, 60.0


def _own_number() -> str:
    """Return the number of the instance that this worker is, or ""."""
    return _number_in("self", str(os.getppid()))


def _number_in(process: str, loader: str) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    # The worker's arguments: .. <instance> <the loader's process> ..
    for number, word in zip(words, words[1:]):
        if word == loader and number.isdigit():
            return number
    return ""


def _state_of(process: str) -> list[str]:
    """Return state, parent and so on (proc(5), stat), or nothing."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _is_ours(process: str, loader: str) -> bool:
    state = _state_of(process)
    return len(state) > 1 and state[0] not in "ZX" and state[1] == loader


def others_of(number: str) -> list[str]:
    """Return the processes that live as this instance of this loader, beside this one."""
    loader, own = str(os.getppid()), str(os.getpid())
    found = [name for name in os.listdir("/proc") if name.isdigit() and name != own]
    return [name for name in found if _is_ours(name, loader) and _number_in(name, loader) == number]


def _place(number: str) -> str:
    """Return a name that no other instance has, here or in another container."""
    begun = (_state_of(str(os.getppid())) + [""] * 20)[19]
    return f"\0aiges-aipod-{os.stat('/proc/self/ns/pid').st_ino}-{os.getppid()}-{begun}-{number}"


class Seat:
    """The place of this worker. Without a number of it, nothing is waited for."""

    def __init__(self) -> None:
        self._number = _own_number()
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self._alone = False  # It is held until the old worker is gone.
        self._trainings = 0

    def take(self) -> None:
        """Wait for the trainings of the worker that has the place. Once, before calls come."""
        old = others_of(self._number) if self._number else []
        if not old:
            return
        told = 0.0
        while not self._hold():
            if told == 0.0 or time.monotonic() - told > _TELL_S:
                _LOG.warning("waiting until the worker that is replaced has trained its model")
                told = time.monotonic()
            time.sleep(_LOOK_S)
        self._alone = True
        threading.Thread(target=self._wait_for, args=(old,), name="seat", daemon=True).start()

    def _hold(self) -> bool:
        """Hold the name; False: another process does."""
        if self._held is not None or not self._number:
            return True
        held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            held.bind(_place(self._number))
        except OSError as fault:
            held.close()
            if fault.errno == errno.EADDRINUSE:
                return False
            _LOG.warning("a reload will not wait for trainings: %s", fault)
            return True
        self._held = held
        return True

    def _let_go(self) -> None:
        if self._held is not None and not self._alone and self._trainings == 0:
            self._held.close()
            self._held = None

    def _wait_for(self, old: list[str]) -> None:
        loader = str(os.getppid())
        while self._alone and any(_is_ours(process, loader) for process in old):
            time.sleep(_LOOK_S)
        self.served()

    def served(self) -> None:
        """Hear that calls come here: the old worker has none any more."""
        if not self._alone:
            return
        with self._lock:
            self._alone = False
            self._let_go()

    def begin_training(self) -> bool:
        """Let nobody take the place; False: somebody is about to."""
        with self._lock:
            if not self._hold():
                return False
            self._trainings += 1
            return True

    def end_training(self) -> None:
        """Say that a training has ended."""
        with self._lock:
            self._trainings -= 1
            self._let_go()
