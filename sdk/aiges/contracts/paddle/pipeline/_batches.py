# SPDX-License-Identifier: Apache-2.0
"""Calls of several threads that an op works on together.

A thread that comes while there is room leads: it waits for company, at most so long as the first
call may wait, and works for all. Who comes meanwhile waits. One that has led gives the lead to the
first that waits. So a call that comes alone has no thread change.
"""

from __future__ import annotations

import threading
from collections import deque
from time import perf_counter
from typing import Any, Callable

from aiges.contracts.paddle.pipeline._errors import Code, Failed

__all__ = ["Batches", "Item"]

_LOOK_S = 0.1


class Item:
    """A call in a batch. ``data`` is what the last step made of it."""

    __slots__ = (
        "data", "data_id", "done", "failed", "has_place", "inputs", "log_id", "marks", "since",
        "wake",
    )  # fmt: skip

    def __init__(
        self, inputs: dict[str, Any], data_id: int, log_id: int, marks: list[float] | None
    ) -> None:
        self.inputs, self.data_id, self.log_id, self.marks = inputs, data_id, log_id, marks
        self.data: Any = None
        self.failed: Failed | None = None
        self.done = False
        self.has_place = False  # Its thread may lead, and has not begun to.
        self.since = perf_counter()
        self.wake: threading.Condition | None = None


class Batches:
    """``work`` is given up to ``size`` items, in ``count`` threads at a time.

    ``stuck`` is asked from time to time while an item waits: what it returns is its end.
    """

    def __init__(
        self,
        count: int,
        size: int,
        wait_s: float,
        work: Callable[[list[Item], Callable[[], None]], None],
        stuck: Callable[[], Failed | None],
    ) -> None:
        self._size, self._wait_s, self._work, self._stuck = size, wait_s, work, stuck
        self._lock = threading.Lock()
        self._free = count
        self._waiting: deque[Item] = deque()
        self._company = threading.Condition(self._lock)  # Of leaders that wait for it.

    def run(self, item: Item) -> Any:
        """Return what the work made of it. Raises its Failed."""
        with self._lock:
            self._waiting.append(item)
            if self._free > 0:
                self._free -= 1
                item.has_place = True
            else:
                self._company.notify()
        while self._may_lead(item):
            items = self._collect(item)
            if items:
                self._lead(items)
            else:
                self._leave()
        if item.has_place:  # Given when others had it in hand already.
            self._leave()
        if item.failed is not None:
            raise item.failed
        return item.data

    def _may_lead(self, item: Item) -> bool:
        """Wait until the item is done (False), or its thread is to lead."""
        with self._lock:
            while not item.done and not item.has_place:
                if item.wake is None:
                    item.wake = threading.Condition(self._lock)
                if not item.wake.wait(_LOOK_S) and item in self._waiting:
                    item.failed = self._stuck()
                    if item.failed is not None:
                        self._waiting.remove(item)
                        item.done = True
            if not item.done:
                item.has_place = False
                return True
            return False

    def _collect(self, item: Item) -> list[Item]:
        """Wait for company; return a batch, or nothing where others were faster."""
        with self._lock:
            while self._waiting and not item.done:
                left = self._waiting[0].since + self._wait_s - perf_counter()
                if len(self._waiting) >= self._size or left <= 0:
                    break
                self._company.wait(left)
            count = min(self._size, len(self._waiting))
            return [self._waiting.popleft() for _ in range(count)]

    def _lead(self, items: list[Item]) -> None:
        """Work on them. The work gives the place back (``_leave``), at once or later."""
        try:
            self._work(items, self._leave)
        except BaseException as fault:  # Of ours. Nobody waits for ever.
            for each in items:
                if each.failed is None:
                    each.failed = Failed(Code.UNKNOW, f"{type(fault).__name__}: {fault}", fault)
        with self._lock:
            for each in items:
                each.done = True
                if each.wake is not None:
                    each.wake.notify()

    def _leave(self) -> None:
        """Give a place to the first that waits. Any thread."""
        with self._lock:
            for each in self._waiting:
                if not each.has_place:
                    each.has_place = True
                    if each.wake is not None:
                        each.wake.notify()
                    return
            self._free += 1
