# SPDX-License-Identifier: Apache-2.0
"""The host's wrapperCallback: one function, kept for good, that knows every call by its usrTag.

A plugin may call back from any thread and, by mistake, after the end of a session; then it must
find a function and be told -1, and the user must be told of it.
"""

from __future__ import annotations

import threading
from typing import Any, Callable

from aiges.cli._findings import Findings
from aiges.cli._native import CALLBACK_KIND, Calls

__all__ = ["Answers", "Callbacks"]

Target = Callable[[Any, int], int]
NOBODY = -1


class Callbacks:
    """Thread-safe. ``pointer`` is what the plugin gets."""

    def __init__(self, ffi: Any, findings: Findings, file: str) -> None:
        self._ffi, self._findings, self._place = ffi, findings, (file, 0)
        self._lock = threading.Lock()
        self._targets: dict[bytes, Target | None] = {}  # None: destroyed.
        self._tags: dict[bytes, Any] = {}
        self.pointer = ffi.callback(CALLBACK_KIND, self._called, NOBODY)

    def begin(self, tag: bytes, target: Target) -> Any:
        """Take results for ``tag``; returns it in C, where it stays valid for good."""
        with self._lock:
            self._targets[tag] = target
            if tag not in self._tags:
                self._tags[tag] = self._ffi.new("char[]", tag)
            return self._tags[tag]

    def destroyed(self, tag: bytes) -> None:
        """The session is over: a callback from now on is a fault."""
        with self._lock:
            self._targets[tag] = None

    def _called(self, tag: Any, items: Any, code: int) -> int:
        if tag == self._ffi.NULL:
            self._wrong("called back with the usrTag NULL", "pass the usrTag of the call")
            return NOBODY
        name = bytes(self._ffi.string(self._ffi.cast("const char *", tag)))
        with self._lock:
            known, target = name in self._targets, self._targets.get(name)
        if target is not None:
            return target(items, code)
        if known:
            fix = "stop and join what works for a session before wrapperDestroy returns"
            self._wrong("called back after wrapperDestroy", fix)
        else:
            shown = name.decode(errors="replace")[:80]
            fix = "pass the usrTag that wrapperCreate or wrapperExecAsync got, or an equal string"
            self._wrong(f"called back with the usrTag {shown!r}, which no call has", fix)
        return NOBODY

    def _wrong(self, text: str, fix: str) -> None:
        self._findings.add("wrapperCallback", text, fix, self._place)


class Answers:
    """What a session or call has got. ``ended``: by an error, or by the end of the stream."""

    def __init__(self, calls: Calls, only_one: bool = False) -> None:
        self._calls, self._only_one = calls, only_one
        self.ended = threading.Event()
        self.code = 0
        self.items: list[tuple[str, int, bytes]] = []

    def take(self, items: Any, code: int) -> int:
        """Be the target of a tag."""
        if self.ended.is_set():
            return NOBODY
        made = [] if code else self._calls.items("wrapperCallback", items)
        self.code = code
        self.items += made
        if code or self._only_one or any(status in (2, 3) for _, status, _ in made):
            self.ended.set()
        return 0
