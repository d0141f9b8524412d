# SPDX-License-Identifier: Apache-2.0
"""Work with a time: who waits goes on when it is over, the work itself cannot be ended.

So what runs too long keeps the place of its op (:class:`Lease`) until it ends: an op whose code
hangs does not hang in ever more threads.
"""

from __future__ import annotations

import contextvars
import threading
from queue import SimpleQueue
from typing import Any, Callable

__all__ = ["Lease", "within"]

Work = Callable[[], Any]


class Lease:
    """The place of a call in an op; given back when all that use it have ended."""

    def __init__(self, free: Callable[[], Any]) -> None:
        self._free, self._users = free, 1
        self._lock = threading.Lock()
        self.is_late = False  # Something has run too long in it.

    def hold(self) -> bool:
        """Count one more user, which has run too long. True: it is the first."""
        with self._lock:
            self._users += 1
            was, self.is_late = self.is_late, True
        return not was

    def drop(self) -> None:
        """Count one less."""
        with self._lock:
            self._users -= 1
            is_last = self._users == 0
        if is_last:
            self._free()


class _Task:
    def __init__(self, work: Work, lease: Lease) -> None:
        self._work, self._lease = work, lease
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._is_late = self.is_first = False
        self.result: Any = None
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._context.run(self._work)
        except BaseException as fault:
            self.fault = fault
        with self._lock:
            self._done.set()
            is_late = self._is_late
        if is_late:
            self._lease.drop()

    def wait(self, seconds: float) -> bool:
        """Return whether it has ended in time."""
        if self._done.wait(seconds):
            return True
        with self._lock:
            if not self._done.is_set():
                self._is_late = True
                self.is_first = self._lease.hold()
        return not self._is_late


class _Thread:
    """A thread that does one task after another."""

    def __init__(self) -> None:
        self._tasks: SimpleQueue[_Task] = SimpleQueue()
        threading.Thread(target=self._work, name="op-process", daemon=True).start()

    def put(self, task: _Task) -> None:
        self._tasks.put(task)

    def _work(self) -> None:
        while True:
            self._tasks.get().run()
            _idle.append(self)


_idle: list[_Thread] = []  # Those that have ended late come back, too.


def within(seconds: float, work: Work, lease: Lease, late: Callable[[bool], Exception]) -> Any:
    """Return what the work returns; raise what it raises.

    When its time is over, raise ``late(first)``; first: before, nothing was late in that lease.
    """
    task = _Task(work, lease)
    try:
        thread = _idle.pop()
    except IndexError:
        thread = _Thread()
    thread.put(task)
    if not task.wait(seconds):
        raise late(task.is_first)
    if task.fault is not None:
        raise task.fault
    return task.result
