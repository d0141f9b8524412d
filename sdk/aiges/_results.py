# SPDX-License-Identifier: Apache-2.0
"""What the loader takes as an answer, for ``WrapperBase.run()`` and asectl: wrapper/items.cc again.

tests/cli/test_cli_answers.py runs the same values through all three.
"""

from __future__ import annotations

from typing import Any

from aiges import _dto, dto, tensors
from aiges._narrow import is_dict, is_row, is_tuple
from aiges._shown import shown
from aiges.core.types import DataOnce, DataText

__all__ = ["FORMS", "Refused", "appended", "is_untyped", "read", "utf8"]

FORMS = "a Response, a ResponseData, a dict, an array, bytes, str, or a list of these"
OTHER = 4  # The type of a payload of which nobody has said more.
DEEPEST = 32  # Lists in lists.
MOST_ITEMS = 100_000
WHOLE = "answer"  # Where in it: nowhere in particular.
_INTS = {"type": "0 to 4", "status": "0 to 3", "len": "a number of bytes"}
_NO_UTF8 = "this str has lone surrogates, so no UTF-8 form"
_HAS_NUL = "expected text without NUL characters, where it would be cut"


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
    answer = _Answer()
    answer.read(value, "")
    return ([], answer.code) if answer.code else (answer.items, 0)


def appended(value: Any, at: str) -> list[dto.ResponseData]:
    """Return the items that the loader makes of one of respData. Raises Refused."""
    if _is_named_tensor(value):
        return [_named(value[0], value[1], at)]
    if not is_dict(value):
        text = f"expected a dict with key, data, len, status, type, got {type(value).__name__}"
        raise Refused(at, text, value)
    return _of_dict(value, at)


class _Answer:
    """One answer: what is in it, how many lists it has so far, and how deep they lie."""

    def __init__(self) -> None:
        self.items: list[dto.ResponseData] = []
        self.code = self._lists = self._depth = 0

    def read(self, value: Any, at: str) -> None:
        if isinstance(value, (bytes, str, bytearray)):
            self._add(_made("result", value, DataText, DataOnce, at))
        elif is_dict(value):
            self._items(_of_dict(value, at))
        elif _is_named_tensor(value):
            self._add(_named(value[0], value[1], at))
        elif is_row(value):
            self._each(value, at)
        elif hasattr(value, "error_code"):
            self._response(value, at)
        elif not hasattr(value, "key") and tensors.is_tensor(value):
            self._add(_named("result", value, at))
        else:
            self._add(_object(value, at, FORMS))

    def _items(self, items: list[dto.ResponseData]) -> None:
        for item in items:
            self._add(item)

    def _add(self, item: dto.ResponseData) -> None:
        if len(self.items) == MOST_ITEMS:
            raise Refused(WHOLE, f"expected at most {MOST_ITEMS} items, got more", item)
        self.items.append(item)

    def _each(self, value: list[Any] | tuple[Any, ...], at: str) -> None:
        if self._depth == DEEPEST:
            text = f"expected lists of at most {DEEPEST} levels, got more (does one hold itself?)"
            raise Refused(WHOLE, text, value)
        self._lists += 1
        if self._lists > MOST_ITEMS:
            raise Refused(WHOLE, f"expected at most {MOST_ITEMS} lists, got more", value)
        self._depth += 1
        for i, each in enumerate(value):
            self.read(each, f"{at}[{i}]")
        self._depth -= 1

    def _response(self, value: Any, at: str) -> None:
        code = value.error_code
        if not isinstance(code, int) or not -(2**31) <= code < 2**31:
            text = f"expected an int of 32 bits, got {shown(code)}"
            raise Refused(f"{at}error_code", text, value)
        self.code = int(code)
        if code:
            return
        held = getattr(value, "list", None)
        if not is_row(held):
            text = f"expected a list of ResponseData, got {type(held).__name__}"
            raise Refused(f"{at}Response.list", text, value)
        for i, each in enumerate(held):
            place = f"{at}Response.list[{i}]"
            if is_dict(each):
                self._items(_of_dict(each, place))
            else:
                self._add(_object(each, place, "a ResponseData"))


def _is_named_tensor(value: Any) -> bool:
    return (
        is_tuple(value)
        and len(value) == 2
        and isinstance(value[0], (str, bytes))
        and tensors.is_tensor(value[1])
    )


def _of_dict(value: dict[Any, Any], at: str) -> list[dto.ResponseData]:
    named = not isinstance(value.get("key"), (str, bytes))
    if named and any(map(tensors.is_tensor, value.values())):
        return [_named(name, each, at) for name, each in value.items()]
    return [_from_dict(value, at)]


def is_untyped(item: dto.ResponseData) -> bool:
    """Tell whether it is an array under its name alone, of which nobody has said a type."""
    return item.type == OTHER and "datatype" in item.desc


def _named(name: Any, value: Any, at: str) -> dto.ResponseData:
    if isinstance(value, (bytes, str)):
        return _made(name, value, DataText, DataOnce, at)
    if not tensors.is_tensor(value):
        text = f"expected an array, bytes or str, got {type(value).__name__}"
        raise Refused(f"{at}[{shown(name)}]", text, value)
    try:
        datatype, shape, data = tensors.encode(value)
    except TypeError as error:
        raise Refused(f"{at}[{shown(name)}]", str(error), value) from None
    made = _made(name, data, OTHER, DataOnce, at)
    made.desc = {"datatype": datatype, "shape": shape}
    return made


def _object(value: Any, at: str, expected: str) -> dto.ResponseData:
    missing = [name for name in ("key", "data", "type") if not hasattr(value, name)]
    if missing:
        got = "None" if value is None else type(value).__name__
        raise Refused(at, f"expected {expected}, got {got}", value)
    tensor = tensors.try_encode(value.data)
    data = value.data if tensor is None else tensor[2]
    made = _made(value.key, data, value.type, getattr(value, "status", DataOnce), at)
    desc = getattr(value, "desc", None)
    attributes = _attributes(desc, at) if is_dict(desc) else {}
    if tensor is None:
        made.len = getattr(value, "len", made.len)
    else:
        _describe(attributes, tensor, at)
    made.desc = attributes
    return made


def _describe(attributes: dict[str, str], tensor: tuple[str, str, bytes], at: str) -> None:
    """Put datatype and shape of a tensor there. The engine may know better what the bits are."""
    datatype, shape = tensor[:2]
    said = attributes.setdefault("datatype", datatype)
    if tensors.size_of(said) != tensors.size_of(datatype):
        text = f'expected a datatype with elements as those of {datatype}, got "{said}"'
        raise Refused(f"{at}.desc", text, attributes)
    attributes["shape"] = shape


def _attributes(desc: dict[Any, Any], at: str) -> dict[str, str]:
    for name, text in desc.items():
        utf8(name, f"{at}.desc")
        utf8(str(text), f"{at}.desc[{shown(name)}]")
    return {str(name): str(text) for name, text in desc.items()}


def _from_dict(value: dict[Any, Any], at: str) -> dto.ResponseData:
    """Return the item that the loader makes of a dict. Raises Refused."""
    tensor = tensors.try_encode(value.get("data"))
    if tensor is not None:
        value = {"type": DataText, "status": DataOnce, "len": len(tensor[2]), **value}
    missing = [name for name in ("key", "data", "len", "status", "type") if name not in value]
    if missing:
        expected = "expected key, data, len, status, type"
        raise Refused(at, f"{expected}, {', '.join(missing)} missing", value)
    for name in ("len", "status", "type"):
        if not isinstance(value[name], int):
            raise Refused(f"{at}.{name}", f"expected an int, got {shown(value[name])}", value)
        if not -(2**63) <= value[name] < 2**63:
            text = f"expected {_INTS[name]}, got an int beyond 64 bits"
            raise Refused(f"{at}.{name}", text, value)
    desc = value.get("desc")
    if desc is not None and not is_dict(desc):
        raise Refused(f"{at}.desc", f"expected a dict, got {type(desc).__name__}", value)
    attributes = _attributes(desc or {}, at)
    data = value["data"] if tensor is None else tensor[2]
    made = _made(value["key"], data, value["type"], value["status"], at)
    made.len = value["len"] if tensor is None else len(made.data)
    if tensor is not None:
        _describe(attributes, tensor, at)
    made.desc = attributes
    return made


def _made(key: Any, data: Any, kind: Any, status: Any, at: str) -> dto.ResponseData:
    made = _Item()
    made.data = _bytes(data, f"{at}.data")
    made.key = utf8(key, f"{at}.key").decode(errors="replace")
    made.type, made.status, made.len = kind, status, len(made.data)
    return made


def _bytes(data: Any, at: str) -> bytes:
    if isinstance(data, (bytes, str)):
        return _utf8(data, at)
    try:
        return _dto.buffer_bytes(data, "bytes or str")
    except TypeError as error:
        raise Refused(at, str(error), data) from None


def utf8(value: Any, at: str) -> bytes:
    """Return a name or an attribute, a C string to the loader, as it is sent. Raises Refused."""
    if not isinstance(value, (bytes, str)):
        raise Refused(at, f"expected bytes or str, got {type(value).__name__}", value)
    text = _utf8(value, at)
    if b"\0" in text:
        raise Refused(at, _HAS_NUL, value)
    return text


def _utf8(value: bytes | str, at: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Refused(at, _NO_UTF8, value) from None
