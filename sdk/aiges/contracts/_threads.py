# SPDX-License-Identifier: Apache-2.0
"""Threads that serve blocking handlers of door calls, beside the event loop of the worker.

A face (``grpc``, ``http``) says what a call is and serves it. Calls that came whole go to the
threads without the loop (wrapper/door_threads.h); what the loop sees first, a face puts here.
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any, Callable, Protocol

import aiges_embed

from aiges import context
from aiges._narrow import is_tuple
from aiges.contracts._doors import DoorLoop

__all__ = ["DoorThreads", "Face"]

host: Any = aiges_embed

_LOG = logging.getLogger("aiges.doors")


class Face(Protocol):
    """How calls of one kind are served."""

    def make(self, tag: str, pseudo: dict[str, str], fields: Any, data: bytes, last: bool) -> Any:
        """Make what is told what happens to the call. On the loop."""

    def begin(self, call: Any) -> None:
        """Begin a call that has come by the loop. On the loop."""

    def serve_simple(self, tag: str, path: str, client: str, fields: bytes, data: bytes) -> None:
        """Serve a call that has come whole. On a thread; ``fields``: name NUL value NUL, .."""


class DoorThreads:
    """The loop, and so many threads."""

    def __init__(self, most: int) -> None:
        self.grpc: Face | None = None
        self.http: Face | None = None
        self.loop = DoorLoop(self._begin, self._make)
        self._most = most
        self._threads: list[threading.Thread] = []

    def start(self, simple_grpc: list[str] | None = None) -> None:
        """Take calls from now on; those of gRPC's methods ``simple_grpc`` without the loop."""
        host._doors_threads(simple_grpc or [], self.http is not None)
        for number in range(self._most):
            thread = threading.Thread(target=self._work, name=f"door-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self.loop.listen()

    def put(self, work: Callable[[], object]) -> None:
        """Let a thread do it. Any thread."""
        host._doors_put(work)

    def put_for(self, call: Any, work: Callable[..., object], *args: Any) -> None:
        """Let a thread do work(call, *args), which knows which call it serves. Any thread."""
        self.put(functools.partial(_work_for, call, work, args))

    def end(self, seconds: float) -> None:
        """End the loop and the threads that wait, within that time."""
        host._doors_no_threads()
        self.loop.end(seconds)

    def _make(self, tag: str, grpc: bool, pseudo: dict[str, str], *rest: Any) -> Any:
        face: Any = self.grpc if grpc else self.http
        return face.make(tag, pseudo, *rest)

    def _begin(self, call: Any) -> None:
        call.face.begin(call)

    def _work(self) -> None:
        while (item := host._doors_next()) is not None:
            try:
                is_call = is_tuple(item)
                context._enter(item[0] if is_call else "")
                if is_call:
                    face: Any = self.grpc if item[1] else self.http
                    face.serve_simple(*item)
                else:
                    item()
            except BaseException as fault:
                _LOG.error("A call has ended its thread's work", exc_info=fault)


def _work_for(call: Any, work: Callable[..., object], args: tuple[Any, ...]) -> None:
    context._enter(call.tag)
    work(call, *args)
