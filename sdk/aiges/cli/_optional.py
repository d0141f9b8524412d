# SPDX-License-Identifier: Apache-2.0
"""The functions that only some libwrapper.so have: each is called where it is there."""

from __future__ import annotations

import json
from typing import Any

from aiges._narrow import is_dict
from aiges.cli._callbacks import Answers, Callbacks
from aiges.cli._findings import ERROR, NOTE, WARNING, Findings
from aiges.cli._native import ASYNC_ONCE, BATCH, RESOURCES, SESSIONS, Calls, Values

__all__ = ["Optionals"]

CALLBACK_TIMEOUT_S, STUB_TIMEOUT_S = 20.0, 2.0
CALLS = 2
RESOURCE, RESOURCE_ID = ("test-resource", b"test"), 1
DATA_PER, DATA_END = 4, 2
MOST_SCHEMA = 1024 * 1024
VALUES = "give it values that it takes: --in KEY=TEXT or KEY=@FILE, --param K=V"
TRAITS = {
    "WTraitSessions": (SESSIONS, ("wrapperCreate", "wrapperWrite", "wrapperDestroy")),
    "WTraitAsyncOnce": (ASYNC_ONCE, ("wrapperExecAsync",)),
    "WTraitBatch": (BATCH, ("wrapperExecBatch",)),
    "WTraitResources": (RESOURCES, ("wrapperLoadRes",)),
}


class Optionals:
    """``async_mode``: [aiges] asyncMode, which sends once calls to wrapperExecAsync."""

    def __init__(
        self,
        calls: Calls,
        callbacks: Callbacks,
        findings: Findings,
        values: Values,
        async_mode: bool,
    ) -> None:
        self._calls, self._callbacks, self._findings = calls, callbacks, findings
        self._values, self._async_mode = values, async_mode
        self._place = (calls.file, 0)

    def traits(self) -> None:
        """Compare what wrapperTraits says with what is exported."""
        calls = self._calls
        if calls.traits is None:
            return
        for trait, (bit, names) in TRAITS.items():
            missing = [name for name in names if name not in calls.there]
            if calls.traits & bit and missing:
                text = f"says {trait}, but {', '.join(missing)} is not exported"
                self._add("wrapperTraits", text, f"export it, or leave {trait} out", WARNING)
            elif not calls.traits & bit and not missing and not self._by_mode(bit):
                reason = f"wrapperTraits leaves out {trait}: the loader does not call it either"
                self._findings.not_tried(", ".join(names), reason, self._place)

    def _by_mode(self, bit: int) -> bool:
        return bit == ASYNC_ONCE and self._async_mode

    def schema(self) -> None:
        """Read what wrapperSchema declares."""
        name = "wrapperSchema"
        if name not in self._calls.there:
            return
        said = self._calls.call(name)
        text = b"" if said == self._calls.ffi.NULL else bytes(self._calls.ffi.string(said))
        try:
            made: Any = json.loads(text) if text else {}
        except ValueError as error:
            return self._add(name, f"expected JSON: {error}", "return JSON, or NULL")
        if not is_dict(made) or len(text) > MOST_SCHEMA:
            got = f"{len(text)} bytes" if is_dict(made) else type(made).__name__
            wrong = f"expected an object of at most 1 MiB, got {got}"
            return self._add(name, wrong, "see include/aiges/wrapper.h for its form")
        return None

    def load(self, given: tuple[str, bytes] | None) -> bool:
        """Load a resource: the user's, else one that is made up. Returns whether it was taken."""
        name, calls = "wrapperLoadRes", self._calls
        if name not in calls.there or not calls.says(RESOURCES, True):
            return False
        key, data = given or RESOURCE
        code = calls.call(name, self._values.resource(key, data, DATA_PER, DATA_END), RESOURCE_ID)
        if code != 0:
            text = f"answered with the error {code} ({calls.error_text(code)})"
            fix = "give it a resource that it takes: --resource NAME=@FILE"
            self._add(name, text, fix, ERROR if given else WARNING)
        return bool(code == 0)

    def unload(self, loaded: bool) -> None:
        """Give the resource back."""
        name, calls = "wrapperUnloadRes", self._calls
        if name not in calls.there or not calls.says(RESOURCES, True):
            return
        if not loaded:
            return self._findings.not_tried(name, "no resource was loaded", self._place)
        code = calls.call(name, RESOURCE_ID)
        if code != 0:
            self._add(name, f"expected 0, got {code} ({calls.error_text(code)})", "return 0")
        return None

    def once_async(self) -> None:
        """Make a once call that answers by callback."""
        name, calls = "wrapperExecAsync", self._calls
        declared = calls.says(ASYNC_ONCE, False) or self._async_mode
        if name not in calls.there or calls.traits is not None and not declared:
            return
        # Other loaders require the symbol: where nothing declares it, it may be a stub.
        timeout_s = CALLBACK_TIMEOUT_S if declared else STUB_TIMEOUT_S
        answers = Answers(calls, only_one=True)
        tag = self._callbacks.begin(b"test-async", answers.take)
        null, values = calls.ffi.NULL, self._values
        pointer, most_ms = self._callbacks.pointer, int(timeout_s * 1000)
        code = calls.call(name, tag, values.params, values.data, pointer, most_ms, null, 0)
        text, fix, level = "", VALUES, WARNING
        if code == 0 and not answers.ended.wait(timeout_s):
            text = f"returned 0, but called nobody back within {timeout_s:.0f} s"
            fix, level = "call back once for each call that returned 0", ERROR
        elif code or answers.code:
            text = f"answered with the error {code or answers.code} "
            text += f"({calls.error_text(code or answers.code)})"
        elif not answers.items:
            text, fix = "answered without output: the client waits for one", "give it a list"
        if text and not declared:
            text += "; the loader calls it where wrapperTraits says WTraitAsyncOnce, or asyncMode"
            fix, level = "", NOTE
        if text:
            self._add(name, text, fix, level)

    def batch(self) -> None:
        """Make two once calls as one."""
        name, calls = "wrapperExecBatch", self._calls
        if name not in calls.there or not calls.says(BATCH, True):
            return
        ffi, values = calls.ffi, self._values
        texts = [ffi.new("char[]", b"test-batch-%d" % i) for i in range(CALLS)]
        tags = ffi.new("const char *[]", texts)
        params = ffi.new("struct ParamList *[]", [values.params] * CALLS)
        data = ffi.new("struct DataList *[]", [values.data] * CALLS)
        heads = ffi.new("struct DataList *[]", CALLS)
        codes = ffi.new("int[]", CALLS)
        code = calls.call(name, CALLS, tags, params, data, heads, codes)
        for i in range(CALLS):
            wrong = code or codes[i]
            if wrong != 0:
                text = f"answered call {i} with the error {wrong} ({calls.error_text(wrong)})"
                self._add(name, text, VALUES, WARNING)
            else:
                calls.outputs(name, texts[i], heads + i)

    def errors(self) -> None:
        """Ask for the text and the detail of errors."""
        calls = self._calls
        for code in dict.fromkeys((calls.last_error[0] or 1, 1)):
            calls.error_text(code)
            if "wrapperErrorDetail" in calls.there:
                said: Any = calls.call("wrapperErrorDetail", code)
                if said != calls.ffi.NULL:
                    calls.ffi.string(said)

    def _add(self, hook: str, text: str, fix: str, level: str = ERROR) -> None:
        self._findings.add(hook, text, fix, self._place, level)
