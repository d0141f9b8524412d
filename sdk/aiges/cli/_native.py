# SPDX-License-Identifier: Apache-2.0
"""Values of the C ABI made of Python's, and its functions called and judged."""

from __future__ import annotations

import time
from typing import Any, Callable

from aiges.cli._findings import WARNING, Findings

__all__ = ["ASYNC_ONCE", "BATCH", "CALLBACK", "RESOURCES", "SESSIONS", "Calls", "Item", "Values"]

Item = tuple[str, int, bytes]
MOST_ITEMS = 10000
ONCE = 3
# WTraitSessions and the others.
SESSIONS, CALLBACK, ASYNC_ONCE, BATCH, RESOURCES = 1, 2, 4, 8, 16
CALLBACK_KIND = "int(const void*, struct DataList*, int)"


class Values:
    """A request as C lists. The object keeps alive what its lists point to."""

    def __init__(
        self, ffi: Any, inputs: dict[str, tuple[int, bytes]], params: dict[str, str]
    ) -> None:
        self._ffi, self._inputs, self._given = ffi, inputs, params
        self._kept: list[Any] = []
        self.params, self.data = self.pairs(params), self._payloads(inputs)

    def without_payloads(self) -> Values:
        """Return a request with no payload: one node without a key, as the host sends it."""
        return Values(self._ffi, {}, self._given)

    def padded(self, size: int) -> Values:
        """Return the same with text repeated to ``size`` bytes, so that leaks can be seen."""
        made = {
            key: (kind, (data * (size // len(data) + 1))[:size] if data and kind == 0 else data)
            for key, (kind, data) in self._inputs.items()
        }
        return Values(self._ffi, made, self._given)

    def _text(self, text: bytes) -> Any:
        made = self._ffi.new("char[]", text)
        self._kept.append(made)
        return made

    def pairs(self, values: dict[str, str]) -> Any:
        """Return a ParamList."""
        nodes = [self._ffi.new("struct ParamList *") for _ in values] or [
            self._ffi.new("struct ParamList *")
        ]
        self._kept += nodes
        for node, (key, value) in zip(nodes, values.items()):
            data = value.encode()
            node.key, node.value, node.vlen = self._text(key.encode()), self._text(data), len(data)
        return _linked(nodes)

    def _payloads(self, inputs: dict[str, tuple[int, bytes]]) -> Any:
        nodes = [self._ffi.new("struct DataList *") for _ in inputs] or [
            self._ffi.new("struct DataList *")
        ]
        self._kept += nodes
        for node, (key, (kind, data)) in zip(nodes, inputs.items()):
            buffer = self._ffi.new("char[]", max(len(data), 1))
            self._ffi.memmove(buffer, data, len(data))
            self._kept.append(buffer)
            node.key, node.data, node.len = self._text(key.encode()), buffer, len(data)
            node.type, node.status, node.desc = kind, ONCE, self.pairs({})
        return _linked(nodes)

    def resource(self, key: str, data: bytes, kind: int, status: int) -> Any:
        """Return one payload with the attribute patch_id, as wrapperLoadRes gets it."""
        node = self._payloads({key: (kind, data)})
        node.status, node.desc = status, self.pairs({"patch_id": key})
        return node


def _linked(nodes: list[Any]) -> Any:
    for node, after in zip(nodes, nodes[1:]):
        node.next = after
    return nodes[0]


class Calls:
    """The functions of one library. ``there``: the names that it exports."""

    def __init__(
        self,
        ffi: Any,
        library: Any,
        there: set[str],
        findings: Findings,
        file: str,
        stage: Callable[[str], object],
    ) -> None:
        self.ffi, self.library, self.there, self.file = ffi, library, there, file
        self.stage = stage
        self.times: list[dict[str, Any]] = []
        self.last_error = (0, "")
        self.traits: int | None = None  # What wrapperTraits says; None without it.
        self._findings, self._place = findings, (file, 0)
        self._kept: list[Any] = []

    def keep(self, value: Any) -> Any:
        """Keep what the plugin may use as long as it is loaded, and return it."""
        self._kept.append(value)
        return value

    def says(self, trait: int, by_symbols: bool) -> bool:
        """Tell whether the plugin has a trait; without wrapperTraits, what its symbols say."""
        return by_symbols if self.traits is None else bool(self.traits & trait)

    def call(self, name: str, *arguments: Any, timed: bool = True) -> Any:
        """Call a function, and note how long it took."""
        if not timed:
            return getattr(self.library, name)(*arguments)
        self.stage(name)
        begin = time.monotonic()
        value = getattr(self.library, name)(*arguments)
        self.times.append({"hook": name, "ms": round((time.monotonic() - begin) * 1000, 3)})
        return value

    def start(self, config: Any, callback: Any) -> bool:
        """Hand over the host's functions, and load the engine."""
        if "wrapperSetCtrl" in self.there:
            self._hand_over(callback)
        for name, arguments in (("wrapperInit", [config]), ("wrapperWarmup", [])):
            code = self.call(name, *arguments) if name in self.there else 0
            if code != 0:
                self._wrong(
                    name,
                    f"expected 0, got {code} ({self.error_text(code)})",
                    "look at [wrapper] of aiges.toml and at the words of the engine (-v)",
                )
                return False
        if "wrapperTraits" in self.there:
            self.traits = int(self.call("wrapperTraits"))
        if "wrapperVersion" in self.there:
            if self.call("wrapperVersion") == self.ffi.NULL:
                self._wrong("wrapperVersion", "expected text, got NULL", 'return text, "" at least')
        return True

    def _hand_over(self, callback: Any) -> None:
        made: list[tuple[int, str, Callable[..., int]]] = [
            (0, "int(const char*, const char*, int)", lambda *_: 0),
            (2, "int(const char*, const char*, const char*)", lambda *_: 0),
            (3, "int(const char*, long long*)", self._state),
        ]
        for number, kind, function in made:
            pointer = self.keep(self.ffi.callback(kind, function))
            self.call("wrapperSetCtrl", number, self.ffi.cast("void *", pointer))
        self.call("wrapperSetCtrl", 4, self.ffi.cast("void *", callback))

    def _state(self, _: Any, remaining: Any) -> int:
        if remaining != self.ffi.NULL:
            remaining[0] = -1
        return 0

    def error_text(self, code: int) -> str:
        """Return wrapperError(code)."""
        if "wrapperError" not in self.there:
            return "no wrapperError"
        text = self.library.wrapperError(code)
        if text == self.ffi.NULL:
            fix = 'return text for every code, "" at least'
            self._findings.add("wrapperError", "expected text, got NULL", fix, self._place)
            return "NULL"
        return bytes(self.ffi.string(text)).decode(errors="replace")

    def exec(
        self,
        tag: str,
        values: Values,
        quiet: bool = False,
        what: str = "",
        timed: bool = True,
    ) -> list[Item] | None:
        """Make a once call. Returns its outputs; None for an error, which is in ``last_error``."""
        ffi, begin = self.ffi, 0.0
        head = ffi.new("struct DataList **")
        name = ffi.new("char[]", tag.encode())
        given = (name, values.params, values.data, head, ffi.NULL, 0)
        if timed:
            self.stage(f"wrapperExec ({what})" if what else "wrapperExec")
            begin = time.monotonic()
        code = self.library.wrapperExec(*given)
        if timed:
            took_ms = round((time.monotonic() - begin) * 1000, 3)
            self.times.append({"hook": "wrapperExec", "ms": took_ms})
        if code != 0:
            if not quiet:
                self.last_error = (code, self.error_text(code))
            return None
        return self.outputs("wrapperExec", name, head, quiet, timed)

    def outputs(
        self, where: str, tag: Any, head: Any, quiet: bool = False, timed: bool = True
    ) -> list[Item]:
        """Copy the answer of a call that went well, and give it back."""
        items = self.items(where, head[0])
        if not items and not quiet:
            self._findings.add(
                where,
                "returned 0 and no output: the client waits for one",
                "set *respData, or return an error code",
                self._place,
                WARNING,
            )
        if "wrapperExecFree" in self.there:
            if timed:
                self.stage("wrapperExecFree")
            self.library.wrapperExecFree(tag, head)
        return items

    def items(self, where: str, node: Any) -> list[Item]:
        """Copy a list that the plugin handed out, and judge it."""
        ffi = self.ffi
        made: list[Item] = []
        for number in range(MOST_ITEMS):
            if node == ffi.NULL:
                return made
            at = f"respData[{number}]"
            if node.key == ffi.NULL:
                if number == 0 and node.next == ffi.NULL and node.data == ffi.NULL:
                    return made  # The empty list.
                self._wrong(where, f"{at}.key: expected text, got NULL", "set key")
                return made
            if node.data == ffi.NULL and node.len:
                text = f"{at}: len is {node.len}, data is NULL"
                self._wrong(where, text, "set data, or len to 0")
                return made
            if not 0 <= int(node.type) <= 4:
                text = f"{at}.type: expected 0 to 4, got {int(node.type)}"
                self._wrong(where, text, "set type; begin with a zeroed struct: DataList node{}")
            if not 0 <= int(node.status) <= 3:
                text = f"{at}.status: expected 0 to 3, got {int(node.status)}"
                self._wrong(where, text, "set status; DataOnce for a once call")
            self._pairs(where, at, node.desc)
            data = bytes(ffi.buffer(node.data, node.len)) if node.len else b""
            key = bytes(ffi.string(node.key)).decode(errors="replace")
            made.append((key, int(node.status), data))
            node = node.next
        text = f"respData has more than {MOST_ITEMS} nodes, or goes round in a circle"
        self._wrong(where, text, "end the list: set next of the last node to NULL")
        return made

    def _pairs(self, where: str, at: str, node: Any) -> None:
        for _ in range(MOST_ITEMS):
            if node == self.ffi.NULL:
                return
            if node.key != self.ffi.NULL and node.value == self.ffi.NULL:
                self._wrong(where, f"{at}.desc: a key with the value NULL", "set value and vlen")
            node = node.next

    def _wrong(self, where: str, text: str, fix: str) -> None:
        self._findings.add(where, text, fix, self._place)

    def stop(self) -> None:
        """Unload the engine."""
        if "wrapperFini" in self.there:
            code = self.call("wrapperFini")
            if code != 0:
                self._wrong("wrapperFini", f"expected 0, got {code}", "return 0")
