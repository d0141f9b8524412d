# SPDX-License-Identifier: Apache-2.0
"""Drives what answers later: sessions, and once calls that answer by callback."""

from __future__ import annotations

import queue
import time
from typing import Any

from aiges import dto
from aiges._narrow import is_list
from aiges._shown import shown
from aiges.cli._findings import ERROR, WARNING
from aiges.cli._hooks import Hooks, Lazy, Place
from aiges.cli._signatures import place_of
from aiges.core.types import DataEnd, DataOnce

__all__ = ["Sessions"]

CALLBACK_TIMEOUT_S = 20.0
MOST_EMPTY_READS = 100
EMPTY_READ_PAUSE_S = 0.05


class Sessions:
    """One session, by whichever of read and callback it answers; one asynchronous call."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks, self._judge, self._findings = hooks, hooks.judge, hooks.findings

    def session(self) -> None:
        """Create, write, read or wait, destroy."""
        hooks = self._hooks
        results = dto.init_rq()
        done, made, place = hooks.call("wrapperCreate", params=hooks.params())
        if not done:
            return
        handle: Any = made
        code: Any = 0
        if hooks.is_class:
            handle, code = getattr(made, "handle", None), getattr(made, "error_code", None)
        if not isinstance(handle, str) or code != 0:
            wanted = "a SessionCreateResponse with" if hooks.is_class else "text,"
            self._findings.add(
                "wrapperCreate",
                f"expected {wanted} a handle and error_code 0, got {shown(made)} "
                f"(handle {shown(handle)}, error_code {shown(code)})",
                "return SessionCreateResponse(sid, 0)" if hooks.is_class else "return usrTag",
                place,
            )
            return
        if hooks.has("wrapperWrite"):
            done, value, place = hooks.call("wrapperWrite", handle=handle, reqData=hooks.request())
            if done and self._judge.code("wrapperWrite", value, place):
                if hooks.own("wrapperRead"):
                    self._read(handle)
                else:
                    self._take(results, place)
        name = "wrapperDestroy" if hooks.has("wrapperDestroy") else "wrapperDestory"
        if hooks.has(name):
            done, value, place = hooks.call(name, handle=handle)
            if done:
                self._judge.code(name, value, place, none_too=True)

    def once_async(self) -> None:
        """Make a once call that returns 0 and answers by callback."""
        name, hooks = "wrapperOnceExecAsync", self._hooks
        results = dto.init_rq()
        done, value, place = hooks.call(
            name, params=hooks.params(), reqData=hooks.request(), respData=[]
        )
        if not done:
            return
        if isinstance(value, Lazy):
            text = "expected a function that returns 0, got a generator or a coroutine"
            self._findings.add(name, text, "return 0, and answer by callback", place)
        elif isinstance(value, int) and not isinstance(value, bool) and value != 0:
            hooks.refused(name, value, place)
        elif self._judge.code(name, value, place):
            hooks.stage("callback")
            try:
                response, _ = results.get(timeout=CALLBACK_TIMEOUT_S)
            except queue.Empty:
                text = (
                    f"expected a callback with the answer, got none in {CALLBACK_TIMEOUT_S:.0f} s"
                )
                fix = "call callback(response, usrTag) once for each call"
                return self._findings.add(name, text, fix, place)
            found = self._judge.response("callback", response, place, once=False)
            if found == ([], 0):
                text = "expected an answer with at least one ResponseData, got none"
                self._findings.add("callback", text, "fill Response.list", place)
            hooks.refused("callback", found[1] if found else 0, place)
        return None

    def _read(self, handle: str) -> None:
        name, hooks = "wrapperRead", self._hooks
        for _ in range(MOST_EMPTY_READS):
            answers: list[Any] = []
            done, value, place = hooks.call(name, handle=handle, respData=answers)
            if not done:
                return
            before = len(self._findings.all)
            items: list[dto.ResponseData] = []
            if not hooks.is_class:
                if not is_list(value) and not self._judge.code(name, value, place):
                    return
                answers = value if is_list(value) else answers
                items = self._judge.appended(name, answers, place, once=False)
            elif value is not None:
                items, code = self._judge.response(name, value, place, once=False) or ([], 0)
                if code:
                    return hooks.refused(name, code, place)
            ended = any(item.status in (DataEnd, DataOnce) for item in items)
            if ended or len(self._findings.all) > before:
                return  # What is wrong would be so at every read.
            time.sleep(0 if items else EMPTY_READ_PAUSE_S)
        hook = getattr(hooks.holder, name)
        self._no_end(name, f"got none in {MOST_EMPTY_READS} reads", place_of(hook))

    def _take(self, results: Any, place: Place) -> None:
        self._hooks.stage("callback")
        until = time.monotonic() + CALLBACK_TIMEOUT_S
        while True:
            try:
                response, _ = results.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                text = f"got none within {CALLBACK_TIMEOUT_S:.0f} s of wrapperWrite"
                # A model may take longer, and a session may wait for more: the loader goes on, too.
                return self._no_end("callback", text, place, WARNING)
            found = self._judge.response("callback", response, place, once=False)
            if not found:
                return None
            items, code = found
            if code:
                return self._hooks.refused("callback", code, place)
            if any(item.status in (DataEnd, DataOnce) for item in items):
                return None

    def _no_end(self, name: str, text: str, place: Place, level: str = ERROR) -> None:
        self._findings.add(
            name,
            f"expected an item with status 2 (end) or 3 (whole) after the last input, {text}",
            "set status 2 on the last item, or the session never ends",
            place,
            level,
        )
