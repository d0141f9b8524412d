# SPDX-License-Identifier: Apache-2.0
"""Lets so many calls be in the user's code at a time; what more come wait without a thread.

So pages and probes are answered while a model is busy, and a model that is not made for threads
gets one call after the other, as it does from the server that it was written for.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, Callable

import aiges_embed

from aiges.contracts._http import Handler, HttpCall, HttpFace
from aiges.contracts._threads import DoorThreads
from aiges.contracts.seldon._rest import Rest

__all__ = ["Lane", "LaneHttp"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.seldon")


class Lane:
    """Runs work on the threads that bring it. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], object]] = deque()

    def run(self, work: Callable[[], object]) -> None:
        """Run it now, or let a thread that is at work run it later."""
        with self._lock:
            if self._free == 0:
                self._waiting.append(work)
                return
            self._free -= 1
        while True:
            try:
                work()
            except BaseException as fault:
                _LOG.error("a call has ended its thread's work", exc_info=fault)
            with self._lock:
                if not self._waiting:
                    self._free += 1
                    return
                work = self._waiting.popleft()

    def call(self, work: Callable[[], Any]) -> Any:
        """Run it when its turn comes, and return what it returns. Raises what it raises."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as fault:
                done.set_exception(fault)

        self.run(run)
        return done.result()


class LaneHttp(HttpFace):
    """What needs no code of the user's is answered beside the lane."""

    def __init__(self, doors: DoorThreads, rest: Rest, most_body: int, lane: Lane) -> None:
        super().__init__(doors, rest.handle, most_body, rest.too_large)
        self._lane, self._rest = lane, rest

    def _serve(self, call: HttpCall, handler: Handler) -> None:
        if handler == self._rest.too_large or self._rest.is_free(call.pseudo["path"]):
            super()._serve(call, handler)
        else:
            self._lane.run(functools.partial(super()._serve, call, handler))
