# SPDX-License-Identifier: Apache-2.0
"""One call of models, whatever message it came in, and its tensors as a model takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aiges.contracts.paddle import _types
from aiges.contracts.paddle._conf import ModelConf, Var
from aiges.contracts.paddle._tensors import Value

__all__ = ["Call", "NotYet", "Output", "bind", "joined", "wanted"]


class NotYet(Exception):
    """The models are not there yet: they wait for their key."""


@dataclass
class Call:
    """What a client asks. ``values`` are by name; ``fetch`` empty: all."""

    values: list[Value]
    fetch: list[str] = field(default_factory=list)
    log_id: int = 0
    wants_times: bool = False


@dataclass(frozen=True)
class Output:
    """What one step of the workflow answers."""

    engine: str
    values: list[Value]


def bind(conf: ModelConf, values: Sequence[Value], *, strict: bool = True) -> list[Value]:
    """Return a value for each feed variable, in order, found by its name or its alias.

    Raises ValueError for what is missing, and with ``strict`` for what is not the model's.
    """
    left = list(values)
    made = []
    for var in conf.feeds:
        found = _find(left, var)
        if found is None:
            raise ValueError(
                f"expected tensors {_names(conf.feeds)}; {var.alias} is missing among "
                f"{_said(values)}"
            )
        left.remove(found)
        made.append(_typed(var, found))
    if left and strict:
        raise ValueError(f"expected tensors {_names(conf.feeds)}, got {_said(values)}")
    return made


def _find(values: Sequence[Value], var: Var) -> Value | None:
    for value in values:
        if value.name == var.name:
            return value
    for value in values:
        if var.alias in (value.alias, value.name) or value.alias == var.name:
            return value
    return None


def _names(variables: Iterable[Var]) -> str:
    return ", ".join(var.alias for var in variables)


def _said(values: Iterable[Value]) -> str:
    return (
        ", ".join((value.alias or value.name or "a nameless one")[:80] for value in values)
        or "none"
    )


def _typed(var: Var, value: Value) -> Value:
    """Return the value as the model's type. Raises ValueError for texts in place of numbers."""
    if (var.type == _types.STRING) != (value.type == _types.STRING):
        kinds = f"{_types.name_of(var.type)}, got {_types.name_of(value.type)}"
        raise ValueError(f"{var.alias}: expected elements of {kinds}")
    if var.type == _types.STRING:
        return Value(value.array, var.type, value.lod, var.name, var.alias)
    dtype = _types.dtype_of(var.type, var.alias)
    array = value.array
    if array.dtype != dtype:
        array = array.astype(dtype)
    return Value(array, var.type, value.lod, var.name, var.alias)


def wanted(conf: ModelConf, fetch: Sequence[str]) -> list[str]:
    """Return the aliases that are asked for; none: all. Raises ValueError for unknown ones."""
    there = [var.alias for var in conf.fetches]
    if not fetch:
        return there
    alias_of = {var.name: var.alias for var in conf.fetches}
    alias_of.update({alias: alias for alias in there})
    made = []
    for name in fetch:
        if name not in alias_of:
            raise ValueError(f"fetch_var_names: expected {', '.join(there)}; got {name[:80]}")
        made.append(alias_of[name])
    return list(dict.fromkeys(made))


def joined(conf: ModelConf, samples: Sequence[Sequence[Value]]) -> list[Value]:
    """Return instances of older messages, each a row or a batch, as one batch.

    Each has a value for each feed variable, in order. Raises ValueError where they do not fit.
    """
    if not samples:
        raise ValueError("expected at least one instance")
    made = []
    for at, var in enumerate(conf.feeds):
        parts = [_batched(var, sample[at]) for sample in samples]
        made.append(parts[0] if len(parts) == 1 else _one(var, parts))
    return made


def _batched(var: Var, value: Value) -> Value:
    """Return the value with its batch axis, which clients of some versions leave out."""
    if value.type == _types.STRING or var.is_lod or value.lod:
        return value
    if value.array.ndim == len(var.shape):
        value.array = value.array[np.newaxis]
    return value


def _one(var: Var, parts: Sequence[Value]) -> Value:
    first = parts[0]
    if first.type == _types.STRING:
        texts = [text for part in parts for text in part.array]
        return Value(texts, first.type, [], first.name, first.alias)
    levels = [_levels_of(var, part) for part in parts]
    if any(len(each) != len(levels[0]) for each in levels):
        raise ValueError(f"{var.alias}: expected as many levels of LoD in each instance")
    try:
        array: Any = np.concatenate([part.array for part in parts])
    except ValueError as fault:
        raise ValueError(f"{var.alias}: expected instances that make a batch: {fault}") from None
    lod = [level[:] for level in levels[0]]
    for each in levels[1:]:
        for level, more in zip(lod, each):
            base = level[-1]
            level.extend(base + offset for offset in more[1:])
    return Value(array, first.type, lod, first.name, first.alias)


def _levels_of(var: Var, value: Value) -> list[list[int]]:
    if value.lod or not var.is_lod:
        return value.lod
    return [[0, len(value.array)]]
