"""What a hook returned, judged by the contract."""

from __future__ import annotations

from typing import Any, Callable

from aiges import _yielded, dto
from aiges.cli._findings import ERROR, WARNING, Findings
from aiges.core.types import DataEnd, DataOnce

__all__ = ["Judge"]

TYPES = "0 (text), 1 (audio), 2 (image), 3 (video) or 4 (other)"
ITEM = ("key", "data", "len", "status", "type")
FORMS = "a Response, a ResponseData, a dict, bytes, str, or a list of these"


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
    ) -> list[dto.ResponseData]:
        """Judge an answer in any of its forms, and return its items."""
        if isinstance(value, dto.Response) and value.error_code:
            if isinstance(value.error_code, int):
                self.codes.append(value.error_code)
            return []
        made = _yielded.as_response(value)
        if not isinstance(made, dto.Response):
            inner = "" if made is value else f" with {_what(made)} in it"
            self._findings.add(
                hook,
                f"expected {FORMS}, got {_what(value)}{inner}",
                "return a Response with its list filled: response.list = [answer]",
                place,
            )
            return []
        if not isinstance(made.list, (list, tuple)) or not made.list:
            if once:
                self._findings.add(
                    hook,
                    "Response.list: expected at least one ResponseData, got none",
                    "fill it: response.list = [answer]; or say why not: response_err(code)",
                    place,
                )
            return []
        seen: set[str] = set()
        items = []
        for i, item in enumerate(made.list):
            at = f"Response.list[{i}]"
            if not isinstance(item, dto.ResponseData):
                self._findings.add(
                    hook,
                    f"{at}: expected a ResponseData, got {_what(item)}",
                    "make a ResponseData() and set key, type and data",
                    place,
                )
                continue
            if once and item.key in seen:
                self._findings.add(
                    hook, f"{at}.key: {item.key!r} is there twice", "give each a key", place
                )
            seen.add(item.key)
            self._item(hook, at, item, place, {DataOnce} if once else {0, 1, DataEnd, DataOnce})
            items.append(item)
        return items

    def appended(
        self, hook: str, items: Any, place: tuple[str, int], once: bool = True
    ) -> list[dto.ResponseData]:
        """Judge what a function-style hook has put into respData."""
        made = []
        if not items and once:
            self._findings.add(
                hook,
                "respData: expected at least one dict, got none",
                'append {"key": .., "data": .., "len": .., "status": 3, "type": 0} to respData',
                place,
            )
        for i, item in enumerate(items):
            at = f"respData[{i}]"
            if not isinstance(item, dict):
                self._findings.add(
                    hook,
                    f"{at}: expected a dict with {', '.join(ITEM)}, got {_what(item)}",
                    "append a dict",
                    place,
                )
                continue
            missing = [name for name in ITEM if name not in item]
            if missing:
                self._findings.add(
                    hook,
                    f"{at}: expected {', '.join(ITEM)}, {', '.join(missing)} missing",
                    f"set {', '.join(missing)}",
                    place,
                )
                continue
            key = item["key"]
            node = dto.ResponseData(key.decode() if isinstance(key, bytes) else key)
            try:
                node.data = item["data"]
            except TypeError as error:
                self._findings.add(hook, f"{at}.{error}", "give bytes or str", place)
                continue
            said = item["len"]
            node.type, node.status = item["type"], item["status"]
            if said != node.len:
                self._findings.add(
                    hook,
                    f"{at}.len: data has {node.len} bytes, len says {said!r}; it is not believed",
                    "set len to the number of bytes: len(data), of text len(text.encode())",
                    place,
                    WARNING,
                )
            self._item(hook, at, node, place, {DataOnce} if once else {0, 1, DataEnd, DataOnce})
            made.append(node)
        return made

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
            add("key", f"expected text, got {item.key!r}", "set key to the name of the output")
        elif self._accepts and field is None:
            names = ", ".join(sorted(self._accepts))
            add(
                "key",
                f"expected one that responseCls declares ({names}), got {item.key!r}",
                f"declare {item.key!r} in responseCls, or set key to a declared one",
            )
        if not isinstance(item.type, int) or not 0 <= item.type <= 4:
            add("type", f"expected {TYPES}, got {item.type!r}", "call setDataType")
        elif field is not None and item.type != field.type:
            add(
                "type",
                f"responseCls declares {field.type}, got {item.type}",
                f"call setDataType({field.type}), or declare another field",
            )
        if item.len != len(item.data):
            add(
                "len",
                f"data has {len(item.data)} bytes, len says {item.len}",
                "leave len alone: it follows data",
            )
        if item.status not in statuses:
            add(
                "status",
                f"expected one of {sorted(statuses)}, got {item.status!r}",
                "set it to 3: an answer to a once call is whole",
                WARNING if statuses == {DataOnce} else ERROR,
            )


def _what(value: Any) -> str:
    if value is None:
        return "None"
    shown = repr(value)
    named = type(value).__name__
    return f"{named} {shown}" if len(shown) <= 40 and "object at" not in shown else named
