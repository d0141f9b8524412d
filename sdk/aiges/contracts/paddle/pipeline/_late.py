# SPDX-License-Identifier: Apache-2.0
"""Work with a time: who waits goes on when it is over, the work itself cannot be ended.

What runs too long gives up the place of its op (:class:`Lease`) to the calls behind it. Only so
many may: the next ones keep theirs until they end, so an op whose code hangs does not hang in ever
more threads.
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

    def __init__(self, free: Callable[[], Any], spares: threading.Semaphore | None = None) -> None:
        self._free, self._spares, self._users = free, spares, 1
        self._lock = threading.Lock()
        self.is_late = False  # Something has run too long in it.

    def hold(self) -> tuple[bool, Callable[[], Any]]:
        """Take what has run too long, and return what is to be done when it ends.

        With a spare, the place is not its own any more. Else it is one more user; True: the first.
        """
        if self._spares is not None and self._spares.acquire(blocking=False):
            return False, self._spares.release
        with self._lock:
            self._users += 1
            was, self.is_late = self.is_late, True
        return not was, self.drop

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
        self._after: Callable[[], Any] | None = None  # Of what is late.
        self.is_first = False
        self.result: Any = None
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._context.run(self._work)
        except BaseException as fault:
            self.fault = fault
        with self._lock:
            self._done.set()
            after = self._after
        if after is not None:
            after()

    def wait(self, seconds: float) -> bool:
        """Return whether it has ended in time."""
        if self._done.wait(seconds):
            return True
        with self._lock:
            if not self._done.is_set():
                self.is_first, self._after = self._lease.hold()
        return self._after is None


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

    When its time is over, raise ``late(first)``; first: by this the place of the lease is lost.
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
