# SPDX-License-Identifier: Apache-2.0
"""Kinds of values that a hint can ask for, and how each comes out of a request.

A kind reads three forms: a value of JSON, a text (a field of a form, a query, a parameter), and a
payload with its bytes. Each raises Wrong where the value does not fit. Kinds are made once, when
the model is loaded, and are used by any thread.
"""

from __future__ import annotations

import base64
import binascii
import enum
import json
import math
import re
from collections.abc import Sequence
from typing import Any, Callable, ClassVar

from aiges._narrow import is_dict, is_list
from aiges.contracts._once import OTHER, TEXT
from aiges.contracts.typed._item import Item
from aiges.contracts.typed._wrong import Wrong

__all__ = [
    "AnyKind",
    "BoolKind",
    "BytesKind",
    "ChoiceKind",
    "FloatKind",
    "IntKind",
    "Kind",
    "StrKind",
    "decode_bytes",
    "default_said",
    "parse_json",
    "said_of",
]

Schema = dict[str, Any]
_INT = re.compile(r"[+-]?[0-9]{1,4000}\Z")
_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def parse_json(text: str | bytes) -> Any:
    """Return a value of JSON. Raises Wrong, also for NaN and Infinity, which JSON has not."""
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text))
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as fault:
        raise Wrong("JSON", got=f"what is none: {str(fault)[:200]}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class Kind:
    """What one input may be."""

    payload: int = TEXT  # Type of the payload, as include/aiges/type.h has them.
    is_scalar: bool = False  # It may stand in a query, too.
    is_file: bool = False  # It comes as bytes, as an uploaded file does.
    datatype: str = "BYTES"  # As a tensor of one element; empty: any.
    # Types of which every value of JSON fits as it is, of float all that are finite: those who hold
    # it need not ask.
    exact: frozenset[type] = frozenset()
    parts: Sequence[Kind] = ()  # Those that it is made of.

    def schema(self) -> Schema:
        """Return its JSON Schema."""
        raise NotImplementedError

    def json(self, value: Any) -> Any:
        """Read a value of JSON."""
        raise NotImplementedError

    def text(self, text: str) -> Any:
        """Read a text."""
        return self.json(parse_json(text))

    def item(self, item: Item) -> Any:
        """Read a payload."""
        if item.is_tensor and item.desc["datatype"] != "BYTES":
            return self.json(_single(item.values()))
        return self.text(item.text)


def _single(value: Any) -> Any:
    while is_list(value) and len(value) == 1:
        value = value[0]
    return value


class AnyKind(Kind):
    """Anything: a value of JSON, a text, or bytes that are no text."""

    datatype = ""

    def schema(self) -> Schema:
        return {}

    def json(self, value: Any) -> Any:
        return value

    def text(self, text: str) -> Any:
        return text

    def item(self, item: Item) -> Any:
        if item.is_tensor:
            return item.array()
        if item.media.endswith("json"):
            return parse_json(item.data)
        try:
            return item.text
        except Wrong:
            return item.data


class StrKind(Kind):
    """A text, of so many characters where that is said."""

    is_scalar = True

    def __init__(
        self, least: int | None = None, most: int | None = None, pattern: str = ""
    ) -> None:
        self._least, self._most, self._pattern = least, most, pattern
        self._matcher = re.compile(pattern) if pattern else None
        self._checks = least is not None or most is not None or bool(pattern)
        self.exact = frozenset() if self._checks else frozenset((str,))

    def schema(self) -> Schema:
        said = {"minLength": self._least, "maxLength": self._most, "pattern": self._pattern or None}
        return {"type": "string", **{k: v for k, v in said.items() if v is not None}}

    def json(self, value: Any) -> Any:
        if type(value) is not str:
            raise Wrong("a string", value)
        return self.text(value)

    def text(self, text: str) -> Any:
        if not self._checks:
            return text
        if self._least is not None and len(text) < self._least:
            raise Wrong(f"at least {self._least} characters", got=str(len(text)))
        if self._most is not None and len(text) > self._most:
            raise Wrong(f"at most {self._most} characters", got=str(len(text)))
        if self._matcher is not None and self._matcher.search(text) is None:
            raise Wrong(f"a string like {self._pattern}", text)
        return text


class _NumberKind(Kind):
    is_scalar = True

    def __init__(self, **bounds: float | None) -> None:
        """``ge``, ``gt``, ``le``, ``lt``: the bounds, None or missing where there is none."""
        self._bounds = {name: bound for name, bound in bounds.items() if bound is not None}
        self.exact = frozenset() if self._bounds else frozenset((self._type,))

    _OF: ClassVar[dict[str, tuple[str, str, Callable[[Any, Any], bool]]]] = {
        "ge": ("from", "minimum", lambda value, bound: bool(value >= bound)),
        "gt": ("above", "exclusiveMinimum", lambda value, bound: bool(value > bound)),
        "le": ("to", "maximum", lambda value, bound: bool(value <= bound)),
        "lt": ("below", "exclusiveMaximum", lambda value, bound: bool(value < bound)),
    }
    _called: ClassVar[str] = ""
    _type: ClassVar[type] = object

    def _expected(self) -> str:
        return " ".join(
            [self._called, *(f"{self._OF[name][0]} {b}" for name, b in self._bounds.items())]
        )

    def _within(self, value: Any) -> Any:
        for name, bound in self._bounds.items():
            if not self._OF[name][2](value, bound):
                raise Wrong(self._expected(), value)
        return value

    def _bounds_schema(self) -> Schema:
        return {self._OF[name][1]: bound for name, bound in self._bounds.items()}


class IntKind(_NumberKind):
    """A whole number."""

    datatype, _called, _type = "INT64", "an integer", int

    def schema(self) -> Schema:
        return {"type": "integer", **self._bounds_schema()}

    def json(self, value: Any) -> Any:
        if type(value) is not int:
            # As JSON Schema has it, 3.0 is an integer; floats from 2**53 on are not exact.
            whole = type(value) is float and value.is_integer() and abs(value) < 2**53
            if not whole:
                raise Wrong(self._expected(), value)
            value = int(value)
        return self._within(value) if self._bounds else value

    def text(self, text: str) -> Any:
        stripped = text.strip()
        if not _INT.match(stripped):
            raise Wrong(self._expected(), text)
        return self.json(int(stripped))


class FloatKind(_NumberKind):
    """A number."""

    datatype, _called, _type = "FP64", "a number", float

    def schema(self) -> Schema:
        return {"type": "number", **self._bounds_schema()}

    def json(self, value: Any) -> Any:
        if type(value) is int:
            try:
                value = float(value)
            except OverflowError:
                raise Wrong("a number of 64 bits", value) from None
        elif type(value) is not float:
            raise Wrong(self._expected(), value)
        if not math.isfinite(value):  # As 1e400 is.
            raise Wrong("a finite number", value)
        return self._within(value) if self._bounds else value

    def text(self, text: str) -> Any:
        try:
            # Python takes more than others write: 1_000, and digits of all scripts.
            value = float(text if text.isascii() and "_" not in text else "no number")
        except ValueError:
            raise Wrong(self._expected(), text) from None
        return self.json(value)


class BoolKind(Kind):
    """True or false."""

    is_scalar, datatype, exact = True, "BOOL", frozenset((bool,))

    def schema(self) -> Schema:
        return {"type": "boolean"}

    def json(self, value: Any) -> Any:
        if type(value) is not bool:
            raise Wrong("true or false", value)
        return value

    def text(self, text: str) -> Any:
        word = text.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise Wrong("true or false", text)


class ChoiceKind(Kind):
    """One of some values: of a Literal, or of an Enum by its value or its name."""

    is_scalar = True

    def __init__(self, choices: Sequence[tuple[Any, Any]], names: dict[str, Any]) -> None:
        """``choices``: what JSON says and what the function gets; ``names``: other words for it."""
        self._choices = list(choices)
        self._texts = {**names, **{_word(said): value for said, value in choices}}
        self._listed = ", ".join(json.dumps(said, ensure_ascii=False) for said, _ in choices)

    @classmethod
    def of_enum(cls, kind: type[enum.Enum]) -> ChoiceKind:
        """Return that of an Enum."""
        return cls([(said_of(each), each) for each in kind], {each.name: each for each in kind})

    def schema(self) -> Schema:
        return {"enum": [said for said, _ in self._choices]}

    def json(self, value: Any) -> Any:
        for said, choice in self._choices:
            if said == value and (type(said) is type(value) or _are_numbers(said, value)):
                return choice
        if isinstance(value, str) and value in self._texts:
            return self._texts[value]
        raise Wrong(f"one of {self._listed}", value)

    def text(self, text: str) -> Any:
        if text not in self._texts:
            raise Wrong(f"one of {self._listed}", text)
        return self._texts[text]


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _are_numbers(*values: Any) -> bool:
    # JSON does not tell 1.0 from 1, but true from 1.
    return all(type(value) in (int, float) for value in values)


def default_said(default: Any) -> Any:
    """Return what a JSON Schema says of a default; None: nothing."""
    value = default.value if isinstance(default, enum.Enum) else default
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float)) else None


def said_of(choice: Any) -> Any:
    """Return what stands in JSON for a choice: of a member of an Enum its value, else its name.

    Raises TypeError for what has neither.
    """
    value = choice.value if isinstance(choice, enum.Enum) else choice
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(choice, enum.Enum):
        return choice.name
    raise TypeError(f"JSON has nothing for {choice!r}")


def decode_bytes(value: Any, what: str) -> tuple[bytes, str]:
    """Return the bytes in a value of JSON and their media type. Raises Wrong.

    ``{"base64": "..", "type": "image/png"}`` or a ``data:`` URL with base64.
    """
    text, media = value, ""
    if is_dict(value) and "base64" in value and set(value) <= {"base64", "type"}:
        text, media = value["base64"], str(value.get("type", ""))
    elif isinstance(value, str) and (found := _DATA_URL.match(value)):
        if ";base64" not in found.group(2):
            raise Wrong("a data: URL with ;base64", value)
        text, media = value[found.end() :], found.group(1)
    else:
        raise Wrong(f'{what}: a file of a form, {{"base64": ".."}} or a data: URL', value)
    if not isinstance(text, str):
        raise Wrong("base64", text).inside("base64")
    try:
        return base64.b64decode(text, validate=True), media
    except (binascii.Error, ValueError) as fault:
        raise Wrong("base64", got=f"{text[:20]!r}: {fault}") from None


class BytesKind(Kind):
    """Bytes as they are."""

    payload, is_file = OTHER, True

    def schema(self) -> Schema:
        return {"type": "string", "format": "binary"}

    def json(self, value: Any) -> Any:
        return decode_bytes(value, "bytes")[0]

    def text(self, text: str) -> Any:
        return text.encode()

    def item(self, item: Item) -> Any:
        return item.data
