# SPDX-License-Identifier: Apache-2.0
"""Kinds that are made of others: of Optional, Union, list, tuple and dict."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, Callable

from aiges.contracts.typed._item import Item
from aiges.contracts.typed._kinds import AnyKind, Kind, Schema, StrKind, parse_json
from aiges.contracts.typed._wrong import Wrong

__all__ = ["ListKind", "MapKind", "OptionalKind", "TupleKind", "UnionKind"]


def fits_as_it_is(kind: Kind, values: Collection[Any]) -> bool:
    """Tell whether all of the values fit the kind, without a call for each."""
    types = set(map(type, values))
    if not types <= kind.exact:
        return False
    # A sum that is finite has no infinity in it, and no NaN.
    return float not in types or (types == {float} and math.isfinite(sum(values)))


class OptionalKind(Kind):
    """A kind, or nothing: null, or a text without a character where the kind is none of these."""

    def __init__(self, kind: Kind) -> None:
        self.kind, self.parts = kind, [kind]
        self.payload, self.is_file = kind.payload, kind.is_file
        self.is_scalar, self.datatype = kind.is_scalar, kind.datatype
        self.exact = kind.exact | {type(None)}

    def schema(self) -> Schema:
        return {"anyOf": [self.kind.schema(), {"type": "null"}]}

    def json(self, value: Any) -> Any:
        return None if value is None else self.kind.json(value)

    def text(self, text: str) -> Any:
        if not text and not isinstance(self.kind, StrKind):
            return None
        return self.kind.text(text)

    def item(self, item: Item) -> Any:
        # A form has each of its fields, also a file that nobody chose.
        if not isinstance(self.kind, StrKind) and not item.is_tensor and not item.data:
            return None
        return self.kind.item(item)


class UnionKind(Kind):
    """The first of some kinds that the value fits."""

    datatype = ""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = self.parts = list(kinds)
        self.is_scalar = all(kind.is_scalar for kind in kinds)

    def schema(self) -> Schema:
        return {"anyOf": [kind.schema() for kind in self._kinds]}

    def _first(self, read: Callable[[Kind], Any]) -> Any:
        wrongs: list[Wrong] = []
        for kind in self._kinds:
            try:
                return read(kind)
            except Wrong as wrong:
                wrongs.append(wrong)
        deepest = max(wrongs, key=lambda wrong: len(wrong.place))
        if deepest.place:
            raise deepest
        raise Wrong(" or ".join(wrong.expected for wrong in wrongs), got=wrongs[0].got)

    def json(self, value: Any) -> Any:
        return self._first(lambda kind: kind.json(value))

    def text(self, text: str) -> Any:
        return self._first(lambda kind: kind.text(text))

    def item(self, item: Item) -> Any:
        return self._first(lambda kind: kind.item(item))


class ListKind(Kind):
    """A list, or what is made of one."""

    datatype = ""

    def __init__(self, kind: Kind, make: Callable[[Any], Any] | None = None) -> None:
        self.kind, self.parts, self._make = kind, [kind], make
        self.is_file = kind.is_file

    def schema(self) -> Schema:
        return {"type": "array", "items": self.kind.schema()}

    def json(self, value: Any) -> Any:
        values: list[Any] = value  # If it is one.
        if type(value) is not list:
            raise Wrong("a list", value)
        if fits_as_it_is(self.kind, values):
            return values if self._make is None else self._make(values)
        return self._each(self.kind.json, values)

    def text(self, text: str) -> Any:
        if text.lstrip()[:1] != "[" and self.kind.is_scalar:
            return self.several([text])
        return self.json(parse_json(text))

    def item(self, item: Item) -> Any:
        if item.is_tensor:
            value = item.values()
            return self.json(value if isinstance(value, list) else [value])
        if self.is_file and not item.media.endswith("json"):
            return self.items([item])
        return self.text(item.text)

    def several(self, texts: Sequence[str]) -> Any:
        """Read fields of one name."""
        return self._each(self.kind.text, texts)

    def items(self, items: Sequence[Item]) -> Any:
        """Read payloads of one name."""
        return self._each(self.kind.item, items)

    def _each(self, read: Callable[[Any], Any], values: Sequence[Any]) -> Any:
        made: list[Any] = []
        try:
            for each in values:
                made.append(read(each))
        except Wrong as wrong:
            raise wrong.inside(len(made)) from None
        return made if self._make is None else self._make(made)


class TupleKind(Kind):
    """A list with a kind for each place."""

    datatype = ""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = self.parts = list(kinds)

    def schema(self) -> Schema:
        count = len(self._kinds)
        return {
            "type": "array",
            "prefixItems": [kind.schema() for kind in self._kinds],
            "minItems": count,
            "maxItems": count,
        }

    def json(self, value: Any) -> Any:
        count = len(self._kinds)
        values: list[Any] = value  # If it is one.
        if type(value) is not list:
            raise Wrong(f"a list of {count}", value)
        if len(values) != count:
            raise Wrong(f"a list of {count}", got=f"one of {len(values)}")
        made: list[Any] = []
        try:
            for kind, each in zip(self._kinds, values):
                made.append(kind.json(each))
        except Wrong as wrong:
            raise wrong.inside(len(made)) from None
        return tuple(made)


class MapKind(Kind):
    """An object with any names."""

    def __init__(self, kind: Kind) -> None:
        self._kind, self.parts = kind, [kind]

    def schema(self) -> Schema:
        values = self._kind.schema()
        return {"type": "object", **({"additionalProperties": values} if values else {})}

    def json(self, value: Any) -> Any:
        values: dict[str, Any] = value  # If it is one.
        if type(value) is not dict:
            raise Wrong("an object", value)
        if isinstance(self._kind, AnyKind) or fits_as_it_is(self._kind, values.values()):
            return values
        read = self._kind.json
        made: dict[str, Any] = {}
        for name, each in values.items():
            try:
                made[name] = read(each)
            except Wrong as wrong:
                raise wrong.inside(name) from None
        return made
