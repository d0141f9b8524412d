# SPDX-License-Identifier: Apache-2.0
"""Kinds of objects whose members are declared: dataclasses, TypedDict, models of pydantic."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from aiges._narrow import is_dict, is_list
from aiges.contracts.typed._kinds import Kind, Schema
from aiges.contracts.typed._wrong import Wrong

__all__ = ["DeclaredKind", "Member", "PydanticKind", "did_you_mean", "is_pydantic"]


_MOST_NAME = 60  # A longer one is no slip of the pen, and costs time to compare.


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean <x>?" where one of the names is near."""
    if len(name) > _MOST_NAME:
        return ""
    import difflib  # Of mistakes alone.

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


@dataclasses.dataclass(frozen=True)
class Member:
    """A member of an object. ``default``: what JSON Schema tells of it; None: nothing."""

    kind: Kind
    required: bool
    description: str = ""
    default: Any = None


class DeclaredKind(Kind):
    """An object with declared members: the class is called with those that came."""

    def __init__(
        self, name: str, members: Mapping[str, Member], make: Callable[..., Any] | None
    ) -> None:
        """``make``: gets the members by name; None: a dict of them is what is wanted."""
        self.name, self.members, self._make = name, dict(members), make
        self.parts = [member.kind for member in members.values()]
        self._read = {
            name: (member.kind.exact, member.kind.json) for name, member in members.items()
        }
        self._required = [name for name, member in members.items() if member.required]

    def schema(self) -> Schema:
        properties: dict[str, Schema] = {}
        for name, member in self.members.items():
            made = member.kind.schema()
            if member.description:
                made["description"] = member.description
            if member.default is not None:
                made["default"] = member.default
            properties[name] = made
        shown: Schema = {"type": "object", "title": self.name, "properties": properties}
        if self._required:
            shown["required"] = self._required
        return {**shown, "additionalProperties": False}

    def json(self, value: Any) -> Any:
        values: dict[str, Any] = value  # If it is one.
        if type(value) is not dict:
            raise Wrong(f"an object ({self.name})", value)
        members = self._read
        made: dict[str, Any] = {}
        for name, each in values.items():
            member = members.get(name)
            if member is None:
                expected = f"one of {', '.join(members)}" if members else "no member"
                raise Wrong(expected, got="that" + did_you_mean(name, members)).inside(name)
            exact, read = member
            if type(each) in exact and (type(each) is not float or each - each == 0):
                made[name] = each
                continue
            try:
                made[name] = read(each)
            except Wrong as wrong:
                raise wrong.inside(name) from None
        if len(made) < len(members):
            for name in self._required:
                if name not in made:
                    raise Wrong("a value", got="none").inside(name)
        if self._make is None:
            return made
        try:
            return self._make(**made)
        except (ValueError, TypeError) as fault:  # Of the user's __post_init__.
            raise Wrong(f"what {self.name} takes", got=f"what it refuses: {fault}") from None


def is_pydantic(hint: Any) -> bool:
    """Tell whether a hint is a model of pydantic, of either generation; it is not imported here."""
    return isinstance(hint, type) and any(
        base.__module__.partition(".")[0] == "pydantic" and base.__name__ == "BaseModel"
        for base in hint.__mro__
    )


class PydanticKind(Kind):
    """A model of pydantic, which looks at the value itself."""

    def __init__(self, model: Any) -> None:
        self._model = model
        new = hasattr(model, "model_validate")
        self._validate = model.model_validate if new else model.parse_obj
        self._schema = model.model_json_schema if new else model.schema

    def schema(self) -> Schema:
        try:
            schema: Schema = _inlined(self._schema())
        except Exception:  # A member that it has no schema for: it is checked all the same.
            return {"type": "object", "title": self._model.__name__}
        return schema

    def json(self, value: Any) -> Any:
        try:
            return self._validate(value)
        except ValueError as fault:
            errors: Callable[[], list[dict[str, Any]]] | None = getattr(fault, "errors", None)
            if not callable(errors):
                raise Wrong(f"what {self._model.__name__} takes", got=str(fault)) from None
            first = errors()[0]
            got = first["input"] if "input" in first else None
            missing = first.get("type") in ("missing", "value_error.missing")
            text = "none" if missing else ""
            wrong = Wrong(_lowered(str(first.get("msg", "another value"))), got, got=text)
            for step in reversed(first.get("loc", ())):
                if step != "__root__":
                    wrong.inside(step)
            raise wrong from None


def _lowered(message: str) -> str:
    """Return what pydantic says as what is expected: "Input should be .." is "..."."""
    for begin in ("Input should be ", "Value error, "):
        if message.startswith(begin):
            return message[len(begin) :]
    return "a value" if message == "Field required" else message[:1].lower() + message[1:]


def _inlined(schema: Any, depth: int = 0, defs: Mapping[str, Any] | None = None) -> Any:
    """Return a schema with what its ``$ref`` point at in their place; of deep ones "{}"."""
    if is_list(schema):
        return [_inlined(each, depth, defs) for each in schema]
    if not is_dict(schema):
        return schema
    known = {**(defs or {}), **schema.get("$defs", {}), **schema.get("definitions", {})}
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _inlined(known.get(name, {}), depth + 1, known) if depth < _DEEPEST else {}
    nothing: Schema = {}
    return {
        key: _inlined(value, depth + 1, known) if depth < 2 * _DEEPEST else nothing
        for key, value in schema.items()
        if key not in ("$defs", "definitions") and not _has_no_form(value)
    }


def _has_no_form(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


_DEEPEST = 8
