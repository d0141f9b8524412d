# SPDX-License-Identifier: Apache-2.0
"""The inputs of a function, from its signature; and a call's payloads and parameters as these.

A request says its inputs in one of these ways, and nobody has to say which:

    a payload ``:json``      a body of JSON: an object of inputs, or the value of the only one
    payloads by name         parts of a form, queries, payloads of XSF, tensors
    parameters by name       of XSF and the envelope: for inputs that are scalars

What the function does not take is refused, with what was probably meant.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from aiges.contracts.typed._compound import ListKind, MapKind, OptionalKind, UnionKind
from aiges.contracts.typed._files import CallFiles
from aiges.contracts.typed._hints import hints_of, kind_of_hint, read_said
from aiges.contracts.typed._item import Item
from aiges.contracts.typed._kinds import AnyKind, Kind, default_said, parse_json
from aiges.contracts.typed._media import PathKind, TableKind
from aiges.contracts.typed._objects import DeclaredKind, PydanticKind, did_you_mean
from aiges.contracts.typed._wrong import Wrong, bad_input
from aiges.errors import BadInput

__all__ = ["JSON", "Input", "Inputs"]

JSON = ":json"  # Key of the payload that is a whole body.
_NONE = inspect.Parameter.empty


class Input:
    """One input: a parameter of the function."""

    def __init__(self, name: str, kind: Kind, default: Any = _NONE, description: str = "") -> None:
        self.name, self.kind, self.default, self.description = name, kind, default, description
        self.required = default is _NONE

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema, with default and description."""
        made = self.kind.schema()
        default = default_said(self.default)
        if default is not None:
            made["default"] = default
        if self.description:
            made["description"] = self.description
        return made


class Inputs:
    """All inputs of a function."""

    def __init__(self, function: Callable[..., Any], *, batched: bool = False) -> None:
        """``batched``: each parameter is a list with one value of each call. Raises TypeError."""
        hints, name = hints_of(function), getattr(function, "__name__", "predict")
        self.all: dict[str, Input] = {}
        self._others, self._own = False, _own_name(function)
        told = _descriptions(inspect.getdoc(function) or "")
        for each in inspect.signature(function).parameters.values():
            if each.kind is each.VAR_KEYWORD:
                if batched:  # A call may have some that others have not.
                    raise TypeError(
                        f"{name}: expected parameters that each call has with @aiges.batch, got "
                        f"{each}"
                    )
                self._others = True
                continue
            if each.kind in (each.VAR_POSITIONAL, each.POSITIONAL_ONLY):
                raise TypeError(
                    f"{name}: expected parameters that can be given by name, got {each}: take the "
                    "* or / away"
                )
            where = f"{name}: {each.name}"
            hint = hints.get(each.name, _NONE)
            kind = _kind_of(hint, where)
            if batched:
                kind = _one_of(kind, where)
            if each.default is None and not isinstance(kind, (OptionalKind, AnyKind)):
                kind = OptionalKind(kind)  # As "x: int = None" is meant.
            description = read_said(hint)[1].description or told.get(each.name, "")
            self.all[each.name] = Input(each.name, kind, each.default, description)
        self._required = [each.name for each in self.all.values() if each.required]
        self._json = {each.name: each.kind.json for each in self.all.values()}
        self._scalars = [each.name for each in self.all.values() if each.kind.is_scalar]
        self._only = self._only_of()
        self.has_files = any(_has_paths(each.kind) for each in self.all.values())

    def _only_of(self) -> Input | None:
        """Return the input whose value a body of JSON may be: the only one there is."""
        return next(iter(self.all.values())) if len(self.all) == 1 else None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of an object of all inputs."""
        properties = {each.name: each.schema() for each in self.all.values()}
        made: dict[str, Any] = {"type": "object", "properties": properties}
        if self._required:
            made["required"] = list(self._required)
        return {**made, "additionalProperties": self._others}

    def read(self, params: Mapping[str, str], nodes: Iterable[Any], files: CallFiles) -> Any:
        """Return the arguments of a call by name. Raises BadInput."""
        try:
            if not self.has_files:
                return self._read(params, nodes)
            with files:
                return self._read(params, nodes)
        except Wrong as wrong:
            raise bad_input(wrong) from None

    def _read(self, params: Mapping[str, str], nodes: Iterable[Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        groups: dict[str, list[Item]] = {}
        for node in nodes:
            key = node.key
            if key == JSON:
                self._read_json(parse_json(node.data), made)
            else:
                groups.setdefault(key, []).append(Item(key, node))
        for key, items in groups.items():
            if key in made:
                raise Wrong("it once", got="it in the body and beside it").inside(key)
            known = self.all.get(key)
            if known is None or known.required or not items[0].is_no_file:
                made[key] = self._read_items(key, items)
        for name in self._scalars:
            if name in params and name not in made:
                made[name] = self._at(name, self.all[name].kind.text, params[name])
        if len(made) < len(self.all):
            for name in self._required:
                if name not in made:
                    raise Wrong(self._wanted(name), got="none").inside(name)
        return made

    def _wanted(self, name: str) -> str:
        said = self.all[name].kind.schema()
        return str(said.get("type") and _NAMES.get(said["type"]) or "a value")

    @staticmethod
    def _at(name: str, read: Callable[[Any], Any], value: Any) -> Any:
        try:
            return read(value)
        except Wrong as wrong:
            raise wrong.inside(name) from None
        except BadInput as fault:  # Of tensors that have not the bytes that their shape says.
            raise BadInput(f"{name}: {fault}") from None

    def _read_json(self, body: Any, made: dict[str, Any]) -> None:
        only = self._only
        values: dict[str, Any] = body  # If it is one.
        if type(body) is not dict or (
            only is not None and only.name not in body and _takes_objects(only.kind)
        ):
            if only is None:
                names = ", ".join(self.all) or "nothing"
                raise Wrong(f"an object of the inputs ({names})", body)
            made[only.name] = self._at(only.name, only.kind.json, body)
            return
        read = self._json
        for name, value in values.items():
            reader = read.get(name)
            if reader is None:
                made[name] = self._unknown(name, value)
                continue
            try:
                made[name] = reader(value)
            except Wrong as wrong:
                raise wrong.inside(name) from None

    def _read_items(self, key: str, items: list[Item]) -> Any:
        known = self.all.get(key)
        if known is None:
            values = [self._at(key, AnyKind().item, each) for each in items]
            return self._unknown(key, values if len(values) > 1 else values[0])
        kind = known.kind.kind if isinstance(known.kind, OptionalKind) else known.kind
        if len(items) == 1:
            return self._at(key, known.kind.item, items[0])
        if isinstance(kind, ListKind):
            return self._at(key, kind.items, items)
        raise Wrong("it once", got=f"it {len(items)} times").inside(key)

    def _unknown(self, name: str, value: Any) -> Any:
        if self._others and name != self._own and not name.startswith(":"):
            return value
        names = ", ".join(self.all)
        expected = f"one of the inputs {names}" if names else "no input"
        raise Wrong(expected, got="that" + did_you_mean(name, self.all)).inside(name)


_NAMES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


def _kind_of(hint: Any, where: str) -> Kind:
    try:
        return kind_of_hint(hint, where)
    except RecursionError:
        raise TypeError(
            f"{where}: expected a hint that does not hold itself, got {hint}: take dict in place "
            "of it"
        ) from None


def _own_name(function: Any) -> str:
    """Return what a method calls its object, which no client gives; empty: it is no method."""
    bound = getattr(function, "__func__", None)
    return next(iter(inspect.signature(bound).parameters), "") if bound is not None else ""


def _takes_objects(kind: Kind) -> bool:
    if isinstance(kind, (OptionalKind, UnionKind)):
        return any(map(_takes_objects, kind.parts))
    return isinstance(kind, (AnyKind, DeclaredKind, MapKind, PydanticKind, TableKind))


def _has_paths(kind: Kind) -> bool:
    return isinstance(kind, PathKind) or any(map(_has_paths, kind.parts))


def _one_of(kind: Kind, where: str) -> Kind:
    """Return the kind of one call, of a parameter that has those of all."""
    if isinstance(kind, ListKind):
        return kind.kind
    if isinstance(kind, AnyKind):
        return kind
    raise TypeError(f"{where}: expected list[..], as @aiges.batch gives all calls of a batch")


def _descriptions(doc: str) -> dict[str, str]:
    """Return what a docstring says of parameters, in lines as ``name: what it is``.

    Also as ``name (type): ..``, and as Sphinx has it, ``:param type name: ..``.
    """
    found: dict[str, str] = {}
    for line in doc.splitlines():
        line = line.strip().lstrip("-*").strip()
        sphinx = line.startswith(":param ")
        name, colon, text = line[len(":param ") * sphinx :].partition(":")
        words = name.strip("` ").split() or [""]
        name = words[-1 if sphinx else 0].strip("`")
        if colon and name.isidentifier() and text.strip():
            found.setdefault(name, text.strip())
    return found
