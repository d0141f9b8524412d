# SPDX-License-Identifier: Apache-2.0
"""Drives a libwrapper.so through the C ABI, in the throwaway process of ``asectl check``.

The declarations come from include/aiges/wrapper.h itself, by cffi. What kills the process is told
by the parent, which knows from the stage what was called.
"""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, cast

from aiges.cli import _memory
from aiges.cli._callbacks import Callbacks
from aiges.cli._findings import ERROR, WARNING, Findings
from aiges.cli._hooks import Given
from aiges.cli._native import CALLBACK, SESSIONS, Calls, Values
from aiges.cli._optional import Optionals
from aiges.cli._sessions import FUNCTIONS as SESSION
from aiges.cli._sessions import Sessions

__all__ = ["check", "declarations"]

MANDATORY = ("wrapperInit", "wrapperExec")
# What the first loader of this ABI resolved, in its order: it started without none of them.
EVERYWHERE = (
    *("wrapperInit", "wrapperFini", "wrapperError", "wrapperVersion", "wrapperLoadRes"),
    *("wrapperUnloadRes", "wrapperCreate", "wrapperWrite", "wrapperRead", "wrapperDestroy"),
    *("wrapperExec", "wrapperExecFree", "wrapperExecAsync", "wrapperDebugInfo", "wrapperSetCtrl"),
)
THREADS, CALLS_EACH, THREADS_LIMIT_S = 4, 50, 10.0
LEAK_LIMIT_S, LEAK_BYTES = 10.0, 64 * 1024


def declarations(folder: Path) -> str:
    """Return the declarations of the headers as cffi takes them: without the preprocessor's."""
    lines: list[str] = []
    for name in ("type.h", "wrapper.h"):
        skipping = False
        for line in (folder / "aiges" / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("#ifdef __cplusplus"):
                skipping = True
            elif line.startswith("#endif"):
                skipping = False
            elif not skipping and not line.startswith("#"):
                lines.append(line)
    return "\n".join(lines)


def check(
    file: Path,
    headers: Path,
    findings: Findings,
    given: Given,
    stage: Callable[[str], object],
    async_mode: bool = False,
) -> list[dict[str, Any]]:
    """Call everything that the library exports; return how long each function took."""
    try:
        import cffi  # type: ignore[import-untyped]
    except ImportError:
        text = "expected the package cffi, found none"
        findings.add("", text, "pip install 'aiges-host[cli]'", (str(file), 0))
        return []
    ffi = cffi.FFI()
    declared = declarations(headers)
    ffi.cdef(declared)
    stage("dlopen")
    try:
        now = cast("int", ffi.RTLD_NOW)  # pyright: ignore (its stubs do not know it)
        library = ffi.dlopen(str(file), now)
    except OSError as error:
        fix = "link what is missing (ldd shows it), and build for this machine"
        findings.add("dlopen", f"the library cannot be loaded: {error}", fix, (str(file), 0))
        return []
    names = re.findall(r"\b(wrapper[A-Z]\w*)\s*\(", declared)
    there = {name for name in names if _has(library, name)}
    _symbols(file, there, findings)
    if not set(MANDATORY) <= there:
        return []
    calls = Calls(ffi, library, there, findings, str(file), stage)
    _Check(calls, findings, given, async_mode).run()
    return calls.times


def _has(library: Any, name: str) -> bool:
    try:
        getattr(library, name)
    except AttributeError:
        return False
    return True


def _symbols(file: Path, there: set[str], findings: Findings) -> None:
    binary = file.read_bytes()
    place = (str(file), 0)
    for name in (*MANDATORY, "wrapperExecFree"):
        if name in there:
            continue
        mangled = f"_Z{len(name)}{name}".encode() in binary
        findings.add(
            name,
            "expected the library to export it, found "
            + ("its C++ name only" if mangled else "no such symbol"),
            'declare it extern "C": include aiges/wrapper.h'
            if mangled
            else "write it as aiges/wrapper.h declares it; look at -fvisibility and export lists",
            place,
            *(() if name in MANDATORY else (WARNING,)),
        )
    shown = (*MANDATORY, "wrapperExecFree")
    missing = [name for name in EVERYWHERE if name not in there and name not in shown]
    if missing:
        findings.add(
            "symbols",
            f"this loader does without them, other loaders of this ABI refuse a plugin without: "
            f"{', '.join(missing)}",
            "export them if it should run elsewhere, returning an error code or NULL; "
            "wrapperTraits tells this loader which of them do something",
            place,
            WARNING,
        )
    some = [name for name in SESSION if name in there]
    if some and len(some) < len(SESSION):
        lacking = ", ".join(name for name in SESSION if name not in there)
        findings.add(
            some[0],
            f"expected all of {', '.join(SESSION)} for sessions, {lacking} missing",
            f"add {lacking}",
            place,
        )


class _Check:
    """The order of calls is the loader's: host functions, start, resources, calls, sessions."""

    def __init__(self, calls: Calls, findings: Findings, given: Given, async_mode: bool) -> None:
        self._calls, self._findings, self._given = calls, findings, given
        self._async_mode, self._place = async_mode, (calls.file, 0)
        inputs = given.inputs or {"text": (0, b"test")}
        self._values = Values(calls.ffi, inputs, {**given.params, "sid": "test-111111"})
        self._callbacks: Callbacks = calls.keep(Callbacks(calls.ffi, findings, calls.file))

    def run(self) -> None:
        calls, values = self._calls, self._values
        if not calls.start(values.pairs(self._given.config), self._callbacks.pointer):
            return
        more = Optionals(calls, self._callbacks, self._findings, values, self._async_mode)
        more.traits()
        more.schema()
        loaded = more.load(self._given.resource)
        first = calls.exec("test-111111", values)
        if first is None:
            self._warn_error()
        calls.exec("test-empty", values.without_payloads(), quiet=True, what="empty request")
        again = calls.exec("test-111111", values)
        more.once_async()
        more.batch()
        more.errors()
        if any(each.level == ERROR for each in self._findings.all):
            return calls.stop()  # A list that is broken is broken on every thread.
        if first is not None and again is not None:
            self._threads(again)
            self._leaks()
        else:
            reason = "wrapperExec answers the test values with an error"
            self._findings.not_tried("threads, leaks", reason, self._place)
        if {*SESSION} <= calls.there and calls.says(SESSIONS, True):
            by_callback = self._async_mode or "wrapperRead" not in calls.there
            reads = not by_callback and not calls.says(CALLBACK, False)
            Sessions(calls, self._callbacks, self._findings, values, reads).run()
        elif "wrapperDebugInfo" in calls.there:
            self._findings.not_tried("wrapperDebugInfo", "it has no sessions", self._place)
        more.unload(loaded)
        return calls.stop()

    def _warn_error(self) -> None:
        code, text = self._calls.last_error
        if code:
            self._findings.add(
                "wrapperExec",
                f"answered the test values with the error {code} ({text})",
                "give it values that it takes: --in KEY=TEXT or KEY=@FILE, --param K=V",
                self._place,
                WARNING,
            )

    def _threads(self, expected: Any) -> None:
        """Several calls at once: each must answer as one alone does."""
        calls, values = self._calls, self._values
        calls.stage(f"wrapperExec on {THREADS} threads")
        wrong: list[Any] = []
        gate = threading.Barrier(THREADS)

        def many(number: int) -> int:
            gate.wait()
            until = time.monotonic() + THREADS_LIMIT_S
            for i in range(CALLS_EACH):
                if time.monotonic() > until:
                    return i
                got = calls.exec(f"test-{number}-{i}", values, quiet=True, timed=False)
                if got != expected:
                    wrong.append(got)
            return CALLS_EACH

        with ThreadPoolExecutor(THREADS) as pool:
            made = sum(pool.map(many, range(THREADS)))
        if wrong:
            self._findings.add(
                "wrapperExec",
                f"{len(wrong)} of {made} calls on {THREADS} threads answered "
                "something else than a call alone",
                "keep what belongs to one call out of globals and statics, or leave [instances] "
                "threads at 1; an engine that answers at random is no fault",
                self._place,
                WARNING,
            )

    def _leaks(self) -> None:
        """Many calls: memory must not grow with them."""
        calls, values = self._calls, self._values.padded(LEAK_BYTES)
        calls.stage("wrapperExec again and again")
        found = _memory.growth(
            lambda: calls.exec("test-leak", values, quiet=True, timed=False), LEAK_LIMIT_S
        )
        if found is None:
            reason = f"fewer than {_memory.FEWEST} calls end in {LEAK_LIMIT_S / 5:.0f} s"
            self._findings.not_tried("leaks of calls", reason, self._place)
        elif found.heap or found.resident > LEAK_BYTES // 2:
            self._findings.add(
                "wrapperExecFree",
                f"memory grew by {found.heap or found.resident} bytes with each of {found.calls} "
                "calls",
                "free in wrapperExecFree all that wrapperExec made: nodes, keys, data, desc",
                self._place,
            )
