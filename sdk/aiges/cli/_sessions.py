# SPDX-License-Identifier: Apache-2.0
"""Sessions of a libwrapper.so: create, write, read or callback, destroy; alone and side by side."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiges.cli import _memory
from aiges.cli._callbacks import Answers, Callbacks
from aiges.cli._findings import ERROR, WARNING, Findings
from aiges.cli._native import SESSIONS, Calls, Values

__all__ = ["FUNCTIONS", "Sessions"]

FUNCTIONS = ("wrapperCreate", "wrapperWrite", "wrapperDestroy")
THREADS, SESSIONS_EACH, TOGETHER_LIMIT_S = 4, 3, 10.0
MOST_EMPTY_READS = 100
EMPTY_READ_PAUSE_S = 0.05
CALLBACK_TIMEOUT_S = 20.0
LATE_S = 0.3  # So long after the end a callback is waited for, which should not come.
LEAK_LIMIT_S = 6.0


class Sessions:
    """``reads``: they answer by wrapperRead. What is wrong is among the findings."""

    def __init__(
        self, calls: Calls, callbacks: Callbacks, findings: Findings, values: Values, reads: bool
    ) -> None:
        self._calls, self._callbacks, self._findings = calls, callbacks, findings
        self._values, self._reads = values, reads
        self._place = (calls.file, 0)

    def run(self) -> None:
        """Try one, then several side by side, then many one after the other."""
        before = len(self._findings.all)
        alone = self._one(b"test-session")
        if not self._reads:
            time.sleep(LATE_S)
        if alone is None or len(self._findings.all) > before:
            return
        if self._one(b"test-session-2") == alone:  # Else it answers at random.
            self._together(alone)
        self._calls.stage("sessions again and again")
        self._leaks()

    def _one(self, tag: bytes, quiet: bool = False) -> dict[str, bytes] | None:
        """Return what a session answered, by key; None: it failed."""
        calls, ffi = self._calls, self._calls.ffi
        answers = Answers(calls)
        name = self._callbacks.begin(tag, answers.take)
        code = ffi.new("int *")
        callback = ffi.NULL if self._reads else self._callbacks.pointer
        given = (name, self._values.params, callback, ffi.NULL, 0, code)
        handle = calls.call("wrapperCreate", *given, timed=not quiet)
        if code[0] != 0 or handle == ffi.NULL:
            if not quiet:
                self._not_created(handle, code[0])
            return None
        done = self._talk(handle, answers, quiet)
        destroyed = calls.call("wrapperDestroy", handle, timed=not quiet)
        self._callbacks.destroyed(tag)
        if destroyed != 0:
            self._add("wrapperDestroy", f"expected 0, got {destroyed}", "return 0")
        made: dict[str, bytes] = {}
        for key, _, data in answers.items:
            made[key] = made.get(key, b"") + data
        return made if done else None

    def _not_created(self, handle: Any, code: int) -> None:
        declared = self._calls.traits is not None
        self._add(
            "wrapperCreate",
            f"expected a handle and *errNum 0, got {handle}, {code} "
            f"({self._calls.error_text(code)})",
            "set *errNum to 0 and return a pointer that is not NULL"
            + ("" if declared else "; if it serves no sessions, say so: wrapperTraits without "
               "WTraitSessions"),
            # Other loaders require the symbol, so it may be a stub.
            ERROR if declared and self._calls.says(SESSIONS, True) else WARNING,
        )  # fmt: skip

    def _talk(self, handle: Any, answers: Answers, quiet: bool) -> bool:
        calls = self._calls
        code = calls.call("wrapperWrite", handle, self._values.data, timed=not quiet)
        if not quiet and "wrapperDebugInfo" in calls.there:
            text = calls.call("wrapperDebugInfo", handle)
            if text != calls.ffi.NULL:
                calls.ffi.string(text)
        if code != 0:
            if not quiet:
                text = f"expected 0, got {code} ({calls.error_text(code)})"
                self._add("wrapperWrite", text, "take the data, return 0")
            return False
        if self._reads:
            return self._read(handle, answers, quiet)
        if not answers.ended.wait(CALLBACK_TIMEOUT_S):
            self._no_end("wrapperCallback", f"{CALLBACK_TIMEOUT_S:.0f} s")
            return False
        return answers.code == 0

    def _read(self, handle: Any, answers: Answers, quiet: bool) -> bool:
        ffi = self._calls.ffi
        for _ in range(MOST_EMPTY_READS):
            head = ffi.new("struct DataList **")
            code = self._calls.call("wrapperRead", handle, head, timed=not quiet)
            if code != 0:
                if not quiet:
                    text = f"expected 0, got {code} ({self._calls.error_text(code)})"
                    self._add("wrapperRead", text, "return 0; nothing yet is an empty list")
                return False
            before = len(answers.items)
            answers.take(head[0], 0)
            if answers.ended.is_set():
                return True
            time.sleep(0 if len(answers.items) > before else EMPTY_READ_PAUSE_S)
        self._no_end("wrapperRead", f"{MOST_EMPTY_READS} reads")
        return False

    def _together(self, expected: dict[str, bytes]) -> None:
        """Several sessions at once: each must answer as one alone does."""
        self._calls.stage(f"sessions on {THREADS} threads")

        until = time.monotonic() + TOGETHER_LIMIT_S

        def some(number: int) -> list[bool]:
            """For each of the sessions: whether it went well."""
            good = [self._one(b"test-%d-0" % number, quiet=True) == expected]
            while len(good) < SESSIONS_EACH and time.monotonic() < until:
                tag = b"test-%d-%d" % (number, len(good))
                good.append(self._one(tag, quiet=True) == expected)
            return good

        with ThreadPoolExecutor(THREADS) as pool:
            good = [each for part in pool.map(some, range(THREADS)) for each in part]
        if not all(good):
            self._add(
                "wrapperCreate",
                f"{good.count(False)} of {len(good)} sessions, {THREADS} of them open at once, "
                "answered something else than a session alone",
                "keep what belongs to one session behind its handle, not in globals and statics: "
                "sessions are open side by side also with one thread",
                WARNING,
            )

    def _leaks(self) -> None:
        found = _memory.growth(lambda: self._one(b"test-leak", quiet=True), LEAK_LIMIT_S)
        if found is None:
            reason = f"fewer than {_memory.FEWEST} sessions end in {LEAK_LIMIT_S / 5:.0f} s"
            self._findings.not_tried("leaks of sessions", reason, self._place)
        elif found.heap:
            self._add(
                "wrapperDestroy",
                f"memory grew by {found.heap} bytes with each of {found.calls} sessions",
                "free in wrapperDestroy all that wrapperCreate, wrapperWrite and wrapperRead made",
            )

    def _no_end(self, where: str, text: str) -> None:
        self._add(
            where,
            f"expected an item with status DataEnd or DataOnce, got none in {text}",
            "set DataEnd on the last item after the last input",
        )

    def _add(self, hook: str, text: str, fix: str, level: str = ERROR) -> None:
        self._findings.add(hook, text, fix, self._place, level)
