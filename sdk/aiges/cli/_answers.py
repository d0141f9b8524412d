# SPDX-License-Identifier: Apache-2.0
"""What a hook returned, judged by the contract."""

from __future__ import annotations

import re
from typing import Any, Callable

from aiges import _results, dto
from aiges._shown import shown
from aiges.cli._findings import ERROR, WARNING, Findings
from aiges.core.types import DataEnd, DataOnce

__all__ = ["Judge"]

TYPES = "0 (text), 1 (audio), 2 (image), 3 (video) or 4 (other)"


class Judge:
    """``accepts`` are the declared outputs by key; empty: nothing was declared."""

    def __init__(self, findings: Findings, accepts: dict[str, Any]) -> None:
        self._findings, self._accepts = findings, accepts
        self.codes: list[int] = []  # Error codes that came, for wrapperError.

    def code(
        self,
        hook: str,
        value: Any,
        place: tuple[str, int],
        none_too: bool = False,
        words: Callable[[int], str] = lambda _: "",
    ) -> bool:
        """Judge what should be 0; ``words`` explains an error code. Returns True for 0."""
        if none_too and value is None:
            return True
        if isinstance(value, bool) or not isinstance(value, int):
            self._findings.add(
                hook, f"expected 0, got {_what(value)}", "end it with return 0", place
            )
            return False
        if value != 0:
            self.codes.append(value)
            self._findings.add(
                hook,
                f"expected 0, got the error code {value}{words(value)}",
                "look into the reason, or return 0",
                place,
            )
        return value == 0

    def response(
        self, hook: str, value: Any, place: tuple[str, int], once: bool = True
    ) -> tuple[list[dto.ResponseData], int] | None:
        """Judge an answer in any of its forms. Returns its items and error code; None: no form."""
        try:
            items, code = _results.read(value)
        except _results.Refused as refused:
            self._form(hook, value, refused, place)
            return None
        if code:
            self.codes.append(code)
            return [], code
        if not items and once:
            self._findings.add(
                hook,
                "Response.list: expected at least one ResponseData, got none",
                "fill it: response.list = [answer]; or say why not: response_err(code)",
                place,
            )
        seen: dict[str, int] = {}
        for i, item in enumerate(items):
            at = f"Response.list[{i}]"
            seen[item.key] = seen.get(item.key, 0) + 1
            if once and seen[item.key] == 2:
                self._findings.add(
                    hook,
                    f"{at}.key: {shown(item.key)} is there twice",
                    "give each a key",
                    place,
                    WARNING,
                )
            self._item(hook, at, item, place, {DataOnce} if once else {0, 1, DataEnd, DataOnce})
        return items, 0

    def _form(
        self, hook: str, value: Any, refused: _results.Refused, place: tuple[str, int]
    ) -> None:
        """Say which form an answer should have; of what is in a Response, or in a dict, which."""
        text, fix = str(refused), "make a ResponseData() and set key, type and data"
        if refused.at == _results.WHOLE:
            fix = "return fewer items, in one list"
        if re.fullmatch(r"(\[\d+\])*", refused.at):
            inner = f" with {_what(refused.value)} in it" if refused.at else ""
            missing = f": {refused.text}" if isinstance(refused.value, dict) else ""
            text = f"expected {_results.FORMS}, got {_what(value)}{inner}{missing}"
            fix = "return a Response with its list filled: response.list = [answer]"
        self._findings.add(hook, text.lstrip("."), fix, place)

    def appended(
        self, hook: str, items: Any, place: tuple[str, int], once: bool = True
    ) -> list[dto.ResponseData]:
        """Judge what a function-style hook has put into respData."""
        made: list[dto.ResponseData] = []
        if not items and once:
            self._findings.add(
                hook,
                "respData: expected at least one dict, got none",
                'append {"key": .., "data": .., "len": .., "status": 3, "type": 0} to respData',
                place,
            )
        for i, item in enumerate(items):
            at = f"respData[{i}]"
            if not isinstance(item, (dict, tuple)):
                text = f"{at}: expected a dict with key, data, len, status, type, got "
                self._findings.add(hook, text + _what(item), "append a dict", place)
                continue
            try:
                nodes = _results.appended(item, at)
            except _results.Refused as refused:
                fix = f"set {refused.at[len(at) + 1 :] or 'all of them'}, as it is expected"
                self._findings.add(hook, str(refused), fix, place)
                continue
            for node in nodes:
                self._appended(hook, at, node, place, once)
            made += nodes
        return made

    def _appended(
        self, hook: str, at: str, node: dto.ResponseData, place: tuple[str, int], once: bool
    ) -> None:
        if node.len != len(node.data):
            self._findings.add(
                hook,
                f"{at}.len: data has {len(node.data)} bytes, len says {node.len}; it is not "
                "believed",
                "set len to the number of bytes: len(data), of text len(text.encode())",
                place,
                WARNING,
            )
            node.len = len(node.data)
        self._item(hook, at, node, place, {DataOnce} if once else {0, 1, DataEnd, DataOnce})

    def _item(
        self,
        hook: str,
        at: str,
        item: dto.ResponseData,
        place: tuple[str, int],
        statuses: set[int],
    ) -> None:
        def add(name: str, text: str, fix: str, level: str = ERROR) -> None:
            self._findings.add(hook, f"{at}.{name}: {text}", fix, place, level)

        field = self._accepts.get(item.key)
        if not isinstance(item.key, str) or not item.key:
            add("key", f"expected text, got {shown(item.key)}", "set key to the name of the output")
        elif self._accepts and field is None:
            names = ", ".join(sorted(self._accepts))
            add(
                "key",
                f"expected one that responseCls declares ({names}), got {shown(item.key)}",
                f"declare {shown(item.key)} in responseCls, or set key to a declared one",
                WARNING,
            )
        if not isinstance(item.type, int) or not 0 <= item.type <= 4:
            add("type", f"expected {TYPES}, got {shown(item.type)}", "call setDataType")
        elif field is not None and item.type != field.type and not _results.is_untyped(item):
            add(
                "type",
                f"responseCls declares {field.type}, got {item.type}",
                f"call setDataType({field.type}), or declare another field",
                WARNING,
            )
        if item.len != len(item.data):
            add(
                "len",
                f"data has {len(item.data)} bytes, len says {item.len}",
                "leave len alone: it follows data, and is not believed",
                WARNING,
            )
        if item.status not in statuses:
            add(
                "status",
                f"expected one of {sorted(statuses)}, got {shown(item.status)}",
                "set it to 3: an answer to a once call is whole",
                WARNING if statuses == {DataOnce} else ERROR,
            )


def _what(value: Any) -> str:
    if value is None:
        return "None"
    text, named = shown(value), type(value).__name__
    return f"{named} {text}" if len(text) <= 40 and "object at" not in text else named
