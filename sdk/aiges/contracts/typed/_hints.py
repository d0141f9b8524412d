# SPDX-License-Identifier: Apache-2.0
"""From the hint of a parameter to the kind of value that it asks for.

What a hint may be: str, int, float, bool, bytes, Any, Literal, Enum, Optional and unions, list,
tuple, set, dict, dataclasses, TypedDict, models of pydantic, pathlib.Path, PIL.Image.Image,
numpy.ndarray (also NDArray[dtype]), pandas.DataFrame, aiges.Audio; Annotated adds bounds and a
description.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import functools
import inspect
import math
import pathlib
import sys
import types
import typing
from collections.abc import Sequence
from typing import Any, Callable, cast

from aiges.contracts.typed._compound import ListKind, MapKind, OptionalKind, TupleKind, UnionKind
from aiges.contracts.typed._kinds import (
    AnyKind,
    BoolKind,
    BytesKind,
    ChoiceKind,
    FloatKind,
    IntKind,
    Kind,
    StrKind,
    default_said,
    said_of,
)
from aiges.contracts.typed._media import ArrayKind, AudioKind, ImageKind, PathKind, TableKind
from aiges.contracts.typed._objects import DeclaredKind, Member, PydanticKind, is_pydantic
from aiges.contracts.typed._unions import read_unions

__all__ = ["Said", "hints_of", "kind_of_hint", "read_said"]

_UNIONS = tuple(
    each for each in (typing.Union, getattr(types, "UnionType", None)) if each is not None
)
_PLAIN: dict[Any, Callable[[], Kind]] = {
    str: StrKind,
    bool: BoolKind,
    bytes: BytesKind,
    bytearray: BytesKind,
    object: AnyKind,
    Any: AnyKind,
    inspect.Parameter.empty: AnyKind,
    pathlib.Path: PathKind,
    pathlib.PurePath: PathKind,
}
_LISTS: dict[Any, Callable[[Any], Any] | None] = {
    list: None,
    collections.abc.Sequence: None,
    collections.abc.Iterable: None,
    collections.abc.Collection: None,
    set: set,
    frozenset: frozenset,
}
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
# By module and name, so that nothing is imported that the user has not imported.
_OF_LIBRARIES: dict[tuple[str, str], Callable[[], Kind]] = {
    ("PIL.Image", "Image"): ImageKind,
    ("numpy", "ndarray"): ArrayKind,
    ("pandas.core.frame", "DataFrame"): TableKind,
    ("pandas", "DataFrame"): TableKind,
    ("aiges.audio", "Audio"): AudioKind,
}
_MARKS = ("Required", "NotRequired", "ReadOnly")  # Of typing and typing_extensions.
_EXPECTED = (
    "str, int, float, bool, bytes, list, dict, Literal, Enum, Optional, a dataclass, a TypedDict, "
    "a pydantic model, pathlib.Path, PIL.Image.Image, numpy.ndarray, pandas.DataFrame or "
    "aiges.Audio"
)


@dataclasses.dataclass
class Said:
    """What Annotated says beside the type: bounds, lengths and a description."""

    description: str = ""
    bounds: dict[str, float | None] = dataclasses.field(default_factory=dict)
    lengths: dict[str, int | None] = dataclasses.field(default_factory=dict)
    pattern: str = ""


def hints_of(function: Any) -> dict[str, Any]:
    """Return the hints of a function's parameters, resolved. TypeError says what cannot be."""
    while isinstance(function, functools.partial):
        function = function.func
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as fault:
        raise TypeError(f"{_name(function)}: a hint names what is not there: {fault}") from None
    except RecursionError:  # Of a hint that holds itself: told with its place.
        raise
    except Exception as fault:  # What stands in quotes may be any code.
        if sys.version_info < (3, 10) and "|" in str(fault):
            return read_unions(function)
        raise TypeError(f"{_name(function)}: a hint cannot be read: {fault}") from None


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", function))


def read_said(hint: Any) -> tuple[Any, Said]:
    """Return the type in an Annotated, and what that says: of annotated-types, pydantic, texts."""
    said = Said()
    while typing.get_origin(hint) is typing.Annotated:
        for extra in hint.__metadata__:
            _add_said(said, extra)
        hint = hint.__origin__
    return hint, said


def _add_said(said: Said, extra: Any) -> None:
    if isinstance(extra, str):
        said.description = said.description or extra
        return
    for inner in getattr(extra, "metadata", None) or ():  # Of pydantic's Field.
        _add_said(said, inner)
    description = getattr(extra, "description", None)
    if isinstance(description, str):
        said.description = said.description or description
    for name in ("ge", "gt", "le", "lt"):
        bound = getattr(extra, name, None)
        if isinstance(bound, (int, float)) and math.isfinite(bound):
            said.bounds[name] = bound
    for name in ("min_length", "max_length"):
        length = getattr(extra, name, None)
        if isinstance(length, int):
            said.lengths[name] = length
    pattern = getattr(extra, "pattern", None)
    if isinstance(pattern, str):
        said.pattern = pattern


def kind_of_hint(hint: Any, where: str) -> Kind:
    """Return the kind of a hint. ``where`` names in a TypeError what has it."""
    hint, said = read_said(hint)
    if hint is int:
        return IntKind(**said.bounds)
    if hint is float:
        return FloatKind(**said.bounds)
    if hint is str:
        lengths = said.lengths
        return StrKind(lengths.get("min_length"), lengths.get("max_length"), said.pattern)
    try:
        known = _PLAIN.get(hint)
    except TypeError:  # What cannot be hashed is in no table.
        known = None
    if known is not None:
        return known()
    origin = typing.get_origin(hint)
    if origin is not None:
        return _generic(hint, origin, where)
    if isinstance(hint, type):
        found = _class(hint, where)
        if found is not None:
            return found
    if isinstance(hint, types.ModuleType) and hint.__name__ == "PIL.Image":
        return ImageKind()  # The module, where its class is meant.
    if isinstance(hint, typing.TypeVar):
        return AnyKind()
    if hasattr(hint, "__supertype__"):  # NewType
        return kind_of_hint(cast("Any", hint).__supertype__, where)
    raise TypeError(f"{where}: expected a hint of {_EXPECTED}, got {hint}")


def _class(hint: type[Any], where: str) -> Kind | None:
    for base in hint.__mro__:
        made = _OF_LIBRARIES.get((base.__module__, base.__name__))
        if made is not None:
            return made()
    if issubclass(hint, enum.Enum):
        return ChoiceKind.of_enum(hint)
    if is_pydantic(hint):
        return PydanticKind(hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, where)
    if issubclass(hint, dict) and hasattr(cast("type", hint), "__total__"):
        return _typed_dict(hint, where)
    if hint in _LISTS:
        return ListKind(AnyKind(), _LISTS[hint])
    if hint is tuple:
        return ListKind(AnyKind(), tuple)
    return MapKind(AnyKind()) if hint in _MAPS else None


def _generic(hint: Any, origin: Any, where: str) -> Kind:
    arguments = typing.get_args(hint)
    if origin is typing.Literal:
        return _literal(hint, arguments, where)
    if origin in _UNIONS:
        kinds = [kind_of_hint(each, where) for each in arguments if each is not type(None)]
        kind = kinds[0] if len(kinds) == 1 else UnionKind(kinds)
        return OptionalKind(kind) if len(kinds) < len(arguments) else kind
    if origin in _LISTS:
        return ListKind(kind_of_hint(arguments[0], where), _LISTS[origin])
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is ...:
            return ListKind(kind_of_hint(arguments[0], where), tuple)
        return TupleKind([kind_of_hint(each, where) for each in arguments])
    if origin in _MAPS:
        if arguments[0] is not str and arguments[0] is not Any:
            raise TypeError(f"{where}: expected dict[str, ..], as JSON has it, got {hint}")
        return MapKind(kind_of_hint(arguments[1], where))
    if getattr(origin, "__name__", "") == "ndarray":
        return ArrayKind(_datatype(arguments[-1]))
    raise TypeError(f"{where}: expected a hint of {_EXPECTED}, got {hint}")


def _literal(hint: Any, choices: Sequence[Any], where: str) -> Kind:
    try:
        return ChoiceKind([(said_of(each), each) for each in choices], {})
    except TypeError:
        raise TypeError(
            f"{where}: expected a Literal of str, int, bool, None or members of an Enum, got {hint}"
        ) from None


def _datatype(dtype: Any) -> str:
    """Return the datatype in ``np.dtype[np.float32]``; empty: any."""
    import numpy as np

    from aiges.tensors import datatype_of

    arguments = typing.get_args(dtype)
    # Not Any, nor a class of several such as np.floating, of which numpy makes some dtype as well.
    if not arguments or arguments[0] not in set(np.sctypeDict.values()):
        return ""
    try:
        return datatype_of(arguments[0])
    except TypeError:  # As complex numbers, that no protocol has.
        return ""


def _dataclass(hint: Any, where: str) -> Kind:
    hints = hints_of(hint)
    members: dict[str, Member] = {}
    for each in dataclasses.fields(hint):
        if not each.init:
            continue
        has_default = each.default is not dataclasses.MISSING
        required = not has_default and each.default_factory is dataclasses.MISSING
        members[each.name] = _member(
            hints[each.name],
            f"{where}.{each.name}",
            required=required,
            default=each.default if has_default else None,
        )
    return DeclaredKind(hint.__name__, members, hint)


def _typed_dict(hint: Any, where: str) -> Kind:
    members: dict[str, Member] = {}
    required = getattr(hint, "__required_keys__", frozenset(hint.__annotations__))
    for name, each in hints_of(hint).items():
        while getattr(typing.get_origin(each), "_name", "") in _MARKS:
            each = typing.get_args(each)[0]
        members[name] = _member(each, f"{where}.{name}", required=name in required)
    return DeclaredKind(hint.__name__, members, None)


def _member(hint: Any, where: str, *, required: bool, default: Any = None) -> Member:
    description = read_said(hint)[1].description
    return Member(kind_of_hint(hint, where), required, description, default_said(default))
