"""What the loader takes as an answer, for ``WrapperBase.run()`` and asectl: wrapper/items.cc again.

tests/cli/test_cli_answers.py runs the same values through all three.
"""

from __future__ import annotations

from typing import Any

from aiges import dto
from aiges.core.types import DataOnce, DataText

__all__ = ["FORMS", "Refused", "from_dict", "read", "utf8"]

FORMS = "a Response, a ResponseData, a dict, bytes, str, or a list of these"
_NO_UTF8 = "this str has lone surrogates, so no UTF-8 form"


class _Item(dto.ResponseData):
    """An item whose key, type, status and len may be anything, as in an object of the user's."""

    key: Any = None
    type: Any = None
    status: Any = None
    len: Any = None


class Refused(Exception):
    """The loader would refuse it. ``at``: where in the answer, "" for the whole."""

    def __init__(self, at: str, text: str, value: Any) -> None:
        super().__init__(f"{at}: {text}" if at else text)
        self.at, self.text, self.value = at, text, value


def read(value: Any) -> tuple[list[dto.ResponseData], int]:
    """Return the items of an answer in any form, and its error code. Raises Refused.

    ``key``, ``type`` and ``status`` of an item are what the user wrote, right or wrong.
    """
    items: list[dto.ResponseData] = []
    codes = [0]
    _any(value, "", items, codes)
    return ([], codes[-1]) if codes[-1] else (items, 0)


def _any(value: Any, at: str, items: list[dto.ResponseData], codes: list[int]) -> None:
    if isinstance(value, (bytes, str, bytearray)):
        items.append(_made("result", value, DataText, DataOnce, at))
    elif isinstance(value, dict):
        items.append(from_dict(value, at))
    elif isinstance(value, (list, tuple)):
        for i, each in enumerate(value):
            _any(each, f"{at}[{i}]", items, codes)
    elif hasattr(value, "error_code"):
        _response(value, at, items, codes)
    else:
        items.append(_object(value, at, FORMS))


def _response(value: Any, at: str, items: list[dto.ResponseData], codes: list[int]) -> None:
    code = value.error_code
    if not isinstance(code, int) or not -(2**31) <= code < 2**31:
        raise Refused(f"{at}error_code", f"expected an int of 32 bits, got {code!r}", value)
    codes.append(int(code))
    if code:
        return
    held = getattr(value, "list", None)
    if not isinstance(held, (list, tuple)):
        text = f"expected a list of ResponseData, got {type(held).__name__}"
        raise Refused(f"{at}Response.list", text, value)
    for i, each in enumerate(held):
        place = f"{at}Response.list[{i}]"
        is_dict = isinstance(each, dict)
        items.append(from_dict(each, place) if is_dict else _object(each, place, "a ResponseData"))


def _object(value: Any, at: str, expected: str) -> dto.ResponseData:
    missing = [name for name in ("key", "data", "type") if not hasattr(value, name)]
    if missing:
        got = "None" if value is None else type(value).__name__
        raise Refused(at, f"expected {expected}, got {got}", value)
    made = _made(value.key, value.data, value.type, getattr(value, "status", DataOnce), at)
    made.len = getattr(value, "len", made.len)
    return made


def from_dict(value: dict[Any, Any], at: str) -> dto.ResponseData:
    """Return the item that the loader makes of a dict. Raises Refused."""
    missing = [name for name in ("key", "data", "len", "status", "type") if name not in value]
    if missing:
        expected = "expected key, data, len, status, type"
        raise Refused(at, f"{expected}, {', '.join(missing)} missing", value)
    for name in ("len", "status", "type"):
        if not isinstance(value[name], int):
            raise Refused(f"{at}.{name}", f"expected an int, got {value[name]!r}", value)
    desc = value.get("desc")
    if desc is not None and not isinstance(desc, dict):
        raise Refused(f"{at}.desc", f"expected a dict, got {type(desc).__name__}", value)
    for name, text in (desc or {}).items():
        utf8(name, f"{at}.desc")
        utf8(str(text), f"{at}.desc[{name!r}]")
    made = _made(value["key"], value["data"], value["type"], value["status"], at)
    made.len = value["len"]
    return made


def _made(key: Any, data: Any, kind: Any, status: Any, at: str) -> dto.ResponseData:
    if isinstance(data, str):
        data = utf8(data, f"{at}.data")
    name = utf8(key, f"{at}.key").decode(errors="replace")
    made = _Item()
    try:
        made.data = data
        made.key, made.type, made.status, made.len = name, kind, status, len(made.data)
        return made
    except TypeError:
        text = f"expected bytes or str, got {type(data).__name__}"
        raise Refused(f"{at}.data", text, data) from None


def utf8(value: Any, at: str) -> bytes:
    """Return text as the loader sends it. Raises Refused."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise Refused(at, f"expected bytes or str, got {type(value).__name__}", value)
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Refused(at, _NO_UTF8, value) from None
