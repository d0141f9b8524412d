"""Drives a libwrapper.so through the C ABI, in the throwaway process of ``asectl check``.

The declarations come from include/aiges/wrapper.h itself, by cffi. What kills the process is told
by the parent, which knows from the stage what was called.
"""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

from aiges.cli._findings import ERROR, WARNING, Findings
from aiges.cli._native import Calls, Session, Values

__all__ = ["check", "declarations"]

MANDATORY = ("wrapperInit", "wrapperExec")
SESSION = ("wrapperCreate", "wrapperWrite", "wrapperDestroy")
THREADS, CALLS_EACH = 4, 50
LEAK_CALLS, LEAK_BYTES = 400, 64 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


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
    inputs: dict[str, tuple[int, bytes]],
    params: dict[str, str],
    config: dict[str, str],
    stage: Callable[[str], object],
) -> list[dict[str, Any]]:
    """Call everything that the library exports; return how long each function took."""
    try:
        import cffi  # type: ignore[import-untyped]
    except ImportError:
        text = "expected the package cffi, found none"
        findings.add("", text, "pip install 'aiges[cli]'", (str(file), 0))
        return []
    ffi = cffi.FFI()
    declared = declarations(headers)
    ffi.cdef(declared)
    stage("dlopen")
    try:
        library = ffi.dlopen(str(file), ffi.RTLD_NOW)
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
    _Check(calls, findings, Values(ffi, inputs, {**params, "sid": "test-111111"}), config).run()
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
    some = [name for name in SESSION if name in there]
    if some and len(some) < len(SESSION):
        missing = ", ".join(name for name in SESSION if name not in there)
        findings.add(
            some[0],
            f"expected all of {', '.join(SESSION)} for sessions, {missing} missing",
            f"add {missing}",
            place,
        )


class _Check:
    """The order of calls: SetCtrl, Init, Warmup, Exec in many ways, a session, Fini."""

    def __init__(
        self, calls: Calls, findings: Findings, values: Values, config: dict[str, str]
    ) -> None:
        self._calls, self._findings, self._values = calls, findings, values
        self._config = config
        self._place = (calls.file, 0)

    def run(self) -> None:
        calls = self._calls
        if not calls.start(self._values.pairs(self._config)):
            return
        first = calls.exec("test-111111", self._values)
        if first is None:
            self._warn_error()
        calls.exec("test-empty", self._values.without_payloads(), quiet=True, what="empty request")
        again = calls.exec("test-111111", self._values)
        if any(each.level == ERROR for each in self._findings.all):
            return calls.stop()  # A list that is broken is broken on every thread.
        if first is not None and again is not None:
            self._threads(again)
            self._leaks()
        if {*SESSION} <= calls.there and calls.traits() & 1:
            Session(calls, self._findings, self._values).run()
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

        def many(number: int) -> None:
            gate.wait()
            for i in range(CALLS_EACH):
                got = calls.exec(f"test-{number}-{i}", values, quiet=True, timed=False)
                if got != expected:
                    wrong.append(got)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(many, range(THREADS)))
        if wrong:
            self._findings.add(
                "wrapperExec",
                f"{len(wrong)} of {THREADS * CALLS_EACH} calls on {THREADS} threads answered "
                "something else than a call alone",
                "keep what belongs to one call out of globals and statics, or leave [instances] "
                "threads at 1; an engine that answers at random is no fault",
                self._place,
                WARNING,
            )

    def _leaks(self) -> None:
        """Many calls: resident memory must not grow with them."""
        calls = self._calls
        values = self._values.padded(LEAK_BYTES)
        calls.stage("wrapperExec again and again")
        for _ in range(LEAK_CALLS // 4):
            calls.exec("test-leak", values, quiet=True, timed=False)
        before, begin = _resident(), time.monotonic()
        count = 0
        while count < LEAK_CALLS and time.monotonic() - begin < 10:
            calls.exec("test-leak", values, quiet=True, timed=False)
            count += 1
        grown = _resident() - before
        if count >= 50 and grown > count * LEAK_BYTES // 2:
            self._findings.add(
                "wrapperExecFree",
                f"memory grew by {grown // count} bytes with each of {count} calls",
                "free in wrapperExecFree all that wrapperExec made: nodes, keys, data, desc",
                self._place,
            )


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE
